"""The repository, and the abilities of the Airflow that the tests run on.

The settings for the tests that differ between Airflow 2 and 3 are in :mod:`tests.stack.airflow_2`
and :mod:`tests.stack.airflow_3`, which have the same names.
"""

from pathlib import Path

from airflow_provider_jsms.quickstart.settings import AIRFLOW
from tests.stack import airflow_2, airflow_3

__all__ = ["AIRFLOW", "HAS_STORE", "REPOSITORY", "release"]

REPOSITORY = Path(__file__).parents[2]

HAS_STORE = AIRFLOW >= (3, 3)
"""Whether Airflow has the task state store, which keeps the ledger."""

release = airflow_3 if AIRFLOW >= (3, 0) else airflow_2
