"""The result of one task is the schedule_id of another, in the shapes that Airflow hands it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran

    Run = Callable[..., Ran]

A, B, C, D = (f"1390000000{digit}" for digit in range(1, 5))
BATCH = f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    one = JsmsSubmitBatchScheduleOperator(
        task_id="submit", send_time=AT, temp_id=1, recipients=["{A}"])
"""
MAPPED = f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    mapped = JsmsSubmitBatchScheduleOperator.partial(
        task_id="submit", send_time=AT, temp_id=1).expand(recipients=[["{A}"], ["{B}", "{C}"]])
"""
SINGLES = f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    mapped = JsmsSubmitScheduleOperator.partial(
        task_id="submit", send_time=AT, temp_id=1).expand(mobile=["{A}", "{B}", "{C}"])
"""
# The batch for nobody is skipped.
SKIPPED = f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    nobody = JsmsSubmitBatchScheduleOperator(
        task_id="nobody", send_time=AT, temp_id=1, recipients=[])
    one = JsmsSubmitBatchScheduleOperator(
        task_id="submit", send_time=AT, temp_id=1, recipients=["{A}"])
    mapped = JsmsSubmitBatchScheduleOperator.partial(
        task_id="mapped", send_time=AT, temp_id=1).expand(recipients=[[], ["{B}"], []])
    none = JsmsSubmitBatchScheduleOperator.partial(
        task_id="none", send_time=AT, temp_id=1).expand(recipients=[[], []])
"""


def calls(sandbox: JsmsSandbox, name: str) -> list[str]:
    """Return the schedule_id of each such call, in alphabetical order."""
    paths = [each.path for each in sandbox.requests if each.call == name]
    return sorted(path.rpartition("/")[2] for path in paths)


def scheduled(sandbox: JsmsSandbox) -> dict[str, str]:
    """Return the schedule_id of everybody who is going to be texted, by number."""
    return {text.mobile: text.schedule_id for text in sandbox.scheduled}


@pytest.mark.parametrize(
    "given", ["one.output", 'one.output["schedule_ids"]', "[one.output, None]"]
)
def test_a_batch_of_one_schedule_is_modified_and_queried_by_its_result(
    given: str, run_dag: Run, jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(
        f"""{BATCH}
    change = JsmsModifyBatchScheduleOperator(task_id="modify", schedule_id={given},
        send_time=AT, temp_id=1, recipients=["{B}", "{C}"])
    query = JsmsQueryScheduleOperator(task_id="query", schedule_id={given})
    change >> query
    # What they return names the schedule too.
    again = JsmsQueryScheduleOperator(task_id="again", schedule_id=change.output["schedule_id"])
    last = JsmsScheduleSensor(task_id="wait", schedule_id=query.output)
    again >> last
    JsmsDeleteScheduleOperator(task_id="delete", schedule_id=last.output)
"""
    )
    assert ran.state == "success", ran.said
    (schedule_id,) = calls(jsms_sandbox, "modify_batch_schedule")
    assert {text.mobile: text.schedule_id for text in jsms_sandbox.deleted} == {
        B: schedule_id,
        C: schedule_id,
    }
    assert set(calls(jsms_sandbox, "query_schedule")) == {schedule_id}
    assert calls(jsms_sandbox, "delete_schedule") == [schedule_id]


def test_a_single_schedule_is_modified_by_what_another_task_returned(
    run_dag: Run, jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(
        f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    one = JsmsSubmitScheduleOperator(task_id="submit", send_time=AT, temp_id=1, mobile="{A}")
    query = JsmsQueryScheduleOperator(task_id="query", schedule_id=one.output)
    JsmsModifyScheduleOperator(task_id="modify", schedule_id=query.output, send_time=AT,
        temp_id=1, mobile="{B}")
"""
    )
    assert ran.state == "success", ran.said
    assert scheduled(jsms_sandbox) == {B: calls(jsms_sandbox, "modify_schedule")[0]}


TEXTS = (
    "{{ ti.xcom_pull(task_ids='submit') }}",
    "{{ ti.xcom_pull(task_ids='submit') | tojson }}",
    "{{ ti.xcom_pull(task_ids='submit')['schedule_ids'] }}",
    "{{ ti.xcom_pull(task_ids='submit', key='schedule_ids') | join(',') }}",
    "\n  {{ ti.xcom_pull(task_ids='submit')['schedule_ids'][0] }}\n",
)


