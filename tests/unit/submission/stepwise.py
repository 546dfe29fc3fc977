"""A try of a real operator, one step at a time: the next access to the store, JSMS or a person.

A try is deterministic: it depends on its arguments and on the replies it has had. To advance a try
by one step it is executed again from its start with the replies so far, until it needs one more:
there it is interrupted, and nothing after that step runs. So a try can crash at every step, or stay
frozen there while others run, without a thread.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from jinja2.sandbox import SandboxedEnvironment

from airflow_provider_jsms.api import calls
from airflow_provider_jsms.exceptions import (
    JsmsError,
    JsmsFrequencyError,
    JsmsReadTimeoutError,
    JsmsStateError,
)
from airflow_provider_jsms.hooks.connection import JsmsSettings
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.operators import asking
from airflow_provider_jsms.operators.jsms import (
    JsmsSubmitBatchScheduleOperator,
    JsmsSubmitScheduleOperator,
)
from airflow_provider_jsms.submission.campaigns import campaign
from airflow_provider_jsms.submission.lists import chunks
from airflow_provider_jsms.submission.records import ledger, record_content, stored_record
from airflow_provider_jsms.submission.records.stores import RecordTakenError
from tests import people
from tests.histories import Schedule
from tests.leaks import APP_KEY, MASTER_SECRET
from tests.store import TaskReplacedError
from tests.unit.submission.tries import TaskInstance
from tests.versions import TaskAwaitingInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

SEND_TIME = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
NOW = "2026-12-01T00:00:00Z"

WRITTEN = "written"
TAKEN = "taken"
REPLACED = "replaced"
LOST = "lost"
REFUSED = "refused"
UNKNOWN = "unknown"

FIRST = "the first arguments"
OTHER_TEXT = "another template"
OTHER_PERSON = "another person"


class Step(NamedTuple):
    """The request that a try waits for: ``what`` is read, write, POST, PUT or GET.

    ``expected`` is the content of a row that a write replaces.
    """

    what: str
    key: str
    content: Any = None
    expected: Any = None


class Ended(NamedTuple):
    """How a try ended: ``state`` is success, skipped, waiting, failed or failed for good.

    ``schedule_ids`` and ``uncertain`` are the result of a success, ``about`` of a question.
    """

    state: str
    text: str = ""
    schedule_ids: tuple[str, ...] = ()
    uncertain: int = 0
    about: str = ""


class Setting(NamedTuple):
    """The DAG and its people.

    :param kind: single, mapped or chunks (of one person each).
    :param limit: a case to explore as well, though it breaks the promise: a request of an earlier
        try reaches JSMS after a person has looked (``late POST``), or after a later try has
        modified the schedule (``late PUT``); a person looks for those whom the question names,
        though the submission in doubt went to others (``other person``); a person finds the text
        of earlier arguments, and does not think of restoring them (``other text``).
    :param is_in_table: the records are rows of a ledger, and this Airflow keeps none.
    """

    kind: str
    on_uncertain: str
    limit: str = ""
    is_in_table: bool = False
    once_key: str | None = None

    def arguments(self, variant: str) -> dict[str, Any]:
        """Return the arguments of the operator."""
        mobiles = self.mobiles(variant)
        to: dict[str, Any] = (
            {"recipients": list(mobiles)} if self.kind == "chunks" else {"mobile": mobiles[0]}
        )
        text = {"temp_id": self.temp_id(variant), "send_time": SEND_TIME}
        return {**to, **text, "once_key": self.once_key}

    def mobiles(self, variant: str) -> tuple[str, ...]:
        """Return everybody whom the task has to text, in the order of the chunks."""
        is_other = variant == OTHER_PERSON
        if self.kind == "chunks":
            return (people.ANNA, people.CARA if is_other else people.BEN)
        return (people.CARA if is_other else people.ANNA,)

    def temp_id(self, variant: str) -> int:
        """Return the template."""
        return 4 if variant == OTHER_TEXT else 2


class Answer(NamedTuple):
    """The answer of a person: an option and schedule_ids; no option if nobody answers in time."""

    option: str
    schedule_ids: tuple[tuple[str, str], ...]
    about: str


class Try(NamedTuple):
    """A try as far as it has come: ``replies`` are those to its steps so far."""

    setting: Setting
    number: int
    is_cleared: bool
    arguments: str
    answer: Answer | None = None
    replies: tuple[Any, ...] = ()


class Interrupted(BaseException):
    """Ends a try at a step that has no reply yet."""

    def __init__(self, step: Step) -> None:
        self.step = step


class Replay:
    """Answers the steps of a try with the replies so far, and then as ``further`` does."""

    def __init__(self, replies: tuple[Any, ...], further: Callable[[Step], Any]) -> None:
        self._replies = iter(replies)
        self._further = further
        self._is_over = False

    def reply_to(self, step: Step) -> Any:
        """Return the reply; a try that is interrupted gets none any more."""
        for reply in self._replies:
            return reply
        if not self._is_over:
            self._is_over = True
            reply = self._further(step)
            self._is_over = False
            return reply
        raise Interrupted(step)


class ReplayedStore:
    """Airflow's task state store."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def get(self, key: str) -> Any:
        content = self._replay.reply_to(Step("read", key))
        return None if content is None else json.loads(content)

    def set(self, key: str, value: dict[str, Any], *, retention: object = None) -> None:
        if self._replay.reply_to(Step("write", key, json.dumps(value))) == REPLACED:
            raise TaskReplacedError(key)


