"""The fields of a task as Airflow reads them to store them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

_READER = """
def read(task, names):
    return {name: getattr(task, name) for name in names}
"""


def as_airflow_reads(task: BaseOperator, *names: str) -> dict[str, Any]:
    """Return fields of a task, all of them by default, as a module of Airflow reads them."""
    module: dict[str, Any] = {"__name__": "airflow.models.renderedtifields"}
    exec(_READER, module)  # noqa: S102 - the name of its module is the point
    read: dict[str, Any] = module["read"](task, names or task.template_fields)
    return read
