"""What the examples have found: one of each, that it stays mended."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import Connection
from airflow_provider_jsms.hooks.checkup import check_up
from airflow_provider_jsms.submission.records import sound

from airflow_provider_jsms.api.arguments import (
    choice,
    connection_id_of,
    flag,
    optional_id,
    schedule_id_of,
    tag_of,
)
from airflow_provider_jsms.api.calls import single_body
from airflow_provider_jsms.api.entries import Entries
from airflow_provider_jsms.api.recipients import recipients_of
from airflow_provider_jsms.api.references import references_in
from airflow_provider_jsms.api.send_time import SendTime, parse_send_time, service_zone
from airflow_provider_jsms.exceptions import (
    JsmsForeignRecordError,
    JsmsInputError,
    JsmsNoRetryError,
    JsmsRecipientsFileError,
    JsmsRenderError,
    JsmsSettingsError,
    JsmsUncertainError,
)
from airflow_provider_jsms.hooks.connection import settings_of
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.operators.jsms import JsmsSubmitScheduleOperator
from airflow_provider_jsms.submission.recipients_file import source_of
from airflow_provider_jsms.submission.refusals import FailureLimit
from tests.leaks import APP_KEY, MASTER_SECRET
from tests.store import DictStore
from tests.unit.fuzz import odd
from tests.unit.fuzz.test_connection import connection
from tests.unit.fuzz.test_hook import SINGLE
from tests.unit.fuzz.watching import CONNECTION, check_told
from tests.unit.refusals import refusal_of
from tests.unit.submission.tries import TaskInstance

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from tests.unit.fuzz.watching import Service

CHINA = service_zone("Asia/Shanghai")
NINE = SendTime(datetime(2098, 7, 1, 1, tzinfo=UTC), CHINA)


def body(**changed: Any) -> object:
    fields: dict[str, Any] = {**SINGLE, "send_time": NINE, **changed}
    return single_body(**fields)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("mobile", lambda value: body(mobile=value)),
        ("temp_para", lambda value: body(temp_para=value)),
        ("temp_id", lambda value: body(temp_id=value)),
        ("sign_id", lambda value: optional_id("sign_id", value)),
        ("tag", tag_of),
        ("schedule_id", schedule_id_of),
        ("send_time", lambda value: parse_send_time(value, CHINA)),
        ("max_failures", FailureLimit),
        ("durable", lambda value: flag("durable", value)),
        ("on_uncertain", lambda value: choice("on_uncertain", value, ("fail", "resubmit"))),
        ("jsms_conn_id", connection_id_of),
    ],
)
@pytest.mark.parametrize("kind", [odd.ClaimsText, odd.NoComparison, odd.NoText])
def test_an_object_that_raises_is_an_unusable_argument(
    name: str, read: Callable[[object], object], kind: type
) -> None:
    text = refusal_of(read, kind())
    assert name in text
    assert odd.PRIVATE not in text


def test_what_only_claims_to_be_empty_is_not_left_out() -> None:
    empty = odd.Always()
    assert "sign_id" in refusal_of(optional_id, "sign_id", empty)
    assert tag_of(empty) == "0"
    assert "temp_para" in refusal_of(body, temp_para=empty)


def test_a_word_of_an_enum_is_its_value_also_in_a_path() -> None:
    # In a format string it would be "Word.ID" from Python 3.12 on.
    for given, read in ((odd.Word.ID, odd.Word.ID.value), (odd.LyingText("1a2b"), "1a2b")):
        assert (schedule_id_of(given), type(schedule_id_of(given))) == (read, str)
        assert choice("word", odd.Word.FAIL, ("fail",)) == "fail"


def test_a_damaged_result_of_a_batch_is_no_list_of_its_keys() -> None:
    assert "schedule_id" in refusal_of(references_in, {"schedule_ids": {"1a2b": 1}})
    assert "schedule_id" in refusal_of(references_in, {"schedule_ids": [["1a2b"]]})


def test_a_list_that_cannot_be_gone_through_may_be_so_later() -> None:
    for given in (odd.OddList(["1"]), odd.NoIteration(), odd.OBJECTS[odd.BROKEN]()):
        with pytest.raises(JsmsRecipientsFileError, match=r"recipients cannot be read: .*OddError"):
            recipients_of(given)
    with pytest.raises(JsmsRecipientsFileError):
        list(Entries(odd.NoIteration()).blocks())
    assert "recipients" in refusal_of(source_of, odd.NoAttributes())


def test_ids_that_cannot_be_fetched_may_be_so_later() -> None:
    for given in (odd.OddList(["1"]), odd.NoIteration()):
        with pytest.raises(JsmsRenderError, match=r"schedule_id .*OddError.*another try"):
            references_in(given)


@pytest.mark.parametrize("name", ["13712345678.csv", f"a\n{odd.INJECTED}.jsonl"])
def test_a_file_that_is_not_there_is_told_by_its_masked_name(name: str, service: Service) -> None:
    outcome = service.try_out(lambda: list(source_of(f"/nowhere/{name}").blocks()))
    assert isinstance(outcome.error, JsmsRecipientsFileError)
    assert "(FileNotFoundError): [Errno 2] No such file or directory" in outcome.text
    check_told(outcome, "recipients", name.removesuffix(".csv"))


def test_an_entry_that_raises_is_counted_and_the_others_are_looked_at() -> None:
    people = [{"mobile": "13712345678", "temp_para": odd.OddDict(a="b")}, "137", odd.OddDict()]
    text = refusal_of(recipients_of, people)
    assert "3 of 3 recipients cannot be used" in text
    assert "entry 1: " in text
    assert odd.PRIVATE not in text


class NoZone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        raise odd.OddError


def test_a_time_with_a_zone_that_raises_is_refused() -> None:
    moment = datetime(2098, 7, 1, tzinfo=NoZone())
    assert "send_time" in refusal_of(parse_send_time, moment, CHINA)


def test_a_dictionary_that_became_text_is_not_shown_as_a_time() -> None:
    text = refusal_of(parse_send_time, f"{{'name': '{odd.PRIVATE}'}}", CHINA)
    assert odd.PRIVATE not in text
    assert "(a str of " in text


@pytest.mark.parametrize(
    "conn_id", [None, "", 5, "a\nb", "\ud800", "x" * 251, ["jsms_default"], "a\u2028b"]
)
def test_an_id_of_a_connection_is_a_text_that_can_be_seen(service: Service, conn_id: Any) -> None:
    outcome = service.try_out(lambda: JsmsHook(conn_id).query_schedule("1a2b"))
    assert isinstance(outcome.error, JsmsInputError)
    assert "jsms_conn_id" in outcome.text
    check_told(outcome, "jsms_conn_id", None)
    assert JsmsHook(conn_id).test_connection() == (False, outcome.text)
    waiting = service.try_out(lambda: asyncio.run(JsmsHook(conn_id).aquery_schedule("1a2b")))
    assert isinstance(waiting.error, JsmsInputError)


@pytest.mark.parametrize("extra", ["[" * 20_000, "9" * 5000, "{", "[]", "5", "no JSON"])
def test_extras_that_are_no_object_are_refused_and_never_ignored(extra: str) -> None:
    made = connection("extra", extra)
    if not made:
        pytest.skip("this Airflow refuses it")
    with pytest.raises(JsmsSettingsError, match="its extra is no JSON object"):
        settings_of(made)


@pytest.mark.parametrize("name", ["host", "schema", "port", "login", "password"])
def test_a_field_of_another_type_is_refused(name: str) -> None:
    for value in ({"a": 1}, [1], True, 1.5):
        made = connection(name, value)
        if not made:
            continue  # Airflow 2 refuses it
        with pytest.raises(JsmsSettingsError, match=rf"its {name} .*of type"):
            settings_of(made)


def test_a_schema_in_the_wrong_place_is_not_shown() -> None:
    fields: dict[str, Any] = {"login": APP_KEY, "password": MASTER_SECRET}
    made = Connection(conn_id="x", conn_type="jsms", host="https://x.example", **fields)
    made.schema = f"{odd.PRIVATE}\n{odd.INJECTED}"
    with pytest.raises(JsmsSettingsError, match=r"its schema is \(a str of") as caught:
        settings_of(made)
    assert odd.PRIVATE not in str(caught.value)


class Balance:
    """A client of a service that answers with odd names."""

    def send(self, *_: object, **__: object) -> dict[str, int | None]:
        return {f"app_\r\n{odd.INJECTED}": 1}


def test_odd_names_of_balances_stay_on_one_line() -> None:
    settings = settings_of(
        Connection(conn_id="x", conn_type="jsms", login=APP_KEY, password=MASTER_SECRET)
    )
    is_right, text = check_up(Balance(), settings)  # type: ignore[arg-type]
    assert is_right
    assert text.isprintable()


def test_the_path_of_certificates_stays_on_one_line(service: Service, tmp_path: Any) -> None:
    path = tmp_path / f"a\n{odd.INJECTED}"
    path.write_text("no certificate")
    fields = {"login": APP_KEY, "password": MASTER_SECRET, "host": "https://127.0.0.1:1"}
    extra = json.dumps({CA_BUNDLE.name: str(path)})
    made = Connection(conn_id="x", conn_type="jsms", **fields, extra=extra)
    hook = JsmsHook()
    hook.settings = settings_of(made)
    is_right, text = hook.test_connection()
    assert not is_right
    assert text.isprintable()


def test_without_a_record_a_connection_that_is_not_there_is_named() -> None:
    operator = JsmsSubmitScheduleOperator(task_id="text", jsms_conn_id="not_there", **SINGLE)  # type: ignore[arg-type]
    operator.render_template_fields({})
    with pytest.raises(
        JsmsNoRetryError, match=r"not find the connection not_there, .*Nothing is sch"
    ):
        operator.execute({"ti": TaskInstance(1)})  # type: ignore[typeddict-item]


ACCEPTED: dict[str, Any] = {
    "state": "accepted",
    "schedule_id": "1a2b",
    "fingerprint": {"request": "r", "people": "p", "app": "a", "key": "k"},
}


@pytest.mark.parametrize(
    "record",
    [
        {"state": "accepted"},
        {**ACCEPTED, "schedule_id": f"1a2b\n{odd.INJECTED}"},
        {**ACCEPTED, "schedule_id": 5},
        {**ACCEPTED, "fingerprint": None},
        {**ACCEPTED, "fingerprint": [1]},
        {**ACCEPTED, "state": ["accepted"]},
        {"state": "sending", "since": f"now\n{odd.INJECTED}", "temp_id": {}, "recipients": None},
        {"state": "sending", "resubmitted": "often"},
        {**ACCEPTED, "modifying": 5},
        "text",
        [],
    ],
)
def test_a_damaged_record_is_uncertain_and_nothing_is_sent(service: Service, record: Any) -> None:
    store = DictStore()
    store._values["jsms_submission"] = json.dumps(record)
    operator = JsmsSubmitScheduleOperator(task_id="text", jsms_conn_id=CONNECTION, **SINGLE)  # type: ignore[arg-type]
    operator.render_template_fields({})
    context: Any = {"ti": TaskInstance(2), "task_state_store": store}
    outcome = service.try_out(lambda: operator.execute(context))
    assert isinstance(outcome.error, (JsmsUncertainError, JsmsForeignRecordError))
    assert outcome.requests == []
    check_told(outcome, "record", None)


@pytest.mark.parametrize(
    "record", [{"state": "accepted"}, {**ACCEPTED, "schedule_id": 5}, {**ACCEPTED, "state": 1}, []]
)
def test_nothing_is_submitted_over_a_damaged_record(service: Service, record: Any) -> None:
    store = DictStore()
    store._values["jsms_submission"] = json.dumps(record)
    given = {**SINGLE, "on_uncertain": "resubmit"}
    operator = JsmsSubmitScheduleOperator(task_id="text", jsms_conn_id=CONNECTION, **given)  # type: ignore[arg-type]
    operator.render_template_fields({})
    context: Any = {"ti": TaskInstance(2), "task_state_store": store}
    outcome = service.try_out(lambda: operator.execute(context))
    assert isinstance(outcome.error, JsmsUncertainError)
    assert "damaged or edited" in outcome.text
    assert "resubmit" not in outcome.text
    assert outcome.requests == []


def test_only_what_the_ledger_writes_is_read_of_a_record() -> None:
    assert sound(None) is None
    assert sound("text") == {}
    assert sound(ACCEPTED) == ACCEPTED
    # Of a modification nobody can read it counts that there was one.
    assert sound({**ACCEPTED, "modifying": 5}) == {**ACCEPTED, "modifying": {}}
    # A newer version may write more.
    assert sound({**ACCEPTED, "more": [1]}) == {**ACCEPTED, "more": [1]}
    for name, value in (("chunks", 10**9), ("refused", [[1]]), ("success_count", True)):
        assert sound({**ACCEPTED, name: value}) == ACCEPTED
