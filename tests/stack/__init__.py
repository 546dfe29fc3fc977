"""A real Airflow and a JSMS sandbox on loopback, to start and stop."""
