"""Hooks of the JSMS provider."""
