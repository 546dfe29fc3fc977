"""Airflow alone loses the result of a task to an earlier try that was frozen at its start.

It deletes the results of the tries before as the first act of a try, without a look at which try is
the current one. :mod:`tests.histories` excuses this; a release that fails here needs no excuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_jsms.quickstart.waiting import wait_until
from tests.e2e.crash.proxy import DELETED
from tests.e2e.crash.stage import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.crash.stage import Stage


def test_a_replaced_try_deletes_the_result_of_its_successor(stage: Stage) -> None:
    run = stage.prepare("crash", "plain", "result")
    stage.trigger(run)
    stage.finish(run)
    hold = stage.proxy.hold(run.run_id, DELETED, "before")
    stage.rest.clear(*run.address)
    stage.wait_for(run, hold)
    # Its supervisor waits for the answer and is silent, so another try takes its place.
    stage.rest.wait_for_task(*run.address, states=["up_for_retry"], timeout=PATIENCE)
    stage.finish(run)
    assert stage.rest.task(*run.address)["state"] == "success"
    assert stage.rest.xcoms(*run.address) == {"return_value": "a result"}
    before = len(stage.proxy.results)
    hold.release()
    # The old try may push a result of its own before it is stopped.
    wait_until(
        lambda: len(stage.proxy.results) > before,
        timeout=PATIENCE,
        otherwise=lambda: f"the deletion was answered with {hold.status}",
    )
    assert stage.proxy.results[before].is_deleted
    assert stage.rest.task(*run.address)["state"] == "success"
