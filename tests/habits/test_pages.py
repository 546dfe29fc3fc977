"""The DAGs and the code of the how-to pages do as the pages say."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.sandbox.account import (
    AUDITING,
    MARKETING,
    REJECTED,
    VERIFICATION,
    default_templates,
)
from tests.pages import Fence, sections, text_of
from tests.versions import AIRFLOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_jsms.sandbox.testing import JsmsSandbox
    from tests.habits.conftest import Ran

runs_on_3 = pytest.mark.skipif(AIRFLOW < (3, 0), reason="the DAGs of the pages are for Airflow 3")

WANG, LI, ZHANG, ZHAO = "13800138001", "13800138002", "13800138003", "12012345678"


def blocks(page: str, language: str = "python") -> list[str]:
    """Return the blocks of code of a how-to page."""
    fences = [
        Fence(section.at(token), token.info, token.content)
        for section in sections(f"docs/en/how-to/{page}.md")
        for token in section.tokens
        if token.type == "fence"
    ]
    return [each.content for each in fences if each.language == language]


def dag_of(page: str, at: int = 0) -> str:
    """Return a DAG of a page under the name that the fixture expects."""
    code = blocks(page, "python")[at]
    name = code.partition("DAG(")[2].partition('"')[2].partition('"')[0]
    return code.replace(f'"{name}"', '"DAG_ID"', 1)


def shell(script: str, folder: Path) -> None:
    subprocess.run(["bash", "-e", "-c", script], cwd=folder, check=True, env=dict(os.environ))


@runs_on_3
def test_the_excel_campaign_is_run_dry_and_then_really(
    run_dag: Callable[..., Ran],
    jsms_sandbox: JsmsSandbox,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shell(*blocks("excel-campaign", "bash"), tmp_path)
    conf = {"folder": str(tmp_path)}
    ran = run_dag(dag_of("excel-campaign"), run_conf=conf)
    assert ran.tasks == {"campaign": "success", "count_refused": "success", "wait": "skipped"}
    for line in blocks("excel-campaign", "text")[0].splitlines():
        assert line in caplog.text
    assert jsms_sandbox.scheduled == []
    ran = run_dag(dag_of("excel-campaign"), run_conf={**conf, "dry_run": False})
    assert set(ran.tasks.values()) == {"success"}
    assert [each.mobile for each in jsms_sandbox.scheduled] == [WANG, LI]
    assert [each.mobile for each in jsms_sandbox.refused] == [ZHAO]


@runs_on_3
def test_the_text_is_moved_and_cancelled(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox
) -> None:
    assert run_dag(dag_of("move-and-cancel")).state == "success"
    calls = [each.call for each in jsms_sandbox.requests]
    assert calls == ["submit_schedule", "modify_schedule", "delete_schedule"]
    (text,) = jsms_sandbox.deleted
    assert f"{text.send_time:%Y-%m-%d %H:%M}" == "2030-12-02 15:00"


@runs_on_3
def test_the_campaign_is_cancelled(run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox) -> None:
    assert run_dag(dag_of("move-and-cancel", 1)).state == "success"
    assert [each.mobile for each in jsms_sandbox.deleted] == [WANG, LI]


@runs_on_3
def test_the_test_phone_is_texted_after_a_dry_run(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command,) = blocks("test-phone", "bash")
    name, number = command.split()[-2:]
    monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", number)
    assert run_dag(dag_of("test-phone", 1)).tasks == {"submit": "success", "wait": "skipped"}
    assert jsms_sandbox.scheduled == []
    ran = run_dag(dag_of("test-phone", 1), run_conf={"dry_run": False})
    assert ran.state == "success"
    assert [each.mobile for each in jsms_sandbox.scheduled] == [number]


@runs_on_3
def test_people_who_have_opted_out_are_left_out(
    run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox, tmp_path: Path
) -> None:
    shell("printf 'mobile,name\\n13800138001,王芳\\n13800138002,李娜\\n' > customers.csv", tmp_path)
    (tmp_path / "opted_out.txt").touch()  # an empty file excludes nobody
    conf = {"folder": str(tmp_path)}
    assert run_dag(dag_of("opt-outs", 1), run_conf=conf).state == "success"  # no replies at all
    jsms_sandbox.reply(LI, " td ")
    jsms_sandbox.reply(WANG, "谢谢")
    jsms_sandbox.advance(60)
    assert run_dag(dag_of("opt-outs", 1), run_conf=conf).state == "success"
    assert (tmp_path / "opted_out.txt").read_text() == f"{LI}\n"
    assert run_dag(dag_of("opt-outs"), run_conf=conf).state == "success"
    assert [each.mobile for each in jsms_sandbox.scheduled] == [WANG]


def test_the_test_of_the_opt_outs_is_one(jsms_sandbox: JsmsSandbox) -> None:
    names: dict[str, Any] = {}
    exec(blocks("opt-outs")[2], names)  # noqa: S102  our own
    names["test_nobody_who_has_unsubscribed_is_texted"](jsms_sandbox)


@pytest.mark.parametrize(
    ("page", "at"), [("templates", 1), ("test-phone", 0)], ids=["templates", "test-phone"]
)
def test_the_code_of_ones_own_asks(
    page: str, at: int, jsms_sandbox: JsmsSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(blocks(page)[at], {})  # noqa: S102  our own
    assert "您好" in capsys.readouterr().out
    assert {each.method for each in jsms_sandbox.requests} == {"GET"}


@runs_on_3
def test_the_template_is_filled_in(run_dag: Callable[..., Ran], jsms_sandbox: JsmsSandbox) -> None:
    assert run_dag(dag_of("templates")).state == "success"
    (sent,) = jsms_sandbox.scheduled
    assert sent.text.endswith("王芳，您好，提醒您12月3日 09:00在门诊二楼 201有预约，请准时到达。")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_templates_of_the_sandbox_are_those_of_the_code(language: str) -> None:
    section = sections(f"docs/{language}/how-to/templates.md")[-1]
    cells = [text_of(token).strip("`") for token in section.leaves()][1:]
    rows = {cells[at]: cells[at + 2] for at in range(3, 27, 3)}
    assert rows == {str(each.temp_id): each.text for each in default_templates().values()}


def test_the_types_and_reviews_of_the_templates_are_those_of_the_code() -> None:
    cells = [text_of(each) for each in sections("docs/en/how-to/templates.md")[-1].leaves()]
    types = dict(zip(cells[4::3], cells[5::3], strict=False))
    names = {VERIFICATION: "verification", MARKETING: "marketing"}
    reviews = {AUDITING: ", under review", REJECTED: ", rejected"}
    for temp_id, each in default_templates().items():
        expected = names.get(each.type, "notification") + reviews.get(each.status, "")
        assert types[str(temp_id)] == expected
