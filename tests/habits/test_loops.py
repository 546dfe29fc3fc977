"""Several submissions in one task: each person is texted once, also by a task that is retried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.exceptions import JsmsUncertainError
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests import people
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran

ANNA, BEN, CARA = people.ANNA, people.BEN, people.CARA
EVERYBODY = sorted([ANNA, BEN, CARA])
needs_store = pytest.mark.skipif(AIRFLOW < (3, 3), reason="records are kept on Airflow 3.3 on")

# The ways in which people submit several texts in a task; each defines text(context, number, ...).
WAYS = {
    "an operator": """
def text(context, number, name="x", at=AT):
    return JsmsSubmitScheduleOperator(task_id="text", send_time=at, mobile=number, temp_id=2,
                                      temp_para={"name": name}).execute(context)
""",
    "an operator with a task_id for each": """
def text(context, number, name="x", at=AT):
    return JsmsSubmitScheduleOperator(task_id=f"to_{number[-4:]}", send_time=at, mobile=number,
                                      temp_id=2, temp_para={"name": name}).execute(context)
""",
    "a hook for each": """
def text(context, number, name="x", at=AT):
    return JsmsHook().submit_schedule(send_time=at, mobile=number, temp_id=2,
                                      temp_para={"name": name})
""",
    "one hook": """
HOOK = JsmsHook()
def text(context, number, name="x", at=AT):
    return HOOK.submit_schedule(send_time=at, mobile=number, temp_id=2, temp_para={"name": name})
""",
}
# Where the number of operators or hooks makes no difference.
TWO_WAYS = ("an operator", "one hook")
TASK = """
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(retries=RETRIES, retry_delay=timedelta(seconds=0))
    def text_everybody():
        context = get_current_context()
        number = context["ti"].try_number
BODY
    text_everybody()
"""
EACH = f"""
        return [text(context, each) for each in {[ANNA, BEN, CARA]!r}]
"""


def loop(way: str, body: str = EACH, retries: int = 0) -> str:
    return WAYS[way] + TASK.replace("BODY", body).replace("RETRIES", str(retries))


def numbers(sandbox: JsmsSandbox) -> list[str]:
    return sorted(text.mobile for text in sandbox.scheduled)


@pytest.mark.parametrize("way", WAYS)
def test_a_loop_texts_everybody(
    way: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    assert run_dag(loop(way)).state == "success"
    assert numbers(jsms_sandbox) == EVERYBODY
    assert {request.call for request in jsms_sandbox.requests} == {"submit_schedule"}


# What a task does in its first and in its second try; each text that JSMS gets counts.
RETRIED = {
    "it fails before the last": """
        for each in {everybody}:
            if each == {CARA!r} and number == 1:
                raise RuntimeError("as where a database is away")
            text(context, each)
""",
    "it fails after the first": """
        for each in {everybody}:
            text(context, each)
            if number == 1:
                raise RuntimeError("as where a database is away")
""",
    "it fails at the end": """
        for each in {everybody}:
            text(context, each)
        if number == 1:
            raise RuntimeError("as where a database is away")
""",
    "its order is another": """
        for each in {everybody}[::1 if number == 1 else -1]:
            text(context, each)
        if number == 1:
            raise RuntimeError("as where a database is away")
""",
    "its order is another after one": """
        for each in {everybody}[::1 if number == 1 else -1]:
            text(context, each)
            if number == 1:
                raise RuntimeError("as where a database is away")
""",
    "it begins with somebody else": """
        for each in {everybody}[1 if number == 1 else 0:]:
            text(context, each)
        if number == 1:
            raise RuntimeError("as where a database is away")
""",
}


@needs_store
@pytest.mark.parametrize(
    ("way", "when"),
    [
        *(("an operator", when) for when in RETRIED),
        *((way, "it fails after the first") for way in WAYS if way != "an operator"),
        ("one hook", "its order is another after one"),
    ],
)
def test_a_loop_that_is_retried_texts_everybody_once(
    way: str, when: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    body = RETRIED[when].format(everybody=[ANNA, BEN, CARA], CARA=CARA)
    assert run_dag(loop(way, body, retries=1)).state == "success"
    assert numbers(jsms_sandbox) == EVERYBODY


@needs_store
@pytest.mark.parametrize("way", TWO_WAYS)
def test_two_texts_to_one_person_stay_two(
    way: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    body = f"""
        for name in ("one", "two", "one"):
            text(context, {ANNA!r}, name)
        text(context, {BEN!r})
        if number == 1:
            raise RuntimeError("as where a database is away")
