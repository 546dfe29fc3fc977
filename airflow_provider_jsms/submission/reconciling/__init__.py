"""A list that JSMS is made to match."""
