"""Private fields: the task's own code reads and changes them, Airflow stores them masked."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from tests import people
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran

REMINDER = {"name": f"{people.CANARY}-Anna", "date": f"{people.CANARY}-Monday"}
SENT = (
    f"【沙盒诊所】{people.CANARY}-Anna，您好，提醒您{people.CANARY}-Monday在Room 3有预约，"
    "请准时到达。"
)
# Where each of them is tried: `{change}` runs before the text is sent.
PLACES = {
    "execute of a subclass": """
class Changed(JsmsSubmitScheduleOperator):
    def execute(self, context):
        change(self)
        return super().execute(context)
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    Changed(task_id="submit", **ARGUMENTS)
""",
    "the argument pre_execute": """
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    JsmsSubmitScheduleOperator(
        task_id="submit", pre_execute=lambda context: change(context["task"]), **ARGUMENTS)
""",
    "on_execute_callback": """
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    JsmsSubmitScheduleOperator(task_id="submit", on_execute_callback=lambda context:
                               change(context["task"]), **ARGUMENTS)
""",
    "render_template_fields of a subclass": """
class Changed(JsmsSubmitScheduleOperator):
    def render_template_fields(self, context, jinja_env=None):
        super().render_template_fields(context, jinja_env)
        change(self)
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    Changed(task_id="submit", **ARGUMENTS)
""",
    "code that renders and executes an operator": """
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task
    def submit():
        context = get_current_context()
        operator = JsmsSubmitScheduleOperator(task_id="text", **ARGUMENTS)
        operator.render_template_fields(context)
        change(operator)
        operator.execute(context)
    submit()
""",
    "pre_execute of a mapped task": """
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    JsmsSubmitScheduleOperator.partial(
        task_id="submit", pre_execute=lambda context: change(context["task"]),
        **{name: value for name, value in ARGUMENTS.items() if name != "mobile"},
    ).expand(mobile=[ARGUMENTS["mobile"]])
""",
}
CHANGES = {
    "replaced": 'operator.temp_para = {**operator.temp_para, "place": "Room 3"}',
    "in place": 'operator.temp_para["place"] = "Room 3"',
    "redirected to a test phone": f"""if operator.mobile == {people.ANNA!r}:
        operator.mobile = {people.DAN!r}
        operator.temp_para = {{**operator.temp_para, "place": "Room 3"}}""",
}


def source(change: str, place: str) -> str:
    arguments = {"mobile": people.ANNA, "temp_id": 3, "temp_para": REMINDER}
    return f"""
ARGUMENTS = {{"send_time": AT, **{arguments!r}}}
def change(operator):
    {CHANGES[change]}
{PLACES[place]}"""


@pytest.mark.parametrize(
    ("change", "place"),
    [
        *(("redirected to a test phone", place) for place in PLACES),
        ("replaced", "execute of a subclass"),
        ("in place", "pre_execute of a mapped task"),
    ],
)
def test_a_task_reads_and_changes_its_private_fields(
    change: str, place: str, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    assert run_dag(source(change, place)).state == "success"
    number = people.DAN if change == "redirected to a test phone" else people.ANNA
    assert [(text.mobile, text.text) for text in jsms_sandbox.scheduled] == [(number, SENT)]


def test_callbacks_after_the_task_read_the_number(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(f"""
def read(context, *_):
    if context["task"].mobile == {people.ANNA!r}:
        print("read the number")
class Read(JsmsSubmitScheduleOperator):
    def post_execute(self, context, result=None):
        read(context)
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    Read(task_id="submit", send_time=AT, mobile={people.ANNA!r}, temp_id=1,
         on_success_callback=read)
    JsmsSubmitScheduleOperator(task_id="refused", send_time=AT, mobile={people.ANNA!r}, temp_id=99,
                               on_failure_callback=read)
""")
    assert ran.tasks == {"submit": "success", "refused": "failed"}
    assert ran.said.count("read the number") == 3
    assert [text.mobile for text in jsms_sandbox.scheduled] == [people.ANNA]


def test_a_batch_redirects_and_extends_its_recipients(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    run_dag(f"""
class Redirected(JsmsSubmitBatchScheduleOperator):
    def execute(self, context):
        for person in self.recipients:
            person["temp_para"]["place"] = "Room 3"
        self.recipients = [each for each in self.recipients if each["mobile"] != {people.BEN!r}]
        return super().execute(context)
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(show_return_value_in_logs=False)
    def everybody():
        return [{{"mobile": number, "temp_para": {REMINDER!r}}} for number in
                ({people.ANNA!r}, {people.BEN!r})]
    Redirected(task_id="submit", send_time=AT, recipients=everybody(), temp_id=3)
