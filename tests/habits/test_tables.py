"""Recipients as people have them: frames, rows of a database, sets, files of spreadsheets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran

WANG, LI = "13900000001", "13900000002"
TEXTS = [(WANG, "王芳，您好，您的预约已确认。"), (LI, "李娜，您好，您的预约已确认。")]

UPSTREAM = """
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(show_return_value_in_logs=False)
    def people():
        MAKE
    JsmsSubmitBatchScheduleOperator(
        task_id="submit", send_time=AT, temp_id=2, recipients=people(), ARGUMENTS
    )
"""


def texts(sandbox: JsmsSandbox) -> list[tuple[str, str]]:
    return [(each.mobile, each.text.partition("】")[2] or each.text) for each in sandbox.scheduled]


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (
            (
                "import pandas\n"
                "        return pandas.DataFrame({'mobile': [13900000001, 13900000002],"
                " 'name': ['王芳', '李娜']})"
            ),
            "",
        ),
        (
            (
                "import pandas\n"
                "        return pandas.DataFrame({'手机号': ['13900000001', '139-0000-0002', None],"
                " '姓名': ['王芳', '李娜', None]})"
            ),
            "columns={'手机号': 'mobile', '姓名': '{{ \"name\" }}'}",
        ),
        (
            (
                "import csv, io\n"
                "        return list(csv.DictReader(io.StringIO("
                "'Mobile,name,\\n13900000001,王芳,\\n13900000002,李娜,\\n')))"
            ),
            "",
        ),
    ],
    ids=["pandas", "pandas, renamed", "DictReader"],
)
def test_a_table_from_upstream_texts_each_person_of_it(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, make: str, arguments: str
) -> None:
    source = UPSTREAM.replace("MAKE", make).replace("ARGUMENTS", arguments)
    ran = run_dag(source)
    skip_where_airflow_stores_no_frame(ran)
    assert ran.state == "success", ran.said
    assert texts(jsms_sandbox) == TEXTS


def skip_where_airflow_stores_no_frame(ran: Ran) -> None:
    """An older Airflow does not know the frames of pandas 3."""
    said = ("DataFrame is not JSON serializable", "cannot serialize object of type <class 'pandas")
    if "upstream_failed" in ran.tasks.values() and any(each in ran.said for each in said):
        pytest.skip("this Airflow cannot store a DataFrame of this pandas")


NOBODY = {
    "headerless frame": (
        (
            "import io, pandas\n"
            "        return pandas.read_csv(io.StringIO('13900000001\\n13900000002\\n'), dtype=str)"
        ),
        "recipients, a DataFrame, has no column called 'mobile'",
    ),
    "rows of a query": (
        "return [('13900000001', 'canary-wang'), ('13900000002', 'canary-li')]",
        "it is a row of 2 values without names",
    ),
    "text of nothing": (
        (
            "return [{'mobile': '13900000001', 'name': 'canary-wang'},"
            " {'mobile': '13900000002', 'name': 'None'}]"
        ),
        "entry 2: temp_para['name'] is the text 'None'",
    ),
    "empty cell": (
        (
            "import pandas\n"
            "        return pandas.DataFrame({'mobile': ['13900000001', '13900000002'],"
            " 'name': ['canary-wang', None]})"
        ),
        "row 2: its cell for the parameter 'name' is empty",
    ),
}


@pytest.mark.parametrize(("make", "why"), NOBODY.values(), ids=NOBODY)
def test_a_table_that_is_not_clear_texts_nobody(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, make: str, why: str
) -> None:
    ran = run_dag(UPSTREAM.replace("MAKE", make).replace("ARGUMENTS", ""))
    skip_where_airflow_stores_no_frame(ran)
    assert ran.tasks["submit"] == "failed"
    assert why in ran.said
    assert jsms_sandbox.requests == []


def test_rows_of_one_column_and_a_set_are_numbers(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    for make in ("return [('13900000001',), ('13900000002',)]", "return {'13900000002', WANG}"):
        source = UPSTREAM.replace("temp_id=2", "temp_id=1").replace("ARGUMENTS", "")
        assert run_dag(f"WANG = '{WANG}'\n" + source.replace("MAKE", make)).state == "success"
    assert [each.mobile for each in jsms_sandbox.scheduled] == [WANG, LI, WANG, LI]


@pytest.mark.skipif((3, 0) <= AIRFLOW < (3, 1), reason="its dag.test() copies every argument")
def test_what_can_be_iterated_only_once_texts_everybody(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    source = f"""
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    submit = JsmsSubmitBatchScheduleOperator(
        task_id="submit", send_time=AT, temp_id=2,
        recipients=({{"mobile": mobile, "name": name}} for mobile, name in zip(
            ["{WANG}", "{LI}"], ["王芳", "李娜"])),
    )
    again = JsmsModifyBatchScheduleOperator(
        task_id="again", send_time=AT, temp_id=1, recipients=zip(["{LI}"]),
        schedule_id="{{{{ ti.xcom_pull('submit', key='schedule_ids')[0] }}}}",
    )
    submit >> again