"""
    assert run_dag(loop(way, body, retries=1)).state == "success"
    texted = sorted(text.temp_para["name"] for text in jsms_sandbox.scheduled)
    assert texted == ["one", "one", "two", "x"]


CHANGED = {
    "another text": 'text(context, each, name="x" if number == 1 else "y")',
    "another time": 'text(context, each, at=AT if number == 1 else "2031-01-02 09:00:00")',
}


@needs_store
@pytest.mark.parametrize("what", CHANGED)
@pytest.mark.parametrize("way", TWO_WAYS)
def test_a_loop_that_has_changed_is_refused(
    way: str, what: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    body = f"""
        for each in {[ANNA, BEN, CARA]!r}:
            {CHANGED[what]}
        if number == 1:
            raise RuntimeError("as where a database is away")
"""
    ran = run_dag(loop(way, body, retries=1))
    assert ran.state == "failed"
    assert "an earlier try of this task has submitted another text here" in ran.said
    assert numbers(jsms_sandbox) == EVERYBODY
    scheduled = {(text.temp_para["name"], text.send_time.day) for text in jsms_sandbox.scheduled}
    assert scheduled == {("x", 1)}


@needs_store
@pytest.mark.parametrize("way", TWO_WAYS)
def test_an_uncertain_text_of_a_loop_ends_the_task_and_is_sent_to_nobody_twice(
    way: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    jsms_sandbox.fault("submit_schedule", "slow", seconds=0)
    jsms_sandbox.fault("submit_schedule", "accepted_then_closed")
    ran = run_dag(loop(way, retries=2))
    assert (ran.state, numbers(jsms_sandbox)) == ("failed", sorted([ANNA, BEN]))
    assert "JSMS may have accepted this" in ran.said


@needs_store
@pytest.mark.parametrize("way", TWO_WAYS)
def test_code_that_retries_a_call_does_not_send_it_again(
    way: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    body = f"""
        for attempt in range(3):
            try:
                text(context, {ANNA!r}, at=f"2031-01-01 09:00:0{{attempt}}")
            except Exception as error:
                print("met", type(error).__name__)
"""
    jsms_sandbox.fault("submit_schedule", "accepted_then_closed")
    ran = run_dag(loop(way, body))
    assert len(jsms_sandbox.scheduled) == 1
    assert ran.said.count("met JsmsUncertainError") == 3


@pytest.mark.skipif(AIRFLOW >= (3, 3), reason="records are kept")
@pytest.mark.parametrize("way", TWO_WAYS)
def test_where_no_record_is_kept_a_later_try_sends_nothing(
    way: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    body = RETRIED["it fails before the last"].format(everybody=[ANNA, BEN, CARA], CARA=CARA)
    ran = run_dag(loop(way, body, retries=1))
    assert (ran.state, numbers(jsms_sandbox)) == ("failed", sorted([ANNA, BEN]))


SUBCLASS = f"""
class ToEach(JsmsSubmitScheduleOperator):
    def execute(self, context):
        number = context["ti"].try_number
        for self.mobile in {[ANNA, BEN, CARA]!r}[::1 if number == 1 else -1]:
            super().execute(context)
        if number == 1:
            raise RuntimeError("as where a database is away")
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    ToEach(task_id="submit", send_time=AT, mobile="", temp_id=1, retries=RETRIES,
           retry_delay=timedelta(seconds=0))
"""


def test_a_subclass_that_executes_once_per_person(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    run_dag(SUBCLASS.replace("RETRIES", "0"))
    assert numbers(jsms_sandbox) == EVERYBODY


@needs_store
def test_a_subclass_that_executes_once_per_person_and_is_retried(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    assert run_dag(SUBCLASS.replace("RETRIES", "1")).state == "success"
    assert numbers(jsms_sandbox) == EVERYBODY


BATCHES = {
    "operators": """
def text(context, numbers):
    return JsmsSubmitBatchScheduleOperator(task_id="text", send_time=AT, temp_id=1,
                                           recipients=numbers).execute(context)
""",
    "a hook": """
def text(context, numbers):
    return JsmsHook().submit_batch_schedule(send_time=AT, temp_id=1, recipients=numbers)
