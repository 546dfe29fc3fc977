"""The argument ``schedule_id``: ids, or the results of other tasks that name schedules."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.api.arguments import fetching, is_no_schedule_id, schedule_id_of
from airflow_provider_jsms.api.masking import HIDDEN
from airflow_provider_jsms.api.replies import whole_number
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRenderError

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT: Final = ("schedule_ids", "schedule_id", "success_count", "uncertain_count")


@dataclass(frozen=True)
class References:
    """The schedules that an argument names.

    :param schedule_ids: valid, in the given order, without duplicates.
    :param success_count: recipients that JSMS accepted in all, None if a result lacks it.
    :param uncertain_count: recipients that a submit assumed as sent, without a schedule_id.
    :param empty: upstream tasks that returned nothing.
    """

    schedule_ids: tuple[str, ...]
    success_count: int | None = None
    uncertain_count: int = 0
    empty: int = 0

    def required(self) -> list[str]:
        """Return the schedule_ids, or raise ``JsmsInputError`` if there are none."""
        if self.schedule_ids:
            return list(self.schedule_ids)
        gaps = self.gaps() or "It is an empty list: pass the result of the submit."
        raise JsmsInputError(f"schedule_id names no schedule. {gaps} Nothing was sent.")

    def gaps(self) -> str:
        """Return which schedules are unknown, and why; empty if none is."""
        gaps = []
        if self.uncertain_count:
            gaps.append(
                f"For {self.uncertain_count:,} recipient(s) the submit does not know the "
                'schedule_id: it assumed their text as sent (on_uncertain="assume_sent"). Look for '
                "the schedule in the JSMS console."
            )
        if self.empty:
            gaps.append(
                f"{'Another' if self.schedule_ids else 'The'} task that it comes from returned "
                "nothing. It was skipped, it failed, or it assumed its text as sent: see its log."
            )
        return " ".join(gaps)


def references_in(value: object) -> References:
    """Return the schedules that ``schedule_id`` names.

    :param value: an id, the result of a task that submits, modifies, queries or waits, or any
        number of these, as mapped tasks return them; also rendered to text.
    :raises JsmsInputError: anything else.
    :raises JsmsRenderError: the results of mapped tasks cannot be fetched now.
    """
    with fetching("schedule_id", JsmsRenderError):
        entries = list(_entries(value))
    ids: dict[tuple[str, ...], int | None] = {}
    uncertain = empty = 0
    for entry in entries:
        result = entry if isinstance(entry, dict) else {"schedule_id": entry}
        unknown = whole_number(result.get("uncertain_count")) or 0
        named, count = _ids_in(result), whole_number(result.get("success_count"))
        uncertain += unknown
        if named:
            # Of several results for one schedule, as of a submit and a modify, the last holds.
            ids[named] = ids.get(named) if count is None else count
        elif named is None and not unknown:
            empty += 1
    every = [schedule_id for named in ids for schedule_id in named]
    counts = [count for count in ids.values() if count is not None]
    is_known = bool(ids) and len(counts) == len(ids) and len(every) == len(set(every))
    total = sum(counts) if is_known else None
    return References(tuple(dict.fromkeys(every)), total, uncertain, empty)


def one_schedule_id_of(value: object, advice: str) -> str:
    """Return the id of the only schedule that ``schedule_id`` names.

    :param advice: the next step if there are several.
    :raises JsmsInputError: it names none or several, or is invalid.
    :raises JsmsRenderError: the results of mapped tasks cannot be fetched now.
    """
    references = references_in(value)
    schedule_ids = references.required()
    if len(schedule_ids) > 1:
        raise JsmsInputError(
            f"schedule_id names {len(schedule_ids)} schedules, but this task takes one. "
            f"Nothing was sent. {advice}"
        )
    if references.uncertain_count:
        raise JsmsInputError(
            f"schedule_id names one schedule, but there may be another. {references.gaps()} "
            f"Nothing was sent. To continue with {schedule_ids[0]}, pass it as it is."
        )
    return schedule_ids[0]


def only_ids(value: object) -> object:
    """Return ``schedule_id`` as Airflow may show it: ids and counts, without recipients."""
    try:
        entries = list(_entries(value))
    except Exception:  # noqa: BLE001  results of mapped tasks are fetched here, or else later
        return value
    return entries[0] if len(entries) == 1 else entries


def _entries(value: object) -> Iterator[object]:
    """Yield ids, and results reduced to ids and counts."""
    if isinstance(value, str):
        value = _parsed(value.strip())
    if isinstance(value, Mapping):
        kept = {name: value[name] for name in _KEPT if name in value}
        value = list(value) if not kept and _is_of_sensor(value) else kept
    if hasattr(value, "columns"):  # a data frame, which would iterate over its columns
        value = value["schedule_id"] if "schedule_id" in value.columns else {}  # type: ignore[index]
    if not _is_many(value):
        yield value
        return
    several = list(value)  # type: ignore[call-overload]
    if not several and not isinstance(value, list | tuple | set):
        several = [None]  # Airflow makes an empty sequence of mapped tasks that returned nothing
    for each in several:
        yield from _entries(each)


def _parsed(text: str) -> object:
    """Return the list or dictionary that a template has rendered to text."""
    if not text.startswith(("[", "{", "(", '"', "'")):
        return text.split(",") if "," in text else text
    for parse in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            return parse(text)
    return f"[{HIDDEN}]"


def _is_of_sensor(result: Mapping[object, object]) -> bool:
    """Return whether a result has msg_ids, or their number, by schedule_id."""
    values = result.values()
    return any(values) and all(
        type(found) is int
        or (isinstance(found, list) and all(str(each).isdigit() for each in found))
        for found in values
    )


def _is_many(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray | Mapping)


def _ids_in(result: Mapping[str, object]) -> tuple[str, ...] | None:
    """Return the ids of a result, None if there is no result."""
    if "schedule_ids" not in result and "schedule_id" not in result:
        raise JsmsInputError(
            "schedule_id is a dictionary that names no schedule. Nothing was sent. Pass the result "
            "of the submit (submit.output)."
        )
    value = result.get("schedule_ids", result.get("schedule_id"))
    if is_no_schedule_id(value):
        return None
    ids = value if _is_many(value) else [value]
    return tuple(dict.fromkeys(map(schedule_id_of, ids)))  # type: ignore[call-overload]
