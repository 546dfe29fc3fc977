"""Which tests run in one process where pytest-xdist starts several: ``pytest -n 3``."""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling

# The tests that share an Airflow, its database, or a run of pytest; the first match counts. Those
# of e2e would be the last to end, did not some go apart: the second half gets an Airflow of its own
# in another process.
SECOND: Final = ("clear", "connection", "delivery", "examples", "loops", "notifier", "once_key")
SHARED: Final = {
    "tests/e2e/browser/test_sandbox_page.py": "page",
    "tests/e2e/test_quickstart.py": "quickstart",
    "tests/e2e/test_tutorial.py": "tutorial",
    "tests/e2e/crash/": "rough",
    "tests/e2e/deferred/": "rough",
    **{f"tests/e2e/test_{name}.py": "second airflow" for name in SECOND},
    "tests/e2e/": "airflow",
    "tests/habits/": "habits",
    "tests/unit/sandbox/plugin/": "plugin",
}
# Its tests share nothing and take a third of the CPU time of the unit tests: as one module, they
# would keep one process busy after the others are done.
SPLIT: Final = "tests/unit/submission/test_exploration.py"


class Scheduling(LoadScopeScheduling):
    """Hands out modules, or all tests that share an Airflow, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module == SPLIT:
            return nodeid
        return next((name for folder, name in SHARED.items() if module.startswith(folder)), module)