""",
}
# The batches of the first and of the second try, and what JSMS sends in the end, None if it fails.
GROUPS = {
    "the same": ([[ANNA, BEN], [CARA]], [[ANNA, BEN], [CARA]], EVERYBODY),
    "one fails at first": ([[ANNA, BEN]], [[ANNA, BEN], [CARA]], EVERYBODY),
    "another order": ([[ANNA, BEN], [CARA]], [[CARA], [ANNA, BEN]], EVERYBODY),
    "one is dropped": ([[ANNA, BEN], [CARA]], [[CARA]], EVERYBODY),
    "one is drained": ([[ANNA, BEN]], [[CARA]], None),
    "one is extended": ([[ANNA, BEN], [CARA]], [[ANNA, BEN, CARA]], None),
}


@needs_store
@pytest.mark.parametrize(
    ("way", "groups"),
    [
        *(("operators", groups) for groups in GROUPS),
        ("a hook", "another order"),
        ("a hook", "one is extended"),
    ],
)
def test_batches_in_a_loop_text_everybody_once_or_say_why_not(
    way: str, groups: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    first, second, texted = GROUPS[groups]
    body = f"""
        for group in {first!r} if number == 1 else {second!r}:
            text(context, group)
        if number == 1:
            raise RuntimeError("as where a database is away")
"""
    source = BATCHES[way] + TASK.replace("BODY", body).replace("RETRIES", "1")
    ran = run_dag(source)
    assert ran.state == ("failed" if texted is None else "success")
    assert numbers(jsms_sandbox) == (
        texted or sorted(number for group in first for number in group)
    )
    assert {request.call for request in jsms_sandbox.requests} <= {
        *("submit_batch_schedule", "query_schedule"),
        *("get_template", "balance"),  # the preflight of an operator
    }


# What code does in its first and in its second try, and whether it ends well.
HABITS = {
    "it tries again what was refused": (
        """
        for each in {everybody}:
            for _ in range(2):
                try:
                    text(context, each)
                    break
                except Exception as error:
                    print("refused", type(error).__name__)
        if number == 1:
            raise RuntimeError("as where a database is away")
""",
        EVERYBODY,
    ),
    "it drains a queue": (
        """
        for each in {everybody}[number - 1 :]:
            text(context, each)
            if number == 1:
                raise RuntimeError("as where a database is away")
""",
        EVERYBODY,
    ),
    "it sends two reminders in another order": (
        """
        for name in ("a", "b")[:: 1 if number == 1 else -1]:
            text(context, {everybody}[0], name)
        if number == 1:
            raise RuntimeError("as where a database is away")
""",
        [ANNA, ANNA],
    ),
    "it goes on after a time that has passed": (
        """
        for at in ("2026-01-01 09:00:00", AT):
            try:
                text(context, {everybody}[0], at=at)
            except Exception as error:
                print("too late", type(error).__name__)
        if number == 1:
            raise RuntimeError("as where a database is away")
""",
        [ANNA],
    ),
}


@needs_store
@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("way", TWO_WAYS)
def test_habits_of_loops_text_everybody_once(
    way: str, habit: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    body, texted = HABITS[habit]
    if "refused" in habit:
        jsms_sandbox.fault("submit_schedule", "code", code=50009)
    ran = run_dag(loop(way, body.format(everybody=[ANNA, BEN, CARA]), retries=1))
    assert (ran.state, numbers(jsms_sandbox)) == ("success", sorted(texted))


@needs_store
@pytest.mark.parametrize("way", TWO_WAYS)
def test_a_text_of_code_that_a_retry_changes_is_refused_and_nobody_gets_two(
    way: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    body = f"""
        text(context, {ANNA!r}, name="x" if number == 1 else "y")
        if number == 1:
            raise RuntimeError("as where a database is away")
"""
    ran = run_dag(loop(way, body, retries=1))
    assert (ran.state, numbers(jsms_sandbox)) == ("failed", [ANNA])
    assert "1. If the recorded schedule is right" in ran.said


@needs_store
def test_one_task_texts_by_two_accounts(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    jsms_sandbox.connect("jsms_two")
    ran = run_dag(f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(retries=1, retry_delay=timedelta(seconds=0))
    def text():
        for conn_id, number in (("jsms_default", {ANNA!r}), ("jsms_two", {BEN!r}),
                                ("jsms_default", {CARA!r})):
            JsmsHook(conn_id).submit_schedule(send_time=AT, mobile=number, temp_id=1)
        if get_current_context()["ti"].try_number == 1:
            raise RuntimeError("as where a database is away")
    text()
""")
    assert (ran.state, numbers(jsms_sandbox)) == ("success", EVERYBODY)


