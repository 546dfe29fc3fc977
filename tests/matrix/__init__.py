"""The tests on every supported version of Airflow and Python: ``python -m tests.matrix``."""