""")
    assert [(text.mobile, text.text) for text in jsms_sandbox.scheduled] == [(people.ANNA, SENT)]


DATA = "{{ conn.jsms_default.password }}"
UPSTREAM = f"""
with DAG("DAG_ID", schedule=None, start_date=START, render_template_as_native_obj=NATIVE,
         params={{"number": {people.ON_CALL!r}}}) as dag:
    @task(show_return_value_in_logs=False)
    def customers():
        return [{{"mobile": {people.ANNA!r}, "temp_para": {{"name": {DATA!r}}}}}]
    @task(show_return_value_in_logs=False)
    def groups():
        return [{{"recipients": [{{"mobile": {people.BEN!r}, "temp_para": {{"name": {DATA!r}}}}}]}}]
    @task(show_return_value_in_logs=False)
    def lists():
        return [[{{"mobile": {people.CARA!r}, "temp_para": {{"name": {DATA!r}}}}}]]
    @task
    def name():
        return {DATA!r}
    single = dict(send_time=AT, temp_id=2)
    JsmsSubmitScheduleOperator.partial(task_id="kwargs", **single).expand_kwargs(customers())
    JsmsSubmitBatchScheduleOperator.partial(task_id="of_groups", **single).expand_kwargs(groups())
    JsmsSubmitBatchScheduleOperator.partial(task_id="of_lists", **single).expand(recipients=lists())
    JsmsSubmitScheduleOperator(task_id="nested", mobile={people.DAN!r},
                               temp_para={{"name": name()}}, **single)
    JsmsSubmitScheduleOperator.partial(task_id="map", **single).expand_kwargs(
        customers().map(lambda each: {{**each, "mobile": "13900000009"}}))
    JsmsSubmitBatchScheduleOperator(task_id="batch", recipients=[
        {{"mobile": "{{{{ params.number }}}}", "temp_para": {{"name": name()}}}}], **single)
"""


@pytest.mark.parametrize("native", [False, True])
def test_data_of_an_upstream_task_is_no_template(
    native: bool, run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    assert run_dag(UPSTREAM.replace("NATIVE", str(native))).state == "success"
    texted = {(text.mobile, text.text) for text in jsms_sandbox.scheduled}
    numbers = (people.ANNA, people.BEN, people.CARA, people.DAN, people.ON_CALL, "13900000009")
    assert texted == {(number, f"【沙盒诊所】{DATA}，您好，您的预约已确认。") for number in numbers}


GREETING = """
class Patient(JsmsSubmitScheduleOperator):
    def __init__(self, *, phone, greeting, **kwargs):
        super().__init__(mobile=phone, temp_para={"name": greeting}, **kwargs)
with DAG("DAG_ID", schedule=None, start_date=START, params={"day": "canary-Monday"}) as dag:
    @task
    def phones():
        return [{"phone": "13900000001"}]
    @task
    def greetings():
        return ["{{ conn.jsms_default.password }}"]
    Patient.partial(task_id="own", send_time=AT, temp_id=2,
                    greeting="{{ params.day }}").expand_kwargs(phones())
    Patient.partial(task_id="theirs", send_time=AT, temp_id=2,
                    phone="13900000002").expand(greeting=greetings())
"""


def test_a_subclass_with_arguments_of_its_own_renders_its_templates_and_no_data(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    assert run_dag(GREETING).state == "success"
    assert {text.mobile: text.temp_para["name"] for text in jsms_sandbox.scheduled} == {
        "13900000001": "canary-Monday",
        "13900000002": DATA,
    }


def test_private_fields_are_templates_wherever_a_subclass_sets_them(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag("""
class Default(JsmsSubmitScheduleOperator):
    temp_para = {"name": "{{ params.day }}"}
    def __init__(self, **kwargs):
        super().__init__(temp_para=self.temp_para, **kwargs)
with DAG("DAG_ID", schedule=None, start_date=START, params={"day": "canary-Monday"}) as dag:
    given = dict(send_time=AT, temp_id=2)
    Default(task_id="default", mobile="13900000001", **given)
    JsmsSubmitScheduleOperator(task_id="task", mobile="{{ '13900000002' }}",
                               temp_para={"name": "{{ task.mobile[-4:] }}"}, **given)
    for number, kind in enumerate((tuple, list), start=3):
        JsmsSubmitBatchScheduleOperator(task_id=f"many_{number}", recipients=kind([
            {"mobile": f"1390000000{number}", "temp_para": {"name": "{{ params.day }}"}}]), **given)
""")
    assert ran.state == "success"
    names = {text.mobile[-1]: text.temp_para["name"] for text in jsms_sandbox.scheduled}
    assert names == {"2": "0002", **dict.fromkeys("134", "canary-Monday")}


def test_literals_of_a_mapped_task_are_templates_still(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag(f"""
NAME = {{"name": "{{{{ params.name }}}}"}}
with DAG("DAG_ID", schedule=None, start_date=START, params={{"name": "{people.CANARY}-A"}},
         default_args={{"send_time": AT, "temp_id": 2}}) as dag:
    @task(show_return_value_in_logs=False)
    def numbers():
        return [{{"mobile": {people.ANNA!r}}}]
    JsmsSubmitScheduleOperator.partial(task_id="partial", temp_para=NAME).expand_kwargs(numbers())
    JsmsSubmitScheduleOperator.partial(task_id="expand", mobile={people.BEN!r}).expand(
        temp_para=[NAME])
    JsmsSubmitScheduleOperator.partial(task_id="kwargs").expand_kwargs([
        {{"mobile": {people.CARA!r}, "temp_para": NAME}}])
