"""Numbers that are left out: read from a list or a file, or else nobody is texted."""

from __future__ import annotations

import tracemalloc
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_jsms.api.entries import Entries
from airflow_provider_jsms.api.masking import mask_field
from airflow_provider_jsms.exceptions import (
    JsmsChangedListError,
    JsmsInputError,
    JsmsRecipientsFileError,
    JsmsUncertainError,
)
from airflow_provider_jsms.operators.jsms import (
    JsmsModifyBatchScheduleOperator,
    JsmsSubmitBatchScheduleOperator,
)
from airflow_provider_jsms.submission.lists.chunks import chunks, survey
from airflow_provider_jsms.submission.lists.recipients_file import excluded_numbers
from tests import leaks, people
from tests.databases import needs_sqlite_hook
from tests.stored import as_airflow_reads
from tests.unit.submission.tries import NAME, Task, TaskInstance, posts, puts, texted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from airflow_provider_jsms.sandbox.control import SandboxControl

TWO = {int(people.ANNA), int(people.BEN)}
BOTH = [people.ANNA, people.BEN]


@pytest.mark.parametrize(
    "value",
    [
        BOTH,
        [f"+86 {people.ANNA}", int(people.BEN), people.ANNA],
        {people.ANNA, people.BEN},
        [{"mobile": people.ANNA, "at": date(2026, 12, 1)}, {"Mobile": people.BEN, "why": None}],
        [(people.ANNA,), [people.BEN]],
        pd.DataFrame({"mobile": BOTH, "why": [None, 1.5]}),
    ],
    ids=["numbers", "forms", "set", "rows", "one column", "frame"],
)
def test_a_list_in_every_form_is_a_set_of_numbers(value: object) -> None:
    assert excluded_numbers(value) == TWO


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("out.txt", f"{people.ANNA}\r\n\r\n +86 {people.BEN}\n"),
        ("out.TXT", f"\ufeff{people.ANNA}\n{people.BEN}"),
        ("out.csv", f"name,mobile,when\n,{people.ANNA},\n安娜,{people.BEN},2026\n"),
        ("out.jsonl", f'{people.ANNA}\n"{people.BEN}"\n'),
        ("out.jsonl", f'{{"mobile": "{people.ANNA}", "at": 1.5}}\n{{"mobile": {people.BEN}}}\n'),
    ],
)
def test_a_file_in_every_form_is_a_set_of_numbers(name: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode())
    assert excluded_numbers(path) == excluded_numbers(str(path)) == TWO
    assert excluded_numbers(f"file://{path}") == TWO


def test_nobody_is_excluded_by_default_and_by_an_empty_list(tmp_path: Path) -> None:
    assert excluded_numbers(()) is None
    (tmp_path / "out.txt").touch()
    assert excluded_numbers([]) == excluded_numbers(tmp_path / "out.txt") == set()


UNUSABLE = {
    "nothing": (None, "exclude is of type NoneType: a list is needed, of rows with mobile"),
    "an empty template": ("", "exclude is a text of 0 characters"),
    "a template of nothing": ("None", "what a template makes of a Param that is null"),
    "a number": (people.ANNA, "pass a list, such as text.split"),
    "a dictionary": ({people.ANNA: 1}, "A single one is a list of one"),
    "no number": ([people.ANNA, "x", None], "2 of 3 entries of exclude cannot be used"),
    "a place": ([people.ANNA, "12"], "\nentry 2: mobile is not a mainland China number"),
    "no mobile": ([{"phone": people.ANNA}], "has no column called 'mobile'"),
}


