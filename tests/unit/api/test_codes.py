"""The table of codes against an independent transcription of the published lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.api import codes
from airflow_provider_jsms.api.codes import CODES, refusal
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

PUBLISHED = """
50000 200 success                                50001 400 missing auth
50002 401 auth failed                            50003 400 missing body
50004 400 missing mobile                         50005 400 missing temp_id
50006 403 invalid mobile                         50007 403 invalid body
50008 403 no sms code auth                       50009 403 out of freq
50010 403 invalid code                           50011 403 expired code
50012 403 verified code                          50013 403 invalid temp_id
50014 403 no money                               50015 400 missing code
50016 404 api not found                          50017 415 media not supported
50018 405 request method not support             50019 500 server error
50020 403 template auditing                      50021 403 template not pass
50022 403 parameters not all replaced            50023 403 parameters is empty
50024 403 unsubscribed mobile                    50025 403 wrong template type
50026 403 wrong msg_id                           50027 403 invalid send_time
50028 403 invalid schedule_id                    50029 403 wrong schedule status
50030 403 recipients is empty                    50031 403 too much recipients
50033 403 app quota not assigned                 50034 403 repeat send
50035 403 illegal IP                             50036 403 app in black
50037 403 has black word                         50038 403 invalid content length
50039 403 invalid code type                      50040 403 invalid voice language type
50041 403 invalid ttl value                      50042 403 template is empty
50043 403 template too long                      50044 403 template parameter invalid
50045 403 remark too long                        50046 403 signature not set
50047 403 modify template not allow              50052 403 template contains special symbol
50053 403 special template parameter need extra remark for confirmation
50054 403 content contains special symbol        50101 403 invalid image
50102 403 invalid sign id                        50103 403 other signatures in the audit
50104 403 invalid signature                      50105 403 default signature cannot be deleted
"""
ROWS: dict[int, tuple[int | None, str]] = {
    int(cell[:5]): (int(cell[6:9]), cell[10:].strip())
    for line in PUBLISHED.strip().splitlines()
    for cell in ([line[:49], line[49:]] if line[49:50] == "5" else [line])
}
# Known from later clients only: neither status nor message is documented.
ROWS |= dict.fromkeys((50201, 50202, 50301), (None, ""))
# Verification codes, and the management of templates and signatures.
OF_OTHER_CALLS = {
    *(50010, 50011, 50012, 50015, *range(50039, 50046), 50047, 50052, 50053),
    *(50101, 50103, 50104, 50105),
}

CLASSES: dict[type[JsmsApiError] | None, set[int]] = {
    None: {50000, 50019},
    JsmsAuthError: {50001, 50002},
    JsmsAccountError: {50008, 50014, 50033, 50035, 50036, 50202, 50301},
    JsmsReviewError: {50020},
    JsmsTemplateError: {50021, 50046, 50102},
    JsmsStateError: {50028, 50029},
    JsmsRecipientError: {50006, 50024, 50034},
    JsmsFrequencyError: {50009, 50201},
}
ERRORS = {code: error for error, numbers in CLASSES.items() for code in numbers}


def test_the_table_has_the_published_codes_that_these_calls_can_answer() -> None:
    assert len(ROWS) == 58
    assert set(CODES) == set(ROWS) - OF_OTHER_CALLS


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_row_is_that_of_the_documents_with_a_meaning_and_advice(code: int) -> None:
    row = CODES[code]
    assert (row.http_status, row.message) == ROWS[code]
    assert row.error is ERRORS.get(code, JsmsRequestError)
    assert row.meaning
    assert not row.meaning.endswith(".")
    assert row.advice.endswith(".")
    assert row.advice[0].isupper()


def test_a_code_outside_the_table_keeps_its_number_and_its_message() -> None:
    error = refusal("call", 50010, "invalid code", 403)
    assert type(error) is JsmsUnknownCodeError
    assert (error.code, error.message, error.http_status) == (50010, "invalid code", 403)
    assert "unknown code 50010 (HTTP 403); it said: invalid code. Look the code up" in str(error)


def test_the_named_codes_are_what_their_names_say() -> None:
    named = {
        codes.SUCCESS: "success",
        codes.INVALID_SEND_TIME: "invalid send_time",
        codes.INVALID_SCHEDULE_ID: "invalid schedule_id",
        codes.WRONG_SCHEDULE_STATUS: "wrong schedule status",
        codes.SERVER_ERROR: "server error",
        codes.APP_QUOTA_NOT_ASSIGNED: "app quota not assigned",
    }
    assert {code: CODES[code].message for code in named} == named
