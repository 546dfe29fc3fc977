"""The times of day at which texts may go out, on the wall clock of JSMS."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.api.arguments import choice, is_none
from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.api.send_time import parse_send_time
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from airflow_provider_jsms.api.send_time import SendTime

ACCEPTED: Final = "two times such as '08:00-21:00' (in YAML, in quotes), or 'always'"

_CLOCK: Final = "(?:[01]?[0-9]|2[0-3]):[0-5][0-9]"
# Brackets, quotes and a comma are those of a pair that a template has rendered to text.
_WINDOW: Final = re.compile(
    rf"[\s\['\"(]*({_CLOCK})[\s'\"]*[-\u2013,][\s'\"]*({_CLOCK})[\s\]'\")]*", re.ASCII
)


@dataclass(frozen=True)
class SendWindow:
    """The times from ``opens`` up to, not including, ``closes``, also across midnight.

    :param moves: whether a time outside is moved to the next opening, instead of being refused.
    """

    opens: time
    closes: time
    moves: bool = False

    def __str__(self) -> str:
        """Return ``08:00-21:00``, or ``always``."""
        return "always" if self.opens == self.closes else f"{self.opens:%H:%M}-{self.closes:%H:%M}"

    def __contains__(self, clock: time) -> bool:
        if self.opens < self.closes:
            return self.opens <= clock < self.closes
        return clock >= self.opens or clock < self.closes

    def fit(self, send_time: SendTime) -> SendTime:
        """Return a time in the window as it is; one outside moved, or as refused by the window.

        :raises JsmsInputError: the next opening is in an hour at which clocks are set.
        """
        wall = send_time.instant.astimezone(send_time.zone).replace(tzinfo=None)
        if wall.time() in self:
            return send_time
        if not self.moves:
            return replace(send_time, outside=str(self))
        day = wall.date() + timedelta(days=wall.time() > self.opens)
        opening = parse_send_time(str(datetime.combine(day, self.opens)), send_time.zone)
        return replace(opening, given=send_time.instant)


ALWAYS: Final = SendWindow(time.min, time.min)


def send_window_of(
    value: object, default: SendWindow = ALWAYS, on_outside_window: object = "fail"
) -> SendWindow:
    """Return a window.

    :param value: ``("08:00", "21:00")``, ``"08:00-21:00"`` or ``"always"``; None and an empty
        string mean the default.
    :param on_outside_window: ``"fail"`` or ``"next"``.
    """
    moves = choice("on_outside_window", on_outside_window, ("fail", "next")) == "next"
    return replace(default if is_none(value) else _parsed(value), moves=moves)


def _parsed(value: object) -> SendWindow:
    if value == "always":
        return ALWAYS
    text = "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    # A Chinese input method types a full-width colon.
    if match := _WINDOW.fullmatch(unicodedata.normalize("NFKC", text)):
        opens, closes = (datetime.strptime(each, "%H:%M").time() for each in match.groups())  # noqa: DTZ007  a time of day
        if opens != closes:
            return SendWindow(opens, closes)
    raise JsmsInputError(f"send_window is {show(text)}: accepted is {ACCEPTED}. Nothing was sent.")
