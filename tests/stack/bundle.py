"""A folder of DAGs whose files are parsed faster: the processor of each file is a fork."""

from airflow.dag_processing.bundles.local import LocalDagBundle

# Whoever forks imports them once, with this module.
import airflow_provider_jsms.hooks.jsms
import airflow_provider_jsms.notifications.jsms
import airflow_provider_jsms.operators.jsms
import airflow_provider_jsms.sensors.jsms  # noqa: F401


class WarmBundle(LocalDagBundle):
    """The bundles of every Airflow 3 that the tests start."""
