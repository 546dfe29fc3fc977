"""The question of an uncertain task, answered on its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_jsms.submission.uncertain.question import ONE_THERE
from tests.e2e.test_asking import Asking
from tests.e2e.test_clear import _variables, in_hours, posts  # noqa: F401

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.e2e.browser.visitor import Visitor
    from tests.stack.rest import AirflowRest


def test_a_person_finds_the_schedule_and_the_task_continues_with_it(
    visitor: Visitor, rest: AirflowRest, sandbox: SandboxControl
) -> None:
    sandbox.fault("submit_schedule", "accepted_then_closed")
    run = Asking(rest, "ledger_single", send_time=in_hours(1), on_uncertain="ask")

    def respond(_: object) -> None:
        (schedule,) = sandbox.state()["schedules"]
        visitor.open(f"/dags/ledger_single/runs/{run.run_id}/tasks/submit/required_actions")
        visitor.see("Has JSMS accepted this text?")
        visitor.see("138****8001")
        assert visitor.private() == []
        visitor.page.get_by_role("textbox").first.fill(schedule["schedule_id"])
        visitor.page.get_by_role("button", name=ONE_THERE, exact=True).click()

    rest.answered("ledger_single", run.run_id, "submit", -1, respond)
    assert run.end() == "success"
    assert run.schedule_id == sandbox.state()["schedules"][0]["schedule_id"]
    assert posts(sandbox) == 1
