"""The operators that a DAG file imports, each from the module beside this one that defines it."""

from __future__ import annotations

from airflow_provider_jsms.operators.delete import JsmsDeleteScheduleOperator
from airflow_provider_jsms.operators.delivery import (
    JsmsFetchRepliesOperator,
    JsmsFetchReportsOperator,
)
from airflow_provider_jsms.operators.modify import (
    JsmsModifyBatchScheduleOperator,
    JsmsModifyScheduleOperator,
)
from airflow_provider_jsms.operators.query import JsmsQueryScheduleOperator
from airflow_provider_jsms.operators.reconcile import JsmsReconcileSchedulesOperator
from airflow_provider_jsms.operators.submit_batch import JsmsSubmitBatchScheduleOperator
from airflow_provider_jsms.operators.submit_single import JsmsSubmitScheduleOperator

__all__ = [
    "JsmsDeleteScheduleOperator",
    "JsmsFetchRepliesOperator",
    "JsmsFetchReportsOperator",
    "JsmsModifyBatchScheduleOperator",
    "JsmsModifyScheduleOperator",
    "JsmsQueryScheduleOperator",
    "JsmsReconcileSchedulesOperator",
    "JsmsSubmitBatchScheduleOperator",
    "JsmsSubmitScheduleOperator",
]