""")
    assert ran.state == "success"
    assert {text.mobile: text.text for text in jsms_sandbox.scheduled} == dict.fromkeys(
        (people.ANNA, people.BEN, people.CARA),
        f"【沙盒诊所】{people.CANARY}-A，您好，您的预约已确认。",
    )


def test_literals_of_default_args_are_templates_in_a_mapped_task(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    run_dag(f"""
with DAG("DAG_ID", schedule=None, start_date=START, params={{"name": "{people.CANARY}-A"}},
         default_args={{"send_time": AT, "temp_id": 2,
                        "temp_para": {{"name": "{{{{ params.name }}}}"}}}}) as dag:
    @task(show_return_value_in_logs=False)
    def numbers():
        return [{{"mobile": {people.DAN!r}}}]
    JsmsSubmitScheduleOperator.partial(task_id="defaults").expand_kwargs(numbers())
""")
    assert [text.text for text in jsms_sandbox.scheduled] == [
        f"【沙盒诊所】{people.CANARY}-A，您好，您的预约已确认。"
    ]


NATIVE = {"3#301": "3#301", "[1]": "[1]", "{{ '0402' }}": "0402"}


def test_a_text_stays_as_it_is_in_a_native_dag(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    parameters = [{**REMINDER, "place": place} for place in NATIVE]
    run_dag(f"""
with DAG("DAG_ID", schedule=None, start_date=START, render_template_as_native_obj=True,
         params={{"on_duty": {people.ON_CALL!r}, "all": [{people.CARA!r}]}}) as dag:
    JsmsSubmitBatchScheduleOperator(task_id="batch", send_time=AT, temp_id=3, recipients=[
        {{"mobile": mobile, "temp_para": parameters}} for parameters in {parameters!r}
        for mobile in ("{{{{ params.on_duty }}}}", {people.BEN!r})])
    for number, parameters in enumerate({parameters!r}):
        JsmsSubmitScheduleOperator(task_id=f"single_{{number}}", send_time=AT,
                                   temp_id="{{{{ 3 }}}}", mobile={people.DAN!r},
                                   temp_para=parameters)
    JsmsSubmitBatchScheduleOperator(task_id="list", send_time=AT, temp_id=1,
                                    recipients="{{{{ params.all }}}}")
""")
    texts = {SENT.replace("Room 3", place) for place in NATIVE.values()}
    for mobile in (people.ON_CALL, people.BEN, people.DAN):
        assert {sent.text for sent in jsms_sandbox.scheduled if sent.mobile == mobile} == texts
    [plain] = [sent.text for sent in jsms_sandbox.scheduled if sent.mobile == people.CARA]
    assert plain.startswith("【沙盒诊所】")


@pytest.mark.skipif(AIRFLOW < (3, 0), reason="tests/e2e looks at the pages of Airflow 2")
def test_airflow_stores_masked_fields(
    run_dag: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    task_runner = importlib.import_module("airflow.sdk.execution_time.task_runner")
    stored: list[Any] = []
    serialize = task_runner._serialize_rendered_fields

    def watched(task: Any) -> Any:
        stored.append(serialize(task))
        return stored[-1]

    monkeypatch.setattr(task_runner, "_serialize_rendered_fields", watched)
    overwriting = "    overwrite_rtif_after_execution = True\n    def execute"
    dag = source("replaced", "execute of a subclass").replace("    def execute", overwriting)
    run_dag(dag)
    before, after = stored
    hidden = {"name": "***", "date": "***"}
    assert (before["mobile"], before["temp_para"]) == ("138****8001", hidden)
    assert (after["mobile"], after["temp_para"]) == ("138****8001", hidden | {"place": "***"})


def test_attributes_of_an_operator_show_nothing_private_to_a_lineage_backend(
    run_dag: Callable[..., Ran],
) -> None:
    """As ``[openlineage] include_full_task_info`` serializes them, before and after the task."""
    ran = run_dag(f"""
import json
from airflow.providers.openlineage.utils.utils import TaskInfoComplete
def serialize(context, *_):
    text = json.dumps(TaskInfoComplete(context["task"]), default=str)
    print("leaked" if {people.ANNA!r} in text or "{people.CANARY}" in text else "nothing private")
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    JsmsSubmitScheduleOperator(task_id="submit", send_time=AT, mobile={people.ANNA!r}, temp_id=3,
        temp_para={{**{REMINDER!r}, "place": "x"}}, pre_execute=serialize, post_execute=serialize,
        on_success_callback=serialize)
""")
    assert (ran.state, ran.said.count("nothing private")) == ("success", 3)


def test_a_task_function_that_was_not_called_is_named(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    ran = run_dag("""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task
    def people():
        return ["13900000001"]
    JsmsSubmitBatchScheduleOperator(task_id="submit", send_time=AT, temp_id=1, recipients=people)
""")
    assert (ran.tasks["submit"], jsms_sandbox.requests) == ("failed", [])
    assert "recipients is a @task function that was not called" in ran.said