def test_a_template_may_make_a_text_of_a_result(run_dag: Run, jsms_sandbox: JsmsSandbox) -> None:
    ran = run_dag(
        f"""{BATCH}
    for number, text in enumerate({TEXTS!r}):
        one >> [JsmsQueryScheduleOperator(task_id=f"query_{{number}}", schedule_id=text),
                JsmsScheduleSensor(task_id=f"wait_{{number}}", schedule_id=text)]
"""
    )
    assert ran.state == "success", ran.said
    assert calls(jsms_sandbox, "query_schedule") == [scheduled(jsms_sandbox)[A]] * 2 * len(TEXTS)


@pytest.mark.parametrize(
    ("submit", "key"),
    [(MAPPED, ""), (MAPPED, '["schedule_ids"]'), (SINGLES, "")],
    ids=["batches", "ids of batches", "singles"],
)
def test_what_mapped_submits_returned_is_followed_and_deleted_as_a_whole(
    submit: str, key: str, run_dag: Run, jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(
        f"""{submit}
    wait = JsmsScheduleSensor(task_id="wait", schedule_id=mapped.output{key})
    wait >> JsmsDeleteScheduleOperator(task_id="delete", schedule_id=mapped.output{key})
"""
    )
    assert ran.state == "success", ran.said
    deleted = {text.mobile: text.schedule_id for text in jsms_sandbox.deleted}
    assert set(deleted) == {A, B, C}
    assert calls(jsms_sandbox, "query_schedule") == sorted(set(deleted.values()))
    assert calls(jsms_sandbox, "delete_schedule") == sorted(set(deleted.values()))


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="the @task_group of the test is of airflow.sdk")
def test_so_is_what_a_mapped_task_group_returned(run_dag: Run, jsms_sandbox: JsmsSandbox) -> None:
    ran = run_dag(
        f"""
from airflow.sdk import task_group
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task_group
    def one(mobile):
        submit = JsmsSubmitScheduleOperator(
            task_id="submit", send_time=AT, temp_id=1, mobile=mobile)
        return submit.output
    JsmsDeleteScheduleOperator(
        task_id="delete", schedule_id=one.expand(mobile=["{A}", "{B}"]))
"""
    )
    assert ran.state == "success", ran.said
    assert {text.mobile for text in jsms_sandbox.deleted} == {A, B}


