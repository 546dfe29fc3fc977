"""Apache Airflow provider for JiGuang SMS (JSMS, 极光短信)."""

__version__ = "1.0.0"
