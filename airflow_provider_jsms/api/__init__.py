"""JSMS itself, without HTTP and without Airflow: calls, replies, codes, arguments, masking."""
