"""What ``up`` leaves running, written down for ``down`` and for the next ``up``."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from airflow_provider_jsms.quickstart.processes import ProcessFamily, ProcessRecord

FILE_NAME = "up.json"


@dataclass(frozen=True)
class UpRecord:
    """Addresses and processes of a running stack."""

    airflow_url: str
    sandbox_url: str
    families: list[ProcessFamily]

    @classmethod
    def read(cls, run_dir: Path) -> Self | None:
        """Return what was written, if anything."""
        try:
            content = json.loads((run_dir / FILE_NAME).read_text())
        except FileNotFoundError:
            return None
        families = [_family(entry) for entry in content.pop("families")]
        return cls(families=families, **content)

    def write(self, run_dir: Path) -> None:
        """Write it down."""
        content = {
            "airflow_url": self.airflow_url,
            "sandbox_url": self.sandbox_url,
            "families": [_entry(family) for family in self.families],
        }
        (run_dir / FILE_NAME).write_text(json.dumps(content, indent=2) + "\n")

    def running(self) -> list[ProcessRecord]:
        """The recorded processes that still run."""
        return [record for record in self._records() if record.process()]

    def is_complete(self) -> bool:
        """Whether everything that was started still runs."""
        return all(record.process() for record in self._records())

    def stop(self) -> None:
        """End the recorded processes and all their descendants, and nothing else."""
        for family in self.families:
            family.stop()

    def describe(self) -> str:
        """The addresses, for a person."""
        return (
            f"  Airflow       {self.airflow_url}   (no login)\n"
            f"  JSMS sandbox  {self.sandbox_url}   (its page shows every text; none is sent)"
        )

    def _records(self) -> Iterable[ProcessRecord]:
        return (record for family in self.families for record in family.records)


def forget(run_dir: Path) -> None:
    """Remove what was written."""
    (run_dir / FILE_NAME).unlink(missing_ok=True)


def _entry(family: ProcessFamily) -> dict[str, Any]:
    return {"marker": family.marker, "processes": [asdict(record) for record in family.records]}


def _family(entry: dict[str, Any]) -> ProcessFamily:
    family = ProcessFamily()
    family.marker = entry["marker"]
    family.records = [ProcessRecord(**record) for record in entry["processes"]]
    return family
