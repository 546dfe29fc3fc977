"""A bundle whose DAG files are parsed faster: the provider is imported before the fork."""

from airflow.dag_processing.bundles.local import LocalDagBundle

import airflow_provider_jsms.hooks.jsms
import airflow_provider_jsms.notifications.jsms
import airflow_provider_jsms.operators.jsms
import airflow_provider_jsms.sensors.jsms  # noqa: F401


class WarmBundle(LocalDagBundle):
    """The bundles of every Airflow 3 that the tests start."""
