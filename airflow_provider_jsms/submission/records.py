"""What can be read of a record in the task state store: a person may have edited it there.

What is not as the ledger has written it is left out, so that nobody relies on it, and nothing of
it gets into a log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.arguments import schedule_id_of
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_TEXT: Final = 64
_MOST_CHUNKS: Final = 100_000
_LARGEST: Final = 10**18


def sound(record: object) -> dict[str, Any] | None:
    """Return what can be relied on of a record, None if there is none."""
    if record is None:
        return None
    if not isinstance(record, Mapping):
        return {}
    sane = {name: value for name, value in record.items() if _is_sane(name, value)}
    if "modifying" in record:
        # That there was a modification under way counts, also if nobody can tell which.
        sane.setdefault("modifying", {})
    return sane


def is_whole(record: Mapping[str, Any], recipients: int) -> bool:
    """Tell whether a record says what came of a batch of so many recipients."""
    counts = (record.get("success_count"), record.get("failure_count"))
    return "refused" in record and None not in counts and sum(counts) == recipients  # type: ignore[arg-type]


def _is_sane(name: str, value: object) -> bool:
    check = _FIELDS.get(name)
    return check is None or check(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST_TEXT


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _is_number_of_chunks(value: object) -> bool:
    return type(value) is int and 0 < value <= _MOST_CHUNKS


def _is_count_or_none(value: object) -> bool:
    return value is None or _is_count(value)


def _is_schedule_id(value: object) -> bool:
    try:
        return value is None or schedule_id_of(value) == value
    except JsmsInputError:
        return False


def _is_fingerprint(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(_is_text, value.values()))


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _are_refused(value: object) -> bool:
    """Tell whether it is a list of positions and codes."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(map(_is_count_or_none, pair))  # noqa: PLR2004
        for pair in value
    )


_FIELDS: Final[Mapping[str, Callable[[object], bool]]] = {
    **dict.fromkeys(("state", "since", "finished_at", "send_time", "send_time_utc"), _is_text),
    **dict.fromkeys(("list", "key"), _is_text),
    **dict.fromkeys(("temp_id", "recipients", "repeated", "try", "resubmitted"), _is_count),
    **dict.fromkeys(("success_count", "failure_count"), _is_count),
    "chunks": _is_number_of_chunks,
    "code": _is_count_or_none,
    "schedule_id": _is_schedule_id,
    "fingerprint": _is_fingerprint,
    "modifying": _is_mapping,
    "refused": _are_refused,
}
