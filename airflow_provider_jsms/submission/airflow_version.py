"""The abilities of the installed Airflow that a submission depends on."""

from __future__ import annotations

from typing import Final

from airflow import __version__

_VERSION: Final = tuple(int(part) for part in __version__.split(".")[:2])

CAN_ASK: Final = _VERSION >= (3, 3)
"""Whether any operator may wait for a person, without a triggerer."""

HAS_STORE: Final = _VERSION >= (3, 3)
"""Whether there is a task state store."""

HAS_RETRY_POLICIES: Final = _VERSION >= (3, 3)
"""Whether a task takes a ``retry_policy``."""

CLEAR_REMOVES_RECORDS: Final = _VERSION >= (3, 4)
"""Whether a clear removes the records of a task unless the person keeps them."""
