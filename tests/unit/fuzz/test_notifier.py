"""Every argument of the notifier: one submission as documented, or a log that says why not."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.notifier import BaseNotifier
from airflow.providers.common.compat.sdk import DAG, AirflowException
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.notifications.jsms import JsmsNotifier
from tests.unit.fuzz import odd
from tests.unit.fuzz.profile import examples
from tests.unit.fuzz.watching import CONNECTION, check_one_request, check_told

if TYPE_CHECKING:
    from tests.unit.fuzz.watching import Outcome, Service

NOTIFIER: dict[str, Any] = {
    "mobile": "13712345678",
    "temp_id": 2,
    "temp_para": {"name": odd.PRIVATE},
    "sign_id": 1,
    "delay": 60,
    "jsms_conn_id": CONNECTION,
}
several = st.lists(odd.numbers, max_size=4)
VALUES = {
    "mobile": odd.numbers
    | several
    | several.map(tuple)
    | st.lists(odd.good_numbers, max_size=4).map("；\r\n".join),
    "temp_id": odd.whole_numbers,
    "temp_para": odd.parameters,
    "sign_id": odd.whole_numbers,
    "delay": st.timedeltas() | st.floats() | st.integers(-1, 10**6) | odd.anything,
    "jsms_conn_id": st.just(CONNECTION) | odd.anything,
}


def notify(name: str, value: object, mode: str) -> None:
    # Airflow looks at what is given only when it is rendered, so that a function is for each.
    given: Any = (lambda **_: value) if mode == "function" else "{{ value }}"
    notifier = JsmsNotifier(**{**NOTIFIER, name: given})
    dag = DAG("fuzz", schedule=None, render_template_as_native_obj=mode == "native")
    context: Any = {"dag": dag, "value": value}
    if mode == "async":
        asyncio.run(notifier.async_notify(context))
    else:
        notifier.notify(context)


def check(outcome: Outcome, name: str, value: object, *, is_deadline: bool = False) -> None:
    check_told(outcome, name, value)
    told = "\n".join(outcome.told)
    is_raised = is_deadline and "The notification failed: " in told
    assert isinstance(outcome.error, AirflowException if is_raised else type(None)), told
    if outcome.requests:
        is_batch = outcome.requests[0].path.endswith("batch")
        call = "submit_batch_schedule" if is_batch else "submit_schedule"
        body: Any = check_one_request(outcome, call).body
        check_parameters(body["recipients"][0] if is_batch else body)
    else:
        assert "The notification failed: " in told, told
        assert name in told, told


def check_parameters(person: dict[str, Any]) -> None:
    """Check that JSMS refuses none of the parameters, nor all of them for their length."""
    texts = person.get("temp_para", {}).values()
    assert all(text.isprintable() and text.strip() for text in texts), texts
    assert not set("【】") & set("".join(texts)), texts
    assert sum(map(len, texts)) <= max(200, len(texts)), texts


@pytest.mark.parametrize("name", NOTIFIER)
@examples(60)
@given(data=st.data())
def test_one_argument(service: Service, name: str, data: st.DataObject) -> None:
    value = odd.made(data.draw(VALUES[name], label=name))
    check(service.try_out(lambda: notify(name, value, "function")), name, value)


@pytest.mark.parametrize("name", NOTIFIER)
@examples(40)
@given(value=odd.texts | odd.json_values, mode=st.sampled_from(["template", "native"]))
def test_a_template(service: Service, name: str, value: object, mode: str) -> None:
    check(service.try_out(lambda: notify(name, value, mode)), name, value)


@pytest.mark.parametrize("name", NOTIFIER)
def test_every_odd_object(service: Service, name: str) -> None:
    for make in odd.OBJECTS:
        value = make()
        check(service.try_out(lambda value=value: notify(name, value, "function")), name, value)


@pytest.mark.skipif(
    not hasattr(BaseNotifier, "async_notify"), reason="deadlines came with Airflow 3.1"
)
@pytest.mark.parametrize("name", NOTIFIER)
@examples(4)
@given(data=st.data())
def test_one_argument_of_a_deadline_alert(service: Service, name: str, data: st.DataObject) -> None:
    value = data.draw(odd.texts | odd.json_values, label=name)
    outcome = service.try_out(lambda: notify(name, value, "async"))
    check(outcome, name, value, is_deadline=True)


def test_the_longest_delay_is_a_day(service: Service) -> None:
    outcome = service.try_out(lambda: notify("delay", timedelta(days=1), "function"))
    check(outcome, "delay", None)
    assert len(outcome.requests) == 1