@pytest.mark.parametrize(("value", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_read_is_refused_without_a_number(value: object, why: str) -> None:
    with pytest.raises(JsmsInputError) as caught:
        excluded_numbers(value)
    assert why in str(caught.value)
    assert leaks.found_in(str(caught.value)) == []


def test_a_flaw_of_a_file_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text(f"{people.ANNA}\n\n{people.BEN[:-1]}\n")
    with pytest.raises(JsmsInputError, match=r"1 of 2 entries .*\nline 3: .* it has 10 digits"):
        excluded_numbers(path)
    headless = tmp_path / "out.csv"
    headless.write_text(f"{people.ANNA}\n{people.BEN}\n")
    with pytest.raises(
        JsmsInputError, match=r"'mobile'\. Give it a first line such as mobile\. No"
    ):
        excluded_numbers(headless)
    with pytest.raises(JsmsRecipientsFileError, match=r"file of exclude .* could not be read"):
        excluded_numbers(tmp_path / "missing.txt")


@given(st.lists(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_both_readings_leave_out_the_same_people(listed: list[int], excluded: set[int]) -> None:
    class Fetched(list[str]):
        """A list that is read again to send."""

    source = Entries(Fetched(map(people.number, listed)))
    source.is_fixed = False
    known = survey(source, frozenset(int(people.number(index)) for index in excluded))
    sent = [person["mobile"] for chunk in chunks(source, known) for person in chunk]
    assert sent == [people.number(each) for each in dict.fromkeys(listed) if each not in excluded]
    assert known.excluded == sum(each in excluded for each in listed)
    assert known.recipients + known.repeated + known.excluded == len(listed)


def test_a_long_list_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("".join(f"{people.number(index)}\n" for index in range(20_000)))
    excluded_numbers(path)
    tracemalloc.start()
    try:
        kept = excluded_numbers(path)
        size = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kept
    # The set, and the smaller one from which it has grown.
    assert size / len(kept) < 250


@pytest.fixture(params=["single", "batch"])
def task(request: pytest.FixtureRequest, sandbox: SandboxControl, tomorrow: datetime) -> Task:
    return Task(request.param, tomorrow)


@pytest.mark.parametrize("value", [[people.ANNA], ["{{ 138 }}0013-8001"]])
def test_a_task_without_anybody_left_is_skipped(
    task: Task, sandbox: SandboxControl, value: Any
) -> None:
    with pytest.raises(AirflowSkipException) as caught:
        task.run(exclude=value)
    assert "exclude" in str(caught.value)
    assert (sandbox.requests(), task.state) == ([], "begun")
    task.clear(exclude=[people.BEN])
    assert texted(sandbox) == [people.ANNA]


@pytest.mark.parametrize("value", [["12"], None, "None", "/nowhere/out.txt"])
def test_a_list_that_cannot_be_read_stops_the_task(
    task: Task, sandbox: SandboxControl, value: Any
) -> None:
    with pytest.raises((JsmsInputError, JsmsRecipientsFileError)):
        task.run(exclude=value)
    assert (sandbox.requests(), task.state) == ([], "begun")


class TestAnOptOutAfterTheSubmission:
    @pytest.mark.parametrize("again", ["run", "clear"])
    def test_fails_the_task_and_names_the_schedule(
        self, task: Task, sandbox: SandboxControl, again: str
    ) -> None:
        schedule_id = task.run(exclude=[])
        before = len(sandbox.requests())
        with pytest.raises(JsmsChangedListError, match=schedule_id) as caught:
            getattr(task, again)(exclude=[people.ANNA])
        assert isinstance(caught.value, AirflowFailException)
        assert len(sandbox.requests()) == before

    def test_fails_the_task_also_if_nobody_knows(self, task: Task, sandbox: SandboxControl) -> None:
        call = f"submit_{'batch_' if task.kind == 'batch' else ''}schedule"
        sandbox.fault(call, "accepted_then_closed")
        with pytest.raises(JsmsUncertainError):
            task.run()
        with pytest.raises(JsmsChangedListError):
            task.run(exclude=[people.ANNA])
        assert posts(sandbox) == 1

    def test_takes_a_person_out_of_a_list_of_one_chunk(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        task = Task("batch", tomorrow)
        everybody = [{"mobile": each, "temp_para": NAME} for each in BOTH]
        schedule_id = task.run(recipients=everybody)
        assert task.clear(recipients=everybody, exclude=[people.ANNA]) == schedule_id
        assert texted(sandbox) == [people.BEN]


def test_a_batch_counts_whom_it_leaves_out(
    sandbox: SandboxControl, tomorrow: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    task = Task("batch", tomorrow)
    entries = [{"mobile": each, "temp_para": NAME} for each in (*BOTH, people.BEN, people.CARA)]
    task.run(recipients=entries, exclude=[f"86{people.BEN}", people.DAN])
    assert "2 entries of recipients are left out by exclude" in capsys.readouterr().out
    assert texted(sandbox) == [people.ANNA, people.CARA]
    assert task.operator.exclude == [f"86{people.BEN}", people.DAN]
    assert as_airflow_reads(task.operator)["exclude"] == ["199****5678", "137****7004"]


@pytest.mark.parametrize(
    ("exclude", "counts"),
    [((), {}), ([], {"excluded_count": 0}), ([people.ANNA], {"excluded_count": 1})],
)
def test_the_result_has_the_count(
    exclude: Any, counts: dict[str, int], sandbox: SandboxControl, tomorrow: datetime
) -> None:
    task = Task("batch", tomorrow)
    task.arguments["recipients"] = [{"mobile": each, "temp_para": NAME} for each in BOTH]
    submit = JsmsSubmitBatchScheduleOperator(task_id="submit", **task.arguments, exclude=exclude)
    result = task.execute(submit)
    assert result["success_count"] == 2 - counts.get("excluded_count", 0)
    assert {name: result[name] for name in result if name == "excluded_count"} == counts


def test_a_modification_of_a_batch_leaves_them_out(
    sandbox: SandboxControl, tomorrow: datetime
) -> None:
    task = Task("batch", tomorrow)
    entries = [{"mobile": each, "temp_para": NAME} for each in BOTH]
    arguments = {**task.arguments, "recipients": entries, "schedule_id": task.run()}

    def modify(exclude: list[str]) -> Any:
        operator = JsmsModifyBatchScheduleOperator(task_id="m", **arguments, exclude=exclude)
        return operator.execute({"ti": TaskInstance(1)})

    assert modify([people.ANNA])["success_count"] == 1
    with pytest.raises(JsmsChangedListError, match=f"delete schedule {arguments['schedule_id']}"):
        modify(BOTH)
    assert puts(sandbox) == 1
    assert texted(sandbox) == [people.BEN]


@needs_sqlite_hook
def test_a_key_that_another_task_has_used_is_not_skipped_quietly(
    sandbox: SandboxControl,
    tomorrow: datetime,
    tmp_path: Path,
    set_connection: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TEXTS", f"sqlite:///{tmp_path}/ledger.db")
    set_connection(sandbox.url, ledger_conn_id="texts")
    first, other = Task("single", tomorrow), Task("single", tomorrow)
    schedule_id = first.run(once_key="visit-1")
    with pytest.raises(JsmsChangedListError, match=f"record visit-1, schedule {schedule_id}"):
        other.run(once_key="visit-1", exclude=[people.ANNA])
    with pytest.raises(AirflowSkipException):
        other.run(once_key="visit-2", exclude=[people.ANNA])


def test_the_field_is_masked() -> None:
    assert mask_field("exclude", [people.ANNA, {"mobile": people.BEN}]) == [
        "138****8001",
        {"mobile": "199****5678"},
    ]
    assert mask_field("exclude", f"/data/{people.ANNA}.txt") == "/data/138****8001.txt"
    assert mask_field("exclude", ()) == []
