"""What people pass as schedule_id: ids, and the results of other tasks in every shape."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from airflow_provider_jsms.api.references import References, only_ids, references_in
from airflow_provider_jsms.exceptions import JsmsRenderError
from tests import people
from tests.unit.refusals import refusal_of
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable

UUID = "8b19cd0d-5f5f-4f5c-9d2d-5f5f4f5c9d2d"
CANARY = "canary-name"


def batch(*schedule_ids: str, count: int | None = None, **more: Any) -> dict[str, Any]:
    """Return the result of a batch submit."""
    accepted = len(schedule_ids) if count is None else count
    ids = {"schedule_ids": list(schedule_ids), "success_count": accepted, "failure_count": 0}
    return {**ids, **more}


def modified(schedule_id: str | None) -> dict[str, Any]:
    """Return the result of a batch modify."""
    return {
        "schedule_id": schedule_id,
        "success_count": 1,
        "failure_count": 1,
        "failure_recipients": [
            {
                "mobile": people.ANNA,
                "temp_para": {"name": CANARY},
                "error_code": 50006,
                "error_message": "",
            }
        ],
    }


QUERIED = {
    "schedule_id": "a",
    "send_time": "2031-01-01 09:00:00",
    "temp_id": 1,
    "recipients": [{"msg_id": "1", "mobile": people.ANNA, "temp_para": {"name": CANARY}}],
}


class Lazy(Sequence[Any]):
    """As the results of mapped tasks, which Airflow fetches one by one."""

    def __init__(self, *results: Any, error: Exception | None = None) -> None:
        self.results = results
        self.error = error

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, at: Any) -> Any:
        if self.error:
            raise self.error
        return self.results[at]


@pytest.mark.parametrize(
    ("value", "ids", "count"),
    [
        (UUID, [UUID], None),
        (f" {UUID}\n", [UUID], None),
        (uuid.UUID(UUID), [UUID], None),
        ([UUID], [UUID], None),
        (("b", "a"), ["b", "a"], None),
        (["b", "a", "b", "c", "a"], ["b", "a", "c"], None),
        ([" b", uuid.UUID(UUID)], ["b", UUID], None),
        ((each for each in ["b", "a"]), ["b", "a"], None),
        ({"a": 1}.keys(), ["a"], None),
        (np.array(["b", "a"]), ["b", "a"], None),
        (pd.Series(["b", "a"]), ["b", "a"], None),
        (pd.DataFrame({"mobile": [people.ANNA], "schedule_id": ["a"]}), ["a"], None),
        (pl.DataFrame({"mobile": [people.ANNA], "schedule_id": ["a"]}), ["a"], None),
        ([{"schedule_id": "a", "mobile": people.ANNA}, {"schedule_id": "b"}], ["a", "b"], None),
        # Results of one task.
        (batch("b", "a", count=7), ["b", "a"], 7),
        ({"schedule_ids": ["b"], "schedule_id": "a"}, ["b"], None),
        (MappingProxyType({"schedule_id": UUID}), [UUID], None),
        (modified("a"), ["a"], 1),
        (QUERIED, ["a"], None),
        ({"a": ["1", "2"], "b": ["3"]}, ["a", "b"], None),
        ({"a": ["1", "2"], "b": []}, ["a", "b"], None),
        ({"a": 1000, "b": 1}, ["a", "b"], None),
        # Of mapped ones, and of several.
        (Lazy("a", "b"), ["a", "b"], None),
        (Lazy(["a", "b"], ["c"]), ["a", "b", "c"], None),
        (Lazy(batch("a", "b", count=5), batch("c")), ["a", "b", "c"], 6),
        ([batch("a"), None], ["a"], 1),
        ([None, "a"], ["a"], None),
        ([batch("a"), batch("b"), batch("a")], ["a", "b"], 2),
        ([batch("a", count=3), modified("a")], ["a"], 1),
        ([batch("a", count=3), "a"], ["a"], 3),
        ([batch("a", count=3), "b"], ["a", "b"], None),
        ([batch("a", "b", count=5), batch("b", count=3)], ["a", "b"], None),
        (Lazy({"a": ["1"]}, {"b": ["2"]}), ["a", "b"], None),
        # What templates make of them.
        ("a,b", ["a", "b"], None),
        (" a, b ,a\n", ["a", "b"], None),
        ("['b', 'a']", ["b", "a"], None),
        ('["b", "a"]', ["b", "a"], None),
        ("('b', 'a')", ["b", "a"], None),
        ('"a"', ["a"], None),
        (json.dumps(batch("a", "b")), ["a", "b"], 2),
        (str(batch("a", "b")), ["a", "b"], 2),
        (str(modified("a")), ["a"], 1),
        (str([batch("a"), batch("b")]), ["a", "b"], 2),
        (str({"a": ["1"]}), ["a"], None),
    ],
)
def test_schedules_are_named_by_ids_and_by_results(
    value: object, ids: list[str], count: int | None
) -> None:
    references = references_in(value)
    assert (list(references.schedule_ids), references.success_count) == (ids, count)
    assert references.absence() == ""


@pytest.mark.parametrize(
    ("value", "empty"),
    [
        (None, 1),
        ("", 1),
        ("None", 1),
        (" None\n", 1),
        ("null", 1),
        ("[null]", 1),
        ([None], 1),
        ([None, None], 2),
        (["", "None"], 2),
        ("[None]", 1),
        (Lazy(), 1),
        ({"schedule_id": None}, 1),
        ({"schedule_ids": None}, 1),
        (modified(None), 1),
    ],
)
def test_a_task_that_returned_nothing_is_named_as_the_cause(value: object, empty: int) -> None:
    references = references_in(value)
    assert references == References((), empty=empty)
    text = references.absence()
    assert text.startswith("There is no schedule_id, so the task is skipped. The upstream task")
    for part in ("uncertain", "marked as success", "skipped", "the template names another task"):
        assert part in text
    assert text.endswith("Look for the schedule in the JSMS console, and pass its schedule_id.")


@pytest.mark.parametrize("value", [[], (), batch(), [batch()], "[]", [[]]], ids=str)
def test_an_empty_list_names_no_schedule(value: object) -> None:
    assert "The list is empty" in references_in(value).absence()


def test_texts_that_were_assumed_as_sent_have_no_schedule_id() -> None:
    value = batch(uncertain_count=3)
    assert references_in(value) == References((), uncertain_count=3)
    assert "For 3 recipients the submit does not know" in references_in(value).absence()
    assert "For 1 recipient the submit" in references_in(batch(uncertain_count=1)).absence()
    value = [batch("a", uncertain_count=3), batch("b", uncertain_count=1), batch("c")]
    assert references_in(value) == References(("a", "b", "c"), 3, uncertain_count=4)


@pytest.mark.parametrize(
    "value",
    [
        *(5, True, 1.5, {}, b"ab", bytearray(b"ab"), ["a", "a/b"], [b"a"], "a,b/c", "[1, 2]"),
        *({"customer": "a"}, {"customer": ["a"]}, {"a": True}, {"a": None}, {"a": []}, [{}]),
        *({"success_count": 1}, {"schedule_ids": {"a": 1}}, {"schedule_ids": [["a"]]}),
        *({"deleted": ["a"], "missing": []}, pd.DataFrame({"id": ["a"]}), [float("nan")]),
        *("{'schedule_ids': [", "[" * 10_000, "LazyXComSequence([2 items])", people.ANNA),
    ],
    ids=lambda value: str(value)[:30],
)
def test_anything_else_is_refused(value: object) -> None:
    text = refusal_of(references_in, value)
    assert text.startswith("schedule_id ")
    assert "returned nothing" not in text
    assert people.ANNA not in text


def test_results_that_cannot_be_fetched_may_be_so_later() -> None:
    lazy = Lazy(error=RuntimeError(CANARY))
    assert only_ids(lazy) is lazy
    with pytest.raises(JsmsRenderError, match=r"schedule_id .*RuntimeError.*another try"):
        references_in(lazy)


@pytest.mark.skipif(AIRFLOW < (3, 2), reason="older ones fetch it in other ways")
class TestTheSequenceOfAirflow:
    """XComs of a mapped task, or of a task loop read from outside, which Airflow fetches lazily."""

    @pytest.fixture
    def fetched(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
        """Return a function that makes the sequence of some XComs, with a stand-in supervisor."""
        from airflow.sdk.execution_time import comms, lazy_sequence, task_runner  # noqa: PLC0415

        def make(*xcoms: object, error: Exception | None = None) -> object:
            def send(asked: Any) -> object:
                if error:
                    raise error
                if isinstance(asked, comms.GetXComCount):
                    return comms.XComCountResponse(len=len(xcoms))
                if asked.offset >= len(xcoms):
                    return comms.ErrorResponse(error=comms.ErrorType.XCOM_NOT_FOUND)
                return comms.XComSequenceIndexResult(root=xcoms[asked.offset])

            supervisor = SimpleNamespace(send=send)
            monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
            submit = SimpleNamespace(dag_id="dag", task_id="submit")
            of_the_submit: Any = SimpleNamespace(operator=submit, key="return_value")
            ti: Any = SimpleNamespace(run_id="run")
            return lazy_sequence.LazyXComSequence(xcom_arg=of_the_submit, ti=ti)

        return make

    @pytest.mark.parametrize(
        ("xcoms", "expected"),
        [
            (["a", "b"], References(("a", "b"))),
            ([batch("a", "b", count=5), batch("c")], References(("a", "b", "c"), 6)),
            ([batch("a", uncertain_count=2)], References(("a",), 1, 2)),
            ([], References((), empty=1)),
        ],
    )
    def test_names_schedules(
        self, xcoms: list[object], expected: References, fetched: Callable[..., object]
    ) -> None:
        assert references_in(fetched(*xcoms)) == expected
        assert references_in([fetched(*xcoms)]) == expected
        assert references_in(only_ids(fetched(*xcoms))) == expected

    def test_may_be_fetched_by_another_try(self, fetched: Callable[..., object]) -> None:
        with pytest.raises(JsmsRenderError, match="another try may fetch it"):
            references_in(fetched(error=RuntimeError(CANARY)))


class TestOne:
    @pytest.mark.parametrize(
        "value", ["a", ["a"], batch("a"), [batch("a"), None], Lazy(batch("a")), "['a']", QUERIED]
    )
    def test_is_the_only_one(self, value: object) -> None:
        assert references_in(value).only("") == "a"

    @pytest.mark.parametrize("value", ["a,b", batch("a", "b"), Lazy("a", "b")])
    def test_is_none_of_several(self, value: object) -> None:
        text = refusal_of(references_in(value).only, "Use .expand.")
        assert "names 2 schedules, but this task takes one" in text
        assert text.endswith("Use .expand.")

    def test_may_not_be_all(self) -> None:
        text = refusal_of(references_in(batch("a", uncertain_count=9)).only, "")
        assert "there may be another" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (UUID, UUID),
        (batch("a"), {"schedule_ids": ["a"], "success_count": 1}),
        (modified("a"), {"schedule_id": "a", "success_count": 1}),
        (str(modified("a")), {"schedule_id": "a", "success_count": 1}),
        (Lazy(modified("a"), None), [{"schedule_id": "a", "success_count": 1}, None]),
        ([QUERIED], {"schedule_id": "a"}),
        ({"a": ["1"]}, "a"),
        ({"a": 2000, "b": 1}, ["a", "b"]),
        ([], []),
        (Lazy(), None),
        (str(modified("a"))[:-3], "[***]"),
        (pd.DataFrame({"mobile": [people.ANNA], "schedule_id": ["a"]}), "a"),
        (pd.DataFrame({"mobile": [people.ANNA]}), {}),
        (b"a", b"a"),
    ],
)
def test_recipients_in_a_result_are_not_shown(value: object, shown: object) -> None:
    assert only_ids(value) == shown
    assert references_in(only_ids(UUID)) == references_in(UUID)
