"""The notifier: what it renders, what it sends, and what it does where that fails."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from inspect import signature
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_jsms.api.send_time import parse_wire
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.notifications.fields import rendered_fields
from airflow_provider_jsms.notifications.jsms import JsmsNotifier
from tests import people
from tests.unit.notifications.notifying import bodies, context, names, notifier
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.control import SandboxControl


class AirflowSecretsBackendAccessDenied(PermissionError):  # noqa: N818  Airflow 3.3 has it
    pass


def denied() -> None:
    raise AirflowSecretsBackendAccessDenied(f"{people.CANARY}-x")


def test_one_number_is_a_single_schedule(sandbox: SandboxControl) -> None:
    before = datetime.now(UTC)
    notifier(sign_id=2)(context())
    ((request),) = sandbox.requests()
    assert (request["method"], request["path"]) == ("POST", "/v1/schedule")
    body = dict(request["body"])
    moment = parse_wire(body.pop("send_time"), JsmsHook().settings.zone)
    assert moment is not None
    assert timedelta(seconds=59) <= moment - before <= timedelta(seconds=70)
    assert body == {
        "mobile": people.ANNA,
        "temp_id": 2,
        "sign_id": 2,
        "temp_para": {"name": f"{people.CANARY}-r1"},
    }


@pytest.mark.parametrize(
    "several",
    [
        [people.ANNA, f"+86 {people.BEN}", int(people.ANNA)],
        f" {people.ANNA[:3]} {people.ANNA[3:7]}-{people.ANNA[7:]}；\n{people.BEN}, ",
        "{{ '\\r\\n'.join(who) }}",
        # A list in an Airflow Variable, as `{{ var.json.on_call }}` and `var.value` render it.
        *("{{ who }}", "{{ who | tojson }}", "[{{ who | join(', ') }}]"),
        ["{{ who[0] }}, {{ who[1] }}", people.BEN],
    ],
)
def test_several_numbers_are_one_batch_and_each_is_in_it_once(
    several: object, sandbox: SandboxControl
) -> None:
    notifier(mobile=several)({**context(), "who": [people.ANNA, people.BEN]})
    ((request),) = sandbox.requests()
    assert (request["method"], request["path"]) == ("POST", "/v1/schedule/batch")
    para = {"name": f"{people.CANARY}-r1"}
    assert request["body"]["recipients"] == [
        {"mobile": people.ANNA, "temp_para": para},
        {"mobile": people.BEN, "temp_para": para},
    ]


def test_a_number_twice_is_one_text(sandbox: SandboxControl) -> None:
    notifier(mobile=f"{people.ANNA}, +86{people.ANNA}")(context())
    ((request),) = sandbox.requests()
    assert request["path"] == "/v1/schedule"


def test_every_argument_is_templated() -> None:
    arguments = set(signature(JsmsNotifier).parameters) - {"kwargs", "max_length"}
    templates: dict[str, Any] = dict.fromkeys(arguments, "{{ run_id }}")
    rendered = rendered_fields(JsmsNotifier(**templates), context("7"))
    assert rendered == dict.fromkeys(arguments, "7")


@pytest.mark.parametrize("native", [True, False])
def test_rendered_values_are_texts_and_numbers_and_lists_are_taken(
    native: bool, sandbox: SandboxControl
) -> None:
    given = {**context("0402", render_template_as_native_obj=native), "who": [people.ANNA]}
    mobile = "{{ who }}" if native else "{{ who | join(',') }}"
    notifier(mobile=mobile, temp_id="{{ 1 + 1 }}", delay="{{ 6 * 60.5 }}")(given)
    ((body),) = bodies(sandbox)
    assert (body["mobile"], body["temp_id"]) == (people.ANNA, 2)
    assert names(sandbox) == ["0402"]


def test_a_dag_that_was_serialized_brings_no_environment(sandbox: SandboxControl) -> None:
    serialized = SimpleNamespace(render_template_as_native_obj=False)
    notifier()({"run_id": "r1", "dag": serialized})
    assert names(sandbox) == ["r1"]


def test_each_notification_of_one_notifier_is_rendered_for_itself(sandbox: SandboxControl) -> None:
    shared = notifier()
    for run_id in ("r1", "r2"):
        shared(context(run_id))
    shared.notify(context("r3"))
    assert names(sandbox) == ["r1", "r2", "r3"]


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        *((timedelta(minutes=5), 300), (5, 5), (86400, 86400)),
        *((100 / 3, 34), ("{{ 100 / 3 }}", 34), (" 60 ", 60)),
    ],
)
def test_the_delay_is_a_timedelta_or_seconds(
    delay: object, seconds: int, sandbox: SandboxControl
) -> None:
    before = datetime.now(UTC)
    notifier(delay=delay)(context())
    ((body),) = bodies(sandbox)
    moment = parse_wire(body["send_time"], JsmsHook().settings.zone)
    assert moment is not None
    assert timedelta(seconds=seconds - 1) <= moment - before <= timedelta(seconds=seconds + 10)


def test_the_delay_is_whole_however_slowly_the_connection_is_read(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, asked = JsmsHook().settings, []

    def slow(_: object) -> object:
        asked.append(datetime.now(UTC))
        time.sleep(0.3)
        return settings

    monkeypatch.setattr("airflow_provider_jsms.hooks.jsms.settings_of", slow)
    for _ in range(4):
        notifier(delay=5)(context())
        moment = parse_wire(bodies(sandbox)[-1]["send_time"], settings.zone)
        assert moment is not None
        assert moment - asked[-1] >= timedelta(seconds=5.3)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        *(
            ({"delay": delay}, "pass a timedelta, or a number of seconds")
            for delay in (0, 4.9, 86401, timedelta(days=2), "soon", "", None, True, "nan")
        ),
        *(
            ({"mobile": mobile}, "is not a mainland China number")
            for mobile in (None, people.ANNA[:10], f"{people.ANNA}!", "['1380013")
        ),
        *(({"mobile": mobile}, "mobile is empty") for mobile in ("", ",;", [])),
        ({"mobile": [people.ANNA, people.BEN[:9]]}, "number 2 of 2: mobile is not a mainland"),
        ({"mobile": [people.number(index) for index in range(1001)]}, "at most 1000"),
        ({"mobile": ["{{ 1 / 0 }}"]}, "The field mobile could not be rendered (ZeroDivisionError)"),
        ({"temp_id": "none"}, "temp_id 'none' is not a positive whole number"),
        ({"temp_para": f"{{{{ '{people.CANARY}-x' }}}}"}, "temp_para is of type str"),
        ({"temp_id": "{{ nothing.x }}"}, "temp_id could not be rendered (UndefinedError: 'nothing"),
        ({"sign_id": "{{ conf.a.x }}"}, "(UndefinedError: 'dict object' has no attribute 'x')"),
        # A name that does not stand in the template may be a person's.
        ({"mobile": "{{ conf[conf.who] }}"}, "could not be rendered (UndefinedError)"),
        ({"mobile": f"{{{{ conf['{people.ANNA}'].x }}}}"}, "be rendered (UndefinedError)"),
        ({"mobile": "{{ denied() }}"}, "lets a SyncCallback read neither"),
        pytest.param(
            *({"jsms_conn_id": "not_there"}, "not_there"),
            marks=pytest.mark.skipif(AIRFLOW < (3, 0), reason="Airflow 2 asks its database"),
        ),
    ],
)
def test_a_failure_is_logged_with_its_reason_and_nothing_is_sent(
    changed: dict[str, Any],
    why: str,
    sandbox: SandboxControl,
    caplog: pytest.LogCaptureFixture,
) -> None:
    conf = {"a": {}, "who": "Anna"}
    notifier(**changed)({**context(), "conf": conf, "denied": denied})
    (error,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert "The notification failed" in error.getMessage()
    assert why in error.getMessage()
    assert "othing was sent" in error.getMessage()
    assert sandbox.requests() == []


def test_an_unusable_connection_is_logged(
    sandbox: SandboxControl, set_connection: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    set_connection("http://sms.example.com")
    notifier()(context())
    assert "The notification failed: The host of the Airflow connection is" in caplog.text


@pytest.mark.parametrize("kind", [RuntimeError, AirflowException])
def test_an_unexpected_error_is_logged_without_its_text(
    kind: type[Exception],
    sandbox: SandboxControl,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise kind(f"{people.ANNA} texts {people.CANARY}-something")

    monkeypatch.setattr(JsmsHook, "submit_schedule", broken)
    notifier()(context())
    assert f"The notification failed: an unexpected {kind.__name__} was raised" in caplog.text
    assert "in _submit" in caplog.text
    assert people.CANARY not in caplog.text


def test_the_context_of_the_task_stays_as_it_is(sandbox: SandboxControl) -> None:
    given = context()
    before = dict(given)
    notifier()(given)
    assert given == before
    assert len(bodies(sandbox)) == 1


@pytest.mark.parametrize("kind", ["accepted_then_closed", "status"])
def test_an_uncertain_notification_is_not_sent_again(
    kind: str, sandbox: SandboxControl, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"status": 502} if kind == "status" else {}
    sandbox.fault("submit_schedule", kind, times=5, **options)
    notifier()(context())
    assert len(bodies(sandbox)) == 1
    assert "JSMS may have accepted this" in caplog.text


def test_a_refusal_of_jsms_is_logged(
    sandbox: SandboxControl, caplog: pytest.LogCaptureFixture
) -> None:
    notifier(temp_id=99)(context())
    notifier(mobile=[people.ANNA, "12012345678"])(context())
    assert "The notification failed: submit_schedule" in caplog.text
    assert "JSMS refused 1 of 2 numbers, who will not be texted" in caplog.text
    sandbox.advance(120)
    assert [each["mobile"] for each in sandbox.messages()] == [people.ANNA]


def test_an_interruption_goes_through(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from airflow_provider_jsms.hooks.client import JsmsClient  # noqa: PLC0415

    sent = JsmsClient.exchange

    def interrupted(self: JsmsClient, *args: Any) -> None:
        sent(self, *args)
        raise SystemExit(1)

    monkeypatch.setattr(JsmsClient, "exchange", interrupted)
    with pytest.raises(SystemExit):
        notifier()(context())
    assert "JSMS may have accepted this" in caplog.text
    assert len(bodies(sandbox)) == 1
