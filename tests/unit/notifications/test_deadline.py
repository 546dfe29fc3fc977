"""The notifier in a deadline alert: its names in templates, and its errors."""

from __future__ import annotations

import asyncio
import re
import traceback
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.exceptions import (
    JsmsConnectionNotFoundError,
    JsmsInputError,
    JsmsRefusedRecipientsError,
    JsmsRenderError,
    JsmsUncertainError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.notifications.jsms import JsmsNotifier
from tests import people
from tests.unit.notifications.notifying import (
    PARAMETERS,
    bodies,
    deadline,
    has_async,
    names,
    notifier,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.control import SandboxControl


@has_async
@pytest.mark.parametrize("mobile", [people.ANNA, [people.ANNA, people.BEN]])
def test_a_deadline_alert_awaits_the_same_notification(
    mobile: object, sandbox: SandboxControl
) -> None:
    # As Airflow's triggerer does, with the little that it knows of the run.
    arguments = {"mobile": mobile, "temp_id": 2, "temp_para": PARAMETERS}

    async def missed() -> None:
        await JsmsNotifier(**arguments, context=deadline())

    asyncio.run(missed())
    assert len(bodies(sandbox)) == 1
    sandbox.advance(120)
    assert {each["mobile"] for each in sandbox.messages()} == {
        *([mobile] if isinstance(mobile, str) else mobile)  # type: ignore[misc]
    }


@has_async
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize(
    ("changed", "error", "why"),
    [
        ({"mobile": "1"}, JsmsInputError, "is not a mainland China number"),
        ({"sign_id": "{{ dag_run.conf.x }}"}, JsmsRenderError, "has no attribute 'x'"),
        ({"mobile": "{{ ti.task_id }}"}, JsmsRenderError, "'ti' is undefined"),
        ({"mobile": "{{ var.value.nobody }}"}, JsmsRenderError, "Variable nobody not found"),
        ({"jsms_conn_id": "not_there"}, JsmsConnectionNotFoundError, "not_there"),
        ({"temp_id": 1}, JsmsUncertainError, "JSMS may have accepted this"),
        ({"mobile": [people.ANNA, "12012345678"]}, JsmsRefusedRecipientsError, "1 of 2 numbers"),
    ],
)
def test_a_deadline_alert_that_fails_raises(
    is_async: bool,
    changed: dict[str, Any],
    error: type[Exception],
    why: str,
    sandbox: SandboxControl,
    caplog: pytest.LogCaptureFixture,
) -> None:
    arguments = {"mobile": people.ANNA, "temp_id": 2, "temp_para": PARAMETERS, **changed}
    sandbox.fault("submit_schedule", "accepted_then_closed")
    missed = JsmsNotifier(**arguments, context=deadline())

    async def awaited() -> None:
        await missed

    with pytest.raises(error, match=re.escape(why)):
        asyncio.run(awaited()) if is_async else missed(deadline())
    (record,) = [each for each in caplog.records if "The notification failed" in each.message]
    assert why in record.message


@has_async
def test_a_deadline_alert_raises_an_unexpected_error_without_its_text(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"{people.ANNA} texts {people.CANARY}-something")

    monkeypatch.setattr(JsmsHook, "submit_schedule", broken)
    with pytest.raises(AirflowException, match="an unexpected RuntimeError was raised") as raised:
        notifier()(deadline())
    shown = "".join(traceback.format_exception(raised.value))
    assert people.CANARY not in shown
    assert "The above exception" not in shown


IN_A_DEADLINE = {
    "{{ run_id }}": "r1",
    "{{ dag_run.run_id }}": "r1",
    "{{ dag_run.dag_run_id }}": "r1",
    "{{ dag_id }}": "load",
    "{{ dag.dag_id }}": "load",
    "{{ dag_run.conf['who'] }}": "ops",
    "{{ ds }} {{ ds_nodash }}": "2026-03-04 20260304",
    "{{ ts }} {{ ts_nodash }}": "2026-03-04T01:00:00+00:00 20260304T010000",
    "{{ ts_nodash_with_tz }}": "20260304T010000+0000",
    "{{ logical_date | ds }}": "2026-03-04",
    "{{ data_interval_start | ds }}": "2026-03-03",
    "{{ data_interval_end.in_timezone('Asia/Shanghai').format('HH:mm') }}": "09:00",
    "{{ deadline.deadline_time.in_timezone('Asia/Shanghai').format('HH:mm') }}": "10:00",
    "{{ (deadline.deadline_time - dag_run.start_date).total_minutes() | int }}": "55",
    "{{ var.value.place }}": "hall",
    "{{ var.json.place_json.name }}": "hall 2",
    "{{ macros.ds_add(ds, 1) }}": "2026-03-05",
    "{{ dag_run.end_date }}": "-",
    "{{ ti.task_id }}": "-",
    "{{ dag_run.nothing }}": "-",
}


@has_async
@pytest.mark.parametrize("is_async", [True, False])
def test_a_deadline_alert_knows_the_names_of_a_task(
    is_async: bool, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_PLACE", "hall")
    monkeypatch.setenv("AIRFLOW_VAR_PLACE_JSON", '{"name": "hall 2"}')
    parameters = {f"p{index}": text for index, text in enumerate(IN_A_DEADLINE)}
    arguments = {"mobile": people.ANNA, "temp_id": 1, "temp_para": parameters, "max_length": 500}
    missed = JsmsNotifier(**arguments, context=deadline())
    context = deadline()

    async def awaited() -> None:
        await missed

    asyncio.run(awaited()) if is_async else missed(context)
    ((body),) = bodies(sandbox)
    assert dict(zip(IN_A_DEADLINE, body["temp_para"].values(), strict=True)) == IN_A_DEADLINE
    assert context == deadline()


@has_async
def test_a_run_without_a_logical_date_has_no_ds(sandbox: SandboxControl) -> None:
    parameters = {"name": "{{ ds }}", "date": "{{ logical_date }}", "run": "{{ run_id }}"}
    notifier(temp_para=parameters)(deadline(logical_date=None))
    ((body),) = bodies(sandbox)
    assert body["temp_para"] == {"name": "-", "date": "-", "run": "r1"}


@has_async
def test_a_deadline_alert_with_the_context_of_a_task_is_rendered_with_it(
    sandbox: SandboxControl,
) -> None:
    run = SimpleNamespace(run_id="r1")
    notifier(temp_para={"name": f"{people.CANARY}-{{{{ dag_run.run_id }}}}"})(
        {"dag_run": run, "deadline": {}}
    )
    assert names(sandbox) == ["r1"]


@has_async
def test_a_deadline_alert_that_is_cancelled_logs_its_outcome(
    sandbox: SandboxControl, set_connection: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    set_connection(JsmsHook().settings.base_url, read_timeout=0.5)
    sandbox.fault("submit_schedule", "hold", moment="accepted")

    async def missed() -> None:
        await JsmsNotifier(
            mobile=people.ANNA, temp_id=2, temp_para=PARAMETERS, context={"run_id": "r1"}
        )

    async def cancelled() -> None:
        waiting = asyncio.create_task(missed())
        await asyncio.to_thread(sandbox.wait_for_hold, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancelled())  # it waits for its threads
    sandbox.release()
    assert "JSMS may have accepted this" in caplog.text


@has_async
def test_a_deadline_alert_does_not_block_the_event_loop(sandbox: SandboxControl) -> None:
    sandbox.fault("submit_schedule", "hold", moment="accepted")
    order = []

    async def notified() -> None:
        await JsmsNotifier(
            mobile=people.ANNA, temp_id=2, temp_para=PARAMETERS, context={"run_id": "r1"}
        )
        order.append("notified")

    async def both() -> None:
        waiting = asyncio.create_task(notified())
        await asyncio.to_thread(sandbox.wait_for_hold, 10)
        order.append("other work")
        sandbox.release()
        await waiting

    asyncio.run(both())
    assert order == ["other work", "notified"]
