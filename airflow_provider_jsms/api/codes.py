"""The return codes of JSMS: what each one means and what a person can do about it.

The table is the union of the published code lists (docs.jiguang.cn, ``rest_api_summary`` and the
pages of the single calls) and of three codes that appear in later public clients only (50201,
50202, 50301; their wire message and HTTP status are not known). JSMS may know more codes than are
written here: whoever reads a code must be ready for one that is not in the table.

The HTTP status does not tell what went wrong, nearly every refusal is a 403: the code does.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsAuthError,
    JsmsFrequencyError,
    JsmsRecipientError,
    JsmsRequestError,
    JsmsReviewError,
    JsmsStateError,
    JsmsTemplateError,
    JsmsUnknownCodeError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.exceptions import JsmsApiError

SUCCESS = 50000
INVALID_SEND_TIME = 50027
INVALID_SCHEDULE_ID = 50028
WRONG_SCHEDULE_STATUS = 50029
SERVER_ERROR = 50019
APP_QUOTA_NOT_ASSIGNED = 50033


class Kind(Enum):
    """Who can mend what a code reports."""

    SUCCESS = "success"
    CALLER = "the request"
    AUTH = "the credentials"
    ACCOUNT = "the account"
    TEMPLATE = "the template or signature"
    STATE = "the schedule"
    RECIPIENT = "the recipient"
    FREQUENCY = "time"
    SERVER = "the server"


class Code(NamedTuple):
    """One row of the table.

    ``http_status`` is None and ``message`` empty where no document tells them. ``message`` is the
    English text on the wire, ``meaning`` says it in a sentence, ``advice`` says what to do.
    """

    http_status: int | None
    message: str
    kind: Kind
    meaning: str
    advice: str


_MEND = "Correct the request."
_CONSOLE = "Look at the application in the JSMS console."
_NOT_A_SCHEDULE = "No schedule call is documented to answer this; report it if you see it."

CODES: dict[int, Code] = {
    50000: Code(200, "success", Kind.SUCCESS, "the request succeeded", "Nothing to do."),
    50001: Code(
        400,
        "missing auth",
        Kind.AUTH,
        "the request carried no credentials",
        "Set login (app key) and password (master secret) of the Airflow connection.",
    ),
    50002: Code(
        401,
        "auth failed",
        Kind.AUTH,
        "the app key or the master secret is wrong",
        "Compare login (app key) and password (master secret) of the Airflow connection with the "
        "JSMS console.",
    ),
    50003: Code(400, "missing body", Kind.CALLER, "the request had no body", _MEND),
    50004: Code(400, "missing mobile", Kind.CALLER, "the phone number is missing", _MEND),
    50005: Code(400, "missing temp_id", Kind.CALLER, "the template id is missing", _MEND),
    50006: Code(
        403,
        "invalid mobile",
        Kind.RECIPIENT,
        "the phone number is invalid",
        "Correct the number; JSMS takes mainland China numbers of 11 digits.",
    ),
    50007: Code(403, "invalid body", Kind.CALLER, "the body of the request is invalid", _MEND),
    50008: Code(
        403,
        "no sms code auth",
        Kind.ACCOUNT,
        "the SMS service is not open for this application",
        "Open the SMS service in the JSMS console.",
    ),
    50009: Code(
        403,
        "out of freq",
        Kind.FREQUENCY,
        "the number or the application was texted too often",
        "Wait at least ten minutes; see the frequency limits in the JSMS console.",
    ),
    50010: Code(
        403, "invalid code", Kind.CALLER, "the verification code is wrong", _NOT_A_SCHEDULE
    ),
    50011: Code(
        403, "expired code", Kind.CALLER, "the verification code has expired", _NOT_A_SCHEDULE
    ),
    50012: Code(
        403, "verified code", Kind.CALLER, "the verification code was used before", _NOT_A_SCHEDULE
    ),
    50013: Code(
        403,
        "invalid temp_id",
        Kind.CALLER,
        "the template does not exist",
        "Take temp_id from the JSMS console; a template belongs to one application.",
    ),
    50014: Code(
        403,
        "no money",
        Kind.ACCOUNT,
        "the SMS balance is used up",
        "Top up the balance, then clear the task.",
    ),
    50015: Code(
        400, "missing code", Kind.CALLER, "the verification code is missing", _NOT_A_SCHEDULE
    ),
    50016: Code(
        404,
        "api not found",
        Kind.CALLER,
        "there is no such API",
        "Compare host of the Airflow connection with the documented address, "
        "https://api.sms.jpush.cn.",
    ),
    50017: Code(
        415,
        "media not supported",
        Kind.CALLER,
        "the Content-Type is not supported",
        "Look for a proxy between Airflow and JSMS that changes headers.",
    ),
    50018: Code(
        405,
        "request method not support",
        Kind.CALLER,
        "the HTTP method is not supported",
        "Look for a proxy between Airflow and JSMS that changes methods.",
    ),
    50019: Code(
        500,
        "server error",
        Kind.SERVER,
        "JSMS failed while it handled the request",
        "Try again later; a submission that met this may have been accepted all the same.",
    ),
    50020: Code(
        403,
        "template auditing",
        Kind.TEMPLATE,
        "the template is still under review",
        "Wait until the review in the JSMS console is done, then clear the task.",
    ),
    50021: Code(
        403,
        "template not pass",
        Kind.TEMPLATE,
        "the template was rejected in review",
        "Mend the template in the JSMS console or use another one.",
    ),
    50022: Code(
        403,
        "parameters not all replaced",
        Kind.CALLER,
        "temp_para lacks a parameter of the template",
        "Give every parameter that the template names.",
    ),
    50023: Code(
        403,
        "parameters is empty",
        Kind.CALLER,
        "a parameter of the template is empty",
        "Give every parameter of the template a value.",
    ),
    50024: Code(
        403,
        "unsubscribed mobile",
        Kind.RECIPIENT,
        "the person has unsubscribed",
        "Take the number off the list.",
    ),
    50025: Code(
        403,
        "wrong template type",
        Kind.CALLER,
        "this call does not support the type of the template",
        "Use a notification or marketing template.",
    ),
    50026: Code(403, "wrong msg_id", Kind.CALLER, "the msg_id is invalid", _MEND),
    50027: Code(
        403,
        "invalid send_time",
        Kind.CALLER,
        "send_time is missing or has passed",
        "Choose a later send_time; see whether the clock of the worker is right and whether the "
        "time zone of the connection is the one of JSMS.",
    ),
    50028: Code(
        403,
        "invalid schedule_id",
        Kind.STATE,
        "there is no such schedule",
        "See whether the schedule was deleted, or belongs to another application.",
    ),
    50029: Code(
        403,
        "wrong schedule status",
        Kind.STATE,
        "the schedule was already sent or deleted",
        "It cannot be changed any more; see in the JSMS console whether it was sent.",
    ),
    50030: Code(403, "recipients is empty", Kind.CALLER, "there are no recipients", _MEND),
    50031: Code(
        403,
        "too much recipients",
        Kind.CALLER,
        "there are more than 1,000 recipients in one request",
        "Split the list.",
    ),
    50033: Code(
        403,
        "app quota not assigned",
        Kind.ACCOUNT,
        "no SMS balance is assigned to the application",
        "Assign a balance to the application in the JSMS console.",
    ),
    50034: Code(
        403,
        "repeat send",
        Kind.RECIPIENT,
        "the same text to the same number was filtered as a repetition",
        "Remove the repeated entry.",
    ),
    50035: Code(
        403,
        "illegal IP",
        Kind.ACCOUNT,
        "the address of this machine is not on the allowlist of the application",
        "Add the address to the allowlist in the JSMS console.",
    ),
    50036: Code(403, "app in black", Kind.ACCOUNT, "the application is blocked", _CONSOLE),
    50037: Code(
        403,
        "has black word",
        Kind.CALLER,
        "the text contains words that may not be sent",
        "Change the parameters or the template.",
    ),
    50038: Code(
        403,
        "invalid content length",
        Kind.CALLER,
        "the text is too long",
        "Shorten the parameters: the whole text with its signature counts.",
    ),
    50039: Code(
        403, "invalid code type", Kind.CALLER, "a voice code may only have digits", _NOT_A_SCHEDULE
    ),
    50040: Code(
        403,
        "invalid voice language type",
        Kind.CALLER,
        "the language of the voice code is wrong",
        _NOT_A_SCHEDULE,
    ),
    50041: Code(403, "invalid ttl value", Kind.CALLER, "the ttl is wrong", _NOT_A_SCHEDULE),
    50042: Code(403, "template is empty", Kind.TEMPLATE, "the template is empty", _NOT_A_SCHEDULE),
    50043: Code(
        403, "template too long", Kind.TEMPLATE, "the template is too long", _NOT_A_SCHEDULE
    ),
    50044: Code(
        403,
        "template parameter invalid",
        Kind.TEMPLATE,
        "a parameter of the template is invalid",
        _NOT_A_SCHEDULE,
    ),
    50045: Code(403, "remark too long", Kind.TEMPLATE, "the remark is too long", _NOT_A_SCHEDULE),
    50046: Code(
        403,
        "signature not set",
        Kind.TEMPLATE,
        "the application has no signature",
        "Set a signature in the JSMS console or pass sign_id.",
    ),
    50047: Code(
        403,
        "modify template not allow",
        Kind.TEMPLATE,
        "only a rejected template can be changed",
        _NOT_A_SCHEDULE,
    ),
    50052: Code(
        403,
        "template contains special symbol",
        Kind.TEMPLATE,
        "the template contains a symbol such as 【】",
        _NOT_A_SCHEDULE,
    ),
    50053: Code(
        403,
        "special template parameter need extra remark for confirmation",
        Kind.TEMPLATE,
        "a template with a link needs the link in its remark",
        _NOT_A_SCHEDULE,
    ),
    50054: Code(
        403,
        "content contains special symbol",
        Kind.CALLER,
        "the text contains a symbol such as 【】",
        "Take the symbol out of the parameters.",
    ),
    50101: Code(403, "invalid image", Kind.TEMPLATE, "the image is invalid", _NOT_A_SCHEDULE),
    50102: Code(
        403,
        "invalid sign id",
        Kind.TEMPLATE,
        "the signature does not exist",
        "Take sign_id from the JSMS console.",
    ),
    50103: Code(
        403,
        "other signatures in the audit",
        Kind.TEMPLATE,
        "another signature is still under review",
        _NOT_A_SCHEDULE,
    ),
    50104: Code(
        403, "invalid signature", Kind.TEMPLATE, "the signature is invalid", _NOT_A_SCHEDULE
    ),
    50105: Code(
        403,
        "default signature cannot be deleted",
        Kind.TEMPLATE,
        "the default signature cannot be deleted",
        _NOT_A_SCHEDULE,
    ),
    50201: Code(
        None,
        "",
        Kind.FREQUENCY,
        "the call was made more often than once in five seconds",
        "Wait five seconds.",
    ),
    50202: Code(
        None,
        "",
        Kind.ACCOUNT,
        "pulling is forbidden while a callback is set",
        "Look at the callback of the application in the JSMS console.",
    ),
    50301: Code(
        None,
        "",
        Kind.ACCOUNT,
        "the developer account is frozen",
        "Contact the support of JSMS.",
    ),
}

_BY_KIND: Final[Mapping[Kind, type[JsmsApiError]]] = {
    Kind.CALLER: JsmsRequestError,
    Kind.AUTH: JsmsAuthError,
    Kind.ACCOUNT: JsmsAccountError,
    Kind.TEMPLATE: JsmsTemplateError,
    Kind.STATE: JsmsStateError,
    Kind.RECIPIENT: JsmsRecipientError,
    Kind.FREQUENCY: JsmsFrequencyError,
}
_TEMPLATE_UNDER_REVIEW: Final = 50020


def refusal(call: str, code: int, message: str, http_status: int) -> JsmsApiError:
    """Return the error for a refusal: the code decides its class, the HTTP status never does.

    :param code: any code but 50000 and 50019, which are no refusals.
    """
    details: dict[str, Any] = {
        "call": call,
        "code": code,
        "message": message,
        "http_status": http_status,
    }
    if code not in CODES:
        text = (
            f"JSMS refused it with code {code} (HTTP {http_status}), which this version does not "
            f"know; it said: {message or 'nothing'}. Look the code up in the JSMS documentation."
        )
        return JsmsUnknownCodeError(text, **details)
    row = CODES[code]
    text = f"JSMS refused it with {code} (HTTP {http_status}): {row.meaning}. {row.advice}"
    error_class = JsmsReviewError if code == _TEMPLATE_UNDER_REVIEW else _BY_KIND[row.kind]
    return error_class(text, **details)
