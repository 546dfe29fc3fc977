"""Everything that exists only for Airflow before 3.3: delete this file to drop those versions."""

from __future__ import annotations


def absolute_path(path: str) -> str:
    """Return the absolute path of a file on the worker, and any other URI as it is.

    Before Airflow 3.2 a relative path counts from the root, and 3.0 does not know ``file:`` URIs.
    """
    from pathlib import Path  # noqa: PLC0415

    if "://" in path and not path.startswith("file:"):
        return path
    local = path.removeprefix("file:").removeprefix("//")
    return str(Path(local).expanduser().absolute())