@needs_store
def test_the_hook_of_a_subclass_keeps_records_too(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(f"""
class WithCopy(JsmsSubmitScheduleOperator):
    def execute(self, context):
        result = super().execute(context)
        with self.hook() as hook:
            hook.submit_schedule(send_time=AT, mobile={BEN!r}, temp_id=1)
        if context["ti"].try_number == 1:
            raise RuntimeError("as where a database is away")
        return result
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    WithCopy(task_id="submit", send_time=AT, mobile={ANNA!r}, temp_id=1, retries=1,
             retry_delay=timedelta(seconds=0))
""")
    assert (ran.state, numbers(jsms_sandbox)) == ("success", sorted([ANNA, BEN]))


def test_an_empty_group_does_not_end_the_loop(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    body = f"""
        for group in [[{ANNA!r}], [], [{BEN!r}]]:
            text(context, group)
"""
    source = BATCHES["operators"] + TASK.replace("BODY", body).replace("RETRIES", "0")
    ran = run_dag(source.replace("temp_id=", "dry_run=True, temp_id="))
    calls = [request.call for request in jsms_sandbox.requests]
    assert (ran.state, calls) == ("success", ["get_template", "balance"] * 3)
    ran = run_dag(source)
    assert (ran.state, numbers(jsms_sandbox)) == ("success", sorted([ANNA, BEN]))


@pytest.mark.parametrize("way", TWO_WAYS)
def test_a_template_that_nobody_renders_is_refused(
    way: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    # a traceback shows the line of the call, which names nobody
    body = f"""
        anna = {ANNA!r}
        text(context, anna, name="{{{{ ds }}}}")
"""
    ran = run_dag(loop(way, body))
    assert (ran.state, jsms_sandbox.requests) == ("failed", [])
    assert "holds a template" in ran.said


def test_a_script_that_a_later_try_starts_sends_nothing(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from airflow_provider_jsms.hooks.jsms import JsmsHook\n"
        f"print(JsmsHook().submit_schedule(send_time='2031-01-01 09:00:00', mobile='{ANNA}',"
        " temp_id=1))\n"
    )
    ran = run_dag(f"""
import subprocess, sys
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(retries=1, retry_delay=timedelta(seconds=0))
    def start():
        subprocess.run([sys.executable, {str(script)!r}], check=True)
        if get_current_context()["ti"].try_number == 1:
            raise RuntimeError("as where a database is away")
    start()
""")
    assert (ran.state, numbers(jsms_sandbox)) == ("failed", [ANNA])


def test_a_callback_of_a_later_try_may_use_the_hook(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(f"""
def alert(context):
    JsmsHook().submit_schedule(send_time=AT, mobile={people.ON_CALL!r}, temp_id=1)
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(retries=1, retry_delay=timedelta(seconds=0), on_failure_callback=alert)
    def fail():
        raise RuntimeError("as where a database is away")
    fail()
""")
    assert (ran.state, numbers(jsms_sandbox)) == ("failed", [people.ON_CALL])


def test_a_hook_outside_a_task_does_not_resend_an_uncertain_text(
    jsms_sandbox: JsmsSandbox,
) -> None:
    jsms_sandbox.fault("submit_schedule", "accepted_then_closed")
    text = {"mobile": ANNA, "temp_id": 1}
    for second in range(3):
        with pytest.raises(JsmsUncertainError, match="Never retry this error"):
            JsmsHook().submit_schedule(send_time=f"2031-01-01 09:00:0{second}", **text)
    assert numbers(jsms_sandbox) == [ANNA]
    JsmsHook(durable=False).submit_schedule(send_time="2031-01-01 09:00:00", **text)
    assert numbers(jsms_sandbox) == [ANNA, ANNA]


@needs_store
@pytest.mark.parametrize(
    "body",
    [
        """
    def text_everybody():
        with JsmsHook() as hook, ThreadPoolExecutor(4) as threads:
            list(threads.map(partial(text, hook), NUMBERS))
""",
        """
    async def text_everybody():
        with JsmsHook() as hook:
            await asyncio.gather(*(asyncio.to_thread(text, hook, each) for each in NUMBERS))
""",
    ],
    ids=["threads", "asyncio"],
)
def test_threads_may_text_at_once(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, body: str
) -> None:
    ran = run_dag(f"""
import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
NUMBERS = [f"139000000{{number}}" for number in range(10, 40)]
def text(hook, number):
    hook.submit_schedule(send_time=AT, mobile=number, temp_id=1)
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task{body}
    text_everybody()
""")
    assert ran.tasks == {"text_everybody": "success"}
    texted = sorted(each.mobile for each in jsms_sandbox.scheduled)
    assert texted == [f"139000000{number}" for number in range(10, 40)]
