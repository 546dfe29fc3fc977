"""The REST API of Airflow 2, where it differs from that of Airflow 3."""

from datetime import datetime
from typing import Any

from tests.stack.rest import AirflowRest, Json, run_path


class AirflowRestOf2(AirflowRest):
    """A client of an Airflow 2 that lets everybody in; it knows no state store."""

    api = "/api/v1"

    def has_dag(self, dag_id: str) -> bool:
        """Whether a DAG has been parsed and can be triggered."""
        # its details, asked for while it is being written, are an error of the server
        return self._call("GET", f"/dags/{dag_id}", accept=(404,)).ok and super().has_dag(dag_id)

    def log(
        self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1
    ) -> str:
        """All that one try has logged."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{task_id}/logs/{try_number}"
        params = {"map_index": map_index, "full_content": "true"}
        return self._call("GET", path, params=params, headers={"Accept": "text/plain"}).text

    def xcom(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        key: str = "return_value",
        map_index: int = -1,
    ) -> Any:
        """One XCom, deserialized."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        return self._get(path, map_index=map_index, stringify="false")["value"]

    def _dated(self, logical_date: datetime | None) -> Json:
        return {"logical_date": logical_date.isoformat()} if logical_date else {}
