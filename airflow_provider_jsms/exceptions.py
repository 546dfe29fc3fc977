"""The errors of the provider.

::

    AirflowException
    └── JsmsError                         the base, never raised itself
        ├── JsmsInputError                *  an argument is invalid; nothing was sent
        │   ├── JsmsPastSendTimeError     *  send_time has passed; nothing was sent
        │   └── JsmsSendWindowError       *  send_time is outside the send_window; nothing was sent
        ├── JsmsSettingsError             *  the Airflow connection is invalid; nothing was sent
        ├── JsmsConnectionNotFoundError      Airflow does not find the connection
        ├── JsmsRenderError                  a private template field could not be rendered
        ├── JsmsLedgerError                  the record of a submission cannot be read or written
        ├── JsmsStoppedError                 the task was stopped before it sent anything more
        ├── JsmsOutputError                  the file of reports or replies cannot be written
        ├── JsmsRecipientsFileError          the recipients cannot be read at the moment
        ├── JsmsChangedListError          *  the list of recipients has changed
        ├── JsmsForeignRecordError        *  the record may belong to another text; nothing was sent
        ├── JsmsLateChangeError           *  too late to change a text; nothing was sent again
        ├── JsmsPreflightError            *  a check before the first request failed
        ├── JsmsMaxDeletesError           *  a list would delete more than max_deletes
        ├── JsmsNotReconciledError           some texts do not match the list yet
        ├── JsmsNeverReconciledError      *  some texts can never match the list
        ├── JsmsNoRetryError              *  without a record a retry could send twice
        ├── JsmsCallError                    a call to JSMS failed
        │   ├── JsmsNotSentError             nothing left this machine
        │   ├── JsmsThrottledError           HTTP 429: JSMS asks to wait
        │   ├── JsmsNoAnswerError            the outcome is unknown
        │   │   ├── JsmsReadTimeoutError     no reply in time
        │   │   ├── JsmsConnectionLostError  the connection broke before the reply was complete
        │   │   ├── JsmsUnreadableReplyError the reply is not from JSMS, or malformed
        │   │   └── JsmsServerError          50019, or HTTP 5xx without a known code
        │   ├── JsmsUncertainError        *  a submission with an unknown outcome: never resent
        │   └── JsmsApiError                 JSMS refused the call with a code
        │       ├── JsmsAuthError         *  credentials
        │       ├── JsmsAccountError      *  the account, its balance or its permissions
        │       ├── JsmsTemplateError     *  template or signature
        │       ├── JsmsReviewError          50020: the template is still under review
        │       ├── JsmsRequestError      *  the request
        │       ├── JsmsRecipientError    *  the recipient's number
        │       ├── JsmsStateError        *  50028, 50029: the schedule is unknown, sent or deleted
        │       │   └── JsmsAlreadySentError  *  it was sent before it could be deleted
        │       ├── JsmsFrequencyError       too often
        │       └── JsmsUnknownCodeError     a code that this version does not know
        ├── JsmsRefusedRecipientsError    *  more recipients were refused than max_failures
        ├── JsmsNotDeletedError              some schedules of a list could not be deleted yet
        ├── JsmsNeverDeletedError         *  some schedules of a list can never be deleted
        ├── JsmsUnreachableError             JSMS could not be reached for too long
        ├── JsmsUnknownEventError         *  unknown trigger event (version mismatch)
        └── JsmsWaitError                 *  waiting for msg_ids has failed
            ├── JsmsScheduleGoneError     *  the schedule was deleted or never existed
            └── JsmsOverdueError          *  msg_ids are missing after grace

A starred error also derives from AirflowFailException, because a retry cannot fix it: the task
fails at once. For the others Airflow's ``retries`` apply.
"""

from __future__ import annotations

from typing import Self

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
)


class JsmsError(AirflowException):
    """The base of every error of this provider; never raised itself."""

    ends_run: bool = False
    """Whether only a new run can continue, as the text says, so that clearing the task cannot."""

    def add(self, text: str) -> None:
        """Append a sentence to the text."""
        self.args = (f"{self.args[0]} {text}",)


class JsmsInputError(JsmsError, AirflowFailException):
    """An argument is invalid: the text names the given value and the accepted ones."""


class JsmsPastSendTimeError(JsmsInputError):
    """``send_time`` has passed, so nothing was sent to JSMS (which would answer 50027)."""


class JsmsSendWindowError(JsmsInputError):
    """``send_time`` is outside the ``send_window``, so nothing was sent."""


class JsmsSettingsError(JsmsError, AirflowFailException):
    """A field of the Airflow connection is invalid."""


class JsmsConnectionNotFoundError(JsmsError, AirflowNotFoundException):
    """Airflow did not find the connection, or its secrets backend is down; nothing was sent."""


class JsmsRenderError(JsmsError):
    """A template field that holds personal data could not be rendered."""


class JsmsLedgerError(JsmsError):
    """The record of the submission cannot be read or written; nothing was sent."""


class JsmsStoppedError(JsmsError):
    """The task was stopped and sent nothing more; accepted schedules stay."""


class JsmsRecipientsFileError(JsmsError):
    """A file, or a list that Airflow fetches lazily, cannot be read at the moment."""


class JsmsOutputError(JsmsError):
    """The file for delivery reports or replies cannot be written or read at the moment."""


