"""A LocalExecutor that starts tasks faster: its workers are forked with their imports done.

Two thirds of the CPU time of a short task are imports.
"""

from importlib import import_module

from airflow.executors.local_executor import LocalExecutor

IMPORTED = (
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.bundles.local",
    "airflow.providers.openlineage.plugins.openlineage",
    "airflow.providers.openlineage.extractors.manager",
    "airflow_provider_jsms.hooks.jsms",
    "airflow_provider_jsms.notifications.jsms",
    "airflow_provider_jsms.operators.jsms",
    "airflow_provider_jsms.sensors.jsms",
)


class WarmExecutor(LocalExecutor):
    """The executor of every Airflow 3 that the tests start."""

    def start(self) -> None:
        """Import what tasks import, then fork."""
        for name in IMPORTED:
            import_module(name)
        super().start()
