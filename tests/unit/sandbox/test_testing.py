"""The fixture ``jsms_sandbox``, through the real hook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.api.statuses import STATUSES
from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsFrequencyError,
    JsmsInputError,
    JsmsRecipientError,
    JsmsSettingsError,
    JsmsStateError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sandbox.control import SandboxControl
from airflow_provider_jsms.sandbox.validation import InvalidInputError
from tests.leaks import APP_KEY, MASTER_SECRET, found_in
from tests.people import ANNA, BEN, CANARY, CARA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox

KEY, SECRET = "anotherAppKey", "anotherSecret"
REAL = f"jsms://{KEY}:{SECRET}@"
NAME = {"name": f"{CANARY}-Anna"}


@pytest.fixture
def hook(jsms_sandbox: JsmsSandbox) -> Iterator[JsmsHook]:
    with JsmsHook() as hook:
        yield hook


@pytest.fixture
def hour() -> datetime:
    return (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)


def submit(hook: JsmsHook, hour: datetime, **changed: Any) -> str:
    order = {"send_time": hour, "mobile": ANNA, "temp_id": 2, "temp_para": NAME}
    return hook.submit_schedule(**{**order, **changed})


def submit_to(hook: JsmsHook, hour: datetime, *mobiles: str, **others: Any) -> Any:
    recipients = [{"mobile": mobile, "temp_para": NAME} for mobile in mobiles]
    return hook.submit_batch_schedule(send_time=hour, recipients=recipients, temp_id=2, **others)


def test_a_text_on_its_way(jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime) -> None:
    assert (jsms_sandbox.scheduled, jsms_sandbox.sent) == ([], [])
    schedule_id = submit(hook, hour, sign_id=2)
    [text] = jsms_sandbox.scheduled
    assert (text.mobile, text.temp_para) == (ANNA, NAME)
    assert text.text == f"【沙盒商城】{NAME['name']}，您好，您的预约已确认。"
    assert (text.temp_id, text.sign_id, text.tag) == (2, 2, None)
    assert (text.send_time, text.send_time.utcoffset()) == (hour, timedelta(hours=8))
    assert text.schedule_id == schedule_id
    assert [text.msg_id] == [
        one["msg_id"] for one in hook.query_schedule(schedule_id)["recipients"]
    ]
    jsms_sandbox.travel_to(text.send_time)
    assert (jsms_sandbox.scheduled, jsms_sandbox.sent) == ([], [text])
    assert (jsms_sandbox.sent_to(ANNA), jsms_sandbox.sent_to(BEN)) == ([text], [])


def test_texts_are_in_the_order_of_their_times(
    jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime
) -> None:
    submit(hook, hour + timedelta(hours=2), mobile=BEN)
    submit_to(hook, hour, ANNA, CARA, tag="spring")
    assert [text.mobile for text in jsms_sandbox.scheduled] == [ANNA, CARA, BEN]
    assert [text.tag for text in jsms_sandbox.scheduled] == ["spring", "spring", None]
    jsms_sandbox.advance(timedelta(hours=3, seconds=1))
    assert [text.mobile for text in jsms_sandbox.sent] == [ANNA, CARA, BEN]


def test_a_text_that_is_modified_and_one_that_is_deleted(
    jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime
) -> None:
    moved, deleted = submit(hook, hour), submit(hook, hour, mobile=BEN)
    later = hour + timedelta(hours=1)
    hook.modify_schedule(moved, send_time=later, mobile=CARA, temp_id=1)
    hook.delete_schedule(deleted)
    [text] = jsms_sandbox.scheduled
    assert (text.mobile, text.send_time, text.temp_para) == (CARA, later, {})
    [gone] = jsms_sandbox.deleted
    assert (gone.mobile, gone.schedule_id) == (BEN, deleted)
    jsms_sandbox.advance(3 * 3600)
    assert [text.mobile for text in jsms_sandbox.sent] == [CARA]


def test_refused_recipients(jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime) -> None:
    jsms_sandbox.number(BEN, "invalid")
    schedule_id = submit_to(hook, hour, ANNA, BEN)["schedule_id"]
    [refused] = jsms_sandbox.refused
    assert (refused.mobile, refused.temp_para) == (BEN, NAME)
    assert (refused.code, refused.message) == (50006, "invalid mobile")
    assert refused.schedule_id == schedule_id
    assert [text.mobile for text in jsms_sandbox.scheduled] == [ANNA]


def test_undelivered_texts(jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime) -> None:
    jsms_sandbox.delivery(f"+86 {BEN}", 4003)
    submit_to(hook, hour, ANNA, BEN)
    scheduled = {text.mobile: text for text in jsms_sandbox.scheduled}
    jsms_sandbox.travel_to(hour)
    assert jsms_sandbox.sent == [scheduled[ANNA]]
    assert jsms_sandbox.sent_to(BEN) == []
    [text] = jsms_sandbox.undelivered
    assert vars(text) == {**vars(scheduled[BEN]), "status": 4003, "reason": STATUSES[4003]}
    assert repr(text).startswith("Undelivered(mobile='199****5678', text=***")
    assert found_in(repr(text)) == []


def test_a_person_replies(jsms_sandbox: JsmsSandbox) -> None:
    assert jsms_sandbox.reply(int(ANNA), f"{CANARY}-1")["phone"] == ANNA


def test_a_schedule_is_deleted_in_the_console(
    jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime
) -> None:
    jsms_sandbox.delete(submit(hook, hour))
    assert (len(jsms_sandbox.deleted), jsms_sandbox.scheduled) == (1, [])


def test_requests(jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime) -> None:
    schedule_id = submit(hook, hour)
    with pytest.raises(JsmsStateError):
        hook.query_schedule("unknown")
    posted, asked = jsms_sandbox.requests
    assert (posted.call, posted.method, posted.path) == ("submit_schedule", "POST", "/v1/schedule")
    assert (posted.status, posted.code) == (200, None)
    assert isinstance(posted.body, dict)
    assert posted.body["mobile"] == ANNA
    assert (asked.call, asked.status, asked.code) == ("query_schedule", 403, 50028)
    assert (asked.path, asked.body) == ("/v1/schedule/unknown", None)
    assert schedule_id


def test_reprs_are_masked(jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime) -> None:
    jsms_sandbox.number(BEN, "invalid")
    submit_to(hook, hour, ANNA, BEN)
    shown = repr([jsms_sandbox.scheduled, jsms_sandbox.refused, jsms_sandbox.requests])
    assert found_in(shown) == []
    assert "Text(mobile='138****8001', text=***, send_time=" in shown
    assert "Refused(mobile='199****5678', code=50006, message='invalid mobile'" in shown
    assert shown.count("temp_para={'name': '***'}") == 2
    assert "path='/v1/schedule/batch', body=***)" in shown


@pytest.mark.parametrize("kind", ["aware", "iso", "wall"])
def test_every_way_to_name_a_time(
    kind: str, jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime
) -> None:
    submit(hook, hour)
    [text] = jsms_sandbox.scheduled
    forms: dict[str, datetime | str] = {
        "aware": hour,
        "iso": hour.isoformat(),
        "wall": f"{text.send_time:%Y-%m-%d %H:%M:%S}",
    }
    jsms_sandbox.travel_to(forms[kind])
    assert jsms_sandbox.sent == [text]


@pytest.mark.parametrize(
    "when", ["2060-01-01", "2060-01-01T00:00:00", "soon", "2060-13-01 00:00:00"]
)
def test_a_time_that_is_none(when: str, jsms_sandbox: JsmsSandbox) -> None:
    with pytest.raises(InvalidInputError, match="offset"):
        jsms_sandbox.travel_to(when)


def test_msg_ids_are_there_at_once_unless_they_are_to_come_later(
    jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime
) -> None:
    schedule_id = submit(hook, hour)
    assert hook.query_schedule(schedule_id)["recipients"][0]["msg_id"]
    jsms_sandbox.switch(msg_id_when="sent")
    assert not hook.query_schedule(schedule_id)["recipients"][0]["msg_id"]
    jsms_sandbox.reset()
    assert hook.query_schedule(submit(hook, hour))["recipients"][0]["msg_id"]


def test_the_account_can_be_changed(
    jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime
) -> None:
    jsms_sandbox.template(1250, text="Hello {{name}}", type=3)
    jsms_sandbox.sign(7, text="Shop", is_default=True)
    submit(hook, hour, temp_id=1250)
    assert jsms_sandbox.scheduled[0].text == f"【Shop】Hello {NAME['name']}回TD退订"
    jsms_sandbox.number(ANNA, "invalid")
    with pytest.raises(JsmsRecipientError):
        submit(hook, hour)
    jsms_sandbox.account(balance=0)
    with pytest.raises(JsmsAccountError):
        submit(hook, hour, mobile=BEN)


def test_faults(jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime) -> None:
    jsms_sandbox.fault("submit_schedule", "code", times=2, code=50009)
    with pytest.raises(JsmsFrequencyError):
        submit(hook, hour)
    jsms_sandbox.clear_faults()
    submit(hook, hour)
    assert [request.code for request in jsms_sandbox.requests] == [50009, None]
    with pytest.raises(InvalidInputError, match="kind must be"):
        jsms_sandbox.fault("submit_schedule", "bad luck")


def test_a_reset_keeps_the_connections(
    jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime
) -> None:
    jsms_sandbox.connect("other")
    submit(hook, hour)
    jsms_sandbox.advance(2 * 3600)
    jsms_sandbox.fault("*", "code", times=None, code=50009)
    jsms_sandbox.reset()
    assert (jsms_sandbox.requests, jsms_sandbox.scheduled, jsms_sandbox.sent) == ([], [], [])
    with JsmsHook("other") as other:
        submit(other, hour)
    assert len(jsms_sandbox.scheduled) == 1


def test_another_connection_and_its_extras(jsms_sandbox: JsmsSandbox, hour: datetime) -> None:
    jsms_sandbox.connect("jsms_marketing", read_timeout=7, timezone="UTC")
    with JsmsHook("jsms_marketing") as hook:
        assert (hook.settings.base_url, hook.settings.read_timeout) == (jsms_sandbox.url, 7)
        submit(hook, hour + timedelta(hours=8))
    # the sandbox reads the wall clock of UTC as that of China
    assert jsms_sandbox.scheduled[0].send_time == hour


@pytest.mark.parametrize("host", ["", "https://127.0.0.1:1", "http://localhost:1"])
def test_an_unknown_connection_fails(
    host: str, jsms_sandbox: JsmsSandbox, monkeypatch: pytest.MonkeyPatch, hour: datetime
) -> None:
    uri = f"jsms://{APP_KEY}:{MASTER_SECRET}@{host.replace(':', '%3A').replace('/', '%2F')}"
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_REAL", uri)
    with JsmsHook("jsms_real") as hook, pytest.raises(JsmsSettingsError, match="Nothing was sent"):
        submit(hook, hour)
    assert jsms_sandbox.requests == []


def test_other_services_stay_blocked_after_undo(
    jsms_sandbox: JsmsSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as later:
        monkeypatch.undo()
        later.setenv("AIRFLOW_CONN_JSMS_DEFAULT", f"jsms://{APP_KEY}:{MASTER_SECRET}@")
        with JsmsHook() as hook, pytest.raises(JsmsSettingsError, match="Nothing was sent"):
            hook.query_schedule("x")


def test_credentials_of_an_unknown_connection_are_not_printed(
    jsms_sandbox: JsmsSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_REAL", REAL)
    with JsmsHook("jsms_real") as hook, pytest.raises(JsmsSettingsError) as error:
        hook.query_schedule("x")
    # pytest prints the arguments of the function that raises
    printed = str(error.traceback[-1].frame.f_locals)
    assert jsms_sandbox.url in printed
    assert KEY not in printed
    assert SECRET not in printed


def test_differences_are_masked_too(
    jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime
) -> None:
    for mobile in (ANNA, BEN):
        submit(hook, hour, mobile=mobile)
    for one, other in (jsms_sandbox.scheduled, jsms_sandbox.requests):
        assert one == one  # noqa: PLR0124  it is compared by its fields
        with pytest.raises(AssertionError) as error:
            assert one == other
        assert found_in(str(error.value)) == []


def test_a_number_and_an_id_in_any_form(
    jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime
) -> None:
    jsms_sandbox.template("77", text="text")
    submit(hook, hour, temp_id=77)
    jsms_sandbox.number(f"+86 {BEN}", "invalid")
    with pytest.raises(JsmsRecipientError):
        submit(hook, hour, mobile=BEN)
    jsms_sandbox.travel_to(hour)
    for mobile in (ANNA, f"+86{ANNA}", f"{ANNA[:3]} {ANNA[3:]}", int(ANNA)):
        assert len(jsms_sandbox.sent_to(mobile)) == 1
    with pytest.raises(JsmsInputError, match="mobile"):
        jsms_sandbox.sent_to("nobody")


def test_its_address_is_that_of_the_sandbox(
    jsms_sandbox: JsmsSandbox, hook: JsmsHook, hour: datetime
) -> None:
    submit(hook, hour)
    with SandboxControl(jsms_sandbox.url) as control:
        assert [one["call"] for one in control.requests()] == ["submit_schedule"]
