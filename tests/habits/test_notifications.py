"""Callbacks as people write them: who is texted, and what the text says."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest

from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran

ON_CALL = "13900000123"
NOTIFIER = """
def alert(why, **changed):
    given = {"mobile": "13900000123", "temp_id": 1250, "temp_para": {"why": why}, **changed}
    return JsmsNotifier(**given)
"""


@pytest.fixture(autouse=True)
def _template(jsms_sandbox: JsmsSandbox) -> None:
    jsms_sandbox.template(1250, text="请处理：{{why}}")


def texts(sandbox: JsmsSandbox) -> list[tuple[str, object]]:
    return [(text.mobile, text.temp_para["why"]) for text in sandbox.scheduled]


@pytest.mark.skipif((3, 0) <= AIRFLOW < (3, 3), reason="its dag.test() passes no exception")
def test_the_text_of_an_exception_is_sent_cut_and_cleaned(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "airflow_provider_jsms")
    ran = run_dag(f"""{NOTIFIER}
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(on_failure_callback=alert("{{{{ exception }}}}"))
    def fails():
        raise ValueError("【错误】\\r\\n" + "行" * 2000)
    fails()
""")
    assert ran.tasks == {"fails": "failed"}
    start = "[错误] "
    assert texts(jsms_sandbox) == [(ON_CALL, start + "行" * (199 - len(start)) + "…")]
    # Airflow logs the exception, whose text is private to the provider
    logged = [each.getMessage() for each in caplog.records if "airflow_provider_jsms" in each.name]
    assert "temp_para['why'] was cut from 2005 to 200 characters." in logged
    assert not any("行" in each for each in logged)


def test_an_empty_or_undefined_value_becomes_a_dash(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    ran = run_dag(f"""{NOTIFIER}
why, none = alert("{{{{ exception }}}}"), alert("{{{{ none }}}}")
nothing = alert("{{{{ dag_run.conf.nothing }}}}")
with DAG("DAG_ID", schedule=None, start_date=START, on_success_callback=why) as dag:
    @task(on_success_callback=[why, none, nothing])
    def works():
        pass
    works()
""")
    assert ran.tasks == {"works": "success"}
    assert texts(jsms_sandbox) == [(ON_CALL, "-")] * 4
    assert "temp_para['why'] is empty: the text has '-' in its place." in caplog.text
    assert "UndefinedError: 'dict object' has no attribute 'nothing'" in caplog.text


@pytest.mark.parametrize("template", ["{{ var.json.on_call }}", "{{ var.value.on_call }}"])
def test_a_list_in_a_variable_is_everybody_on_call(
    run_dag: Callable[..., Ran],
    jsms_sandbox: JsmsSandbox,
    monkeypatch: pytest.MonkeyPatch,
    template: str,
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_ON_CALL", '["13900000123",\n "13900000124"]')
    run_dag(f"""{NOTIFIER}
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(on_failure_callback=alert("{{{{ ti.task_id }}}}", mobile="{template}"))
    def fails():
        raise ValueError
    fails()
""")
    assert texts(jsms_sandbox) == [(ON_CALL, "fails"), ("13900000124", "fails")]
    assert len(jsms_sandbox.requests) == 1


def test_a_callback_of_the_dag_sends_one_text_for_all_failures_of_a_run(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(f"""{NOTIFIER}
failed = alert("{{{{ dag.dag_id }}}} {{{{ run_id }}}}: {{{{ ti.task_id }}}}")
with DAG("DAG_ID", schedule=None, start_date=START, on_failure_callback=failed) as dag:
    @task
    def load(number):
        raise ValueError
    load.expand(number=[1, 2, 3])
""")
    assert ran.state == "failed"
    ((mobile, why),) = texts(jsms_sandbox)
    assert mobile == ON_CALL
    assert re.fullmatch(r"habit_\d+ \S+: load", str(why))


def test_a_text_says_when_it_happened_on_the_wall_clock_of_the_dag(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    run_dag(f"""{NOTIFIER}
import pendulum
AT = "{{{{ %s.end_date.astimezone(dag.timezone).strftime('%%m-%%d %%H:%%M %%z') }}}}"
alerts = {{f"on_{{kind}}_callback": alert(AT % "ti") for kind in ("failure", "retry", "success")}}
with DAG("DAG_ID", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
         on_failure_callback=alert(AT % "dag_run")) as dag:
    @task(retries=1, retry_delay=timedelta(0), **alerts)
    def fails():
        raise ValueError
    @task(**alerts)
    def works():
        pass
    works(), fails()
""")
    times = [why for _, why in texts(jsms_sandbox)]
    assert len(times) == 4
    if AIRFLOW < (3, 0):
        times.remove("-")  # its dag.test() passes the run as it was before it ended
    assert all(re.fullmatch(r"\d\d-\d\d \d\d:\d\d \+0800", str(each)) for each in times), times


@pytest.mark.skipif((3, 0) <= AIRFLOW < (3, 1), reason="its error has another form")
def test_a_failed_notification_says_which_field_and_which_key(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    ran = run_dag(f"""{NOTIFIER}
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    for name, changed in {{
        "mobile": {{"mobile": "{{{{ dag_run.conf.on_call.mobile }}}}"}},
        "temp_id": {{"temp_id": "{{{{ params.temp }}}}"}},
        "variable": {{"sign_id": "{{{{ var.value.nothing }}}}"}},
    }}.items():
        task(task_id=name, on_success_callback=alert("x", **changed))(lambda: None)()
""")
    assert set(ran.tasks.values()) == {"success"}
    assert jsms_sandbox.requests == []
    assert "mobile could not be rendered (UndefinedError: 'dict object' has no" in caplog.text
    assert "The field temp_id could not be rendered (" in caplog.text
    assert re.search(
        r"The field sign_id could not be rendered \(\w+: Variable nothing ", caplog.text
    )
