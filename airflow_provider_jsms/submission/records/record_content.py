"""The content of a record, apart from any store: how some are made, and whether one is sound."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from airflow_provider_jsms.api.arguments import schedule_id_of
from airflow_provider_jsms.api.send_time import utc_text
from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.submission.records.decisions import (
    ACCEPTED,
    BEGUN,
    DELETED,
    DELETING,
    FINISHED,
    LOST,
    REFUSED,
    SENDING,
    UNKNOWN,
)

DAMAGED: Final = "damaged"


def unknown() -> dict[str, Any]:
    """Return a record that says that nobody knows."""
    return {"state": UNKNOWN, "why": LOST, "found_at": now()}


def not_there(note: str, number: int | None) -> dict[str, Any]:
    """Return the record of a person's decision that JSMS has nothing of a submission."""
    return {"state": BEGUN, "note": note, "since": now(), "try": number}


def deleted(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record once its schedule is deleted: it stands for that one no more."""
    kept = {name: value for name, value in content.items() if name != "schedule_id"}
    return {
        **kept,
        "state": DELETED,
        "deleted_at": now(),
        "deleted_schedule_id": content["schedule_id"],
    }


def sound(content: object) -> dict[str, Any]:
    """Return the content of a record; of one that was damaged or edited, nothing is used."""
    if isinstance(content, Mapping) and _is_sound(content):
        return dict(content)
    return {"state": DAMAGED}


def _is_sound(content: Mapping[str, Any]) -> bool:
    state = content.get("state")
    if state in (BEGUN, UNKNOWN, REFUSED, DELETED):
        return True
    is_known = state in (SENDING, ACCEPTED, FINISHED, DELETING)
    if not is_known or not isinstance(content.get("fingerprint"), Mapping):
        return False
    with suppress(JsmsInputError):
        return state == SENDING or bool(schedule_id_of(content.get("schedule_id")))
    return False


def now() -> str:
    """Return the time (UTC) as records have it."""
    return utc_text(datetime.now(UTC))
