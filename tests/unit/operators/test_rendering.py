"""The fields with personal data as they are rendered: masked for Airflow, whole for the task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, AirflowSkipException

from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRenderError
from airflow_provider_jsms.operators.jsms import JsmsSubmitScheduleOperator
from tests import people
from tests.stored import as_airflow_reads
from tests.unit.operators.running import NAME, UNKNOWN, TaskInstance, batch, delete, submit
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.common.compat.sdk import BaseOperator

    from airflow_provider_jsms.sandbox.control import SandboxControl


def rendered(operator: BaseOperator, **context: Any) -> BaseOperator:
    task = operator.prepare_for_execution()
    task.render_template_fields({"params": {}, **context})
    return task


class TestPrivateFields:
    def test_are_masked_where_airflow_reads_them(self, tomorrow: datetime) -> None:
        task = rendered(submit(tomorrow, mobile="{{ mobile }}"), mobile=people.ANNA)
        shown = as_airflow_reads(task)
        assert (shown["mobile"], shown["temp_para"]) == ("138****8001", {"name": "***"})
        many = [{"mobile": people.number(index), "temp_para": NAME} for index in range(12)]
        shown = as_airflow_reads(rendered(batch(tomorrow, many)))["recipients"]
        assert shown[0] == {"mobile": "138****0000", "temp_para": {"name": "***"}}
        assert (len(shown), shown[-1]) == (11, "and 2 more")

    def test_stay_whole_for_the_task(self, sandbox: SandboxControl, tomorrow: datetime) -> None:
        rendered(submit(tomorrow)).execute({"ti": TaskInstance()})
        (schedule,) = sandbox.state()["schedules"]
        assert schedule["recipients"][0]["mobile"] == people.ANNA

    def test_count_as_they_were_set_after_rendering(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        """As a pre_execute does that sends everything to a test phone."""
        task = rendered(submit(tomorrow))
        task.mobile = people.DAN
        task.execute({"ti": TaskInstance()})
        (schedule,) = sandbox.state()["schedules"]
        assert schedule["recipients"][0]["mobile"] == people.DAN

    def test_can_be_changed_through_the_context_of_every_airflow(self, tomorrow: datetime) -> None:
        """That of 3.0 has the task of the DAG file, not the copy of it that runs."""
        operator = submit(tomorrow)
        task, ti = operator.prepare_for_execution(), TaskInstance()
        ti.task = task
        context: dict[str, Any] = {"task": operator, "ti": ti, "params": {}}
        task.render_template_fields(context)
        context["task"].mobile = people.DAN
        assert (task.mobile, operator.mobile) == (people.DAN, people.ANNA)

    def test_leave_the_context_of_a_task_whose_code_renders_them(self, tomorrow: datetime) -> None:
        own, ti = delete(UNKNOWN), TaskInstance()
        ti.task = own
        context: dict[str, Any] = {"task": own, "ti": ti, "params": {}}
        submit(tomorrow).render_template_fields(context)
        assert context["task"] is own

    def test_may_be_rendered_twice_and_leave_the_operator_of_the_dag_alone(
        self, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        operator = submit(tomorrow)
        task = rendered(rendered(operator))
        assert as_airflow_reads(task)["mobile"] == "138****8001"
        assert (task.mobile, operator.mobile) == (people.ANNA, people.ANNA)

    @pytest.mark.parametrize("code", ["0402", "00", "1_000", "1e5", "None"])
    def test_keep_their_text_where_a_dag_renders_native_objects(
        self, code: str, sandbox: SandboxControl, tomorrow: datetime
    ) -> None:
        with DAG("native", schedule=None, render_template_as_native_obj=True):
            operator = submit(tomorrow, temp_para={"name": "{{ code }}"}, mobile="{{ who }}")
        task = operator.prepare_for_execution()
        env = operator.dag.get_template_env()
        task.render_template_fields({"code": code, "who": people.BEN, "params": {}}, env)
        assert (task.temp_para, task.mobile) == ({"name": code}, int(people.BEN))

    @pytest.mark.skipif(AIRFLOW < (3, 2), reason="before Airflow 3.2 only a DAG can say so")
    def test_keep_their_text_where_an_operator_renders_native_objects(
        self, tomorrow: datetime
    ) -> None:
        with DAG("text", schedule=None):
            operator = submit(
                tomorrow,
                temp_id="{{ '2' }}",
                temp_para={"name": "{{ code }}"},
                render_template_as_native_obj=True,
            )
        task = operator.prepare_for_execution()
        task.render_template_fields({"code": "1e5", "params": {}})
        assert (task.temp_para, task.temp_id) == ({"name": "1e5"}, 2)

    def test_may_be_a_path_of_a_file_that_is_not_there_yet(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for path in (tmp_path / "people.csv", Path("people.csv")):
            task = rendered(batch("2099-01-01 09:00:00", path))
            assert as_airflow_reads(task)["recipients"] == str(path)
            assert task.recipients == path

    def test_may_be_the_attribute_of_a_subclass(self, tomorrow: datetime) -> None:
        class ForAnna(JsmsSubmitScheduleOperator):
            temp_para: ClassVar = {"name": "{{ params.name }}"}

            def __init__(self, **arguments: Any) -> None:
                super().__init__(mobile=people.ANNA, temp_para=self.temp_para, **arguments)

        task = ForAnna(task_id="submit", send_time=tomorrow, temp_id=2)
        task.render_template_fields({"params": NAME})
        assert task.temp_para == NAME
        assert as_airflow_reads(task)["temp_para"] == {"name": "***"}

    def test_that_come_from_another_task_are_no_templates(self, tomorrow: datetime) -> None:
        """A mapped task gets them as they are, beside literals of the DAG."""
        with DAG("mapped", schedule=None):
            upstream = submit(tomorrow, mobile="{{ who }}")
            mapped = JsmsSubmitScheduleOperator.partial(
                task_id="mapped", send_time=tomorrow, temp_id=2, mobile="{{ who }}"
            ).expand(temp_para=upstream.output)
        given = {"name": "{{ who.name }}", "codes": ["{{ 7 }}"]}
        task = mapped.unmap({"temp_para": given})
        task.dag = mapped.dag
        task.render_template_fields({"who": people.BEN, "params": {}})
        assert task.temp_para == given
        assert task.mobile == people.BEN

    def test_that_are_no_templates_are_left_as_they_are(self, tomorrow: datetime) -> None:
        """Native rendering would make integers of numbers, and compiling each string takes long."""
        with DAG("native", schedule=None, render_template_as_native_obj=True):
            operator = batch(tomorrow, [{"mobile": people.ANNA}, [people.BEN, 1, None]])
        rendered = operator.prepare_for_execution()
        rendered.render_template_fields({})
        assert rendered.recipients == operator.recipients
        with DAG("templated", schedule=None, render_template_as_native_obj=True):
            rendered = batch(tomorrow, ["{{ '1' }}"]).prepare_for_execution()
        rendered.render_template_fields({})
        assert rendered.recipients == ["1"]

    def test_may_come_from_a_callable(self, tomorrow: datetime) -> None:
        task = rendered(
            submit(tomorrow, mobile=lambda context, jinja_env: context["who"]), who=people.BEN
        )
        assert task.mobile == people.BEN

    @pytest.mark.parametrize(
        "template",
        [
            f"{people.ANNA} {{{{ missing.name }}}}",
            f"{people.CANARY}-text {{{{ unclosed",
            f"{{{{ '{people.ANNA}' + 1 }}}}",
            f"{{{{ {{}}['{people.ANNA}'].x }}}}",
        ],
    )
    def test_are_not_quoted_by_a_template_error(self, template: str, tomorrow: datetime) -> None:
        with pytest.raises(JsmsRenderError, match="field mobile") as caught:
            rendered(submit(tomorrow, mobile=template))
        assert not isinstance(caught.value, AirflowFailException)

    def test_let_an_airflow_error_through(self, tomorrow: datetime) -> None:
        def skip(**_: Any) -> str:
            raise AirflowSkipException("nobody today")

        with pytest.raises(AirflowSkipException, match="nobody today"):
            rendered(submit(tomorrow, mobile=skip))

    def test_are_left_alone_in_other_objects(self, tomorrow: datetime) -> None:
        """An object with template_fields of its own, inside a field, is rendered as usual."""

        class Holder:
            template_fields = ("mobile",)

            def __init__(self) -> None:
                self.mobile = "{{ 'rendered' }}"

        holder = Holder()
        rendered(delete(holder))
        assert holder.mobile == "rendered"


class TestKeys:
    @pytest.mark.parametrize("field", ["once_key", "tag"])
    @pytest.mark.parametrize("text", ["12_34", "0x1f", "1e5", "[1]", "{{ 12 }}_{{ '34' }}"])
    def test_are_rendered_to_text_in_a_native_dag(
        self, field: str, text: str, tomorrow: datetime
    ) -> None:
        with DAG("native", schedule=None, render_template_as_native_obj=True):
            operator = batch(tomorrow, [people.ANNA], **{field: text})
        assert getattr(rendered(operator), field) == text.replace("{{ 12 }}_{{ '34' }}", "12_34")

    @pytest.mark.parametrize("key", [None, "None"])
    def test_of_a_mapped_task_are_refused_if_none_and_no_record_is_begun(
        self, key: str | None, tomorrow: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An earlier try may have sent the text under a key."""
        with DAG("mapped", schedule=None):
            mapped = JsmsSubmitScheduleOperator.partial(
                task_id="mapped", send_time=tomorrow, temp_id=2, mobile=people.ANNA
            ).expand(once_key=[key])
        task = mapped.unmap({"once_key": key})
        task.dag = mapped.dag
        monkeypatch.setattr(task, "_task_try", lambda _: pytest.fail("begun"))
        with pytest.raises(JsmsInputError, match=r"once_key is .*None"):
            task.render_template_fields({"ti": TaskInstance(), "params": {}})

    def test_that_are_none_as_the_author_wrote_are_none(self, tomorrow: datetime) -> None:
        assert rendered(submit(tomorrow, once_key=None)).once_key is None
        with DAG("mapped", schedule=None):
            mapped = JsmsSubmitScheduleOperator.partial(
                task_id="mapped", send_time=tomorrow, temp_id=2, once_key=None
            ).expand(mobile=[people.ANNA])
        task = mapped.unmap({"mobile": people.ANNA})
        task.dag = mapped.dag
        task.render_template_fields({"params": {}})
        assert task.once_key is None
