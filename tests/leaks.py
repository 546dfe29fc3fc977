"""Nothing personal or secret in logs, errors, reprs or output: each test is checked for it.

The people of the tests and the parameters of their texts are known (``tests.people``).
"""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.exceptions import JsmsError
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from tests import people

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

APP_KEY = "appkey0000000000testing1"
MASTER_SECRET = "mastersecret00000testing"
BASIC_TOKEN = "YXBwa2V5MDAwMDAwMDAwMHRlc3RpbmcxOm1hc3RlcnNlY3JldDAwMDAwdGVzdGluZw=="

# Of the sandbox as it is started without options.
DEFAULT_BASIC_TOKEN = b64encode(f"{DEFAULT_APP_KEY}:{DEFAULT_MASTER_SECRET}".encode()).decode()

_PRIVATE = re.compile(
    "|".join(
        [
            *(people.ANNA, people.BEN, people.CARA, people.DAN),
            r"(?<![0-9a-f])(?:86)?138[1-9][0-9]{7}(?![0-9a-f])",
            *(rf"{people.CANARY}-", MASTER_SECRET, BASIC_TOKEN),
            *(DEFAULT_MASTER_SECRET, DEFAULT_BASIC_TOKEN),
            # of the example DAGs
            *(r"1390013900[1-9]", "12012345678", "安娜", "小[明红刚李]"),
        ]
    )
)


# At debug level, and 3.0 at any, Airflow prints whatever a task tells it: what an operator returns,
# which is asked for, and the arguments of a @task of one's own. Fields of an operator are not among
# these.
_ASKED_FOR = re.compile(
    r"\[debug .*Received message from task runner .*"
    r" msg=(SetXCom\(|SetRenderedFields\(rendered_fields=\{'templates_dict': None, 'op_args')"
    # Looked at apart (check_lineage), where those of a @task of one's own are left out.
    r"|OpenLineageClient will \*try\* to emit event"
)
# A @task of one's own shows its arguments there.
_OF_AN_OPERATOR = '"operator_class_path": "airflow_provider_jsms.operators.submit_'


def found_in(text: str) -> list[str]:
    """Return the lines of a text that hold something private."""
    return [line for line in text.splitlines() if _PRIVATE.search(line)]


def check_logs(home: Path) -> None:
    """Check whatever the components and the tasks of an Airflow have logged, at any level."""
    logs = list(home.rglob("*.log"))
    assert logs
    for log in logs:
        lines = found_in(log.read_text(errors="replace"))
        found = [line for line in lines if not _ASKED_FOR.search(line)]
        assert not found, f"{log.name}: {found[0][:300]}"


def check_lineage(events: Path) -> None:
    """Check what the operators of the provider have sent to a lineage backend, if any ran."""
    if not events.exists():
        return
    lines = [line for line in events.read_text().splitlines() if _OF_AN_OPERATOR in line]
    assert all('"_private_values"' in line for line in lines)
    assert not (found := found_in("\n".join(lines))), found[0][:300]


class LeakCollector:
    """A pytest plugin: a test fails if its logs, errors or output hold something private."""

    def __init__(self) -> None:
        self.errors: list[JsmsError] = []
        self.leaks: list[str] = []

    def check(self, kind: str, text: str) -> None:
        self.leaks += [f"{kind}: {line[:300]}" for line in found_in(text)]

    def pytest_sessionstart(self) -> None:
        make_record = logging.getLogRecordFactory()

        def watched(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = make_record(*args, **kwargs)
            self.check(f"log of {record.name}", record.getMessage())
            return record

        logging.setLogRecordFactory(watched)
        errors, initialise = self.errors, JsmsError.__init__

        def remembered(error: JsmsError, *args: Any, **kwargs: Any) -> None:
            initialise(error, *args, **kwargs)
            errors.append(error)

        JsmsError.__init__ = remembered  # type: ignore[method-assign]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "teardown":
            self._check_test(report)
        return report

    def _check_test(self, report: pytest.TestReport) -> None:
        for name, text in report.sections:
            self.check(name, text)
        while self.errors:
            for text in _texts_of(self.errors.pop()):
                self.check("error", text)
        if self.leaks:
            report.outcome = "failed"
            report.longrepr = "\n".join(["PRIVATE DATA LEAKED", *self.leaks[:50]])
            self.leaks.clear()


def _texts_of(error: BaseException | None) -> Iterator[str]:
    """Yield what a traceback would show of an error and of those that it came from."""
    while error is not None:
        yield from (str(error), repr(error), repr(vars(error)))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
