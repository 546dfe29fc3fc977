"""Airflow and the sandbox started together, to try the provider: ``airflow-jsms-quickstart``."""
