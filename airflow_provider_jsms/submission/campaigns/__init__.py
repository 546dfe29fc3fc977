"""A list of any length, submitted chunk by chunk."""
