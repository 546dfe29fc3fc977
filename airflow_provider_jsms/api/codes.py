"""The return codes of JSMS: meaning, advice and error class.

The table unites the published lists (docs.jiguang.cn, ``rest_api_summary`` and the pages of the
calls), limited to codes that these calls can answer, and three codes seen in later public clients
only (50201, 50202, 50301). The code decides about an error: nearly every refusal is an HTTP 403.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

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
    from airflow_provider_jsms.exceptions import JsmsApiError

SUCCESS: Final = 50000
INVALID_TEMP_ID: Final = 50013
TEMPLATE_AUDITING: Final = 50020
INVALID_SEND_TIME: Final = 50027
INVALID_SCHEDULE_ID: Final = 50028
WRONG_SCHEDULE_STATUS: Final = 50029
SERVER_ERROR: Final = 50019
PULLED_TOO_OFTEN: Final = 50201
APP_QUOTA_NOT_ASSIGNED: Final = 50033
INVALID_SIGN_ID: Final = 50102


class Code(NamedTuple):
    """One row of the table; ``http_status`` is None and ``message`` empty where undocumented."""

    http_status: int | None
    message: str
    error: type[JsmsApiError] | None
    meaning: str
    advice: str


_CORRECT: Final = "Correct the request."

# fmt: off
CODES: Final[dict[int, Code]] = {
    50000: Code(200, "success", None, "the request succeeded", "Nothing to do."),
    50001: Code(400, "missing auth", JsmsAuthError, "the request carried no credentials",
        "Set login (app key) and password (master secret) of the Airflow connection."),
    50002: Code(401, "auth failed", JsmsAuthError, "the app key or the master secret is wrong",
        "Compare login and password of the Airflow connection with app key and master secret in "
        "the JSMS console."),
    50003: Code(400, "missing body", JsmsRequestError, "the request had no body", _CORRECT),
    50004: Code(400, "missing mobile", JsmsRequestError, "the phone number is missing", _CORRECT),
    50005: Code(400, "missing temp_id", JsmsRequestError, "the template id is missing", _CORRECT),
    50006: Code(403, "invalid mobile", JsmsRecipientError, "the phone number is invalid",
        "Correct the number; JSMS takes mainland China numbers of 11 digits."),
    50007: Code(403, "invalid body", JsmsRequestError, "the body of the request is invalid",
        _CORRECT),
    50008: Code(403, "no sms code auth", JsmsAccountError,
        "the SMS service is not open for this application",
        "Open the SMS service in the JSMS console."),
    50009: Code(403, "out of freq", JsmsFrequencyError,
        "the number or the application was texted too often",
        "Wait at least ten minutes; see the frequency limits in the JSMS console."),
    50013: Code(403, "invalid temp_id", JsmsRequestError, "the template does not exist",
        "Take temp_id from the JSMS console; a template belongs to one application."),
    50014: Code(403, "no money", JsmsAccountError, "the SMS balance is used up",
        "Top up the balance, then clear the task."),
    50016: Code(404, "api not found", JsmsRequestError, "there is no such API",
        "Compare host of the Airflow connection with the documented https://api.sms.jpush.cn."),
    50017: Code(415, "media not supported", JsmsRequestError, "the Content-Type is not supported",
        "Check for a proxy between Airflow and JSMS that changes headers."),
    50018: Code(405, "request method not support", JsmsRequestError,
        "the HTTP method is not supported",
        "Check for a proxy between Airflow and JSMS that changes methods."),
    50019: Code(500, "server error", None, "JSMS failed while it handled the request",
        "Try again later; a submission may have been accepted all the same."),
    50020: Code(403, "template auditing", JsmsReviewError, "the template is still under review",
        "Wait for the review in the JSMS console, then clear the task."),
    50021: Code(403, "template not pass", JsmsTemplateError, "the template was rejected in review",
        "Correct the template in the JSMS console or use another one."),
    50022: Code(403, "parameters not all replaced", JsmsRequestError,
        "temp_para lacks a parameter of the template",
        "Give every parameter that the template names."),
    50023: Code(403, "parameters is empty", JsmsRequestError,
        "a parameter of the template is empty", "Give every parameter of the template a value."),
    50024: Code(403, "unsubscribed mobile", JsmsRecipientError, "the person has unsubscribed",
        "Remove the number from the list."),
    50025: Code(403, "wrong template type", JsmsRequestError,
        "this call does not support the type of the template",
        "Use a notification or marketing template."),
    50026: Code(403, "wrong msg_id", JsmsRequestError, "the msg_id is invalid", _CORRECT),
    50027: Code(403, "invalid send_time", JsmsRequestError, "send_time is missing or has passed",
        "Choose a later send_time; check the clock of the worker and the time zone of the "
        "connection."),
    50028: Code(403, "invalid schedule_id", JsmsStateError, "there is no such schedule",
        "Check whether the schedule was deleted, or belongs to another application."),
    50029: Code(403, "wrong schedule status", JsmsStateError,
        "the schedule was already sent or deleted",
        "It cannot be changed any more; check in the JSMS console whether it was sent."),
    50030: Code(403, "recipients is empty", JsmsRequestError, "there are no recipients", _CORRECT),
    50031: Code(403, "too much recipients", JsmsRequestError,
        "there are more than 1,000 recipients in one request", "Split the list."),
    50033: Code(403, "app quota not assigned", JsmsAccountError,
        "no SMS balance is assigned to the application",
        "Assign a balance to the application in the JSMS console."),
    50034: Code(403, "repeat send", JsmsRecipientError,
        "the same text to the same number was filtered as a repetition",
        "Remove the repeated entry."),
    50035: Code(403, "illegal IP", JsmsAccountError,
        "the address of this machine is not on the allowlist of the application",
        "Add the address to the allowlist in the JSMS console."),
    50036: Code(403, "app in black", JsmsAccountError, "the application is blocked",
        "Check the application in the JSMS console."),
    50037: Code(403, "has black word", JsmsRequestError,
        "the text contains words that may not be sent", "Change the parameters or the template."),
    50038: Code(403, "invalid content length", JsmsRequestError, "the text is too long",
        "Shorten the parameters: the whole text with its signature counts."),
    50046: Code(403, "signature not set", JsmsTemplateError, "the application has no signature",
        "Set a signature in the JSMS console or pass sign_id."),
    50054: Code(403, "content contains special symbol", JsmsRequestError,
        "the text contains a symbol such as 【】", "Remove the symbol from the parameters."),
    50102: Code(403, "invalid sign id", JsmsTemplateError, "the signature does not exist",
        "Take sign_id from the JSMS console."),
    50201: Code(None, "", JsmsFrequencyError,
        "delivery reports or replies were read less than five seconds ago",
        "Read them in one task only, in an Airflow pool with one slot."),
    50202: Code(None, "", JsmsAccountError,
        "delivery reports and replies cannot be read, usually because a callback is set",
        "Remove the callback of the application in the JSMS console, or use the rows that it "
        "receives."),
    50301: Code(None, "", JsmsAccountError, "the developer account is frozen",
        "Contact JSMS support."),
}
# fmt: on


def refusal(call: str, code: int, message: str, http_status: int) -> JsmsApiError:
    """Return the error for a refusal: any code but 50000 and 50019; ``message`` is masked."""
    row = CODES.get(code)
    error = (row and row.error) or JsmsUnknownCodeError
    text = f"JSMS refused it with {'' if row else 'the unknown code '}{code} (HTTP {http_status})"
    if row:
        text += f": {row.meaning}. {row.advice}"
    else:
        text += f"; it said: {message or 'nothing'}. Look the code up in the JSMS documentation."
    return error(text, call=call, code=code, message=message, http_status=http_status)
