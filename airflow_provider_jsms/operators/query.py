"""The operator that queries a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_jsms.operators.base import JsmsReferenceOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.api.results import Schedule


class JsmsQueryScheduleOperator(JsmsReferenceOperator):
    """Query a schedule, single or batch.

    Returns ``{"schedule_id", "send_time", "temp_id", "recipients": [{"msg_id", "mobile",
    "temp_para"}]}``, with ``send_time`` on the wall clock of JSMS and ``msg_id`` None until JSMS
    assigns one, which never proves delivery. All who may read the XComs of the DAG see the full
    numbers and parameters.

    :param schedule_id: an id, or the result of the task that submitted it; the task is skipped if
        that continued without a schedule_id. To query several, map the task over the ids
        (templated).
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsStateError: 50028, no such schedule.
    """

    template_fields = ("schedule_id", "jsms_conn_id")

    def execute(self, context: Context) -> Schedule:
        """Query the schedule."""
        del context
        schedule_id = self._only_schedule_id(
            "Use .partial(...).expand(schedule_id=ids) for one task each, where ids is the output "
            'of a @task that returns result["schedule_ids"].'
        )
        with self._plain_hook() as hook:
            return hook.query_schedule(schedule_id)
