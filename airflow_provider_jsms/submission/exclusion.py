"""The numbers that are left out, such as those of people who have opted out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from airflow_provider_jsms.api.entries import Rows, columns_of_row
from airflow_provider_jsms.api.mobile import MOBILE
from airflow_provider_jsms.api.recipients import checked, recipient
from airflow_provider_jsms.submission.recipients_file import source_of

EXCLUDE: Final = Rows("exclude", (MOBILE,), has_parameters=False)

_log = logging.getLogger(__name__)


def excluded_numbers(value: object) -> frozenset[int] | None:
    """Return the numbers of the argument ``exclude``, None for ``()``, its default.

    :raises JsmsInputError: it is no list and no file, or an entry is no number.
    :raises JsmsRecipientsFileError: the list cannot be read.
    """
    if isinstance(value, tuple) and not value:
        return None
    source = source_of(value, rows=EXCLUDE)
    numbers = frozenset(checked(source, _number, lambda _: "entries of exclude"))
    _log.info("%d numbers are excluded", len(numbers))
    return numbers


def _number(entry: object) -> int:
    if isinstance(entry, Mapping):
        entry = columns_of_row(tuple(entry), rows=EXCLUDE).entry([*entry.values()])
    return int(recipient(entry[MOBILE] if isinstance(entry, Mapping) else entry)[MOBILE])
