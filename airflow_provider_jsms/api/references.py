"""The argument ``schedule_id``: ids, or the results of other tasks that name schedules."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from airflow_provider_jsms.api.arguments import fetching, is_no_schedule_id, schedule_id_of
from airflow_provider_jsms.api.masking import HIDDEN
from airflow_provider_jsms.api.recipients import noun
from airflow_provider_jsms.api.results import whole_number
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRenderError

if TYPE_CHECKING:
    from collections.abc import Iterator

_EMPTY_LIST: Final = (
    "The list is empty: the upstream task continued without a schedule_id, or was a dry run."
)
_KEPT: Final = ("schedule_ids", "schedule_id", "success_count", "uncertain_count", "dry_run")


class References(NamedTuple):
    """The schedules that an argument names.

    :param schedule_ids: valid, in the given order, without duplicates.
    :param success_count: recipients that JSMS accepted in all, None if a result lacks it.
    :param uncertain_count: recipients that a submit assumed as sent, without a schedule_id.
    :param is_dry_run: an upstream task did everything but the sending.
    """

    schedule_ids: tuple[str, ...]
    success_count: int | None = None
    uncertain_count: int = 0
    empty: int = 0
    is_dry_run: bool = False

    def absence(self) -> str:
        """Return why there is no schedule_id, and the next step; empty if there is one."""
        if self.schedule_ids:
            return ""
        if self.is_dry_run and not self.uncertain_count:
            return "There is no schedule_id, because the upstream task was a dry run."
        return (
            f"There is no schedule_id, so the task is skipped. {self._causes() or _EMPTY_LIST} "
            "Nothing was sent or changed. Look for the schedule in the JSMS console, and pass its "
            "schedule_id."
        )

    def gaps(self) -> str:
        """Return which schedules are unknown, and why; empty if none is."""
        look = " Look for the schedule in the JSMS console." if self.uncertain_count else ""
        return f"{self._causes()}{look}"

    def _causes(self) -> str:
        causes = []
        if self.uncertain_count:
            causes.append(
                f"For {self.uncertain_count:,} {noun(self.uncertain_count)} the submit does not "
                'know the schedule_id: it assumed the text as sent (on_uncertain="assume_sent").'
            )
        if self.empty:
            causes.append(
                f"{'Another' if self.schedule_ids else 'The'} upstream task continued without a "
                "schedule_id (uncertain, marked as success, skipped or failed: see its log), or "
                "the template names another task."
            )
        return " ".join(causes)

    def only(self, advice: str) -> str:
        """Return the id of the only schedule.

        :raises JsmsInputError: there are several, or there may be.
        """
        if len(self.schedule_ids) > 1:
            raise JsmsInputError(
                f"schedule_id names {len(self.schedule_ids)} schedules, but this task takes one. "
                f"Nothing was sent. {advice}"
            )
        if self.uncertain_count:
            raise JsmsInputError(
                f"schedule_id names one schedule, but there may be another. {self.gaps()} "
                f"Nothing was sent. To continue with {self.schedule_ids[0]}, pass it as it is."
            )
        return self.schedule_ids[0]


def references_in(value: object) -> References:
    """Return the schedules that ``schedule_id`` names.

    :param value: an id, the result of a task that submits, modifies, queries or waits, or any
        number of these, as mapped tasks return them; also rendered to text.
    :raises JsmsRenderError: the results of mapped tasks cannot be fetched now.
    """
    with fetching("schedule_id", JsmsRenderError):
        entries = list(_entries(value))
    ids: dict[tuple[str, ...], int | None] = {}
    uncertain = empty = 0
    is_dry_run = False
    for entry in entries:
        result = entry if isinstance(entry, dict) else {"schedule_id": entry}
        unknown = whole_number(result.get("uncertain_count")) or 0
        named, count = _ids_in(result), whole_number(result.get("success_count"))
        uncertain += unknown
        is_dry_run |= bool(result.get("dry_run"))
        if named:
            # Of several results for one schedule, as of a submit and a modify, the last holds.
            ids[named] = ids.get(named) if count is None else count
        elif named is None and not unknown:
            empty += 1
    every = [schedule_id for named in ids for schedule_id in named]
    counts = [count for count in ids.values() if count is not None]
    is_known = bool(ids) and len(counts) == len(ids) and len(every) == len(set(every))
    total = sum(counts) if is_known else None
    return References(tuple(dict.fromkeys(every)), total, uncertain, empty, is_dry_run)


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
    """Return the value that a template has rendered to text."""
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
