"""The clock, and the texts that fall due as it moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.sandbox.clock import Clock
from airflow_provider_jsms.sandbox.validation import InvalidInputError
from tests.people import ANNA, BEN, CANARY, CARA, DAN
from tests.unit.sandbox.client import ok

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl
    from airflow_provider_jsms.sandbox.server import SandboxServer
    from tests.unit.sandbox.client import Client


def test_wall_clock_is_china_and_instants_are_utc() -> None:
    clock = Clock("Asia/Shanghai")
    instant = datetime(2030, 7, 1, 1, tzinfo=UTC)
    assert clock.wall(instant) == "2030-07-01 09:00:00"
    assert clock.instant("2030-07-01 09:00:00") == instant


def test_another_zone() -> None:
    assert Clock("UTC").instant("2030-07-01 09:00:00") == datetime(2030, 7, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Nowhere/Land", "", "../etc/passwd", "Asia"])
def test_unknown_zone(zone: str) -> None:
    with pytest.raises(InvalidInputError, match="Asia/Shanghai"):
        Clock(zone)


def test_clock_runs_on_after_a_move() -> None:
    clock = Clock("UTC")
    clock.travel_to(datetime(2050, 1, 1, tzinfo=UTC))
    clock.advance(60)
    late = clock.now() - datetime(2050, 1, 1, 0, 1, tzinfo=UTC)
    assert timedelta() <= late < timedelta(seconds=10)
    assert clock.now() <= clock.now()


@pytest.mark.parametrize("seconds", [-1, -0.5, 1e300, 251_600_000_000])
def test_advance_that_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidInputError):
        Clock("UTC").advance(seconds)


def test_travel_that_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="forward"):
        Clock("UTC").travel_to(datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(InvalidInputError, match="ends"):
        Clock("UTC").travel_to(datetime(9999, 1, 1, tzinfo=UTC))
    with pytest.raises(InvalidInputError, match="offset"):
        Clock("UTC").travel_to(datetime(2050, 1, 1))  # noqa: DTZ001 - the point of the test


def test_everything_due_is_sent_in_the_order_of_its_time(
    client: Client, control: SandboxControl
) -> None:
    times = {mobile: client.in_seconds(s) for mobile, s in [(ANNA, 300), (BEN, 100), (CARA, 200)]}
    for mobile, send_time in times.items():
        client.submitted(mobile=mobile, send_time=send_time)
    client.submitted(mobile=DAN, send_time=client.in_seconds(9_000))
    control.advance(8_000)
    messages = control.messages()
    assert [message["mobile"] for message in messages] == [BEN, CARA, ANNA]
    assert [message["send_time"] for message in messages] == sorted(times.values())
    for message in messages:
        at = datetime.fromisoformat(message["sent_at"])
        assert at.utcoffset() == timedelta()
        assert Clock("Asia/Shanghai").wall(at) == message["send_time"]


def test_a_message_is_sent_once(client: Client, control: SandboxControl) -> None:
    schedule_id = client.submitted(send_time=client.in_seconds(100))
    send_time = client.in_seconds(100)
    client.modify(schedule_id, send_time=send_time)
    client.modify(schedule_id, send_time=send_time)
    for _ in range(3):
        control.advance(101)
    assert len(control.messages()) == 1


def test_modified_before_it_is_due(client: Client, control: SandboxControl) -> None:
    later = client.submitted(send_time=client.in_seconds(100))
    earlier = client.submitted(mobile=BEN, send_time=client.in_seconds(900))
    client.modify(later, send_time=client.in_seconds(900))
    client.modify(earlier, mobile=CARA, send_time=client.in_seconds(100))
    control.advance(500)
    assert [message["mobile"] for message in control.messages()] == [CARA]
    control.advance(500)
    assert [message["mobile"] for message in control.messages()] == [CARA, ANNA]


def test_deleted_before_it_is_due(client: Client, control: SandboxControl) -> None:
    client.delete(client.submitted())
    control.advance(10_000)
    assert control.messages() == []


def test_history_lists_every_event(client: Client, control: SandboxControl) -> None:
    first, second, third = (client.in_seconds(seconds) for seconds in (1000, 2000, 3000))
    sent, deleted = client.submitted(send_time=first), client.submitted(send_time=third)
    client.modify(sent, send_time=second)
    client.delete(deleted)
    control.advance(5000)
    histories = {one["schedule_id"]: one["history"] for one in control.state()["schedules"]}
    assert [(event["event"], event["send_time"]) for event in histories[sent]] == [
        ("submitted", first),
        ("modified", second),
        ("sent", second),
    ]
    assert [(event["event"], event["send_time"]) for event in histories[deleted]] == [
        ("submitted", third),
        ("deleted", third),
    ]
    at = datetime.fromisoformat(histories[sent][-1]["at"])
    assert Clock("Asia/Shanghai").wall(at) == second


def test_the_clock_over_http(client: Client, control: SandboxControl) -> None:
    shown = control.travel_to(datetime(2060, 1, 1, tzinfo=UTC))
    assert shown["wall"].startswith("2060-01-01 08:00:0")
    assert shown["utc"].startswith("2060-01-01T00:00:0")
    assert shown["timezone"] == "Asia/Shanghai"
    assert ok(client.submit(send_time="2060-01-01 09:00:00"))
    with pytest.raises(InvalidInputError, match="forward"):
        control.travel_to(datetime(2059, 1, 1, tzinfo=UTC))


def test_the_clock_in_the_same_process(
    client: Client, control: SandboxControl, server: SandboxServer
) -> None:
    client.submitted(temp_id=2, temp_para={"name": f"{CANARY}-Anna"})
    server.sandbox.advance(3601)
    [schedule] = server.sandbox.sent
    assert [recipient.mobile for recipient in schedule.content.recipients] == [ANNA]
    client.submitted()
    server.sandbox.travel_to(server.sandbox.clock.now() + timedelta(hours=2))
    assert len(server.sandbox.sent) == 2


def test_a_due_text_is_sent_before_the_next_request(client: Client, server: SandboxServer) -> None:
    schedule_id = client.submitted()
    server.sandbox.clock.advance(3601)
    assert server.sandbox.sent == []
    assert "msg_id" in ok(client.query(schedule_id))["recipients"][0]


def test_a_due_text_is_sent_before_the_state_is_shown(
    client: Client, control: SandboxControl, server: SandboxServer
) -> None:
    client.submitted()
    server.sandbox.clock.advance(3601)
    assert len(control.messages()) == 1