class JsmsChangedListError(JsmsError, AirflowFailException):
    """The list of recipients changed after a part of it was submitted, or while it was read."""


class JsmsForeignRecordError(JsmsError, AirflowFailException):
    """The record belongs to other recipients, another text or another application."""


class JsmsLateChangeError(JsmsError, AirflowFailException):
    """The task was run again with a changed request after the text was sent."""


class JsmsPreflightError(JsmsError, AirflowFailException):
    """A check before the first request failed, or a dry run found problems; nothing was sent."""


class JsmsMaxDeletesError(JsmsError, AirflowFailException):
    """A list lacks more pending texts than ``max_deletes`` allows to delete; nothing was sent."""


class JsmsNotReconciledError(JsmsError):
    """Some texts could not be submitted, modified or deleted; a retry may succeed."""


class JsmsNeverReconciledError(JsmsError, AirflowFailException):
    """Some texts can never be submitted, modified or deleted as the list says."""


class JsmsNoRetryError(JsmsError, AirflowFailException):
    """Without a record a retry could send a text twice, so there is none."""


class JsmsCallError(JsmsError):
    """A call to JSMS failed: ``call`` names it, such as ``query_schedule (GET /v1/schedule/a)``.

    ``code``, ``message`` (masked) and ``http_status`` are those of the reply, if there was one.
    """

    def __init__(
        self,
        text: str,
        *,
        call: str = "",
        code: int | None = None,
        message: str = "",
        http_status: int | None = None,
    ) -> None:
        super().__init__(text)
        self.call = call
        self.code = code
        self.message = message
        self.http_status = http_status

    def __str__(self) -> str:
        return f"{self.call}: {self.text}"

    @property
    def text(self) -> str:
        """The cause and the next step, without the call."""
        return str(self.args[0])

    @classmethod
    def like(cls, error: JsmsCallError, text: str) -> Self:
        """Return an error of this class about the same call as another error."""
        same = cls(text)
        vars(same).update(vars(error))
        return same


class JsmsNotSentError(JsmsCallError):
    """No connection was established, so nothing left this machine: safe to retry."""


class JsmsThrottledError(JsmsCallError):
    """HTTP 429: JSMS did not accept the request, and asks for ``wait`` seconds (0: not said)."""

    wait: float = 0.0


class JsmsNoAnswerError(JsmsCallError):
    """The request left this machine and no usable reply came: the outcome is unknown."""


class JsmsReadTimeoutError(JsmsNoAnswerError):
    """No reply came within ``read_timeout``."""


class JsmsConnectionLostError(JsmsNoAnswerError):
    """The connection broke after the request began to leave and before the reply was complete."""


class JsmsUnreadableReplyError(JsmsNoAnswerError):
    """The reply is not from JSMS (a redirect, a proxy's page) or is malformed JSON."""


class JsmsServerError(JsmsNoAnswerError):
    """JSMS, or a proxy in front of it, failed: code 50019, or HTTP 5xx without a known code."""


class JsmsUncertainError(JsmsCallError, AirflowFailException):
    """A submission with an unknown outcome; never resent. ``__cause__`` is a no-answer error."""


class JsmsApiError(JsmsCallError):
    """JSMS refused the call with a code, so it has no effect."""


class JsmsAuthError(JsmsApiError, AirflowFailException):
    """50001, 50002: app key or master secret."""


class JsmsAccountError(JsmsApiError, AirflowFailException):
    """The account, its balance or its permissions, such as 50014."""


class JsmsTemplateError(JsmsApiError, AirflowFailException):
    """The template or the signature."""


class JsmsReviewError(JsmsApiError):
    """50020: the template is still under review; a retry may succeed."""


class JsmsRequestError(JsmsApiError, AirflowFailException):
    """The request itself."""


class JsmsRecipientError(JsmsApiError, AirflowFailException):
    """The number: invalid (50006), unsubscribed (50024) or repeated (50034)."""


class JsmsStateError(JsmsApiError, AirflowFailException):
    """50028: no such schedule. 50029: it was already sent or deleted."""


class JsmsAlreadySentError(JsmsStateError):
    """The schedule was sent before it could be deleted."""


class JsmsFrequencyError(JsmsApiError):
    """50009: too often; a retry may succeed."""


class JsmsUnknownCodeError(JsmsApiError):
    """A code that this version does not know; ``code`` holds it."""


class JsmsRefusedRecipientsError(JsmsError, AirflowFailException):
    """JSMS refused more recipients of a batch than ``max_failures`` allows."""


class JsmsNotDeletedError(JsmsError):
    """Some schedules could not be deleted; a retry may succeed. The text names them."""


class JsmsNeverDeletedError(JsmsError, AirflowFailException):
    """Some schedules can never be deleted (sent, unknown). The text names them."""


class JsmsUnreachableError(JsmsError):
    """A sensor could not reach JSMS for too long; ``__cause__`` is the last error."""


class JsmsUnknownEventError(JsmsError, AirflowFailException):
    """Unknown trigger event: triggerer and worker run different versions."""


class JsmsWaitError(JsmsError, AirflowFailException):
    """Waiting for msg_ids has failed."""


class JsmsScheduleGoneError(JsmsWaitError):
    """JSMS does not know the schedule, or no longer."""


class JsmsOverdueError(JsmsWaitError):
    """Some recipients have no msg_id ``grace`` after ``send_time``."""


__all__ = [name for name in dir() if name.startswith("Jsms")]
