"""Every code of the table, beside what the sandbox can be made to say."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms import exceptions
from airflow_provider_jsms.api.codes import CODES, SERVER_ERROR, SUCCESS
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sandbox import reasons
from airflow_provider_jsms.sandbox.api import ApiRequest, answer
from airflow_provider_jsms.sandbox.state import Sandbox
from airflow_provider_jsms.sandbox.switches import ACCEPTED
from tests.leaks import APP_KEY, MASTER_SECRET
from tests.people import ANNA, BEN, CANARY
from tests.unit.sandbox.client import Client
from tests.unit.sandbox.situations import (
    ANNA_ALONE,
    ANNA_BY_NAME,
    BY_FAULT,
    BY_NATURE,
    LATER,
    NAME,
    ORDER,
    PATH,
    TOO_MANY,
)
from tests.unit.sandbox.test_any_body import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response

    from airflow_provider_jsms.sandbox.answers import Answer
    from airflow_provider_jsms.sandbox.control import SandboxControl

# It is told of one recipient, in the answer to a batch that succeeds for the others.
OF_A_RECIPIENT = {50034}
# The hook stops these before anything is sent.
STOPPED_BY_THE_HOOK = {50004, 50005, 50006, 50027, 50030, 50031}
# The table of the page of the schedule calls.
ON_THE_SCHEDULE_PAGE = {*range(50000, 50009), 50013, 50014, *range(50016, 50032), 50034}

ERRORS: dict[type[exceptions.JsmsError], set[int]] = {
    exceptions.JsmsAuthError: {50001, 50002},
    exceptions.JsmsAccountError: {50008, 50014, 50033, 50035, 50036, 50202, 50301},
    exceptions.JsmsReviewError: {50020},
    exceptions.JsmsTemplateError: {
        *(50021, *range(50042, 50048), 50052, 50053),
        *range(50101, 50106),
    },
    exceptions.JsmsStateError: {50028, 50029},
    exceptions.JsmsRecipientError: {50006, 50024, 50034},
    exceptions.JsmsFrequencyError: {50009, 50201},
    exceptions.JsmsRequestError: {
        *(*range(50003, 50006), 50007, *range(50010, 50014), *range(50015, 50019), 50022, 50023),
        *(*range(50025, 50028), 50030, 50031, *range(50037, 50042), 50054),
    },
}
ERROR_OF = {code: error for error, codes in ERRORS.items() for code in codes}


@pytest.fixture
def client(sandbox: SandboxControl) -> Iterator[Client]:
    with Client(sandbox) as client:
        client.session.auth = (APP_KEY, MASTER_SECRET)
        yield client


@pytest.fixture
def hook(sandbox: SandboxControl) -> Iterator[JsmsHook]:
    with JsmsHook() as hook:
        yield hook


def said(response: Response) -> tuple[int, int, str]:
    """Return HTTP status, code and message of a refusal, of the request or of a recipient."""
    shown = response.json()
    if response.status_code == 200:
        [failure] = shown["failure_recipients"]
        assert isinstance(failure["error_code"], str)
        return 200, int(failure["error_code"]), failure["error_message"]
    return response.status_code, shown["error"]["code"], shown["error"]["message"]


def in_the_table(code: int) -> tuple[int, int, str]:
    """Return the same of the table; 403 and the meaning stand in for what no document tells."""
    row = CODES[code]
    return row.http_status or 403, code, row.message or row.meaning


def test_each_code_is_said_either_by_nature_or_by_a_fault() -> None:
    assert not BY_FAULT & set(BY_NATURE)
    assert BY_FAULT | set(BY_NATURE) == set(CODES)


def test_the_sandbox_has_no_reason_beside_these() -> None:
    known = {value for value in vars(reasons).values() if isinstance(value, int)}
    assert known == set(BY_NATURE)


def test_what_the_schedule_page_lists_is_said_by_nature() -> None:
    assert ON_THE_SCHEDULE_PAGE - set(BY_NATURE) == {50000, 50019, 50026}
    # Of the account as a whole, of the content, and of the balance call.
    beside = {50009, 50033, 50035, 50036, 50037, 50038, 50046, 50054, 50102, 50301}
    assert set(BY_NATURE) - ON_THE_SCHEDULE_PAGE == beside


@pytest.mark.parametrize("code", BY_NATURE)
def test_said_by_nature(client: Client, sandbox: SandboxControl, code: int) -> None:
    play = BY_NATURE[code]
    play.prepare(sandbox)
    status, *rest = in_the_table(code)
    is_request = code not in OF_A_RECIPIENT
    assert said(play.request(client)) == (status if is_request else 200, *rest)
    assert sandbox.requests()[-1]["code"] == (code if is_request else None)


@pytest.mark.parametrize("code", sorted(CODES))
def test_said_by_a_fault(client: Client, sandbox: SandboxControl, code: int) -> None:
    sandbox.fault("submit_schedule", "code", code=code)
    response = client.submit()
    status, _, message = in_the_table(code)
    assert response.status_code == status
    assert response.json() == {"error": {"code": code, "message": message}}
    assert sandbox.state()["schedules"] == []


BY_THE_HOOK = {code: play.by_hook for code, play in BY_NATURE.items() if play.by_hook}


@pytest.mark.parametrize("code", sorted(BY_THE_HOOK.keys() - STOPPED_BY_THE_HOOK - OF_A_RECIPIENT))
def test_the_hook_meets_it_by_nature(hook: JsmsHook, sandbox: SandboxControl, code: int) -> None:
    BY_NATURE[code].prepare(sandbox)
    with pytest.raises(exceptions.JsmsApiError) as refused:
        BY_THE_HOOK[code](hook)
    assert type(refused.value) is ERROR_OF[code]
    assert refused.value.code == code


@pytest.mark.parametrize("code", sorted(STOPPED_BY_THE_HOOK))
def test_the_hook_does_not_let_it_come_to_that(
    hook: JsmsHook, sandbox: SandboxControl, code: int
) -> None:
    with pytest.raises(exceptions.JsmsInputError, match="Nothing was sent"):
        BY_THE_HOOK[code](hook)
    assert sandbox.requests() == []


def test_the_hook_returns_a_recipient_who_was_refused(hook: JsmsHook) -> None:
    result = hook.submit_batch_schedule(**LATER, recipients=[ANNA_ALONE, ANNA_ALONE])
    [failure] = result["failure_recipients"]
    assert (failure["error_code"], failure["error_message"]) == (50034, "repeat send")


CALLS: dict[str, Callable[[JsmsHook], object]] = {
    "submit_schedule": lambda hook: hook.submit_schedule(**ORDER),
    "submit_batch_schedule": lambda hook: hook.submit_batch_schedule(
        **LATER, recipients=[ANNA_ALONE]
    ),
    "modify_schedule": lambda hook: hook.modify_schedule("any", **ORDER),
    "modify_batch_schedule": lambda hook: hook.modify_batch_schedule(
        "any", **LATER, recipients=[ANNA_ALONE]
    ),
    "query_schedule": lambda hook: hook.query_schedule("any"),
    "delete_schedule": lambda hook: hook.delete_schedule("any"),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_code_is_its_error_in_every_call_of_the_hook(
    hook: JsmsHook, sandbox: SandboxControl, call: str
) -> None:
    assert set(ERROR_OF) == set(CODES) - {SUCCESS, SERVER_ERROR}
    for code, error in ERROR_OF.items():
        sandbox.fault(call, "code", code=code)
        with pytest.raises(exceptions.JsmsApiError) as refused:
            CALLS[call](hook)
        assert type(refused.value) is error
        assert (refused.value.code, refused.value.http_status) == (code, in_the_table(code)[0])
    assert len(sandbox.requests()) == len(ERROR_OF), "a refusal is not sent again"


@pytest.mark.parametrize("code", [SUCCESS, SERVER_ERROR])
def test_a_submission_that_may_have_been_accepted(
    hook: JsmsHook, sandbox: SandboxControl, code: int
) -> None:
    sandbox.fault("submit_schedule", "code", code=code)
    with pytest.raises(exceptions.JsmsUncertainError):
        hook.submit_schedule(**ORDER)
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize("call", sorted(CALLS.keys() - {"submit_schedule"}))
def test_a_server_error_that_lasts(
    hook: JsmsHook, sandbox: SandboxControl, no_waits: None, call: str
) -> None:
    sandbox.fault(call, "code", times=None, code=SERVER_ERROR)
    is_submission = call == "submit_batch_schedule"
    error = exceptions.JsmsUncertainError if is_submission else exceptions.JsmsServerError
    with pytest.raises(error):
        CALLS[call](hook)
    assert len(sandbox.requests()) == (1 if is_submission else 3)


# What random requests are made of; of each part the good one comes first, and most of the time.
ACCOUNTS: list[dict[str, Any]] = [
    {},
    *({"balance": 0}, {"frequency_limit": 0}, {"black_words": ["预约"]}, {"allowed_ips": []}),
    *({"has_signature": False}, {"quota_assigned": False}, {"service_open": False}),
    *({"frozen": True}, {"blacklisted": True}),
]
FIELDS: dict[str, list[Any]] = {
    "send_time": ["2099-07-01 09:00:00", "", "2001-07-01 09:00:00", None],
    "mobile": [ANNA, "123", "", None, 7, BEN],
    "temp_id": [2, *range(1, 10), "x", None],
    "temp_para": [NAME, None, {"name": ""}, {"name": CANARY * 100}, {"name": f"{CANARY}【"}, []],
    "sign_id": [None, 2, 99],
    "tag": [None, "spring", "x" * 11],
}
RECIPIENTS: list[Any] = [[ANNA_BY_NAME], [], None, "x", [ANNA_BY_NAME] * 2, [{}], TOO_MANY]
TARGETS = [
    *(("POST", PATH), ("POST", f"{PATH}/batch"), ("PUT", f"{PATH}/{{}}")),
    *(("PUT", f"{PATH}/batch/{{}}"), ("GET", f"{PATH}/{{}}"), ("DELETE", f"{PATH}/{{}}")),
    *(("GET", "/v1/accounts/app"), ("PUT", f"{PATH}/unknown"), ("PATCH", PATH), ("GET", "/v1")),
]
AUTHORIZATIONS = [f"Basic {TOKEN}", "Basic x", None]
MEDIA_TYPES = ["application/json", None, "text/plain", "text/html"]
CALLER = ("127.0.0.1", AUTHORIZATIONS[0], MEDIA_TYPES[0])


def test_thousands_of_requests_are_told_these_codes_and_no_other() -> None:
    random = Random(0)
    met = {code for _ in range(1_500) for code in codes_of_a_sandbox(random)}
    assert met == set(BY_NATURE)


def codes_of_a_sandbox(random: Random) -> Iterator[int]:
    """Yield the codes that a sandbox says to some requests, however it is set up."""
    switches = {name: random.choice(values) for name, values in ACCEPTED.items()}
    sandbox = Sandbox(switches=switches)
    made = answer(sandbox, ApiRequest("POST", PATH, *CALLER, json.dumps(ORDER).encode()))
    schedule_id = json.loads(made.body)["schedule_id"]
    sandbox.account.change(mostly(random, ACCOUNTS))
    sandbox.numbers[BEN] = "unsubscribed"
    if random.random() < 0.2:
        sandbox.advance(90 * 366 * 86_400)
    for _ in range(4):
        yield from codes_in(answer(sandbox, request(random, schedule_id)))


def request(random: Random, schedule_id: str) -> ApiRequest:
    method, path = random.choice(TARGETS)
    fields = {name: mostly(random, values) for name, values in FIELDS.items()}
    body = {**fields, "recipients": mostly(random, RECIPIENTS)}
    return ApiRequest(
        method,
        path.format(schedule_id),
        "127.0.0.1",
        mostly(random, AUTHORIZATIONS),
        mostly(random, MEDIA_TYPES),
        json.dumps(body).encode() if random.random() < 0.9 else b"",
    )


def mostly(random: Random, values: list[Any]) -> Any:
    return values[0] if random.random() < 0.8 else random.choice(values)


def codes_in(answered: Answer) -> set[int]:
    """Return the codes of an answer: of the request, or of its recipients."""
    if answered.code is not None:
        assert answered.status == in_the_table(answered.code)[0]
        return {answered.code}
    failures = json.loads(answered.body or b"{}").get("failure_recipients", [])
    return {int(failure["error_code"]) for failure in failures}
