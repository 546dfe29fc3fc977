"""The argument ``schedule_id``: ids, or the results of other tasks that name schedules."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.api.arguments import is_no_schedule_id, reading, schedule_id_of
from airflow_provider_jsms.api.masking import HIDDEN
from airflow_provider_jsms.api.replies import whole_number
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRenderError

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT: Final = ("schedule_ids", "schedule_id", "success_count", "uncertain_count")
_NUMBER = re.compile(r"[0-9]+")
_UNPARSABLE = (ValueError, SyntaxError, MemoryError, RecursionError)


@dataclass(frozen=True)
class References:
    """The schedules that an argument names.

    :param schedule_ids: valid, in the given order, without duplicates.
    :param success_count: how many recipients JSMS accepted in all, None if not every result
        says so.
    :param uncertain_count: recipients whose text a submit assumed as sent: their schedule is not
        among ``schedule_ids``.
    :param empty: how many of the upstream tasks returned nothing.
    """

    schedule_ids: tuple[str, ...]
    success_count: int | None = None
    uncertain_count: int = 0
    empty: int = 0

    def required(self) -> list[str]:
        """Return the schedule_ids.

        :raises JsmsInputError: there are none.
        """
        if self.schedule_ids:
            return list(self.schedule_ids)
        if not self.empty and not self.uncertain_count:
            raise JsmsInputError(
                "schedule_id is an empty list: it names no schedule. Nothing was sent. Pass the "
                "result of the submit that made the schedules."
            )
        raise JsmsInputError(
            f"schedule_id names no schedule. {self.gaps()} Nothing was sent. To skip this task "
            'with the one that it comes from, leave trigger_rule at "all_success".'
        )

    def gaps(self) -> str:
        """Return which schedules are not known, and why; empty if all of them are."""
        told = []
        if self.uncertain_count:
            count = self.uncertain_count
            told.append(
                f"For {count:,} recipient{'s' if count > 1 else ''} the submit does not know the "
                'schedule_id: it assumed their text as sent (on_uncertain="assume_sent"). Look '
                "for the schedule in the JSMS console."
            )
        if self.empty:
            told.append(
                f"{'Another' if self.schedule_ids else 'The'} task that it comes from returned "
                "nothing. It was skipped, it failed, or it assumed its text as sent "
                '(on_uncertain="assume_sent"): see its log.'
            )
        return " ".join(told)


def references_in(value: object) -> References:
    """Return the schedules that ``schedule_id`` names.

    :param value: an id, the result of a task that submits, modifies, queries or waits, or any
        number of these, as mapped tasks return them; also as text.
    :raises JsmsInputError: anything else, or an invalid id.
    :raises JsmsRenderError: the results of mapped tasks cannot be fetched now.
    """
    with reading("schedule_id", JsmsRenderError):
        entries = list(_flat(only_ids(value)))
    with reading("schedule_id"):
        return _sum(entries)


def one_schedule_id_of(value: object, advice: str) -> str:
    """Return the id of the only schedule that ``schedule_id`` names.

    :param advice: what to do with several schedules.
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
            f"Nothing was sent. To go on with {schedule_ids[0]}, pass it as it is."
        )
    return schedule_ids[0]


def only_ids(value: object) -> object:
    """Return ``schedule_id`` as it may be shown: ids and counts, without recipients.

    The results of other tasks may name people, and Airflow shows the rendered fields of a task.
    """
    if isinstance(value, str):
        value = _parsed(str.strip(str.__str__(value)))
    if isinstance(value, Mapping):
        return _reduced(value)
    if hasattr(value, "columns"):  # a data frame, which would iterate over its columns
        value = value["schedule_id"] if "schedule_id" in value.columns else {}  # type: ignore[index]
    if not _is_many(value):
        return value
    try:
        entries = [only_ids(each) for each in value]  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001  what mapped tasks returned is fetched here, or else later
        return value
    # Of mapped tasks that returned nothing Airflow makes an empty sequence of its own.
    return entries if entries or isinstance(value, list | tuple | set) else None


def _parsed(text: str) -> object:
    """Return what a text stands for that a template has made of a list or a dictionary."""
    if not text.startswith(("[", "{", "(", '"', "'")):
        return text.split(",") if "," in text else text
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except _UNPARSABLE:
            continue
    return f"[{HIDDEN}]"


def _reduced(result: Mapping[object, object]) -> object:
    if kept := {name: result[name] for name in _KEPT if name in result}:
        return kept
    return list(result) if _is_found(result) else {}


def _is_found(result: Mapping[object, object]) -> bool:
    """Tell whether it is the result of the sensor: msg_ids, or their number, by schedule_id."""
    return any(result.values()) and all(
        (isinstance(found, int) and not isinstance(found, bool))
        or (isinstance(found, list) and all(_NUMBER.fullmatch(str(each)) for each in found))
        for found in result.values()
    )


def _is_many(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray | Mapping)


def _flat(value: object) -> Iterator[object]:
    if _is_many(value):
        for each in value:  # type: ignore[attr-defined]
            yield from _flat(each)
    else:
        yield value


def _sum(entries: Iterable[object]) -> References:
    counts: dict[tuple[str, ...], int | None] = {}
    uncertain = empty = 0
    for entry in entries:
        result = entry if isinstance(entry, Mapping) else {"schedule_id": entry}
        unknown = whole_number(result.get("uncertain_count")) or 0
        uncertain += unknown
        ids = _ids_in(result)
        if ids:
            # Of several results for the same schedule, as of a submit and a modify, the last holds.
            count = whole_number(result.get("success_count"))
            counts[ids] = counts.get(ids) if count is None else count
        elif ids is None and not unknown:
            empty += 1
    every = [schedule_id for ids in counts for schedule_id in ids]
    unique = tuple(dict.fromkeys(every))
    known = [count for count in counts.values() if count is not None]
    is_known = bool(known) and len(known) == len(counts) and len(every) == len(unique)
    return References(unique, sum(known) if is_known else None, uncertain, empty)


def _ids_in(result: Mapping[str, object]) -> tuple[str, ...] | None:
    """Return the ids of a result, None if there is no result."""
    if "schedule_ids" not in result and "schedule_id" not in result:
        raise JsmsInputError(
            "schedule_id is a dictionary that names no schedule. Nothing was sent. Pass the result "
            'of the submit (submit.output), or its ids (submit.output["schedule_ids"]).'
        )
    value = result.get("schedule_ids", result.get("schedule_id"))
    if is_no_schedule_id(value):
        return None
    ids = value if _is_many(value) else [value]
    return tuple(dict.fromkeys(map(schedule_id_of, ids)))  # type: ignore[call-overload]
