"""Reconcile on the sandbox and a ledger in SQLite: whatever the list says, JSMS follows, once."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Barrier
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd
import pytest
import sqlalchemy as sa
import time_machine

from airflow_provider_jsms.__main__ import main
from airflow_provider_jsms.exceptions import (
    JsmsInputError,
    JsmsLedgerError,
    JsmsMaxDeletesError,
    JsmsNeverReconciledError,
    JsmsNotReconciledError,
    JsmsSendWindowError,
    JsmsUncertainError,
)
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.operators import asking
from airflow_provider_jsms.operators.jsms import JsmsReconcileSchedulesOperator
from airflow_provider_jsms.submission import keyed
from airflow_provider_jsms.submission.airflow_version import CAN_ASK
from airflow_provider_jsms.submission.reconciling import report
from airflow_provider_jsms.submission.records.ledger import SubmissionRecord
from tests import people
from tests.databases import needs_sqlite_hook
from tests.store import DictStore
from tests.stored import as_airflow_reads
from tests.versions import AIRFLOW, TaskAwaitingInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl

pytestmark = needs_sqlite_hook

HOUR = timedelta(hours=1)
LIMIT = {"max_deletes": "100%"}


def entry(number: int, when: datetime, **changed: Any) -> dict[str, Any]:
    return {
        "key": f"visit-{number}",
        "send_time": when.isoformat(),
        "mobile": people.number(number),
        "temp_id": 2,
        "temp_para": {"name": f"{people.CANARY}-{number}"},
        **changed,
    }


class TaskInstance:
    """As much of one as the operator uses."""

    task_id, map_index = "reconcile", -1

    def __init__(self, run_id: str, try_number: int = 1) -> None:
        self.dag_id, self.run_id = "visits", run_id
        self.id = uuid4()
        self.try_number = try_number
        self.max_tries = 0
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


class Scene:
    """A list that is reconciled again and again, and what JSMS makes of it."""

    def __init__(self, sandbox: SandboxControl, ledger: str, runs: int = 0) -> None:
        self.sandbox = sandbox
        self.url = ledger
        self.engine = sa.create_engine(ledger)
        self.runs = 10 * runs

    def reconcile(self, texts: Any, *, is_retry: bool = False, **arguments: Any) -> Any:
        self.runs += not is_retry
        self.ti = TaskInstance(f"run-{self.runs}", 1 + is_retry)
        given = {"task_id": "reconcile", "scope": "visits", "texts": texts, **arguments}
        self.operator = JsmsReconcileSchedulesOperator(**given)
        self.context: dict[str, Any] = {
            "ti": self.ti,
            "params": {},
            "task_state_store": DictStore(),
        }
        return self._rendered().execute(self.context)

    def _rendered(self) -> Any:
        task = self.operator.prepare_for_execution()
        task.render_template_fields(self.context)
        return task

    def answer(self, about: Any, option: str, **params: str) -> Any:
        """Resume the task as Airflow does with the answer of a person."""
        event = {
            "chosen_options": [option],
            "params_input": params,
            "responded_at": datetime(2026, 12, 1, 3, tzinfo=UTC),
            "responded_by_user": {"id": "7", "name": "ops"},
        }
        return self._rendered().answered(self.context, event, about=about)

    def counts(self, texts: Any, **arguments: Any) -> dict[str, int]:
        counts = self.reconcile(texts, **arguments)["counts"]
        return {kind: count for kind, count in counts.items() if count}

    def calls(self) -> Counter[str]:
        return Counter(request["method"] for request in self.sandbox.requests())

    @property
    def pending(self) -> dict[str, str]:
        """The numbers that JSMS holds a text for, and when."""
        schedules = self.sandbox.state()["schedules"]
        held = [each for each in schedules if each["status"] == "pending"]
        people = {each["recipients"][0]["mobile"]: each["send_time"] for each in held}
        assert len(people) == len(held), "somebody has two texts"
        return people

    def rows(self) -> dict[str, Any]:
        with self.engine.begin() as connection:
            found = connection.execute(sa.text("SELECT * FROM jsms_ledger")).mappings().all()
        return {row["record_key"]: row for row in found}

    def sent(self) -> list[str]:
        self.sandbox.advance(10 * 86400)
        return sorted(message["mobile"] for message in self.sandbox.messages())


@pytest.fixture
def scene(
    sandbox: SandboxControl,
    set_connection: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Scene:
    url = f"sqlite:///{tmp_path}/ledger.db"
    monkeypatch.setenv("AIRFLOW_CONN_TEXTS", url)
    set_connection(sandbox.url)
    monkeypatch.setenv("AIRFLOW_CONN_PLAIN", os.environ["AIRFLOW_CONN_JSMS_DEFAULT"])
    set_connection(sandbox.url, ledger_conn_id="texts", read_timeout=1)
    return Scene(sandbox, url)


@pytest.fixture
def visits(tomorrow: datetime) -> list[dict[str, Any]]:
    return [entry(number, tomorrow + timedelta(minutes=number)) for number in range(6)]


def test_two_days_of_a_list(scene: Scene, visits: list[dict[str, Any]], tomorrow: datetime) -> None:
    first = scene.reconcile(visits)
    assert len(first["submitted"]) == first["counts"]["submitted"] == 6
    assert scene.calls() == {"POST": 6}
    moved = entry(1, tomorrow + timedelta(hours=5))
    renamed = entry(2, tomorrow + timedelta(minutes=2), temp_para={"name": f"{people.CANARY}-new"})
    new = entry(9, tomorrow)
    second = scene.reconcile([visits[0], moved, renamed, *visits[4:], new], max_deletes=1)
    assert second["counts"] == {
        "submitted": 1,
        "modified": 2,
        "deleted": 1,
        "unchanged": 3,
        **dict.fromkeys(("sent", "past", "uncertain", "failed", "excluded"), 0),
    }
    assert set(second["modified"]) <= set(first["submitted"])
    assert second["deleted"][0] in first["submitted"]
    assert sorted(scene.pending) == sorted(map(people.number, (0, 1, 2, 4, 5, 9)))
    names = {each["mobile"]: each["temp_para"]["name"] for each in _sent(scene)}
    assert names[people.number(2)] == f"{people.CANARY}-new"


def _sent(scene: Scene) -> list[dict[str, Any]]:
    scene.sandbox.advance(10 * 86400)
    return scene.sandbox.messages()


def test_the_second_time_nothing_is_asked_of_jsms(scene: Scene, visits: list[Any]) -> None:
    scene.reconcile(visits)
    before = scene.calls()
    assert scene.counts(visits[::-1]) == {"unchanged": 6}
    assert scene.calls() == before


class TestExcludedNumbers:
    def test_are_not_texted_and_what_is_pending_for_them_is_cancelled(
        self, scene: Scene, visits: list[Any]
    ) -> None:
        first = scene.reconcile(visits[:5])
        excluded = [people.number(3), f"+86 {people.number(5)}"]
        again = scene.reconcile(visits, exclude=excluded)
        assert {kind: count for kind, count in again["counts"].items() if count} == {
            "deleted": 1,
            "unchanged": 4,
            "excluded": 2,
        }
        assert again["deleted"][0] in first["submitted"]
        assert sorted(scene.pending) == sorted(map(people.number, (0, 1, 2, 4)))
        assert scene.counts(visits, exclude=excluded) == {"unchanged": 4, "excluded": 2}
        assert scene.counts(visits) == {"submitted": 2, "unchanged": 4}

    def test_are_within_max_deletes(self, scene: Scene, visits: list[Any]) -> None:
        scene.reconcile(visits)
        excluded = [people.number(3), people.number(5)]
        with pytest.raises(JsmsMaxDeletesError, match=r"4 texts \(without 2 that are excluded\)"):
            scene.reconcile(visits, exclude=excluded)
        assert scene.counts(visits, exclude=excluded, dry_run=True)["excluded"] == 2
        assert len(scene.pending) == 6
        assert scene.counts(visits, exclude=excluded, max_deletes=2)["deleted"] == 2

    def test_are_cancelled_also_if_an_operator_has_submitted_their_text(
        self, scene: Scene, visits: list[Any]
    ) -> None:
        text = {name: each for name, each in visits[1].items() if name != "key"}
        with JsmsHook() as hook:
            hook.submit_schedule(**text, once_key="visit-1")
        assert scene.counts(visits, exclude=[people.number(1)]) == {
            "submitted": 5,
            "deleted": 1,
            "excluded": 1,
        }
        assert people.number(1) not in scene.pending

    def test_that_cannot_be_read_stop_everything(self, scene: Scene, visits: list[Any]) -> None:
        with pytest.raises(JsmsInputError, match=r"1 of 2 entries of exclude .*\nentry 2: mobile"):
            scene.reconcile(visits, exclude=[people.number(1), "12"])
        assert scene.calls() == {}


class TestASendWindow:
    EVENING = datetime(2030, 7, 1, 15, tzinfo=UTC)  # 23:00 in China
    MORNING = "2030-07-02 08:00:00"

    @pytest.fixture
    def late(self) -> list[dict[str, Any]]:
        return [entry(1, self.EVENING - 12 * HOUR), entry(2, self.EVENING)]

    def test_refuses_a_list_before_any_request(self, scene: Scene, late: list[Any]) -> None:
        with pytest.raises(JsmsSendWindowError) as caught:
            scene.reconcile(late, send_window="08:00-21:00")
        assert "1 of 2 texts are outside the send_window 08:00-21:00 " in str(caught.value)
        assert ": visit-2 (1" in str(caught.value)
        assert people.number(2) not in str(caught.value)
        assert scene.calls() == {}
        assert scene.counts(late, send_window="08:00-21:00", dry_run=True) == {"submitted": 2}

    def test_moves_a_text_to_the_next_opening_once(
        self, scene: Scene, late: list[Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        given: dict[str, Any] = {"send_window": ("08:00", "21:00"), "on_outside_window": "next"}
        assert scene.counts(late, **given) == {"submitted": 2}
        assert scene.pending[people.number(2)] == self.MORNING
        assert "moved from 2030-07-01 23:00:00" in caplog.text
        assert scene.counts(late, **given) == {"unchanged": 2}

    def test_that_has_changed_leaves_scheduled_texts_alone(
        self, scene: Scene, late: list[Any]
    ) -> None:
        given: dict[str, Any] = {"send_window": "08:00-21:00", "on_outside_window": "next"}
        scene.reconcile(late, **given)
        for window in ("09:00-21:00", "always"):
            assert scene.counts(late, send_window=window) == {"unchanged": 2}
            assert scene.counts(late, **{**given, "send_window": window}) == {"unchanged": 2}
        assert scene.calls() == {"POST": 2}


PASSING = (
    ("submit_schedule", "code", {"code": 50009}),
    ("modify_schedule", "accepted_then_closed", {}),
    ("delete_schedule", "accepted_then_closed", {}),
    ("delete_schedule", "closed_before_reading", {}),
    ("query_schedule", "closed_before_reading", {}),
)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_lists_of_several_days_jsms_has_the_last_one(
    scene: Scene, tomorrow: datetime, no_waits: None, seed: int
) -> None:
    random = Random(seed)
    for _ in range(5):
        keys = random.sample(range(8), random.randint(0, 8))
        texts = [entry(key, tomorrow + random.randint(0, 3) * HOUR) for key in keys]
        call, kind, settings = random.choice(PASSING)
        scene.sandbox.fault(call, kind, **settings)
        with suppress(JsmsNotReconciledError):
            scene.reconcile(texts, **LIMIT)
        scene.sandbox.clear_faults()
        scene.reconcile(texts, **LIMIT, is_retry=True)
        expected = {text["mobile"]: _wall_clock(text["send_time"]) for text in texts}
        assert scene.pending == expected
        requests = scene.calls().total()
        assert scene.reconcile(texts)["counts"]["unchanged"] == len(texts)
        assert scene.calls().total() == requests


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="Airflow 2 executes operators in the main thread only")
def test_two_runs_at_once_submit_each_text_once(
    scene: Scene, tomorrow: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyed, "_POLL", 0.01)
    texts = [entry(number, tomorrow) for number in range(20)]
    others = [Scene(scene.sandbox, scene.url, run) for run in (1, 2)]
    barrier = Barrier(len(others))

    def reconcile(other: Scene) -> Any:
        barrier.wait()
        return other.reconcile(texts)["counts"]

    with ThreadPoolExecutor(len(others)) as pool:
        counts = list(pool.map(reconcile, others))
    assert sum(each["submitted"] for each in counts) == 20
    assert sum(each["unchanged"] for each in counts) == 20
    assert scene.calls() == {"POST": 20}


def _wall_clock(text: str) -> str:
    return f"{datetime.fromisoformat(text) + 8 * HOUR:%Y-%m-%d %H:%M:%S}"


def test_a_key_that_comes_back_is_submitted_again(scene: Scene, visits: list[Any]) -> None:
    scene.reconcile(visits)
    scene.reconcile(visits[1:], max_deletes=1)
    assert scene.rows()["visit-0"]["state"] == "deleted"
    assert scene.counts(visits) == {"submitted": 1, "unchanged": 5}
    assert scene.sent() == [people.number(number) for number in range(6)]


def test_the_next_due_text_goes_first(scene: Scene, visits: list[Any]) -> None:
    scene.reconcile(visits[::-1], concurrency=1)
    bodies = [request["body"]["mobile"] for request in scene.sandbox.requests()]
    assert bodies == [each["mobile"] for each in visits]


def test_a_sent_text_is_never_touched(scene: Scene, monkeypatch: Any, tomorrow: datetime) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)
    texts = [entry(1, soon), entry(2, soon), entry(3, tomorrow)]
    scene.reconcile(texts)
    scene.sandbox.advance(60)
    before = scene.calls()
    changed = [entry(1, tomorrow), entry(3, tomorrow)]
    with _clock(soon + timedelta(seconds=1)):
        assert scene.counts(changed) == {"sent": 1, "unchanged": 1}
        with pytest.raises(JsmsNeverReconciledError, match="give it another key"):
            scene.reconcile(changed, on_sent="fail")
        assert scene.counts(texts) == {"unchanged": 3}
    assert scene.calls() == before


def _clock(moment: datetime) -> Any:
    return time_machine.travel(moment)


def test_a_late_text_fails_or_is_passed_over_and_the_others_go_on(
    scene: Scene, visits: list[Any], tomorrow: datetime
) -> None:
    late = entry(9, tomorrow - timedelta(days=2))
    with pytest.raises(JsmsNeverReconciledError, match="send_time has passed") as caught:
        scene.reconcile([late, *visits])
    assert people.number(9) not in str(caught.value)
    assert scene.ti.xcoms["counts"]["submitted"] == 6
    assert len(scene.ti.xcoms["submitted"]) == 6
    assert scene.counts([late, *visits], on_past_send_time="skip") == {"unchanged": 6, "past": 1}


def test_a_text_that_is_late_by_the_clock_of_jsms_is_late(scene: Scene, visits: list[Any]) -> None:
    scene.sandbox.fault("submit_schedule", "code", code=50027)
    counts = scene.counts(visits, on_past_send_time="skip", concurrency=1)
    assert counts == {"submitted": 5, "past": 1}


def test_the_result_holds_a_bounded_number_of_ids(
    scene: Scene, visits: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "_MOST_IDS", 2)
    result = scene.reconcile(visits)
    assert (len(result["submitted"]), result["counts"]["submitted"]) == (2, 6)


@pytest.mark.parametrize(
    "argument",
    [
        *({"concurrency": 0}, {"concurrency": 33}, {"scope": ""}, {"max_deletes": "1/2"}),
        *({"on_sent": "skip"}, {"on_past_send_time": "report"}, {"dry_run": "maybe"}),
        {"on_uncertain": "hope"},
    ],
    ids=str,
)
def test_an_invalid_argument_is_refused_before_any_request(
    scene: Scene, visits: list[Any], argument: dict[str, Any]
) -> None:
    with pytest.raises(JsmsInputError, match=next(iter(argument))):
        scene.reconcile(visits, **argument)
    assert scene.calls() == {}


class TestDeletions:
    def test_an_empty_list_deletes_nothing(self, scene: Scene, visits: list[Any]) -> None:
        scene.reconcile(visits)
        with pytest.raises(JsmsMaxDeletesError, match=r"lacks 6 of the 6 pending .*max_deletes=6"):
            scene.reconcile([])
        assert scene.calls() == {"POST": 6}
        assert scene.counts([], max_deletes=6) == {"deleted": 6}
        assert scene.counts([]) == {}

    @pytest.mark.parametrize(
        ("limit", "vanished", "is_allowed"),
        [(None, 1, True), (None, 2, False), ("50%", 3, True), ("50%", 4, False), (0, 1, False)],
    )
    def test_more_than_the_limit_are_refused_before_any_request(
        self, scene: Scene, visits: list[Any], limit: Any, vanished: int, is_allowed: bool
    ) -> None:
        scene.reconcile(visits)
        if is_allowed:
            assert scene.reconcile(visits[vanished:], max_deletes=limit)["counts"]["deleted"]
        else:
            with pytest.raises(JsmsMaxDeletesError):
                scene.reconcile([*visits[vanished:], visits[0] | {"key": "new"}], max_deletes=limit)
            assert scene.calls() == {"POST": 6}

    def test_texts_of_other_scopes_are_left_alone(self, scene: Scene, visits: list[Any]) -> None:
        scene.reconcile(visits[:3])
        scene.reconcile(visits[3:], scope="other")
        assert scene.counts(visits[:3]) == {"unchanged": 3}
        with pytest.raises(JsmsInputError, match="3 keys of the list are in use in another scope"):
            scene.reconcile(visits)
        assert scene.calls() == {"POST": 6}

    def test_a_schedule_that_somebody_deleted_counts_as_deleted(
        self, scene: Scene, visits: list[Any]
    ) -> None:
        (schedule_id,) = scene.reconcile(visits[:1])["submitted"]
        JsmsHook("plain").delete_schedule(schedule_id)  # a connection that names no ledger
        assert scene.counts([], **LIMIT) == {"deleted": 1}

    def test_a_text_that_is_sent_while_it_is_deleted_is_reported(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)
        texts = [entry(1, soon)]
        scene.reconcile(texts)
        planned = SubmissionRecord.deleting

        def deleting(record: SubmissionRecord) -> None:
            planned(record)
            scene.sandbox.advance(60)

        monkeypatch.setattr(SubmissionRecord, "deleting", deleting)
        with _clock(soon - timedelta(seconds=1)):
            assert scene.counts([], **LIMIT) == {"sent": 1}
        assert scene.rows()["visit-1"]["state"] == "accepted"

    def test_an_interrupted_deletion_is_completed(
        self, scene: Scene, visits: list[Any], no_waits: None
    ) -> None:
        scene.reconcile(visits[:2])
        scene.sandbox.fault("delete_schedule", "closed_before_reading", times=None)
        with pytest.raises(JsmsNotReconciledError):
            scene.reconcile(visits[:1], max_deletes=1)
        scene.sandbox.clear_faults()
        assert scene.rows()["visit-1"]["state"] == "deleting"
        assert len(scene.pending) == 2
        assert scene.counts(visits[:2]) == {"submitted": 1, "unchanged": 1}
        assert sorted(scene.pending) == [visits[0]["mobile"], visits[1]["mobile"]]


def test_dry_run_does_nothing(scene: Scene, visits: list[Any], caplog: Any) -> None:
    scene.reconcile(visits[:4])
    before = scene.rows()
    with caplog.at_level(logging.INFO):
        result = scene.reconcile(
            [entry(1, datetime(2099, 1, 1, tzinfo=UTC)), visits[5]], dry_run="True"
        )
    assert result["dry_run"] is True
    assert {kind: count for kind, count in result["counts"].items() if count} == {
        "submitted": 1,
        "modified": 1,
        "deleted": 3,
    }
    assert result["submitted"] == []
    assert len(result["deleted"]) == 3
    assert scene.calls() == {"POST": 4}
    assert scene.rows() == before


def test_the_log_shows_the_plan_masked(scene: Scene, tomorrow: datetime, caplog: Any) -> None:
    texts = [entry(number, tomorrow) for number in range(12)]
    with caplog.at_level(logging.INFO):
        scene.reconcile(texts)
    assert "12 texts in the list, 0 pending: 12 submit" in caplog.text
    assert "visit-0 (138****0000 at" in caplog.text
    assert "and 2 more" in caplog.text
    assert people.number(0) not in caplog.text
    assert people.CANARY not in caplog.text


class TestReading:
    @pytest.mark.parametrize("kind", ["list", "rows", "csv", "jsonl", "pandas"])
    def test_texts_from_anywhere(
        self, scene: Scene, visits: list[Any], kind: str, tmp_path: Path
    ) -> None:
        rows = [{**each, **each["temp_para"], "sign_id": 2} for each in visits]
        for row in rows:
            del row["temp_para"]
        frame = pd.DataFrame(rows)
        given: dict[str, Any] = {"list": visits, "rows": rows, "pandas": frame}
        path = tmp_path / f"visits.{kind}"
        if kind == "csv":
            frame.to_csv(path, index=False)
        elif kind == "jsonl":
            path.write_text("\n".join(map(json.dumps, visits)))
        result = scene.reconcile(
            given.get(kind, str(path)) if kind != "pandas" else (lambda **_: frame)
        )
        assert result["counts"]["submitted"] == 6
        assert scene.sent() == [each["mobile"] for each in visits]

    def test_columns_may_have_other_names(self, scene: Scene, tmp_path: Path) -> None:
        path = tmp_path / "visits.csv"
        path.write_text(
            "编号,时间,手机号,temp_id,name,sign_id\n"
            f"v-1,2099-01-01 09:00:00,{people.ANNA},2,{people.CANARY},\n"
        )
        names = {"编号": "key", "时间": "send_time", "手机号": "mobile"}
        assert scene.counts(str(path), columns=names) == {"submitted": 1}

    @pytest.mark.parametrize(
        ("changed", "error"),
        [
            ({"mobile": "1380013800"}, "it has 10 digits"),
            ({"send_time": "2026-12-01"}, "does not name one moment"),
            ({"temp_id": ""}, "temp_id"),
            ({"key": ""}, "key"),
            ({"name": "x"}, "this one also has name"),
        ],
    )
    def test_an_unusable_text_is_named_before_anything_is_sent(
        self, scene: Scene, visits: list[Any], changed: dict[str, Any], error: str
    ) -> None:
        visits[3] |= changed
        with pytest.raises(JsmsInputError, match="1 of 6 texts cannot be used") as caught:
            scene.reconcile(visits)
        assert f"entry 4: {''}" in str(caught.value)
        assert error in str(caught.value)
        assert scene.calls() == {}

    def test_a_key_twice_is_refused_by_line(self, scene: Scene, tmp_path: Path) -> None:
        path = tmp_path / "visits.csv"
        line = f"2099-01-01 09:00:00,{people.ANNA},1\n"
        path.write_text("key,send_time,mobile,temp_id\n" + f"a,{line}b,{line}a,{line}")
        with pytest.raises(JsmsInputError, match=r"line 4: its key 'a' is that of line 2 too"):
            scene.reconcile(str(path))

    def test_a_missing_column_is_named(self, scene: Scene, tmp_path: Path) -> None:
        path = tmp_path / "visits.csv"
        path.write_text("key,mobile,temp_id\n")
        with pytest.raises(JsmsInputError, match=r"file of texts .* no column called 'send_time'"):
            scene.reconcile(str(path))

    def test_no_list_is_refused(self, scene: Scene) -> None:
        with pytest.raises(JsmsInputError, match="texts is of type int"):
            scene.reconcile(3)


def test_a_text_that_another_task_has_moved_is_deleted_in_time(
    scene: Scene, visits: list[dict[str, Any]], tomorrow: datetime
) -> None:
    scene.reconcile(visits)
    schedule_id = scene.rows()["visit-0"]["schedule_id"]
    later = tomorrow + timedelta(days=2)
    with JsmsHook() as hook:
        text = {"mobile": people.number(0), "temp_id": 2, "temp_para": {"name": "Anna"}}
        hook.modify_schedule(schedule_id, send_time=later, **text)
    assert scene.rows()["visit-0"]["send_time"] == f"{later:%Y-%m-%dT%H:%M:%SZ}"
    with time_machine.travel(later - HOUR):
        assert scene.counts([], **LIMIT) == {"deleted": 1}
    assert people.number(0) not in scene.sent()


def test_a_modification_that_the_ledger_misses_is_made_nevertheless(
    scene: Scene, visits: list[dict[str, Any]], tomorrow: datetime
) -> None:
    result = scene.reconcile(visits)
    with scene.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE jsms_ledger"))
        connection.execute(sa.text("CREATE TABLE jsms_ledger (id INTEGER)"))
    with JsmsHook() as hook:
        hook.modify_schedule(
            result["submitted"][0], send_time=tomorrow, mobile=people.number(9), temp_id=1
        )
    assert people.number(9) in scene.pending


def test_another_list_of_the_same_run_may_change_a_text(
    scene: Scene, visits: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.reconcile(visits)
    visits[0]["temp_id"] = 4
    monkeypatch.setattr(TaskInstance, "task_id", "reconcile_again")
    assert scene.counts(visits, is_retry=True) == {"modified": 1, "unchanged": 5}


def test_two_mapped_lists_of_one_scope_do_not_delete_each_other(
    scene: Scene, visits: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.reconcile(visits[:1])
    monkeypatch.setattr(TaskInstance, "map_index", 1)
    with pytest.raises(JsmsInputError, match="which this list would delete"):
        scene.reconcile(visits[1:], is_retry=True)
    assert scene.calls() == {"POST": 1}
    # The next run has one list.
    assert scene.counts(visits) == {"submitted": 5, "unchanged": 1}


class TestErrors:
    def test_an_error_in_one_text_does_not_stop_the_others(
        self, scene: Scene, visits: list[Any]
    ) -> None:
        visits[2]["temp_id"] = 99
        with pytest.raises(JsmsNeverReconciledError, match=r"1 of 6 texts could not .*\nvisit-2: "):
            scene.reconcile(visits)
        assert scene.ti.xcoms["counts"]["submitted"] == 5
        visits[2]["temp_id"] = 2
        assert scene.counts(visits) == {"submitted": 1, "unchanged": 5}

    def test_an_error_for_all_stops_at_once(self, scene: Scene, tomorrow: datetime) -> None:
        scene.sandbox.account(balance=0)
        texts = [entry(number, tomorrow) for number in range(50)]
        with pytest.raises(JsmsNeverReconciledError, match="Not tried, because they would fail"):
            scene.reconcile(texts, concurrency=2)
        assert scene.calls()["POST"] <= 3
        scene.sandbox.account(balance=1000)
        assert scene.counts(texts) == {"submitted": 50}

    @pytest.mark.parametrize("concurrency", [1, 4])
    def test_jsms_is_down_and_back(
        self, scene: Scene, tomorrow: datetime, concurrency: int, no_waits: None
    ) -> None:
        texts = [entry(number, tomorrow) for number in range(30)]
        scene.sandbox.fault("submit_schedule", "accepted_then_closed", times=None)
        with pytest.raises(JsmsNotReconciledError, match="Not tried"):
            scene.reconcile(texts, concurrency=concurrency)
        lost = scene.ti.xcoms["counts"]["uncertain"]
        assert 3 <= lost <= 2 + concurrency
        scene.sandbox.clear_faults()
        with pytest.raises(JsmsUncertainError, match=f"{lost} of 30 texts could not"):
            scene.reconcile(texts, is_retry=True)
        assert scene.ti.xcoms["counts"]["submitted"] == 30 - lost
        assert max(Counter(scene.sent()).values()) == 1

    def test_an_uncertain_text_that_vanishes_is_named(
        self, scene: Scene, visits: list[Any]
    ) -> None:
        scene.sandbox.fault("submit_schedule", "accepted_then_closed")
        with pytest.raises(JsmsUncertainError, match="JSMS may have accepted"):
            scene.reconcile(visits[:1])
        with pytest.raises(JsmsUncertainError, match="not in the list any more") as caught:
            scene.reconcile(visits[1:])
        advice = "it asks what you found" if CAN_ASK else "airflow_provider_jsms not-there visit-0"
        assert advice in str(caught.value)
        main(["not-there", "visit-0"])
        assert scene.counts(visits[1:]) == {"unchanged": 5}
        before = scene.rows()["visit-0"]
        assert (before["state"], before["scope"]) == ("begun", "visits")

    def test_without_a_ledger_nothing_is_sent(
        self, scene: Scene, visits: list[Any], set_connection: Callable[..., None]
    ) -> None:
        set_connection(scene.sandbox.url)
        with pytest.raises(JsmsInputError, match="ledger_conn_id"):
            scene.reconcile(visits)

    def test_without_the_database_nothing_is_sent(
        self, scene: Scene, visits: list[Any], monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_TEXTS", "sqlite:////nowhere/at/all/ledger.db")
        with pytest.raises(JsmsLedgerError, match="Nothing was sent"):
            scene.reconcile(visits)
        assert scene.calls() == {}


def test_the_rendered_texts_are_masked(scene: Scene, visits: list[Any]) -> None:
    task = JsmsReconcileSchedulesOperator(task_id="r", texts=visits, scope="visits")
    task.render_template_fields({"params": {}})
    shown = str(as_airflow_reads(task))
    assert people.number(0) not in shown
    assert people.CANARY not in shown
    assert "138****0000" in shown


def test_airflow_may_render_it_only(visits: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    task = JsmsReconcileSchedulesOperator(
        task_id="r", texts=visits, scope="{{ 'visits' }}", dry_run="{{ 'True' }}"
    )
    task.render_template_fields({"params": {}})
    assert task.is_dry_run == "True"
    if hasattr(task, "dry_run"):  # not in Airflow 3.0
        task.dry_run()  # as `airflow tasks test --dry-run` does
    assert people.number(0) not in caplog.text


@pytest.mark.skipif(AIRFLOW < (3, 3), reason="a task waits for a person since 3.3")
class TestAsking:
    """Two texts are uncertain: a person is asked once about both."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        questions: list[dict[str, Any]] = []

        def enter(_: Any, question: dict[str, Any]) -> dict[str, Any]:
            questions.append(question)
            return question

        monkeypatch.setattr(asking, "_enter", enter)
        return questions

    def ask(self, scene: Scene, visits: list[Any]) -> dict[str, Any]:
        scene.sandbox.fault("submit_schedule", "accepted_then_closed", times=2)
        with pytest.raises(TaskAwaitingInput) as caught:
            scene.reconcile(visits, on_uncertain="ask", concurrency=1)
        about: dict[str, Any] = caught.value.kwargs["about"]
        return about

    def test_the_question_names_all_of_them(
        self, scene: Scene, visits: list[Any], asked: list[Any]
    ) -> None:
        about = self.ask(scene, visits)
        assert asked[0]["subject"] == "Has JSMS accepted these 2 texts?"
        assert list(asked[0]["params"]) == ["schedule_id_visit-0", "schedule_id_visit-1"]
        assert set(about) == {"visit-0", "visit-1"}
        assert "visit-0" in asked[0]["body"]
        assert people.number(0) not in str(asked)
        assert len(scene.pending) == 6, "the others went out before"

    def test_the_answer_settles_them(
        self, scene: Scene, visits: list[Any], asked: list[Any]
    ) -> None:
        about = self.ask(scene, visits)
        schedules = {
            each["recipients"][0]["mobile"]: each["schedule_id"]
            for each in scene.sandbox.state()["schedules"]
        }
        entered = {f"schedule_id_visit-{at}": schedules[visits[at]["mobile"]] for at in (0, 1)}
        result = scene.answer(about, "All are there", **entered)
        assert result["counts"]["unchanged"] == 6
        assert scene.counts(visits) == {"unchanged": 6}
        assert max(Counter(scene.sent()).values()) == 1

    def ask_about_vanished(
        self, scene: Scene, visits: list[Any], **arguments: Any
    ) -> dict[str, Any]:
        """Lose the answer for the first one, reconcile the others, and return what it asks."""
        scene.sandbox.fault("submit_schedule", "accepted_then_closed")
        with pytest.raises(JsmsUncertainError):
            scene.reconcile(visits[:1])
        if arguments:
            scene.sandbox.fault("submit_schedule", **arguments)
        with pytest.raises(TaskAwaitingInput) as caught:
            scene.reconcile(visits[1:], on_uncertain="ask", concurrency=1)
        about: dict[str, Any] = caught.value.kwargs["about"]
        return about

    def test_one_that_has_vanished_is_in_the_same_question_and_deleted(
        self, scene: Scene, visits: list[Any], asked: list[Any]
    ) -> None:
        about = self.ask_about_vanished(scene, visits, kind="accepted_then_closed")
        assert asked[0]["subject"] == "Has JSMS accepted these 2 texts?"
        assert "it is not in the list any more" in asked[0]["body"]
        schedules = {
            each["recipients"][0]["mobile"]: each["schedule_id"]
            for each in scene.sandbox.state()["schedules"]
        }
        entered = {f"schedule_id_visit-{at}": schedules[visits[at]["mobile"]] for at in (0, 1)}
        swapped = dict(zip(entered, reversed(entered.values()), strict=True))
        with pytest.raises(
            JsmsUncertainError, match=r"visit-0: .*: Schedule .* is of another text"
        ):
            scene.answer(about, "All are there", **swapped)
        counts = scene.answer(about, "All are there", **entered)["counts"]
        assert (counts["deleted"], counts["unchanged"]) == (1, 5)
        assert scene.rows()["visit-0"]["state"] == "deleted"
        assert visits[0]["mobile"] not in scene.sent()

    def test_one_that_has_vanished_is_to_be_deleted_where_airflow_shows_another_question(
        self, scene: Scene, visits: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scene.sandbox.fault("submit_schedule", "accepted_then_closed")
        with pytest.raises(JsmsUncertainError):
            scene.reconcile(visits[:1])
        monkeypatch.setattr(asking, "_enter", lambda *_: {"options": [], "params": {}})
        with pytest.raises(JsmsUncertainError, match="does not ask") as caught:
            scene.reconcile(visits[1:], on_uncertain="ask", concurrency=1)
        assert "delete it there if it does. Then run" in str(caught.value)
        assert "not-there visit-0" in str(caught.value)

    @pytest.mark.parametrize(
        ("option", "state", "uncertain"),
        [("It is not there", "begun", 0), ("Leave it", "sending", 1)],
    )
    def test_one_that_has_vanished_may_be_absent_or_left(
        self,
        scene: Scene,
        visits: list[Any],
        asked: list[Any],
        option: str,
        state: str,
        uncertain: int,
    ) -> None:
        about = self.ask_about_vanished(scene, visits)
        assert asked[0]["options"] == ["It is there", "It is not there", "Leave it"]
        counts = scene.answer(about, option)["counts"]
        assert (counts["submitted"], counts["deleted"]) == (0, 0)
        assert (counts["unchanged"], counts["uncertain"]) == (5, uncertain)
        assert scene.rows()["visit-0"]["state"] == state

    def test_left_alone_they_are_asked_about_until_their_time_has_passed(
        self,
        scene: Scene,
        visits: list[Any],
        asked: list[Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        about = self.ask(scene, visits)
        assert scene.answer(about, "Leave it")["counts"]["uncertain"] == 2
        monkeypatch.setattr(keyed, "longest_call", lambda _: 0.0)  # the other run has ended
        with pytest.raises(JsmsUncertainError):
            scene.reconcile(visits)
        with _clock(datetime.fromisoformat(visits[5]["send_time"]) + timedelta(seconds=1)):
            assert scene.counts(visits) == {"unchanged": 4, "uncertain": 2}
