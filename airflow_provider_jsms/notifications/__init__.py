"""Texting the person on call when a task or a DAG run fails, succeeds or is late."""
