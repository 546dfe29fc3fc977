"""Times as people write them, and clocks as their tests and machines have them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import time_machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran

ONE = "13900000001"
SUBMIT = """
with DAG("DAG_ID", schedule=None, start_date=START{dag}) as dag:
    JsmsSubmitScheduleOperator(
        task_id="submit", send_time={send_time}, mobile="13900000001", temp_id=1)
"""


def texted(sandbox: JsmsSandbox) -> list[tuple[str, datetime]]:
    """Return who is going to be texted, and when."""
    return [(text.mobile, text.send_time) for text in sandbox.scheduled]


@pytest.mark.parametrize("is_ticking", [True, False])
def test_a_dag_is_run_at_another_time(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, *, is_ticking: bool
) -> None:
    source = SUBMIT.format(
        send_time='"{{ dag_run.start_date + macros.timedelta(hours=6) }}"', dag=""
    )
    with time_machine.travel(datetime(2030, 12, 1, tzinfo=UTC), tick=is_ticking):
        assert run_dag(source).tasks == {"submit": "success"}
        [(mobile, moment)] = texted(jsms_sandbox)
    assert (mobile, moment.replace(minute=0, second=0)) == (
        ONE,
        datetime(2030, 12, 1, 6, tzinfo=UTC),
    )
