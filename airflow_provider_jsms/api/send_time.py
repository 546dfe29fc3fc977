"""Parse the times that a DAG can give into the wall clock of JSMS, and back.

JSMS takes ``send_time`` as ``yyyy-MM-dd HH:mm:ss`` without an offset. No document names the zone;
all evidence points to China (UTC+8), so ``Asia/Shanghai`` is the default, settable per connection.
Airflow's own times are UTC: a mix-up would text people eight hours early, silently. So a time is
either unambiguous or refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pendulum

from airflow_provider_jsms.api.masking import mask_text, show
from airflow_provider_jsms.exceptions import (
    JsmsInputError,
    JsmsPastSendTimeError,
    JsmsSendWindowError,
)

if TYPE_CHECKING:
    from datetime import tzinfo

# The offset of every zone in use today is a multiple of it.
_QUARTER = timedelta(minutes=15)
_WIRE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
# A calendar date, a time and an offset or Z: the extended and the basic form of ISO 8601.
_ISO_WITH_OFFSET = re.compile(
    r"[0-9]{4}(-?)[0-9]{2}\1[0-9]{2}[T ][0-9]{2}(:?)[0-9]{2}(\2[0-9]{2}([.,][0-9]+)?)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
)


@dataclass(frozen=True, slots=True)
class SendTime:
    """An instant in whole seconds (UTC), and the zone of the service.

    :param given: the instant that was given, if a send_window has moved it.
    :param outside: the send_window that refuses it, empty if none does.
    """

    instant: datetime
    zone: tzinfo
    given: datetime | None = None
    outside: str = ""

    @property
    def wire(self) -> str:
        """The wall clock of the service: ``2026-12-01 09:00:00``."""
        return _wall_clock(self.instant.astimezone(self.zone))

    @property
    def utc(self) -> str:
        """The same moment as Airflow shows it: ``2026-12-01T01:00:00Z``."""
        return utc_text(self.instant)

    def __str__(self) -> str:
        """Both clocks: ``2026-12-01 09:00:00 Asia/Shanghai (2026-12-01T01:00:00Z)``."""
        moved = f"; moved from {self.as_given.wire}" if self.given else ""
        return f"{self.wire} {self.zone} ({self.utc}{moved})"

    @property
    def as_given(self) -> SendTime:
        """The time before a send_window has moved it."""
        return SendTime(self.given or self.instant, self.zone)

    def require_in_window(self) -> None:
        """Raise ``JsmsSendWindowError`` if a send_window refuses the time."""
        if self.outside:
            raise JsmsSendWindowError(
                f"send_time {self} is outside the send_window {self.outside} (the wall clock of "
                "JSMS; the second time is outside too). Nothing was sent. Choose another time; or "
                "set on_outside_window='next' to send at the next opening, or "
                "send_window='always' to send at any time."
            )

    def require_future(self, now: datetime) -> None:
        """Raise ``JsmsPastSendTimeError`` if the time has passed; JSMS would answer 50027."""
        if self.instant <= now:
            raise JsmsPastSendTimeError(
                f"send_time {self} has passed: by the clock of this machine it is now "
                f"{SendTime(now.astimezone(UTC), self.zone)}; if that is not the time, the clock "
                "of this machine is wrong. Nothing was sent."
            )


def utc_text(moment: datetime) -> str:
    """Return a moment in UTC as Airflow shows it: ``2026-12-01T01:00:00Z``."""
    return f"{_wall_clock(moment.astimezone(UTC)).replace(' ', 'T')}Z"


def service_zone(name: str) -> tzinfo:
    """Return a zone of the IANA database by its name, or raise ``ValueError``."""
    try:
        return pendulum.timezone(name)
    except Exception as error:  # pendulum raises KeyError, ValueError and OSError here
        raise ValueError(name) from error


def parse_send_time(value: object, zone: tzinfo) -> SendTime:
    """Return the instant that ``value`` names, in whole seconds (fractions are dropped).

    :param value: an aware ``datetime`` (pendulum's too), an ISO 8601 string with an offset or
        ``Z``, or a string of exactly ``yyyy-MM-dd HH:mm:ss``, which is the service's wall clock.
    :raises JsmsInputError: anything else, a time that the wall clock cannot name, or an offset
        that no zone has today, such as pytz's ``+08:06``.
    """
    moment = _parse_text(value, zone) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise _refused(value)
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise _refused(value, ": it has no time zone")
    if moment.tzinfo is not zone:
        _require_offset_in_use(moment)
    return _named_by_wall_clock(moment, zone, value)


def parse_wire(text: str, zone: tzinfo) -> datetime | None:
    """Return the instant (UTC) of a ``send_time`` that JSMS answered, None if it is not one."""
    try:
        return parse_send_time(text, zone).instant if _WIRE.fullmatch(text) else None
    except JsmsInputError:
        return None


def _parse_text(text: str, zone: tzinfo) -> datetime:
    try:
        if _WIRE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=zone)
        if _ISO_WITH_OFFSET.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:  # a month 13, an hour 25
        raise _refused(text) from None
    raise _refused(text)


def _require_offset_in_use(moment: datetime) -> None:
    """Refuse local mean time, which pytz gives to ``tzinfo=pytz.timezone(...)``."""
    if (moment.utcoffset() or timedelta(0)) % _QUARTER:
        raise JsmsInputError(
            f"send_time {moment.isoformat(sep=' ')} has an offset from UTC that no time zone has "
            "today, probably the local mean time of pytz, so people would be texted minutes off. "
            "Nothing was sent. Instead of datetime(..., tzinfo=pytz.timezone(name)) use "
            "datetime(..., tzinfo=pendulum.timezone(name)), datetime(..., tzinfo=ZoneInfo(name)) "
            "or pytz.timezone(name).localize(datetime(...))."
        )


def _named_by_wall_clock(moment: datetime, zone: tzinfo, given: object) -> SendTime:
    """Check by a round trip that the wall clock names one second: clocks may be set."""
    try:
        instant = datetime(*moment.utctimetuple()[:6], tzinfo=UTC)
        wall = instant.astimezone(zone).replace(tzinfo=None)
        back = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    except (OverflowError, ValueError):  # outside the years 1 to 9999
        raise _refused(given) from None
    # A wall clock that does not exist comes back as another one.
    named = _wall_clock(moment if moment.tzinfo is zone else wall)
    if back != [instant, instant] or named != _wall_clock(wall):
        raise JsmsInputError(
            f"send_time {named} does not name one moment in the zone {zone}, where clocks are set "
            "at that hour. Nothing was sent. Choose another time, or set the extra 'timezone' of "
            "the connection to Asia/Shanghai."
        )
    return SendTime(instant, zone)


def _wall_clock(moment: datetime) -> str:
    # strftime does not pad years below 1000 on every platform; isoformat does.
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")


def _refused(value: object, why: str = "") -> JsmsInputError:
    shown = mask_text(repr(value)) if isinstance(value, datetime) else show(value)
    kind = "" if shown.startswith("(") else f" ({type(value).__name__})"
    if isinstance(value, str) and value in ("", "None"):
        why = ": it is what a template makes of no value. On Airflow 3 use dag_run.run_after"
    return JsmsInputError(
        f"send_time {shown}{kind} does not name one moment{why}. Nothing was sent. Accepted are "
        "an aware datetime, an ISO 8601 time with an offset or Z, such as "
        "2026-12-01T09:00:00+08:00 or {{ dag_run.run_after }}, and the wall clock of JSMS as "
        "yyyy-MM-dd HH:mm:ss (in YAML, in quotes)."
    )
