"""One schedule of a wait, as of the last poll."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  pydantic reads the fields
from typing import TYPE_CHECKING

from airflow_provider_jsms.api.recipients import noun
from airflow_provider_jsms.api.send_time import parse_wire

if TYPE_CHECKING:
    from datetime import tzinfo

    from airflow_provider_jsms.api.results import Schedule


@dataclass(frozen=True)
class Progress:
    """One schedule as of the last poll; before the first one only its id is known.

    :param send_time: aware; None if JSMS returned none that can be parsed.
    :param msg_ids: empty if there are too many to keep.
    :param gone: the code of JSMS for a schedule that is unknown, sent or deleted; the other fields
        then keep their last values.
    """

    schedule_id: str
    send_time: datetime | None = None
    recipients: int = 0
    found: int = 0
    msg_ids: tuple[str, ...] = ()
    gone: int | None = None

    @classmethod
    def of(cls, schedule_id: str, answer: Schedule, zone: tzinfo) -> Progress:
        """Return the progress that a reply of JSMS shows; ``zone`` is the one of JSMS."""
        msg_ids = tuple(each["msg_id"] for each in answer["recipients"] if each["msg_id"])
        send_time = parse_wire(answer["send_time"] or "", zone)
        return cls(schedule_id, send_time, len(answer["recipients"]), len(msg_ids), msg_ids)

    @property
    def is_complete(self) -> bool:
        """Whether every listed recipient, and at least one, has a msg_id."""
        return 0 < self.recipients <= self.found

    def __str__(self) -> str:
        verb = "has" if self.recipients == 1 else "have"
        found = f"{self.found} of {self.recipients} {noun(self.recipients)} {verb} a msg_id"
        return f"schedule {self.schedule_id}: {found if self.recipients else 'no answer yet'}"
