"""A distributed Airflow that is broken in mid-submission: ``python -m tests.cluster``."""
