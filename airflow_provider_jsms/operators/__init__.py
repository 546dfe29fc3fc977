"""Operators of the JSMS provider."""