class ReplayedTable:
    """The ledger: it refuses a write if the row is not what the writer has read."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._read: dict[str, str | None] = {}

    def store(self, place: object) -> ReplayedTable:
        del place  # there is one task
        return self

    def close(self) -> None:
        """Nothing is open."""

    def get(self, key: str) -> Any:
        content = self._replay.reply_to(Step("read", key))
        self._read[key] = content
        return None if content is None else json.loads(content)

    def set(self, key: str, value: dict[str, Any], *, retention: object = None) -> None:
        content = json.dumps(value)
        step = Step("write", key, content, self._read.get(key))
        if self._replay.reply_to(step) == TAKEN:
            raise RecordTakenError
        self._read[key] = content


class ReplayedHook(JsmsHook):
    """The hook, where it would send a request."""

    settings = JsmsSettings(
        base_url="https://jsms.invalid",
        app_key=APP_KEY,
        master_secret=MASTER_SECRET,
        zone=ZoneInfo("Asia/Shanghai"),
        connect_timeout=1,
        read_timeout=1,
        max_attempts=1,
        ca_bundle="",
        ledger_conn_id="",
        ledger_table="",
    )

    def __init__(self, replay: Replay, *, is_in_table: bool) -> None:
        super().__init__()
        self._replay = replay
        self.ledger: Any = ReplayedTable(replay) if is_in_table else None

    def send_call(self, call: calls.Call[Any]) -> Any:
        schedule_id = call.path.rpartition("/")[2] if call.method == "PUT" else ""
        mobiles = tuple(person["mobile"] for person in call.recipients)
        content = Schedule(schedule_id, mobiles, (call.body or {})["temp_id"])
        reply = self._replay.reply_to(Step(call.method, schedule_id, content))
        if reply == REFUSED:
            raise JsmsFrequencyError("too often", call=str(call), code=50009)
        if reply == UNKNOWN:
            raise JsmsStateError("no such schedule", call=str(call), code=50028)
        if reply == LOST:
            error = JsmsReadTimeoutError("no reply in time", call=str(call))
            if call.method == "PUT":
                raise error
            raise calls.uncertain(call, error, SEND_TIME) from error
        if "mobile" in (call.body or {}):
            return reply
        counts = {"success_count": len(mobiles), "failure_count": 0, "failure_recipients": []}
        return {"schedule_id": reply, **counts}

    def query_schedule(self, schedule_id: object) -> Any:
        call = calls.query_schedule(schedule_id)  # which refuses an invalid id
        found = self._replay.reply_to(Step("GET", str(schedule_id)))
        if found == UNKNOWN:
            raise JsmsStateError("no such schedule", call=str(call), code=50028)
        return {
            "schedule_id": found.schedule_id,
            "send_time": self.parse_send_time(SEND_TIME).wire,
            "temp_id": found.temp_id,
            "recipients": [{"msg_id": None, "mobile": it, "temp_para": {}} for it in found.mobiles],
        }


steps: dict[Try, Step | Ended] = {}
"""The step that each try stands at, as far as known."""


def next_step(it: Try) -> Step | Ended:
    """Return the step that a try stands at, or how it ended."""
    if it not in steps:
        try:
            steps[it] = execute(it, _interrupt)
        except Interrupted as interrupted:
            steps[it] = interrupted.step
    return steps[it]


def _interrupt(step: Step) -> Any:
    raise Interrupted(step)


def execute(it: Try, further: Callable[[Step], Any]) -> Ended:
    """Execute a try to its end, which gets its replies from ``further`` once its own run out."""
    try:
        result = _run(it, Replay(it.replies, further))
    except AirflowSkipException as error:
        return Ended("skipped", str(error))
    except JsmsError as error:
        is_final = isinstance(error, AirflowFailException)
        return Ended("failed for good" if is_final else "failed", str(error))
    except TaskAwaitingInput as signal:
        return Ended("waiting", about=json.dumps((signal.kwargs or {})["about"]))
    if it.setting.kind == "chunks":
        uncertain = result.get("uncertain_count", 0)
        return Ended("success", "", tuple(result["schedule_ids"]), uncertain)
    return Ended("success", "", (result,) if result else (), 0 if result else 1)


def _run(it: Try, replay: Replay) -> Any:
    """Execute the operator as Airflow does."""
    operator = _operator(it)
    operator.hook = lambda: ReplayedHook(replay, is_in_table=it.setting.is_in_table)
    ti = TaskInstance(
        it.number,
        max_tries=int(it.is_cleared),
        map_index=0 if it.setting.kind == "mapped" else -1,
        next_method="answered" if it.answer else None,
    )
    context: dict[str, Any] = {"ti": ti}
    if not it.setting.is_in_table:
        context["task_state_store"] = ReplayedStore(replay)
    operator.render_template_fields(context, _TEMPLATES)
    if it.answer is None:
        return operator.execute(context)
    about = json.loads(it.answer.about)
    return operator.answered(context, _event(it.answer, about), about=about)


def _operator(it: Try) -> Any:
    arguments, kind = it.setting.arguments(it.arguments), JsmsSubmitScheduleOperator
    if it.setting.kind == "chunks":
        # What the preflight asks changes nothing, here as at JSMS.
        arguments, kind = {**arguments, "preflight": False}, JsmsSubmitBatchScheduleOperator
    return kind(task_id="submit", on_uncertain=it.setting.on_uncertain, **arguments)


def _event(answer: Answer, about: dict[str, Any]) -> dict[str, Any]:
    """Return what Airflow resumes a task with."""
    if not answer.option:
        return {"error": "The response timeout has passed", "error_type": "timeout"}
    entered = {about[key]["field"]: schedule_id for key, schedule_id in answer.schedule_ids}
    return {"chosen_options": [answer.option], "params_input": entered}


class Templates(SandboxedEnvironment):
    """Compiles each template once, not in every try."""

    @cache  # noqa: B019  there is one for all tests
    def from_string(self, *args: Any, **kwargs: Any) -> Any:
        return super().from_string(*args, **kwargs)


_TEMPLATES = Templates()


@contextmanager
def chunks_of_one_person(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Prepare the provider: small chunks, a clock that stands still, no log."""
    for module in (chunks, campaign):
        monkeypatch.setattr(module, "MAX_RECIPIENTS", 1)
    for module in (ledger, record_content, stored_record):
        monkeypatch.setattr(module, "now", lambda: NOW)
    monkeypatch.setattr(asking, "_enter", lambda _, question: question)
    monkeypatch.setattr("airflow.sdk.bases.operator.ExecutorSafeguard.test_mode", True)
    steps.clear()
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        steps.clear()
