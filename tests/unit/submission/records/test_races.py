"""Processes that begin at the same moment under one key submit one text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.databases import OPENED_BY_A_HOOK, connection_to, database
from tests.leaks import APP_KEY, MASTER_SECRET

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl

ROOT = Path(__file__).parents[3]
PROCESSES = 16
# The 200 rounds of a release are run with this variable set.
ROUNDS = int(os.environ.get("RACE_ROUNDS", "5"))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", OPENED_BY_A_HOOK)
def test_one_of_sixteen_submits(kind: str, sandbox: SandboxControl, tmp_path: Path) -> None:
    results = tmp_path / "results"
    with database(kind, tmp_path) as url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.races", str(PROCESSES), str(ROUNDS), str(results)],
            env={**os.environ, **connections(sandbox.url, url)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    found = Counter(results.read_text("utf-8").splitlines())
    assert [*found.values()] == [PROCESSES] * ROUNDS
    sent = Counter(it["body"]["mobile"] for it in sandbox.requests() if it["method"] == "POST")
    assert len(sent) == ROUNDS
    assert set(sent.values()) == {1}


def connections(sandbox: str, url: str) -> dict[str, str]:
    jsms = {
        "conn_type": "jsms",
        "login": APP_KEY,
        "password": MASTER_SECRET,
        "host": sandbox,
        "extra": {"ledger_conn_id": "ledger_db"},
    }
    return {
        "AIRFLOW_CONN_JSMS_DEFAULT": json.dumps(jsms),
        "AIRFLOW_CONN_LEDGER_DB": json.dumps(connection_to(url)),
    }
