"""Numbers, ids, tags and parameters as Params, Variables and templates make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran

WANG = "13900000001"
SINGLE = """
with DAG("DAG_ID", schedule=None, start_date=START, NATIVE params=PARAMS) as dag:
    JsmsSubmitScheduleOperator(task_id="submit", send_time=AT, ARGUMENTS)
"""
BATCH = SINGLE.replace("SubmitSchedule", "SubmitBatchSchedule")


def dag(source: str, arguments: str, *, native: bool = False, **params: object) -> str:
    given = ", ".join(f"{name!r}: Param({value!r})" for name, value in params.items())
    return (
        source.replace("ARGUMENTS", arguments)
        .replace("NATIVE", "render_template_as_native_obj=True," if native else "")
        .replace("PARAMS", f"{{{given}}}")
    )


@pytest.mark.parametrize(
    "number",
    [
        f"{WANG}\n",
        f"\u202d{WANG}\u202c",
        f"'{WANG}",
        f"0086 {WANG}",
        f"(+86){WANG}",
        "139–0000–0001",
    ],
)
def test_a_number_is_texted_however_it_is_kept(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, number: str
) -> None:
    arguments = 'temp_id=2, mobile="{{ params.who }}", temp_para={"name": "王芳"}'
    assert run_dag(dag(SINGLE, arguments, who=number)).state == "success"
    assert [each.mobile for each in jsms_sandbox.scheduled] == [WANG]


REFUSED = {
    "several numbers": (
        SINGLE,
        'temp_id=1, mobile="{{ params.it }}"',
        f"{WANG},13900000002",
        (
            "it holds several numbers: give each of them an entry of its own in the recipients of "
            "JsmsSubmitBatchScheduleOperator"
        ),
    ),
    "JSON as mobile": (
        SINGLE,
        'temp_id=1, mobile="{{ params.it }}"',
        f'["{WANG}"]',
        "it is a list or a dictionary that has become text",
    ),
    "several numbers as recipients": (
        BATCH,
        'temp_id=1, recipients="{{ params.it }}"',
        f"{WANG}, 13900000002",
        "For numbers in a text pass a list, such as text.split(',')",
    ),
    "JSON as recipients": (
        BATCH,
        'temp_id=1, recipients="{{ params.it }}"',
        f'[{{"mobile": "{WANG}"}}]',
        "so that it stays a list.",
    ),
    "no mobile": (
        SINGLE,
        'temp_id=1, mobile="{{ params.it }}"',
        None,
        "the text 'None' is what a template makes of a Param that is null",
    ),
    "no recipients": (
        BATCH,
        'temp_id=1, recipients="{{ params.it }}"',
        None,
        "The text 'None' is what a template makes of a Param that is null",
    ),
    "no parameter": (
        SINGLE,
        f'temp_id=2, mobile="{WANG}", temp_para={{"name": "{{{{ params.it }}}}"}}',
        None,
        "temp_para['name'] is the text 'None', which is what a template makes of a Param that is",
    ),
    "no parameter of a recipient": (
        BATCH,
        f'temp_id=2, recipients=[{{"mobile": "{WANG}", "name": "{{{{ params.it }}}}"}}]',
        None,
        "temp_para['name'] is the text 'None'",
    ),
    "no signature": (
        SINGLE,
        f'temp_id=1, mobile="{WANG}", sign_id="{{{{ params.it }}}}"',
        None,
        "For the default signature write {{ params.sign_id or '' }}.",
    ),
}


@pytest.mark.parametrize(("source", "arguments", "it", "why"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_cannot_be_meant_texts_nobody_and_says_what_to_write(
    run_dag: Callable[..., Ran],
    jsms_sandbox: JsmsSandbox,
    source: str,
    arguments: str,
    it: str | None,
    why: str,
) -> None:
    given = dag(source, arguments, it=it).replace(
        f"Param({it!r})", f"Param({it!r}, type=['null', 'string'])"
    )
    ran = run_dag(given)
    assert ran.tasks["submit"] == "failed"
    assert why in ran.said
    assert jsms_sandbox.requests == []


@pytest.mark.parametrize("native", [False, True])
def test_a_date_is_a_tag_and_nothing_is_none(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, *, native: bool
) -> None:
    arguments = f'temp_id=1, recipients=["{WANG}"], tag="{{{{ TAG }}}}"'
    date = arguments.replace("TAG", "'20261201'")
    null = arguments.replace("TAG", "params.it")
    for given in (dag(BATCH, date, native=native), dag(BATCH, null, native=native, it=None)):
        assert run_dag(given).state == "success"
    assert [each.tag for each in jsms_sandbox.scheduled] == ["20261201", None]


def test_an_id_of_a_variable_with_a_line_break_is_an_id(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    arguments = f'temp_id="{{{{ params.it }}}}", mobile="{WANG}"'
    assert run_dag(dag(SINGLE, arguments, it="1\n")).state == "success"
    assert [each.temp_id for each in jsms_sandbox.scheduled] == [1]


PARSED = {
    "recipients": """
    JsmsSubmitBatchScheduleOperator(task_id="submit", send_time=AT, temp_id=2,
                                    recipients=text([{"mobile": "13900000001", "name": "x"}]))""",
    "temp_para": """
    JsmsSubmitScheduleOperator(task_id="submit", send_time=AT, temp_id=2, mobile="13900000001",
                               temp_para=text({"name": "x"}))""",
    "columns": """
    JsmsSubmitBatchScheduleOperator(task_id="submit", send_time=AT, temp_id=2,
                                    recipients=[{"phone": "13900000001", "name": "x"}],
                                    columns=text({"phone": "mobile"}))""",
}


@pytest.mark.parametrize("returned", ["json.dumps(value)", "json.loads(json.dumps(value))"])
@pytest.mark.parametrize("task", PARSED.values(), ids=PARSED)
def test_json_text_of_another_task_has_to_be_parsed(
    task: str, returned: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    """Its .output is passed already, so that advice alone would not help."""
    ran = run_dag(f"""
import json
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(show_return_value_in_logs=False)
    def text(value):
        return {returned}
{task}
""")
    is_parsed = "loads" in returned
    assert ran.tasks["submit"] == ("success" if is_parsed else "failed")
    assert len(jsms_sandbox.scheduled) == is_parsed
    assert ("JSON text has to be parsed with json.loads, in that task" in ran.said) is not is_parsed
