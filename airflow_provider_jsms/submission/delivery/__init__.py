"""Delivery reports and replies, read page by page into a file."""
