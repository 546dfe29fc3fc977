"""A submission with an unknown outcome, as a person reads it: in a question, and as an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.api.recipients import noun
from airflow_provider_jsms.exceptions import JsmsUncertainError

if TYPE_CHECKING:
    from datetime import tzinfo

    from airflow_provider_jsms.api.calls import Call
    from airflow_provider_jsms.exceptions import JsmsCallError
    from airflow_provider_jsms.submission.fingerprint import Fingerprint
    from airflow_provider_jsms.submission.ledger import SubmissionRecord


@dataclass(frozen=True)
class Doubt:
    """A submission with an unknown outcome, as people read it.

    :param key: of its record; ``version`` stands for the content that the record had.
    :param since: when it was submitted (UTC), by the try ``number``; both may be unknown.
    :param who: the recipients, masked.
    :param send_time: on both clocks.
    :param is_wanted: False if it is to be deleted, because it has vanished from a list.
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
    is_wanted: bool = True

    @property
    def rows(self) -> dict[str, str]:
        """What a person needs to look it up."""
        by = f" by try {self.number}" if self.number else ""
        return {
            "Recipient": self.who,
            "Time": self.send_time,
            "Template": self.temp_id,
            "Submitted": f"{self.since or 'unknown'}{by}",
            "Why it is uncertain": self.why,
            "Schedule": self.schedule_id or "unknown",
        }


def doubt_about(
    call: Call[Any] | None,
    request: Fingerprint | None,
    record: SubmissionRecord,
    *,
    why: str,
    sent_at: str | None,
    zone: tzinfo,
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
        is_wanted=call is not None,
    )


def _who(
    call: Call[Any] | None, request: Fingerprint | None, record: SubmissionRecord, count: int
) -> str:
    if call is None or request is None:
        return f"{count} {noun(count)}"
    if record.is_of_other_arguments(request) and not record.is_for(request, people=True):
        return f"{count} other {noun(count)} than now: the arguments have changed since"
    return call.who


def error_of(
    doubt: Doubt, steps: str, *, call: object, has_sent: bool, cause: JsmsCallError | None
) -> JsmsUncertainError:
    """Return the error of a submission with an unknown outcome.

    :param steps: the next steps of a person.
    :param has_sent: whether this try has sent it.
    :param cause: what happened to the request, if that is known.
    """
    schedule = f" as schedule {doubt.schedule_id}" if doubt.schedule_id else ""
    by = f" by try {doubt.number}" if doubt.number else ""
    since = f", submitted at {doubt.since}{by}" if doubt.since else ""
    sent = "It was not sent again." if has_sent else "This try sent nothing."
    text = (
        f"JSMS may have accepted this{schedule}{since}: {doubt.why.removesuffix('.')}.\n"
        f"It concerns {doubt.who} with temp_id {doubt.temp_id} at {doubt.send_time}. {sent}\n"
        f"{steps}"
    )
    if cause is None:
        return JsmsUncertainError(text, call=str(call))
    error = JsmsUncertainError.like(cause, text)
    error.__cause__ = cause
    return error