"""
    assert run_dag(source).state == "success"
    assert {each.mobile for each in jsms_sandbox.scheduled} == {LI}
    submitted = [each for each in jsms_sandbox.requests if each.call == "submit_batch_schedule"]
    assert [len(each.body["recipients"]) for each in submitted] == [2]


def test_a_file_of_a_hospital_texts_each_patient(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, tmp_path: Path
) -> None:
    path = tmp_path / "patients.csv"
    rows = f"手机号,姓名\r\n{WANG},王芳\r\n'{LI},李娜\r\n" + ",\r\n" * 12
    path.write_bytes(rows.encode("gbk"))
    source = f"""
COLUMNS = {{"手机号": "mobile", "姓名": "name"}}
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    submit = JsmsSubmitBatchScheduleOperator(
        task_id="submit", send_time=AT, temp_id=4, recipients="{path}", columns=COLUMNS)
    JsmsModifyBatchScheduleOperator(
        task_id="modify", send_time=AT, temp_id=2, recipients="{path}", columns=COLUMNS,
        schedule_id="{{{{ ti.xcom_pull('submit', key='schedule_ids')[0] }}}}",
    ) << submit
"""
    ran = run_dag(source)
    assert ran.state == "success", ran.said
    assert texts(jsms_sandbox) == TEXTS
    ran = run_dag(source.replace('"手机号"', '"电话"'))
    assert ran.tasks["submit"] == "failed"
    assert "has no column '电话', which the argument columns names" in ran.said
    assert texts(jsms_sandbox) == TEXTS


SIGNED = """key,send_time,mobile,temp_id,sign_id
1,2031-01-01 09:00:00,13900000001,1,
2,2031-01-01 09:00:00,13900000002,1,1
"""


@pytest.mark.parametrize("options", ["", ", dtype=str", ", dtype=str, keep_default_na=False"])
def test_a_column_with_empty_cells_is_read_as_text(
    options: str,
    run_dag: Callable[..., Ran],
    jsms_sandbox: JsmsSandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Or refused with the advice to do so: pandas makes a float of an id."""
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", f"sqlite:///{tmp_path}/ledger.db")
    jsms_sandbox.connect(ledger_conn_id="ledger")
    ran = run_dag(f"""
import io
import pandas
from airflow_provider_jsms.operators.jsms import JsmsReconcileSchedulesOperator
with DAG("DAG_ID", schedule=None, start_date=START) as dag:
    @task(show_return_value_in_logs=False)
    def texts():
        return pandas.read_csv(io.StringIO({SIGNED!r}){options})
    JsmsReconcileSchedulesOperator(task_id="list", scope="visits", texts=texts())
""")
    skip_where_airflow_stores_no_frame(ran)
    assert ran.tasks["list"] == ("success" if options else "failed")
    assert len(jsms_sandbox.scheduled) == (2 if options else 0)
    hint = "row 2: sign_id 1.0 is not a positive whole number. Nothing was sent. Empty cells make"
    assert (hint in ran.said) is not bool(options)