def test_several_schedules_are_queried_by_mapped_tasks_as_the_error_says(
    run_dag: Run, jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(
        f"""{MAPPED}
    @task
    def ids(results):
        return [each for result in results for each in result["schedule_ids"]]
    JsmsQueryScheduleOperator.partial(task_id="query").expand(schedule_id=ids(mapped.output))
    JsmsQueryScheduleOperator(task_id="refused", schedule_id=mapped.output)
    JsmsModifyBatchScheduleOperator(task_id="also_refused", schedule_id=mapped.output,
        send_time=AT, temp_id=1, recipients=["{D}"])
"""
    )
    assert {name: state for name, state in ran.tasks.items() if "submit" not in name} == {
        "ids": "success",
        "query[0]": "success",
        "query[1]": "success",
        "refused": "failed",
        "also_refused": "failed",
    }
    assert "names 2 schedules, but this task takes one" in ran.said
    assert ".expand(schedule_id=ids)" in ran.said
    assert ".expand_kwargs([...]) with the schedule_id and the recipients of each" in ran.said
    assert set(scheduled(jsms_sandbox)) == {A, B, C}
    assert calls(jsms_sandbox, "query_schedule") == sorted(set(scheduled(jsms_sandbox).values()))


def test_several_schedules_are_modified_by_mapped_tasks_each_to_its_own_people(
    run_dag: Run, jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(
        f"""{SINGLES}
    @task
    def changes(schedule_ids):
        return [{{"schedule_id": each, "mobile": mobile}}
                for each, mobile in zip(schedule_ids, ["{B}", "{C}", "{D}"])]
    JsmsModifyScheduleOperator.partial(task_id="modify", send_time=AT, temp_id=1).expand_kwargs(
        changes(mapped.output))
"""
    )
    assert ran.state == "success", ran.said
    assert set(scheduled(jsms_sandbox)) == {B, C, D}


class TestASkippedUpstream:
    def test_is_nothing_to_delete_where_missing_ones_are_tolerated(
        self, run_dag: Run, jsms_sandbox: JsmsSandbox
    ) -> None:
        ran = run_dag(
            f"""{SKIPPED}
    of_none = [nobody.output, nobody.output["schedule_ids"], none.output]
    for number, given in enumerate(of_none):
        arguments = {{"schedule_id": given, "trigger_rule": "none_failed"}}
        JsmsDeleteScheduleOperator(task_id=f"tolerant_{{number}}", missing_ok=True, **arguments)
        JsmsDeleteScheduleOperator(task_id=f"strict_{{number}}", **arguments)
        JsmsScheduleSensor(task_id=f"wait_{{number}}", **arguments)
        JsmsQueryScheduleOperator(task_id=f"query_{{number}}", **arguments)
"""
        )
        for number in range(3):
            assert ran.tasks[f"tolerant_{number}"] == "success"
            for name in ("strict", "wait", "query"):
                assert ran.tasks[f"{name}_{number}"] == "skipped"
        assert ran.said.count("There is no schedule_id, so the task is skipped") >= 9
        assert ran.said.count("The upstream task continued without a schedule_id") >= 12
        assert set(scheduled(jsms_sandbox)) == {A, B}

    def test_among_others_is_left_out(self, run_dag: Run, jsms_sandbox: JsmsSandbox) -> None:
        ran = run_dag(
            f"""{SKIPPED}
    for number, given in enumerate([[nobody.output, one.output], mapped.output]):
        arguments = {{"schedule_id": given, "trigger_rule": "none_failed"}}
        wait = JsmsScheduleSensor(task_id=f"wait_{{number}}", **arguments)
        wait >> JsmsDeleteScheduleOperator(
            task_id=f"delete_{{number}}", missing_ok=True, **arguments)
"""
        )
        ends = {name: ran.tasks[name] for name in ("wait_0", "delete_0", "wait_1", "delete_1")}
        assert ends == dict.fromkeys(ends, "success"), ran.said
        assert sorted(text.mobile for text in jsms_sandbox.deleted) == [A, B]


def test_tasks_behind_a_batch_that_was_assumed_as_sent_are_skipped(
    run_dag: Run, jsms_sandbox: JsmsSandbox
) -> None:
    jsms_sandbox.fault("submit_batch_schedule", "accepted_then_closed", times=1)
    ran = run_dag(
        f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    submit = JsmsSubmitBatchScheduleOperator(task_id="submit", send_time=AT, temp_id=1,
        recipients=["{A}"], on_uncertain="assume_sent")
    JsmsScheduleSensor(task_id="wait", schedule_id=submit.output)
    JsmsDeleteScheduleOperator(task_id="delete", schedule_id=submit.output, missing_ok=True)
    JsmsModifyBatchScheduleOperator(task_id="modify", schedule_id=submit.output, send_time=AT,
        temp_id=1, recipients=["{B}"])
"""
    )
    assert ran.tasks == {
        "submit": "success",
        "wait": "skipped",
        "delete": "skipped",
        "modify": "skipped",
    }
    assert ran.said.count("For 1 recipient the submit does not know the schedule_id") >= 3
    assert set(scheduled(jsms_sandbox)) == {A}


def test_a_task_without_xcoms_stores_no_refused_recipient(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    """Whether it succeeds, modifies, or fails, which pushes what was done so far."""
    jsms_sandbox.number("13900000002", "invalid")
    ran = run_dag("""
PEOPLE = ["13900000001", "13900000002"]
with DAG("DAG_ID", schedule=None, start_date=START,
         default_args={"send_time": AT, "temp_id": 1, "recipients": PEOPLE}) as dag:
    first = JsmsSubmitBatchScheduleOperator(task_id="first", max_failures=1)
    done = [
        JsmsSubmitBatchScheduleOperator(task_id="tolerated", max_failures=1, do_xcom_push=False),
        JsmsSubmitBatchScheduleOperator(task_id="failed", do_xcom_push=False),
        JsmsModifyBatchScheduleOperator(task_id="modified", schedule_id=first.output,
                                        max_failures=1, do_xcom_push=False),
    ]
    @task(trigger_rule="all_done")
    def read(ti=None):
        for each in ("first", "tolerated", "failed", "modified"):
            found = ti.xcom_pull(task_ids=each, key="failure_recipients")
            print(each, "stored", 0 if found is None else len(found))
    done >> read()
""")
    assert ran.tasks["modified"] == ran.tasks["tolerated"] == "success"
    assert (ran.tasks["failed"], "first stored 1" in ran.said) == ("failed", True)
    for task in ("tolerated", "failed", "modified"):
        assert f"{task} stored 0" in ran.said
