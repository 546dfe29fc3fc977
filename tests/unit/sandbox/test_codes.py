"""Every return code of the sandbox, by its documented causes, on the wire and through the hook."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from airflow_provider_jsms import exceptions
from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.sandbox.responses import ErrorCode
from tests.people import ANNA, BEN, CANARY, CARA, DAN, number
from tests.unit.sandbox.client import JSON, Client, ok, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from airflow_provider_jsms.sandbox.server import SandboxServer

TOKEN = base64.b64encode(f"{DEFAULT_APP_KEY}:{DEFAULT_MASTER_SECRET}".encode()).decode()
SCHEDULE = "/v1/schedule"
BATCH = "/v1/schedule/batch"
NAME = {"name": f"{CANARY}-Anna"}
ANNA_ALONE = {"mobile": ANNA}
TOO_MANY = [{"mobile": number(index)} for index in range(1_001)]


class Case(NamedTuple):
    """A request that is refused; ``by_hook`` makes the same one, if the hook can."""

    request: Callable[[Client], Response]
    prepare: Callable[[SandboxControl], object] = lambda control: None
    by_hook: Callable[[JsmsHook], object] | None = None


def in_state(prepare: Callable[[SandboxControl], object]) -> Case:
    """A valid submission in a state that refuses it."""
    return Case(lambda client: client.submit(), prepare, submission())


def account(**fields: Any) -> Case:
    return in_state(lambda control: control.account(**fields))


def limit_at_acceptance(control: SandboxControl, limit: int = 0) -> None:
    control.switch(frequency_limit_at="acceptance")
    control.account(frequency_limit=limit)


def submission(**fields: Any) -> Callable[[JsmsHook], object]:
    base = {"send_time": "2099-07-01 09:00:00", "mobile": ANNA, "temp_id": 1}
    return lambda hook: hook.submit_schedule(**{**base, **fields})


def single(**fields: Any) -> Case:
    return Case(lambda client: client.submit(**fields), by_hook=submission(**fields))


def wire(**fields: Any) -> Case:
    """A submission that the hook never makes."""
    return Case(lambda client: client.submit(**fields))


def batch(*people: Any, **fields: Any) -> Case:
    return Case(lambda client: client.submit_batch(*people, **fields))


def bare(method: str, path: str, body: bytes | str = "", **headers: str) -> Case:
    return Case(lambda client: client.ask(method, path, data=body, headers={**JSON, **headers}))


def credentials(authorization: str | None) -> Case:
    def request(client: Client) -> Response:
        client.session.auth = None
        if authorization:
            client.session.headers["Authorization"] = authorization
        return client.balance()

    return Case(request)


CASES: dict[int, list[Case]] = {
    50001: [credentials(None)],
    50002: [
        credentials("Basic d3Jvbmc6a2V5"),
        *(
            credentials(f"Basic !{TOKEN}"),
            credentials(f"Bearer {TOKEN}"),
            credentials("Basic /w=="),
        ),
    ],
    50003: [bare("POST", SCHEDULE), bare("POST", SCHEDULE, "  ")],
    50004: [
        *(wire(mobile=mobile) for mobile in (..., None, "")),
        batch(ANNA_ALONE, {"mobile": ""}),
    ],
    50005: [wire(temp_id=temp_id) for temp_id in (..., None, "")],
    50006: [
        *(wire(mobile=one) for one in ("123", "12800138001", f"+86{ANNA}", f"{ANNA}\n", "１" * 11)),
        in_state(lambda control: control.number(ANNA, "invalid")),
    ],
    50007: [
        *(bare("POST", SCHEDULE, body) for body in (b"{", b"[]", b'"text"', b"\xff\xfe{")),
        *(wire(mobile=1.5), wire(temp_id=1.5), wire(temp_id=True), wire(sign_id={})),
        *(wire(temp_para=para) for para in ([], CANARY, {"name": [CANARY]}, {"name": True})),
        *(wire(temp_para={"name": float("nan")}), wire(tag="12345678901"), wire(tag=7)),
        *(batch(ANNA), batch(recipients=ANNA_ALONE)),
        Case(
            lambda client: client.submit_batch({"mobile": int(ANNA)}),
            lambda control: control.switch(numeric_mobile="refuse"),
        ),
    ],
    50008: [
        Case(lambda client: client.balance(), lambda control: control.account(service_open=False)),
        account(service_open=False),
    ],
    50009: [in_state(limit_at_acceptance)],
    50013: [
        *(
            Case(lambda client: client.get_template(999)),
            Case(lambda client: client.get_template("x")),
        ),
        single(temp_id=999),
        *(wire(temp_id=one) for one in (0, -1, "999", "one", "１")),
    ],
    50014: [account(balance=0)],
    50016: [
        *(bare("GET", path) for path in ("/v1", "/v1/messages", "/v1/schedule/", "/v1//schedule")),
        *(bare("GET", "/v1/schedule/batch/a/b"), bare("GET", "/sandbox")),
    ],
    50017: [
        bare("POST", SCHEDULE, "{}", **{"Content-Type": media_type})
        for media_type in ("application/xml", "multipart/form-data")
    ],
    50018: [
        *(bare("GET", SCHEDULE), bare("DELETE", SCHEDULE), bare("POST", "/v1/schedule/id")),
        *(bare("GET", f"{BATCH}/id"), bare("DELETE", f"{BATCH}/id"), bare("PATCH", SCHEDULE)),
        bare("POST", "/v1/accounts/app"),
    ],
    50020: [single(temp_id=6, temp_para=NAME)],
    50021: [single(temp_id=7, temp_para=NAME)],
    50022: [
        *(single(temp_id=2), wire(temp_id=3, temp_para=None), wire(temp_id=3, temp_para=NAME)),
        wire(temp_id=3, temp_para={"name": "", "date": CANARY}),
    ],
    50023: [
        single(temp_id=2, temp_para={"name": ""}),
        wire(temp_id=2, temp_para={"name": None}),
    ],
    50024: [
        Case(
            lambda client: client.submit(temp_id=4, temp_para=NAME),
            lambda control: control.number(ANNA, "unsubscribed"),
            submission(temp_id=4, temp_para=NAME),
        )
    ],
    50025: [
        Case(
            lambda client: client.submit(temp_id=5, temp_para={"code": CANARY}),
            lambda control: control.switch(verification_template="refuse"),
            submission(temp_id=5, temp_para={"code": CANARY}),
        )
    ],
    50027: [
        wire(send_time=one)
        for one in (
            *(..., None, "", 20301201, "2099-7-1 9:0:0", "2099-07-01 09:00", "2099-07-01T09:00:00"),
            *("2099-07-01 09:00:00 ", "2099-02-30 09:00:00", "2099-07-01 24:00:00"),
            *("2001-07-01 09:00:00", "0001-01-01 00:00:00", "0000-01-01 00:00:00"),
        )
    ],
    50028: [
        Case(lambda client: client.query("unknown"), by_hook=lambda hook: hook.query_schedule("x")),
        *(Case(lambda client: client.delete("批")), Case(lambda client: client.modify("unknown"))),
        Case(lambda client: client.modify_batch("unknown", ANNA_ALONE)),
    ],
    50030: [batch(recipients=recipients) for recipients in (..., None, [])],
    50031: [batch(*TOO_MANY)],
    50033: [
        Case(lambda client: client.balance(), lambda control: control.account(quota_assigned=False))
    ],
    50035: [account(allowed_ips=["192.0.2.1"]), account(allowed_ips=[])],
    50036: [account(blacklisted=True)],
    50037: [account(black_words=["订单"])],
    50038: [single(temp_id=2, temp_para={"name": CANARY * 100})],
    50046: [
        account(has_signature=False),
        in_state(lambda control: control.sign(1, is_default=False)),
    ],
    50054: [single(temp_id=2, temp_para={"name": f"{CANARY}【"})],
    50102: [
        *(Case(lambda client: client.get_sign(99)), Case(lambda client: client.get_sign("²"))),
        single(sign_id=99),
        wire(sign_id="99"),
        wire(sign_id="one"),
    ],
    50201: [Case(lambda client: (client.reports(), client.reports())[1])],
    50202: [
        Case(lambda client: client.reports(), lambda control: control.account(callback=True)),
        Case(lambda client: client.replies(), lambda control: control.account(callback=True)),
    ],
    50301: [account(frozen=True)],
}
# These need several requests, see below.
ELSEWHERE = {50029, 50034}

ERRORS: dict[type[exceptions.JsmsError], set[int]] = {
    exceptions.JsmsAuthError: {50001, 50002},
    exceptions.JsmsAccountError: {50008, 50014, 50033, 50035, 50036, 50202, 50301},
    exceptions.JsmsReviewError: {50020},
    exceptions.JsmsTemplateError: {50021, 50046, 50102},
    exceptions.JsmsStateError: {50028, 50029},
    exceptions.JsmsRecipientError: {50006, 50024, 50034},
    exceptions.JsmsFrequencyError: {50009, 50201},
    exceptions.JsmsRequestError: {
        *(50003, 50004, 50005, 50007, 50013, 50016, 50017, 50018, 50022, 50023, 50025, 50027),
        *(50030, 50031, 50037, 50038, 50054),
    },
}
ERROR_OF = {code: error for error, codes in ERRORS.items() for code in codes}


def test_every_code_has_a_case_and_an_error() -> None:
    assert {*CASES, *ELSEWHERE} == set(ErrorCode) == set(ERROR_OF)


@pytest.mark.parametrize("code", CASES)
def test_a_request_is_refused(server: SandboxServer, control: SandboxControl, code: int) -> None:
    known = CODES[code]
    for place, case in enumerate(CASES[code]):
        server.sandbox.reset()
        case.prepare(control)
        with Client(control) as client:
            response = case.request(client)
        assert refusal(response) == (known.http_status or 403, code), place
        message = known.message or known.meaning
        assert response.json()["error"]["message"].startswith(message)
        assert control.requests()[-1]["code"] == code
        assert control.state()["schedules"] == []


@pytest.mark.parametrize("code", [code for code, cases in CASES.items() if cases[-1].by_hook])
def test_the_hook_raises_its_error(jsms_default: None, control: SandboxControl, code: int) -> None:
    case = CASES[code][0 if CASES[code][0].by_hook else -1]
    assert case.by_hook
    case.prepare(control)
    with JsmsHook() as hook, pytest.raises(exceptions.JsmsApiError) as refused:
        case.by_hook(hook)
    assert (type(refused.value), refused.value.code) == (ERROR_OF[code], code)


def test_every_code_is_its_error_in_the_hook(jsms_default: None, control: SandboxControl) -> None:
    with JsmsHook() as hook:
        for code, error in ERROR_OF.items():
            control.fault("query_schedule", "code", code=code)
            with pytest.raises(exceptions.JsmsApiError) as refused:
                hook.query_schedule("any")
            assert (type(refused.value), refused.value.code) == (error, code)
    assert len(control.requests()) == len(ERROR_OF), "a refusal is not retried"


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.submit(send_time=""),
        lambda client: client.submit_batch(ANNA_ALONE, send_time=""),
        lambda client: client.modify(client.submitted(), send_time=""),
        lambda client: client.modify_batch(client.submitted(), ANNA_ALONE, send_time=""),
    ],
)
def test_every_call_with_a_body_is_reviewed(
    client: Client, call: Callable[[Client], Response]
) -> None:
    assert refusal(call(client)) == (403, 50027)


def test_the_present_second_is_too_late(client: Client) -> None:
    assert refusal(client.submit(send_time=client.in_seconds(0))) == (403, 50027)


def test_50013_names_the_templates_of_the_sandbox(client: Client, control: SandboxControl) -> None:
    message = client.submit(temp_id=1250).json()["error"]["message"]
    assert message == (
        "invalid temp_id: this sandbox has 1, 2, 3, 4, 5, 6, 7, 8; add yours with "
        "PUT /sandbox/templates/1250"
    )
    assert control.requests()[0]["message"] == message


@pytest.mark.parametrize("end", ["sent", "deleted"])
def test_50029_modified_too_late(client: Client, control: SandboxControl, end: str) -> None:
    schedule_id = client.submitted()
    if end == "sent":
        control.advance(3601)
    else:
        client.delete(schedule_id)
    assert refusal(client.modify(schedule_id)) == (403, 50029)
    assert refusal(client.modify_batch(schedule_id, ANNA_ALONE)) == (403, 50029)


def test_the_account_still_allows_the_rest(client: Client, control: SandboxControl) -> None:
    control.account(allowed_ips=["127.0.0.1"], has_signature=False)
    assert ok(client.submit(sign_id=2))
    control.number(ANNA, "invalid")
    control.number(ANNA, "normal")
    assert ok(client.submit(sign_id=2))
    for restriction in ("blacklisted", "frozen"):
        control.account(**{restriction: True})
        assert client.balance().status_code == 403


def test_50009_counts_the_messages_of_24_hours(client: Client, control: SandboxControl) -> None:
    limit_at_acceptance(control, 2)
    first = client.submitted(temp_id=2, temp_para={"name": f"{CANARY}-1"})
    second = client.submitted(temp_id=2, temp_para={"name": f"{CANARY}-2"})
    assert refusal(client.submit()) == (403, 50009)
    assert ok(client.submit(mobile=BEN))
    assert ok(client.submit(send_time=client.in_seconds(90_100)))
    assert ok(client.modify(first)), "a modified message does not count twice"
    client.delete(second)
    assert ok(client.submit())


def test_50009_counts_within_a_batch(client: Client, control: SandboxControl) -> None:
    limit_at_acceptance(control, 1)
    people = [{"mobile": ANNA, "temp_para": {"name": f"{CANARY}-{index}"}} for index in (1, 2)]
    answer = ok(client.submit_batch(*people, temp_id=2))
    assert [failure["error_code"] for failure in answer["failure_recipients"]] == ["50009"]


@pytest.mark.parametrize(
    ("text", "cost"),
    # The signature has six more characters.
    [("x" * 64, 1), ("x" * 65, 2), ("x" * 128, 2), ("x" * 129, 3), ("x" * 63 + "\n", 2)],
)
def test_50014_a_long_text_costs_several_messages(
    client: Client, control: SandboxControl, text: str, cost: int
) -> None:
    control.template(100, text=text)
    people = [{"mobile": ANNA}, {"mobile": BEN}]
    control.account(balance=2 * cost - 1)
    assert refusal(client.submit_batch(*people, temp_id=100)) == (403, 50014)
    control.account(balance=2 * cost)
    assert ok(client.submit_batch(*people, temp_id=100))
    control.advance(3601)
    assert ok(client.balance())["app_balance"] == 0


def test_50031_a_thousand_recipients_fit(client: Client) -> None:
    assert ok(client.submit_batch(*TOO_MANY[1:]))["success_count"] == 1_000


@pytest.mark.parametrize("limit", [500, 350])
def test_50038_too_long(client: Client, control: SandboxControl, limit: int) -> None:
    control.switch(content_limit=limit)
    control.template(100, text="{{name}}")
    value = CANARY.ljust(limit - len("【沙盒诊所】"), "x")
    assert refusal(client.submit(temp_id=100, temp_para={"name": f"{value}x"})) == (403, 50038)
    assert ok(client.submit(temp_id=100, temp_para={"name": value}))


def test_a_refused_recipient_does_not_affect_the_others(
    client: Client, control: SandboxControl
) -> None:
    control.number(CARA, "unsubscribed")
    control.switch(unsubscribed="all_refused")
    anna = {"mobile": ANNA, "temp_para": NAME}
    response = client.submit_batch(
        anna,
        {"mobile": "123", "temp_para": {"name": f"{CANARY}-Nobody"}},
        {"mobile": BEN},
        {"mobile": CARA, "temp_para": {"name": f"{CANARY}-Cara"}},
        {"mobile": DAN, "temp_para": {"name": ""}},
        anna,
        {"mobile": ANNA, "temp_para": {"name": f"{CANARY}-Anna the second"}},
        temp_id=2,
    )
    answer = ok(response)
    assert answer.keys() == {
        "schedule_id",
        "success_count",
        "failure_count",
        "failure_recipients",
    }
    assert (answer["success_count"], answer["failure_count"]) == (2, 5)
    assert answer["failure_recipients"][0] == {
        "error_code": "50006",
        "error_message": "invalid mobile",
        "mobile": "123",
        "temp_para": {"name": f"{CANARY}-Nobody"},
    }
    codes = [failure["error_code"] for failure in answer["failure_recipients"]]
    assert codes == ["50006", "50022", "50024", "50023", "50034"]


@pytest.mark.parametrize("code", [50000, 50019, 50026, 50301, 59999])
def test_a_fault_refuses_with_any_code(client: Client, control: SandboxControl, code: int) -> None:
    control.fault("submit_schedule", "code", code=code)
    response = client.submit()
    known = CODES.get(code)
    assert response.status_code == ((known and known.http_status) or 403)
    message = known.message or known.meaning if known else "undocumented code"
    assert json.loads(response.content) == {"error": {"code": code, "message": message}}
    assert control.state()["schedules"] == []


@pytest.mark.parametrize("code", [50000, 50019])
def test_a_code_that_does_not_prove_a_refusal_is_uncertain(
    jsms_default: None, control: SandboxControl, code: int
) -> None:
    control.fault("submit_schedule", "code", code=code)
    with JsmsHook() as hook, pytest.raises(exceptions.JsmsUncertainError):
        submission()(hook)
    assert len(control.requests()) == 1
