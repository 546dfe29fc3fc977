"""Triggers of the JSMS provider."""
