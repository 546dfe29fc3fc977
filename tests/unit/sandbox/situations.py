"""How the sandbox is made to say each code of the table.

Most codes have a situation in one of the seven calls: the sandbox says them by nature, to a request
that meets it. The others belong to calls that it does not have, or to a service that is broken: it
says them where a test asks for it, by the fault ``code``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.leaks import APP_KEY
from tests.people import ANNA, CANARY, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.sandbox.client import Client

PATH = "/v1/schedule"
ANNA_ALONE = {"mobile": ANNA}
TOO_MANY = [{"mobile": number(index)} for index in range(1_001)]
NAME = {"name": f"{CANARY}-Anna"}
ANNA_BY_NAME = {**ANNA_ALONE, "temp_para": NAME}
LATER: dict[str, Any] = {"send_time": "2099-07-01 09:00:00", "temp_id": 1}
ORDER: dict[str, Any] = {**LATER, **ANNA_ALONE}


class Play(NamedTuple):
    """A situation: what brings it about, the plain request, and the same by the hook.

    ``by_hook`` is None where the hook never makes such a request.
    """

    request: Callable[[Client], Response]
    prepare: Callable[[SandboxControl], object] = lambda control: None
    by_hook: Callable[[JsmsHook], object] | None = None


def submission(prepare: Callable[[SandboxControl], object]) -> Play:
    """Return a good submission, in a state in which it is refused."""
    return Play(lambda client: client.submit(), prepare, lambda hook: hook.submit_schedule(**ORDER))


def account(**fields: Any) -> Play:
    return submission(lambda control: control.account(**fields))


def order(**fields: Any) -> Play:
    """Return a submission that asks for what is refused."""
    return Play(
        lambda client: client.submit(**fields),
        by_hook=lambda hook: hook.submit_schedule(**{**ORDER, **fields}),
    )


def batch(*people: dict[str, Any]) -> Play:
    return Play(
        lambda client: client.submit_batch(*people),
        by_hook=lambda hook: hook.submit_batch_schedule(**LATER, recipients=list(people)),
    )


def bare(method: str, path: str, **options: Any) -> Play:
    return Play(lambda client: client.ask(method, path, **options))


def as_somebody(credentials: tuple[str, str] | None) -> Play:
    def request(client: Client) -> Response:
        client.session.auth = credentials
        return client.submit()

    return Play(request)


def modify_what_was_deleted() -> Play:
    def request(client: Client) -> Response:
        schedule_id = client.submitted()
        client.delete(schedule_id)
        return client.modify(schedule_id)

    def by_hook(hook: JsmsHook) -> object:
        schedule_id = hook.submit_schedule(**ORDER)
        hook.delete_schedule(schedule_id)
        return hook.modify_schedule(schedule_id, **ORDER)

    return Play(request, by_hook=by_hook)


BY_NATURE: dict[int, Play] = {
    50001: as_somebody(None),
    50002: as_somebody((APP_KEY, APP_KEY)),
    50003: bare("POST", PATH),
    50004: order(mobile=""),
    50005: order(temp_id=None),
    50006: order(mobile="123"),
    50007: bare("POST", PATH, data="{"),
    50008: account(service_open=False),
    50009: account(frequency_limit=0),
    50013: order(temp_id=999),
    50014: account(balance=0),
    50016: bare("GET", "/v1/schedules"),
    50017: bare("POST", PATH, data={"mobile": ANNA}),
    50018: bare("PATCH", PATH),
    50020: order(temp_id=6, temp_para=NAME),
    50021: order(temp_id=7, temp_para=NAME),
    50022: order(temp_id=2),
    50023: order(temp_id=2, temp_para={"name": ""}),
    50024: submission(lambda control: control.number(ANNA, "unsubscribed")),
    50025: order(temp_id=5, temp_para={"code": f"{CANARY}-1"}),
    50027: order(send_time="2001-07-01 09:00:00"),
    50028: Play(
        lambda client: client.modify("unknown"),
        by_hook=lambda hook: hook.modify_schedule("unknown", **ORDER),
    ),
    50029: modify_what_was_deleted(),
    50030: batch(),
    50031: batch(*TOO_MANY),
    50033: Play(
        lambda client: client.balance(), lambda control: control.account(quota_assigned=False)
    ),
    50034: batch(ANNA_ALONE, ANNA_ALONE),
    50035: account(allowed_ips=["192.0.2.1"]),
    50036: account(blacklisted=True),
    50037: account(black_words=["订单"]),
    50038: order(temp_id=2, temp_para={"name": CANARY * 100}),
    50046: account(has_signature=False),
    50054: order(temp_id=2, temp_para={"name": f"{CANARY}【"}),
    50102: order(sign_id=99),
    50301: account(frozen=True),
}
BY_FAULT = {
    # No refusal: a success is HTTP 200 with the result, and no code in it.
    50000,
    # The sandbox does not break by itself.
    50019,
    # The page of the schedule calls lists it, but none of them takes a msg_id.
    50026,
    # Verification codes, as text and as voice.
    *(50010, 50011, 50012, 50015, 50039, 50040, 50041),
    # The making and changing of templates and signatures.
    *(50042, 50043, 50044, 50045, 50047, 50052, 50053, 50101, 50103, 50104, 50105),
    # The pulling of reports and replies.
    *(50201, 50202),
}
