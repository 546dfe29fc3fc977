"""A submission with an unknown outcome, as a person reads it: in a question, and as an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.api.recipients import noun
from airflow_provider_jsms.exceptions import JsmsUncertainError
from airflow_provider_jsms.submission.uncertain.advice import not_wanted, without_a_question

if TYPE_CHECKING:
    from datetime import tzinfo

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.exceptions import JsmsCallError
    from airflow_provider_jsms.submission.records.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.records.ledger import SubmissionRecord

DELETION: Final = "delete_schedule"
"""The call that a text needs once it has vanished from a list."""


class Doubt(NamedTuple):
    """A submission with an unknown outcome, as people read it.

    :param key: of its record; ``version`` stands for the content that the record had.
    :param since: when it was submitted (UTC), by the try ``number``; both may be unknown.
    :param who: the recipients, masked.
    :param send_time: on both clocks.
    :param call: the request.
    :param is_wanted: False if it is to be deleted, because it has vanished from a list.
    :param has_sent: whether this try has sent it.
    :param is_part: it is one of several chunks.
    :param otherwise: the next steps of a person where the task cannot ask.
    """

    key: str
    version: str
    why: str
    since: str | None
    number: int | None
    who: str
    temp_id: str
    send_time: str
    schedule_id: str | None
    call: str = DELETION
    is_wanted: bool = True
    has_sent: bool = False
    is_part: bool = False
    otherwise: str = ""

    @property
    def rows(self) -> dict[str, str]:
        """What a person needs to look it up."""
        return {
            "Recipient": self.who,
            "Time": self.send_time,
            "Template": self.temp_id,
            "Submitted": f"{self.since or 'unknown'}{self._by}",
            "Why it is uncertain": self.why,
            "Schedule": self.schedule_id or "unknown",
        }

    def error(self, steps: str, cause: JsmsCallError | None = None) -> JsmsUncertainError:
        """Return the error of a task that does not know the outcome.

        :param steps: the next steps of a person.
        :param cause: what happened to the request, if that is known.
        """
        schedule = f" as schedule {self.schedule_id}" if self.schedule_id else ""
        since = f", submitted at {self.since}{self._by}" if self.since else ""
        sent = "It was not sent again." if self.has_sent else "This try sent nothing."
        text = (
            f"JSMS may have accepted this{schedule}{since}: {self.why.removesuffix('.')}.\n"
            f"It concerns {self.who} with temp_id {self.temp_id} at {self.send_time}. {sent}\n"
            f"{steps}"
        )
        if cause is None:
            return JsmsUncertainError(text, call=self.call)
        error = JsmsUncertainError.like(cause, text)
        error.__cause__ = cause
        return error

    @property
    def _by(self) -> str:
        return f" by try {self.number}" if self.number else ""


def doubt_about(
    record: SubmissionRecord,
    why: str,
    zone: tzinfo,
    call: Call[Any] | None = None,
    request: Fingerprint | None = None,
    *,
    sent_at: str | None = None,
) -> Doubt:
    """Return what a person has to know; the record knows better what an earlier try sent.

    :param call: None if the text has vanished from a list.
    :param sent_at: when this try sent it, None if it did not.
    """
    content = record.content or {}
    about = {**(call.summary if call else {}), **content}
    return Doubt(
        key=record.key,
        version=record.version,
        why=why,
        since=content.get("since") or sent_at,
        number=content.get("try"),
        who=_who(call, request, record, about.get("recipients", 1)),
        temp_id=mask_text(about.get("temp_id")),
        send_time=f"{about.get('send_time')} {zone} ({about.get('send_time_utc')})",
        schedule_id=record.schedule_id,
        call=str(call or DELETION),
        is_wanted=call is not None,
        has_sent=sent_at is not None,
        is_part=record.attempt.is_part,
        otherwise=not_wanted(record) if call is None else without_a_question(record),
    )


def _who(
    call: Call[Any] | None, request: Fingerprint | None, record: SubmissionRecord, count: int
) -> str:
    if call is None or request is None:
        return f"{count} {noun(count)}"
    if record.is_of_other_arguments(request) and not record.is_for(request, people=True):
        return f"{count} other {noun(count)} than now: the arguments have changed since"
    return call.who
