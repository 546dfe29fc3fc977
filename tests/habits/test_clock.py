"""Times as people write them, and clocks as their tests and machines have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from tests.pages import the_block
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran

ONE = "13900000001"
SUBMIT = """
with DAG("DAG_ID", schedule=None, start_date=START{dag}) as dag:
    JsmsSubmitScheduleOperator(
        task_id="submit", send_time={send_time}, mobile="13900000001", temp_id=1)
"""


def texted(sandbox: JsmsSandbox) -> list[tuple[str, datetime]]:
    """Return who is going to be texted, and when."""
    return [(text.mobile, text.send_time) for text in sandbox.scheduled]


@pytest.mark.parametrize("is_ticking", [True, False])
def test_a_dag_is_run_at_another_time(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, *, is_ticking: bool
) -> None:
    source = SUBMIT.format(
        send_time='"{{ dag_run.start_date + macros.timedelta(hours=6) }}"', dag=""
    )
    with time_machine.travel(datetime(2030, 12, 1, tzinfo=UTC), tick=is_ticking):
        assert run_dag(source).tasks == {"submit": "success"}
        [(mobile, moment)] = texted(jsms_sandbox)
    assert (mobile, moment.replace(minute=0, second=0)) == (
        ONE,
        datetime(2030, 12, 1, 6, tzinfo=UTC),
    )


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="every run has a logical date on Airflow 2")
@pytest.mark.parametrize(
    ("field", "template"),
    [
        ("send_time", "{{ data_interval_end + macros.timedelta(hours=6) }}"),
        ("send_time", "{{ logical_date.add(hours=6) }}"),
        ("send_time", "{{ dag_run.logical_date + macros.timedelta(hours=6) }}"),
        ("send_time", "{{ dag_run.data_interval_end.isoformat() }}"),
        ("send_time", "{{ ds }} 09:00:00"),
        ("send_time", "{{ ts }}"),
        ("mobile", "{{ ds_nodash }}"),
        ("temp_para", {"day": "{{ ds }}"}),
    ],
)
def test_a_run_without_a_logical_date_says_what_it_has_instead(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, field: str, template: object
) -> None:
    fields: dict[str, Any] = {
        "send_time": "2031-01-01 09:00:00",
        "mobile": ONE,
        "temp_id": 1,
        field: template,
    }
    arguments = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    ran = run_dag(
        f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    JsmsSubmitScheduleOperator(
        task_id="submit", retries=1, retry_delay=timedelta(0), {arguments})
""",
        logical_date=None,
    )
    assert ran.tasks == {"submit": "failed"}
    assert f"The field {field} could not be rendered: this run has no logical date" in ran.said
    assert "{{ dag_run.run_after + macros.timedelta(hours=6) }}" in ran.said
    assert "UP_FOR_RETRY" not in ran.said
    assert jsms_sandbox.requests == []


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="Airflow 2 has no run_after")
@pytest.mark.parametrize("native", ["", ", render_template_as_native_obj=True"])
def test_run_after_is_a_time_that_every_run_has(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, native: str
) -> None:
    source = SUBMIT.format(
        send_time='"{{ dag_run.run_after + macros.timedelta(hours=6) }}"', dag=native
    )
    due = datetime(2030, 12, 1, 18, tzinfo=UTC)
    assert run_dag(source, logical_date=None, run_after=due).state == "success"
    assert texted(jsms_sandbox) == [(ONE, datetime(2030, 12, 2, tzinfo=UTC))]


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="Airflow 2 has no run_after")
@pytest.mark.parametrize(
    "started",
    [{"logical_date": None}, {}, {"logical_date": datetime(2026, 1, 1, tzinfo=UTC)}],
    ids=["by the command line", "in the UI", "before anything"],
)
def test_the_complete_dag_works_however_its_first_run_is_started(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, started: dict[str, Any]
) -> None:
    source = the_block('DAG("reminders"', below="docs/en/index")
    jsms_sandbox.template(1250, text="{{name}} {{time}}")
    before = datetime.now(UTC).replace(microsecond=0)
    ran = run_dag(f"{source}\ndag = submit.dag\n", **started)
    assert ran.tasks == dict.fromkeys(["patients", "submit", "wait"], "success")
    [text] = jsms_sandbox.scheduled
    assert (text.mobile, text.temp_para) == ("13800138000", {"name": "王芳", "time": "09:00"})
    assert before <= text.send_time - timedelta(hours=6) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("template", "hour"),
    [("logical_date.in_timezone('Asia/Shanghai').at(9)", 1), ("logical_date.at(9)", 9)],
)
def test_an_hour_of_china_needs_its_zone(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, template: str, hour: int
) -> None:
    source = SUBMIT.format(send_time=f'"{{{{ {template} }}}}"', dag="")
    argument = "logical_date" if AIRFLOW >= (3, 0) else "execution_date"
    assert run_dag(source, **{argument: datetime(2031, 1, 1, tzinfo=UTC)}).state == "success"
    assert texted(jsms_sandbox) == [(ONE, datetime(2031, 1, 1, hour, tzinfo=UTC))]


def test_local_mean_time_is_refused_directly_and_from_another_task(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag("""
import pendulum
MEAN = timezone(timedelta(hours=8, minutes=6))  # of tzinfo=pytz.timezone("Asia/Shanghai")
NINE = datetime(2031, 1, 1, 9, tzinfo=MEAN)
TEXT = {"mobile": "13900000001", "temp_id": 1}
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task
    def times():
        return [str(NINE), pendulum.instance(NINE)]
    JsmsSubmitScheduleOperator(task_id="direct", send_time=NINE, **TEXT)
    JsmsSubmitScheduleOperator.partial(task_id="xcom", **TEXT).expand(send_time=times())
""")
    assert ran.tasks == {
        "times": "success",
        "direct": "failed",
        "xcom[0]": "failed",
        "xcom[1]": "failed",
    }
    # Airflow 2 logs an error several times.
    assert ran.said.count("JsmsInputError: send_time 2031-01-01 09:00:00+08:06 has an offset") >= 3
    assert jsms_sandbox.requests == []


def test_another_slip_in_a_template_stays_what_it_is(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    source = SUBMIT.format(send_time='"{{ data_interval_ent }}"', dag="")
    ran = run_dag(source)
    assert ran.tasks == {"submit": "failed"}
    assert "'data_interval_ent' is undefined" in ran.said
    assert "logical date" not in ran.said
    assert jsms_sandbox.requests == []


@pytest.mark.parametrize(
    "time",
    [
        "datetime(2031, 1, 1, 9)",  # as PyYAML reads an unquoted 2031-01-01 09:00:00
        "datetime(2031, 1, 1, 9).date()",
        "750",  # as it reads 12:30
    ],
)
def test_a_time_of_yaml_is_refused_with_the_form_to_write(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, time: str
) -> None:
    ran = run_dag(SUBMIT.format(send_time=time, dag=""))
    assert ran.tasks == {"submit": "failed"}
    assert "in YAML, in quotes" in ran.said
    assert jsms_sandbox.requests == []


def test_a_late_run_that_is_skipped_is_not_told_to_skip(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    late = '"2020-01-01 09:00:00", on_past_send_time="skip"'
    ran = run_dag(SUBMIT.format(send_time=late, dag=""))
    assert ran.tasks == {"submit": "skipped"}
    assert "Skipped, because on_past_send_time is 'skip'." in ran.said
    assert "set on_past_send_time" not in ran.said
    assert jsms_sandbox.requests == []
