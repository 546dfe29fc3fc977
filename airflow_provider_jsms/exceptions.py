"""The errors of the provider.

::

    AirflowException
    └── JsmsError                         the base, never raised itself
        ├── JsmsInputError                *  an argument is not usable; nothing was sent
        │   └── JsmsPastSendTimeError     *  send_time has passed; nothing was sent
        ├── JsmsSettingsError             *  the Airflow connection is not usable; nothing was sent
        ├── JsmsConnectionNotFoundError      there is no such Airflow connection here
        ├── JsmsRenderError                  a private template field could not be rendered
        ├── JsmsLedgerError                  the record of what was submitted cannot be used
        ├── JsmsStoppedError                 the task was told to stop before it sent anything more
        ├── JsmsRecipientsFileError          the recipients cannot be read now
        ├── JsmsChangedListError          *  the list of recipients is not the one that was begun
        ├── JsmsForeignRecordError        *  the record may be another message's; nothing was sent
        ├── JsmsLateChangeError           *  what was sent cannot be changed; nothing was sent again
        ├── JsmsNoRetryError              *  a retry could not tell what was sent, without a ledger
        ├── JsmsCallError                    one call to JSMS did not succeed
        │   ├── JsmsNotSentError             nothing left this machine
        │   ├── JsmsThrottledError           HTTP 429: JSMS asks to wait
        │   ├── JsmsNoAnswerError            it may or may not have been done
        │   │   ├── JsmsReadTimeoutError     no answer in time
        │   │   ├── JsmsConnectionLostError  the connection broke before the answer was whole
        │   │   ├── JsmsUnreadableReplyError the answer makes no sense
        │   │   └── JsmsServerError          50019, or HTTP 5xx without a known code
        │   ├── JsmsUncertainError        *  a submission that met one of those: never sent again
        │   └── JsmsApiError                 JSMS refused it with a code
        │       ├── JsmsAuthError         *  the credentials
        │       ├── JsmsAccountError      *  the account, its balance or its rights
        │       ├── JsmsTemplateError     *  the template or the signature
        │       ├── JsmsReviewError          50020: the template is still under review
        │       ├── JsmsRequestError      *  the request
        │       ├── JsmsRecipientError    *  the number of the recipient
        │       ├── JsmsStateError        *  50028, 50029: the schedule is unknown, sent or deleted
        │       │   └── JsmsAlreadySentError  *  it was sent before it could be deleted
        │       ├── JsmsFrequencyError       too often
        │       └── JsmsUnknownCodeError     a code that is not in the table
        ├── JsmsRefusedRecipientsError    *  more recipients were refused than the task tolerates
        ├── JsmsNotDeletedError              some schedules of a list could not be deleted yet
        ├── JsmsNeverDeletedError         *  some schedules of a list can never be deleted
        ├── JsmsUnreachableError             JSMS could not be asked for too long
        ├── JsmsUnknownEventError         *  a trigger of another version has spoken
        └── JsmsWaitError                 *  waiting for msg_ids makes no sense any more
            ├── JsmsScheduleGoneError     *  the schedule was deleted or never existed
            └── JsmsOverdueError          *  the msg_ids did not appear within grace

The starred ones derive from AirflowFailException too: another try cannot mend them, so the task
fails at once. The others may be mended by time, and Airflow's ``retries`` apply.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
)


class JsmsError(AirflowException):
    """The base of every error of this provider; never raised itself."""

    def add(self, text: str) -> None:
        """Add a sentence to what the error says."""
        self.args = (f"{self} {text}",)


class JsmsInputError(JsmsError, AirflowFailException):
    """An argument cannot be used: the text says what was given and what is accepted."""


class JsmsPastSendTimeError(JsmsInputError):
    """``send_time`` has passed, so nothing was sent to JSMS (which would answer 50027)."""


class JsmsSettingsError(JsmsError, AirflowFailException):
    """A field of the Airflow connection cannot be used."""


class JsmsConnectionNotFoundError(JsmsError, AirflowNotFoundException):
    """Airflow did not find the connection; nothing was sent.

    A task is retried: Airflow says the same while a secrets backend is down.
    """


class JsmsRenderError(JsmsError):
    """A template field that holds personal data could not be rendered."""


class JsmsLedgerError(JsmsError):
    """The record of what this task has submitted cannot be read or written; nothing was sent."""


class JsmsStoppedError(JsmsError):
    """The task was told to stop, so it sent nothing more; what was accepted stays scheduled."""


class JsmsRecipientsFileError(JsmsError):
    """The recipients cannot be read now, which time may mend: a file, or a list fetched in bits."""


class JsmsChangedListError(JsmsError, AirflowFailException):
    """The list of recipients has changed since a part of it was submitted, or while it was read."""


class JsmsForeignRecordError(JsmsError, AirflowFailException):
    """The record of a mapped task is of other recipients or another application."""


class JsmsLateChangeError(JsmsError, AirflowFailException):
    """A task that has submitted was run again with another request, after the text was sent."""


class JsmsNoRetryError(JsmsError, AirflowFailException):
    """Without a ledger a retry could not tell what was sent, so there is none."""


class JsmsCallError(JsmsError):
    """One call to JSMS did not succeed.

    :param text: what happened and what a person can do, without personal data.
    :ivar call: the call, such as ``submit_schedule (POST /v1/schedule)``.
    :ivar code: the code of JSMS, None where there was none.
    :ivar message: the message of JSMS with phone numbers masked, empty where there was none.
    :ivar http_status: the HTTP status, None where no answer came.
    """

    def __init__(
        self,
        text: str,
        *,
        call: str,
        code: int | None = None,
        message: str = "",
        http_status: int | None = None,
    ) -> None:
        super().__init__(f"{call}: {text}")
        self.text = text
        self.call = call
        self.code = code
        self.message = message
        self.http_status = http_status

    def add(self, text: str) -> None:
        """Add a sentence to what the error says."""
        super().add(text)
        self.text = f"{self.text} {text}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword arguments are not what Exception would be pickled and copied with.
        details = {name: getattr(self, name) for name in ("call", "code", "message", "http_status")}
        return partial(type(self), self.text, **details), ()


class JsmsNotSentError(JsmsCallError):
    """No connection came about, so nothing left this machine: it is safe to try again."""


class JsmsThrottledError(JsmsCallError):
    """HTTP 429: JSMS did not take the request and asks to wait.

    :ivar wait: the seconds that the answer asks for, 0 where it does not say.
    """

    wait: float = 0.0


class JsmsNoAnswerError(JsmsCallError):
    """The request left this machine and no usable answer came: it may or may not have been done."""


class JsmsReadTimeoutError(JsmsNoAnswerError):
    """No answer came within ``read_timeout``."""


class JsmsConnectionLostError(JsmsNoAnswerError):
    """The connection broke after the request began to leave and before the answer was whole."""


class JsmsUnreadableReplyError(JsmsNoAnswerError):
    """The answer is not one of JSMS: a redirect, a page of a proxy, broken or incomplete JSON."""


class JsmsServerError(JsmsNoAnswerError):
    """JSMS, or something before it, failed: code 50019, or HTTP 5xx without a known code."""


class JsmsUncertainError(JsmsCallError, AirflowFailException):
    """A submission whose outcome is not known: it is never sent again by itself.

    The cause (``__cause__``) is the :class:`JsmsNoAnswerError` that it met.
    """


class JsmsApiError(JsmsCallError):
    """JSMS refused a call with a code, so it was not done."""


class JsmsAuthError(JsmsApiError, AirflowFailException):
    """50001, 50002: app key or master secret."""


class JsmsAccountError(JsmsApiError, AirflowFailException):
    """The account, its balance or its rights: 50008, 50014, 50033, 50035, 50036, 50202, 50301."""


class JsmsTemplateError(JsmsApiError, AirflowFailException):
    """The template or the signature."""


class JsmsReviewError(JsmsApiError):
    """50020: the template is still under review, which time may mend."""


class JsmsRequestError(JsmsApiError, AirflowFailException):
    """The request itself."""


class JsmsRecipientError(JsmsApiError, AirflowFailException):
    """The number: invalid (50006), unsubscribed (50024) or repeated (50034)."""


class JsmsStateError(JsmsApiError, AirflowFailException):
    """50028: there is no such schedule. 50029: it was already sent or deleted."""


class JsmsAlreadySentError(JsmsStateError):
    """The schedule was sent before it could be deleted: the text has reached its people."""


class JsmsFrequencyError(JsmsApiError):
    """50009, 50201: too often, which time mends."""


class JsmsUnknownCodeError(JsmsApiError):
    """A code that is not in the table; it keeps its number."""


class JsmsRefusedRecipientsError(JsmsError, AirflowFailException):
    """JSMS refused more recipients of a batch than ``max_failures`` tolerates."""


class JsmsNotDeletedError(JsmsError):
    """Some schedules could not be deleted, which time may mend; the text tells which."""


class JsmsNeverDeletedError(JsmsError, AirflowFailException):
    """Some schedules can never be deleted (sent, unknown); the text tells which."""


class JsmsUnreachableError(JsmsError):
    """A sensor could not ask JSMS for too long; the cause is what the last look met."""


class JsmsUnknownEventError(JsmsError, AirflowFailException):
    """The trigger of a deferred sensor sent an event that this version does not know."""


class JsmsWaitError(JsmsError, AirflowFailException):
    """Waiting for msg_ids makes no sense any more."""


class JsmsScheduleGoneError(JsmsWaitError):
    """JSMS does not know the schedule any more, or never did."""


class JsmsOverdueError(JsmsWaitError):
    """``grace`` after ``send_time`` some recipients had no msg_id yet."""
