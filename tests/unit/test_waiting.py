"""When a wait is over and when it looks again: followed step by step, without a clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.waiting import (
    Done,
    LookAt,
    Overdue,
    Seen,
    Wait,
    due,
    is_complete,
    is_settled,
    next_step,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MANY = settings(deadline=None, database=None, max_examples=300)
START = datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
WAIT = Wait(started_at=START, poke_interval=MINUTE, recheck_interval=HOUR, grace=HOUR)


def seen(ids: int = 0, recipients: int = 1, at: datetime | None = START, name: str = "a") -> Seen:
    return Seen(name, at, tuple(f"{name}-{index}" for index in range(ids)), recipients)


def follow(
    answer: Callable[[int, datetime], Sequence[Seen]],
    wait: Wait,
    late: timedelta = timedelta(0),
    most: int = 100_000,
) -> tuple[list[datetime], Done | Overdue]:
    """Return when it looked, and how it ended; each look comes ``late`` after its time."""
    now, looks = wait.started_at, []
    for look in range(most):
        looks.append(now)
        step = next_step(answer(look, now), wait, now)
        if not isinstance(step, LookAt):
            return looks, step
        assert step.time > now
        now = step.time + late
    raise AssertionError("the wait does not end")


def test_the_day_of_the_docstring() -> None:
    nine = START + timedelta(hours=2, minutes=30)
    looks, end = follow(lambda _, now: [seen(ids=int(now >= nine + MINUTE), at=nine)], WAIT)
    assert [f"{look:%H:%M}" for look in looks] == ["06:30", "07:30", "08:30", "09:00", "09:01"]
    assert end == Done({"a": ["a-0"]})


@pytest.mark.parametrize(
    ("ids", "recipients", "complete"),
    [
        (0, 0, False),
        (0, 1, False),
        (1, 1, True),
        (1, 2, False),
        (2, 2, True),
        (2, 1, True),
        (1, 0, False),
    ],
)
def test_complete_means_every_listed_recipient_and_at_least_one(
    ids: int,
    recipients: int,
    complete: bool,
) -> None:
    assert is_complete(seen(ids, recipients)) is complete
    assert is_settled(seen(ids, recipients), WAIT, START - HOUR) is complete
    patient = replace(WAIT, wait_for_send_time=True)
    assert is_settled(seen(ids, recipients), patient, START - SECOND) is False
    assert is_settled(seen(ids, recipients), patient, START) is complete


@pytest.mark.parametrize(
    ("send_time", "moment"),
    [(START + HOUR, START + HOUR), (START - HOUR, START - HOUR), (None, START)],
)
def test_due_is_send_time_or_the_start_where_it_cannot_be_read(
    send_time: datetime | None, moment: datetime
) -> None:
    assert due(seen(at=send_time), WAIT) == moment


@pytest.mark.parametrize(
    ("ahead", "next_look"),
    [
        (timedelta(hours=5), HOUR),
        (HOUR + MINUTE, HOUR),
        (HOUR + MINUTE - SECOND, HOUR + MINUTE - SECOND),
        (HOUR, HOUR),
        (SECOND, SECOND),
        (timedelta(0), MINUTE),
        (-timedelta(minutes=30), MINUTE),
        (-timedelta(minutes=59, seconds=30), timedelta(seconds=30)),
        (-HOUR + SECOND, SECOND),
    ],
)
def test_the_next_look_is_seldom_before_send_time_and_often_after(
    ahead: timedelta, next_look: timedelta
) -> None:
    assert next_step([seen(at=START + ahead)], WAIT, START) == LookAt(START + next_look)


@pytest.mark.parametrize("late", [timedelta(0), SECOND, timedelta(days=400)])
def test_grace_is_over_to_the_second(late: timedelta) -> None:
    schedule = seen(at=START)
    now = START + HOUR + late
    assert next_step([schedule], WAIT, now) == Overdue((schedule,))
    assert next_step([schedule], WAIT, START + HOUR - SECOND) == LookAt(START + HOUR)


def test_ids_after_grace_are_still_a_success() -> None:
    assert next_step([seen(ids=1)], WAIT, START + timedelta(days=9)) == Done({"a": ["a-0"]})


def test_overdue_names_only_those_that_are() -> None:
    late = seen(name="late", at=START - HOUR)
    others = [
        seen(1, name="done", at=START - HOUR),
        seen(name="due"),
        seen(name="x", at=START + HOUR),
    ]
    assert next_step([others[0], late, *others[1:]], WAIT, START) == Overdue((late,))


def test_the_next_look_is_the_earliest_of_all_schedules() -> None:
    schedules = [seen(name="far", at=START + 9 * HOUR), seen(name="near", at=START + 10 * MINUTE)]
    assert next_step(schedules, WAIT, START) == LookAt(START + 10 * MINUTE)
    assert next_step(schedules[::-1], WAIT, START) == LookAt(START + 10 * MINUTE)
    done = seen(1, name="near", at=START + 10 * MINUTE)
    assert next_step([schedules[0], done], WAIT, START) == LookAt(START + HOUR)


def test_the_ids_come_back_by_schedule_in_the_given_order() -> None:
    end = next_step([seen(2, 2, name="b"), seen(1, name="a")], WAIT, START)
    assert isinstance(end, Done)
    assert list(end.msg_ids.items()) == [("b", ["b-0", "b-1"]), ("a", ["a-0"])]


@pytest.mark.parametrize("ids", [0, 1])
def test_wait_for_send_time_holds_early_ids_back(ids: int) -> None:
    nine = START + timedelta(hours=2, minutes=30)
    wait = replace(WAIT, wait_for_send_time=True)
    looks, end = follow(lambda _, now: [seen(max(ids, int(now >= nine)), at=nine)], wait)
    assert looks[-1] == nine
    assert end == Done({"a": ["a-0"]})
    early, _ = follow(lambda _, __: [seen(1, at=nine)], WAIT)
    assert early == [START]


def test_wait_for_send_time_waits_for_the_last_of_them() -> None:
    wait = replace(WAIT, wait_for_send_time=True)
    schedules = [seen(1, name="near", at=START + HOUR), seen(1, name="far", at=START + 2 * HOUR)]
    looks, end = follow(lambda _, __: schedules, wait)
    assert looks[-1] == START + 2 * HOUR
    assert isinstance(end, Done)


def test_a_send_time_that_cannot_be_read_is_not_waited_for() -> None:
    wait = replace(WAIT, wait_for_send_time=True)
    assert isinstance(next_step([seen(1, at=None)], wait, START), Done)
    assert next_step([seen(0, at=None)], wait, START + HOUR) == Overdue((seen(0, at=None),))


@pytest.mark.parametrize(
    ("expected", "schedules", "is_done"),
    [
        (None, [(1, 2)], False),
        (1, [(1, 2)], True),  # the other one was refused, yet is listed
        (2, [(1, 2)], False),
        (2, [(2, 2)], True),
        (2, [(1, 1)], False),  # fewer are listed than were accepted
        (3, [(1, 2), (1, 2)], False),
        (3, [(1, 2), (2, 2)], True),
        (3, [(1, 1), (1, 1)], False),
        (0, [(0, 1)], False),  # at least one must have an id
        (0, [(0, 0)], False),
        (1, [(0, 0)], False),
        (1, [], False),
    ],
)
def test_of_a_batch_as_many_ids_as_were_accepted_are_waited_for(
    expected: int | None,
    schedules: list[tuple[int, int]],
    is_done: bool,
) -> None:
    wait = replace(WAIT, expected=expected)
    sight = [seen(ids, listed, name=str(index)) for index, (ids, listed) in enumerate(schedules)]
    assert isinstance(next_step(sight, wait, START), Done) is is_done


def test_which_schedule_lacks_an_id_is_told_by_what_is_listed_or_by_all() -> None:
    wait = replace(WAIT, expected=3)
    whole, half = seen(1, 1, name="whole"), seen(1, 2, name="half")
    assert next_step([whole, half], wait, START + HOUR) == Overdue((half,))
    other = seen(1, 1, name="other")
    assert next_step([whole, other], wait, START + HOUR) == Overdue((whole, other))


def test_early_ids_of_a_batch_are_held_back_too() -> None:
    wait = replace(WAIT, expected=1, wait_for_send_time=True)
    schedule = seen(1, 2, at=START + HOUR)
    assert next_step([schedule], wait, START) == LookAt(START + HOUR)
    assert isinstance(next_step([schedule], wait, START + HOUR), Done)


def test_a_schedule_that_is_moved_later_is_waited_for_at_its_new_time() -> None:
    nine, noon = START + 150 * MINUTE, START + 330 * MINUTE
    looks, end = follow(
        lambda look, now: [seen(int(now >= noon), at=nine if look < 2 else noon)], WAIT
    )
    assert looks[-1] == noon
    assert isinstance(end, Done)


def test_a_schedule_that_is_moved_earlier_is_overdue_by_its_new_time() -> None:
    far, near = START + 100 * HOUR, START + 30 * MINUTE
    looks, end = follow(lambda look, _: [seen(at=near if look else far)], WAIT)
    assert looks[-1] == near + HOUR
    assert end == Overdue((seen(at=near),))
    assert looks[1] == START + HOUR, "a move is noticed within recheck_interval"


def test_ids_that_vanish_are_waited_for_again() -> None:
    nine = START + 2 * HOUR
    wait = replace(WAIT, wait_for_send_time=True)
    _, end = follow(lambda look, _: [seen(int(look == 0), at=nine)], wait)
    assert end == Overdue((seen(at=nine),))


@pytest.mark.parametrize("send_time", ["9999-12-31T15:59:59Z", "0001-01-01T00:00:00Z"])
@pytest.mark.parametrize("grace", [HOUR, timedelta(days=1), timedelta(days=10_000)])
def test_a_time_at_the_end_of_all_years_does_not_break_the_clock(
    send_time: str, grace: timedelta
) -> None:
    schedule = seen(at=datetime.fromisoformat(send_time))
    step = next_step([schedule], replace(WAIT, grace=grace), START)
    assert isinstance(step, LookAt) if send_time[0] == "9" else step == Overdue((schedule,))


@pytest.mark.parametrize("recheck", [timedelta(days=3_000_000), timedelta.max])
def test_a_recheck_interval_beyond_all_years_means_only_at_send_time(recheck: timedelta) -> None:
    wait = replace(WAIT, recheck_interval=recheck)
    assert next_step([seen(at=START + HOUR)], wait, START) == LookAt(START + HOUR)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(milliseconds=1), timedelta(seconds=5)])
@pytest.mark.parametrize(
    "minutes", [0, 1, 2, 59, 60, 61, 62, 119, 120, 121, 150, 1440, 60 * 24 * 30]
)
def test_ids_on_time_cost_at_most_two_looks_and_one_for_each_hour(
    minutes: int, late: timedelta
) -> None:
    at = START + minutes * MINUTE
    looks, end = follow(lambda _, now: [seen(int(now >= at), at=at)], WAIT, late)
    assert isinstance(end, Done)
    assert len(looks) <= 2 + minutes / 60


@MANY
@given(seconds=st.integers(0, 60 * 3600), delay=st.integers(0, 59))
def test_ids_shortly_after_send_time_cost_at_most_two_looks_and_one_for_each_begun_hour(
    seconds: int, delay: int
) -> None:
    at = START + seconds * SECOND
    looks, end = follow(lambda _, now: [seen(int(now >= at + delay * SECOND), at=at)], WAIT)
    assert isinstance(end, Done)
    assert len(looks) <= 2 + -(-seconds // 3600)


minutes_between = st.integers(1, 300).map(lambda count: count * MINUTE)


@st.composite
def sights(draw: st.DrawFn) -> list[list[Seen]]:
    """Return what each of up to three schedules answers, look by look; the last answer stays."""
    return [
        draw(
            st.lists(
                st.builds(
                    seen,
                    ids=st.integers(0, 4),
                    recipients=st.integers(0, 4),
                    at=st.none() | st.integers(-600, 3000).map(lambda m: START + m * MINUTE),
                    name=st.just(f"schedule{index}"),
                ),
                min_size=1,
                max_size=6,
            )
        )
        for index in range(draw(st.integers(1, 3)))
    ]


waits = st.builds(
    Wait,
    started_at=st.just(START),
    poke_interval=minutes_between,
    recheck_interval=minutes_between,
    grace=minutes_between,
    wait_for_send_time=st.booleans(),
    expected=st.none() | st.integers(1, 12),
)


@MANY
@given(answers=sights(), wait=waits, late=st.integers(0, 90).map(lambda count: count * SECOND))
def test_every_wait_ends_and_looks_neither_too_early_nor_too_late(
    answers: list[list[Seen]], wait: Wait, late: timedelta
) -> None:
    def answer(look: int, _: datetime) -> list[Seen]:
        return [each[min(look, len(each) - 1)] for each in answers]

    now = START
    for look in range(20_000):
        sight = answer(look, now)
        step = next_step(sight, wait, now)
        if not isinstance(step, LookAt):
            break
        # Too early: before anything can have changed. Too late: after something is due.
        ahead = [due(each, wait) for each in sight if due(each, wait) > now]
        ends = [due(each, wait) + wait.grace for each in sight if due(each, wait) <= now]
        asked = [now + wait.poke_interval, now + wait.recheck_interval]
        assert step.time > now
        assert step.time >= min([*asked, *ahead, *(end for end in ends if end > now)])
        assert step.time <= max([*ahead, now + wait.poke_interval])
        if not ahead:
            assert step.time <= now + wait.poke_interval
        assert not all(map(is_complete, sight)) or wait.expected or wait.wait_for_send_time
        now = step.time + late
    else:
        raise AssertionError("the wait does not end")
    ids = sum(len(each.msg_ids) for each in sight)
    if isinstance(step, Done):
        assert all(map(is_complete, sight)) if wait.expected is None else ids >= wait.expected
        assert not wait.wait_for_send_time or all(now >= due(each, wait) for each in sight)
        assert step.msg_ids == {each.schedule_id: list(each.msg_ids) for each in sight}
    else:
        assert step.schedules
        assert set(step.schedules) <= set(sight)
        assert all(now >= due(each, wait) + wait.grace for each in step.schedules)
        assert wait.expected is None or ids < wait.expected
        assert wait.expected or not any(map(is_complete, step.schedules))


@MANY
@given(at=st.integers(-600, 3000).map(lambda m: START + m * MINUTE), wait=waits)
def test_a_schedule_that_never_gets_ids_is_overdue_exactly_at_the_end_of_grace(
    at: datetime, wait: Wait
) -> None:
    looks, end = follow(lambda _, __: [seen(at=at)], wait)
    assert end == Overdue((seen(at=at),))
    assert looks[-1] == max(START, at + wait.grace)
    assert at <= START or at in looks, "it looks at send_time itself"
