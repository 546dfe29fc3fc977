"""The table of the ledger, row by row: what a try does that finds what an earlier one has left."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.api.calls import Call, submit_batch_schedule
from airflow_provider_jsms.api.send_time import SendTime, service_zone
from airflow_provider_jsms.exceptions import JsmsLedgerError
from airflow_provider_jsms.submission.records.decisions import (
    DAMAGED,
    Attempt,
    Do,
    decide,
    decide_after_query,
)
from airflow_provider_jsms.submission.records.fingerprint import fingerprint_of
from airflow_provider_jsms.submission.records.ledger import SubmissionRecord
from tests import people
from tests.leaks import APP_KEY, MASTER_SECRET
from tests.store import DictStore, TaskReplacedError, check_contract
from tests.versions import NEVER_EXPIRE

if TYPE_CHECKING:
    from airflow_provider_jsms.submission.records.fingerprint import Fingerprint

KEY = "jsms_submission"
BODY = {
    "send_time": "2099-01-01 09:00:00",
    "mobile": people.ANNA,
    "temp_id": 1,
    "temp_para": {"name": f"{people.CANARY}-Anna"},
}


def of(body: dict[str, Any], app_key: str = APP_KEY, secret: str = MASTER_SECRET) -> Fingerprint:
    call: Call[Any] = Call("submit_schedule", "POST", "/v1/schedule", str, body)
    return fingerprint_of(call, settings_with(app_key, secret))


def settings_with(app_key: str = APP_KEY, secret: str = MASTER_SECRET) -> Any:
    return SimpleNamespace(app_key=app_key, master_secret=secret)


MINE = of(BODY)
CHANGED = of({**BODY, "temp_id": 2})
OTHER_PEOPLE = of({**BODY, "mobile": people.BEN})
OTHER_SECRET = of(BODY, secret="rotated")
OTHER_APP = of(BODY, app_key="other")
NOW = datetime(2026, 12, 1, tzinfo=UTC)
NINE = SendTime(NOW, service_zone("Asia/Shanghai"))

FIRST = Attempt(number=1, is_cleared=False, is_mapped=False, is_kept_by_clear=True)
RETRY = FIRST._replace(number=2)
MAPPED = RETRY._replace(is_mapped=True)
CLEARED = RETRY._replace(is_cleared=True)


def record(state: str, of: Fingerprint = MINE, **fields: Any) -> dict[str, Any]:
    return {"state": state, "schedule_id": "id", "fingerprint": vars(of), **fields}


def test_the_store_of_the_tests_keeps_the_contract() -> None:
    check_contract(DictStore(), NEVER_EXPIRE)


TABLE = [
    (None, MINE, FIRST, Do.SUBMIT),
    (None, MINE, RETRY, Do.SUBMIT),  # a chunk that no try has reached
    (record("begun"), CHANGED, CLEARED, Do.SUBMIT),
    (record("unknown"), MINE, RETRY, Do.DOUBT),
    (record("refused"), MINE, RETRY, Do.SUBMIT),
    (record("refused"), CHANGED, MAPPED, Do.SUBMIT),
    (record("sending"), MINE, RETRY, Do.DOUBT),
    (record("sending"), CHANGED, CLEARED, Do.DOUBT),
    (record("damaged"), MINE, RETRY, Do.DOUBT),
    (record("accepted"), MINE, RETRY, Do.REUSE),
    (record("accepted"), MINE, MAPPED, Do.REUSE),
    (record("accepted"), CHANGED, RETRY, Do.MODIFY),
    (record("accepted"), CHANGED, MAPPED, Do.MODIFY),
    (record("accepted"), OTHER_PEOPLE, RETRY, Do.MODIFY),
    (record("accepted"), OTHER_PEOPLE, MAPPED, Do.LEAVE),
    (record("accepted"), OTHER_SECRET, RETRY, Do.QUERY),
    (record("accepted"), OTHER_SECRET, MAPPED, Do.QUERY),
    (record("accepted"), OTHER_APP, MAPPED, Do.LEAVE),
    (record("accepted", modifying={}), MINE, RETRY, Do.MODIFY),  # it is not known which one holds
    (record("finished"), MINE, CLEARED, Do.QUERY),
    (record("finished"), CHANGED, CLEARED, Do.QUERY),
    (record("finished"), OTHER_PEOPLE, MAPPED._replace(is_cleared=True), Do.LEAVE),
    (record("finished"), OTHER_SECRET, CLEARED, Do.QUERY),
]


@pytest.mark.parametrize(("found", "request_", "attempt", "expected"), TABLE)
def test_the_table(
    found: dict[str, Any] | None, request_: Fingerprint, attempt: Attempt, expected: Do
) -> None:
    assert decide(found, request_, attempt, has_store=True).do is expected


@pytest.mark.parametrize(("attempt", "expected"), [(FIRST, Do.SUBMIT), (RETRY, Do.DOUBT)])
def test_without_a_store_only_the_first_try_submits(attempt: Attempt, expected: Do) -> None:
    assert decide(None, MINE, attempt, has_store=False).do is expected


@pytest.mark.parametrize(
    ("request_", "send_time", "expected"),
    [
        (MINE, NOW + timedelta(hours=1), Do.REUSE),
        (CHANGED, NOW + timedelta(hours=1), Do.MODIFY),
        (CHANGED, NOW + timedelta(seconds=60), Do.MODIFY),
        (CHANGED, NOW + timedelta(seconds=59), Do.GIVE_UP),
        (CHANGED, NOW - timedelta(hours=1), Do.GIVE_UP),
        (CHANGED, None, Do.GIVE_UP),
        (MINE, NOW - timedelta(hours=1), Do.REUSE),
        (MINE, None, Do.REUSE),
    ],
)
def test_what_jsms_says_of_a_finished_one_counts(
    request_: Fingerprint, send_time: datetime | None, expected: Do
) -> None:
    assert decide_after_query(record("finished"), request_, send_time, NOW).do is expected


class TestTheFingerprint:
    def test_is_the_same_for_the_same_request_only(self) -> None:
        assert of(dict(reversed(BODY.items()))) == MINE
        assert CHANGED.request != MINE.request
        assert CHANGED.people == MINE.people
        assert OTHER_PEOPLE.people != MINE.people
        assert (OTHER_APP.app, OTHER_APP.key) != (MINE.app, MINE.key)

    def test_of_people_does_not_mind_their_order(self) -> None:
        def of_all(*mobiles: str) -> str:
            call = submit_batch_schedule(
                send_time=NINE, recipients=mobiles, temp_id=1, sign_id=None, tag=None
            )
            return fingerprint_of(call, settings_with()).people

        both = of_all(people.ANNA, people.BEN)
        assert both == of_all(people.BEN, people.ANNA) != of_all(people.ANNA)

    def test_cannot_be_undone_without_the_secret(self) -> None:
        """The same request has other fingerprints under another secret, in every part."""
        assert OTHER_SECRET.request != MINE.request
        assert OTHER_SECRET.people != MINE.people
        assert OTHER_SECRET.key != MINE.key
        assert people.ANNA not in json.dumps(vars(MINE))


class TestTheRecord:
    ABOUT = {"send_time": "2099-01-01 09:00:00", "temp_id": 1, "recipients": 1}  # noqa: RUF012

    def test_tells_people_what_happened(self) -> None:
        store = DictStore()
        ledger = SubmissionRecord(store, KEY, FIRST)
        ledger.sending(MINE, self.ABOUT, resubmitted=0)
        ledger.accepted({"schedule_id": "id"})
        ledger.finished()
        assert [each["state"] for each in store.writes] == ["sending", "accepted", "finished"]
        last = store.get(KEY)
        assert {key: last[key] for key in self.ABOUT} == self.ABOUT
        assert (last["schedule_id"], last["try"], last["resubmitted"]) == ("id", 1, 0)
        assert last["since"] <= last["finished_at"]

    def test_of_a_modification_keeps_the_schedule_until_it_is_done(self) -> None:
        store = DictStore()
        store.set(KEY, record("accepted", temp_id=1))
        ledger = SubmissionRecord(store, KEY, RETRY)
        ledger.modifying(CHANGED, {"temp_id": 2})
        noted = store.get(KEY)
        assert (noted["state"], noted["schedule_id"], noted["temp_id"]) == ("accepted", "id", 1)
        assert decide(noted, CHANGED, RETRY, has_store=True).do is Do.MODIFY
        assert decide(noted, MINE, RETRY, has_store=True).do is Do.MODIFY
        ledger.accepted({"schedule_id": "id"})
        assert "modifying" not in store.get(KEY)
        assert decide(store.get(KEY), CHANGED, RETRY, has_store=True).do is Do.REUSE

    def test_is_finished_only_if_something_was_accepted(self) -> None:
        store = DictStore()
        ledger = SubmissionRecord(store, KEY, FIRST)
        ledger.finished()
        ledger.sending(MINE, self.ABOUT, resubmitted=0)
        ledger.refused(50014)
        ledger.finished()
        assert (store.get(KEY)["state"], store.get(KEY)["code"]) == ("refused", 50014)

    def test_that_cannot_be_written_beforehand_stops_the_submission(self) -> None:
        store = DictStore()
        store.fail_on = {"sending", "accepted"}
        with pytest.raises(JsmsLedgerError, match="so nothing was sent") as caught:
            SubmissionRecord(store, KEY, FIRST).sending(MINE, self.ABOUT, resubmitted=0)
        assert isinstance(caught.value.__cause__, TaskReplacedError)
        store.fail_on = set()
        store.set(KEY, record("accepted"))
        store.fail_on = {"accepted"}
        with pytest.raises(JsmsLedgerError, match="so nothing was sent"):
            SubmissionRecord(store, KEY, RETRY).modifying(CHANGED, {})

    def test_that_cannot_be_written_afterwards_is_told(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = DictStore()
        ledger = SubmissionRecord(store, KEY, FIRST)
        ledger.sending(MINE, self.ABOUT, resubmitted=0)
        store.fail_on = {"accepted"}
        ledger.accepted({"schedule_id": "the-id"})
        assert "the-id" in caplog.text
        assert "Nothing is sent again" in caplog.text
        assert store.get(KEY)["state"] == "sending"

    def test_that_cannot_be_read_stops_the_submission(self) -> None:
        store = DictStore()
        store.cannot_be_read = True
        with pytest.raises(JsmsLedgerError, match="could not be read"):
            SubmissionRecord(store, KEY, FIRST)

    @pytest.mark.parametrize(
        "content",
        [
            "text",
            {},
            {"state": "something else"},
            {"state": "sending"},
            record("accepted") | {"schedule_id": None},
            record("finished") | {"fingerprint": "edited"},
        ],
    )
    def test_that_was_edited_is_uncertain_and_nothing_of_it_is_used(self, content: Any) -> None:
        store = DictStore()
        store.set(KEY, content)
        ledger = SubmissionRecord(store, KEY, RETRY)
        assert (ledger.state, ledger.schedule_id) == ("damaged", None)
        assert ledger.decide(MINE) == DAMAGED

    def test_is_not_needed_where_there_is_no_store(self) -> None:
        ledger = SubmissionRecord(None, KEY, FIRST)
        ledger.sending(MINE, self.ABOUT, resubmitted=0)
        ledger.modifying(MINE, self.ABOUT)
        ledger.accepted({"schedule_id": "id"})
        ledger.finished()
        assert (ledger.has_store, ledger.content) == (False, None)
