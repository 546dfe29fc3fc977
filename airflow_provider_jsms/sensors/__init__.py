"""Sensors of the JSMS provider."""
