"""The files around the code: workflows, hooks, forms, Makefile and pages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")

pytestmark = pytest.mark.skipif(not GITHUB.exists(), reason="not a clone of the repository")
in_every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def parsed(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content


def targets() -> set[str]:
    return set(re.findall(r"(?m)^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8")))


def made_by(job: dict[str, Any]) -> set[str]:
    """Return the targets that a job makes."""
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert all(re.fullmatch(r"make [a-z-]+", command) for command in commands), commands
    return {command.removeprefix("make ") for command in commands}


def test_there_are_three_workflows() -> None:
    assert [path.stem for path in WORKFLOWS] == ["matrix", "release", "test"]


@in_every_workflow
def test_every_job_makes_a_target_that_exists_or_needs_one_that_does(path: Path) -> None:
    jobs = parsed(path)["jobs"]
    for job in jobs.values():
        made = made_by(job) or made_by(jobs[job["needs"]])
        assert made
        assert made <= targets()


@in_every_workflow
def test_a_workflow_has_few_permissions_and_runs_once(path: Path) -> None:
    workflow = parsed(path)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert workflow["concurrency"]["group"].startswith(path.stem)
    granted = {
        name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job
    }
    expected = {"build": {"contents": "read"}, "publish": {"id-token": "write"}}
    assert granted == (expected if path.stem == "release" else {})


@in_every_workflow
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text("utf-8"))
    assert used
    assert [
        each for each in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", each)
    ] == []


def test_what_is_published_has_passed_the_tests_and_the_release_check() -> None:
    jobs = parsed(GITHUB / "workflows" / "release.yml")["jobs"]
    assert made_by(jobs["build"]) == {"test", "release-check"}
    assert "run" not in {key for step in jobs["publish"]["steps"] for key in step}


def test_the_hooks_run_the_commands_of_make_lint() -> None:
    (repo,) = parsed(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    assert {hook["language"] for hook in repo["hooks"]} == {"system"}
    shown = ["make", "--dry-run", "--assume-old=.venv/complete", "lint"]
    done = subprocess.run(shown, cwd=ROOT, capture_output=True, text=True, check=True)
    commands = re.findall(r"(?m)^\.venv/bin/((?:ruff|mypy|lint-imports).*)", done.stdout)
    assert len(commands) == 4
    hooks = {hook["entry"] for hook in repo["hooks"]}
    assert {f".venv/bin/{command}" for command in commands} <= hooks


def test_a_bug_report_asks_for_versions_and_a_masked_log() -> None:
    form = parsed(GITHUB / "ISSUE_TEMPLATE" / "bug.yml")["body"]
    required = {field["id"] for field in form if field.get("validations", {}).get("required")}
    assert {"airflow", "provider", "log"} <= required
    assert "Never paste phone numbers" in form[0]["attributes"]["value"]


@pytest.mark.parametrize("name", ["ISSUE_TEMPLATE/feature.yml", "pull_request_template.md"])
def test_other_templates_warn_too(name: str) -> None:
    assert "Never paste phone numbers or secrets" in (GITHUB / name).read_text("utf-8")


def test_no_template_allows_a_blank_issue() -> None:
    assert parsed(GITHUB / "ISSUE_TEMPLATE" / "config.yml") == {"blank_issues_enabled": False}


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"(?m)^ +make ([a-z-]+) ", done.stdout)
    assert {*listed} == targets()


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\((?!http|#)([^)#]+)", (ROOT / page).read_text("utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
