"""What is tested with what: each cell is an environment of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NEWEST: Final = "newest dependencies"
LOWEST: Final = "lowest direct dependencies"
WHEEL: Final = "newest dependencies, built wheel"
# The newest releases of Airflow's own providers, which come with it, need newer ones.
FLOORS: Final = ("aiohttp==3.11.*", "apache-airflow-providers-common-compat==1.12.*")
# Airflow 2.11.0 and 3.0 name no bound. Their `ObjectStoragePath` refuses every URI with a
# universal-pathlib that is newer than what 2.11.1 allows.
OBJECT_STORAGE: Final = "universal-pathlib<0.3"


@dataclass(frozen=True)
class Cell:
    """One environment.

    :param airflow: a release series, of which the newest patch is taken, or with the lowest
        dependencies the first one.
    :param installed: with what; the provider is the source tree if it is not said otherwise.
    :param held_back: further requirements, each with its reason.
    :param is_beta: also taken while there is only a pre-release of it.
    """

    airflow: str
    python: str
    installed: str = NEWEST
    held_back: tuple[str, ...] = ()
    is_beta: bool = False

    @property
    def name(self) -> str:
        """What the cell is called on the command line."""
        prefix = {LOWEST: "lowest-", WHEEL: "wheel-"}.get(self.installed, "")
        return f"{prefix}{self.airflow}-py{self.python}"

    @property
    def described(self) -> str:
        """With what it is installed, as the page of tested versions tells it."""
        beta = ["betas"] if self.is_beta else []
        return ", ".join([self.installed, *beta, *(f"`{each}`" for each in self.held_back)])


CELLS: Final = (
    Cell("2.11", "3.12"),
    # Airflow 3.0 names no bound. Its API server answers tasks wrongly with a FastAPI that is newer
    # than what 3.1 allows.
    Cell("3.0", "3.11", held_back=("fastapi<0.118", OBJECT_STORAGE)),
    Cell("3.1", "3.13"),
    # Airflow 3.2 names no bound. Its API server does not start with a FastAPI that is newer than
    # what 3.3 allows, and its `dag.test()` does not find its services with svcs 26.
    Cell("3.2", "3.12", held_back=("fastapi<0.137", "svcs<26")),
    Cell("3.3", "3.11"),
    Cell("3.3", "3.12"),
    Cell("3.3", "3.13"),
    Cell("3.4", "3.12", is_beta=True),
    Cell("2.11", "3.11", LOWEST, (*FLOORS, OBJECT_STORAGE)),
    Cell("3.3", "3.12", WHEEL),
)

# Those that hold on every version, or say themselves where they do not. The tests of crashes and of
# triggerers that die have an Airflow of their own, which is that of `make test`.
TESTS: Final = (
    "tests/unit",
    "tests/habits",
    "tests/e2e/test_airflow.py",
    "tests/e2e/test_asking.py",
    "tests/e2e/test_campaign.py",
    "tests/e2e/test_clear.py",
    "tests/e2e/test_connection.py",
    "tests/e2e/test_examples.py",
    "tests/e2e/test_kinds_of_clear.py",
    "tests/e2e/test_loops.py",
    "tests/e2e/test_notifier.py",
    "tests/e2e/test_once_key.py",
    "tests/e2e/test_privacy.py",
    "tests/e2e/test_task_loop.py",
    "tests/e2e/test_without_store.py",
)
NOT_HERE: Final = (
    # what is released is the same whatever Airflow is there
    "tests/unit/test_distributions.py",
    # the table that it looks at is written from what passes here
    "tests/unit/test_matrix.py",
)
