"""When a wait is over and when it looks again: followed step by step, without a clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.triggers.waiting import (
    PATIENCE,
    Done,
    Gone,
    LookAt,
    Overdue,
    Seen,
    TimedOut,
    Trouble,
    Unreachable,
    Wait,
    due,
    gone,
    is_complete,
    is_settled,
    next_step,
    seen_of,
)
from tests import people

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_jsms.api.replies import Schedule
    from airflow_provider_jsms.triggers.waiting import Step

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


class TestWhereLooksFail:
    def test_it_asks_again_after_a_poke(self) -> None:
        assert next_step([seen()], WAIT, START, Trouble(START)) == LookAt(START + MINUTE)
        assert next_step([], WAIT, START, Trouble(START)) == LookAt(START + MINUTE)
        far = seen(at=START + 9 * HOUR)
        assert next_step([far], WAIT, START, Trouble(START)) == LookAt(START + MINUTE)

    def test_it_asks_no_earlier_than_jsms_wants(self) -> None:
        trouble = Trouble(START, asked=4 * MINUTE)
        assert next_step([seen()], WAIT, START, trouble) == LookAt(START + 4 * MINUTE)
        trouble = Trouble(START, asked=SECOND)
        assert next_step([seen()], WAIT, START, trouble) == LookAt(START + MINUTE)

    @pytest.mark.parametrize("asked", [HOUR, timedelta.max])
    def test_what_jsms_wants_does_not_prolong_the_patience(self, asked: timedelta) -> None:
        trouble = Trouble(START, asked=asked)
        assert next_step([seen()], WAIT, START + MINUTE, trouble) == LookAt(START + PATIENCE)

    def test_patience_ends_to_the_second(self) -> None:
        trouble, end = Trouble(START), START + PATIENCE
        assert next_step([seen()], WAIT, end - SECOND, trouble) == LookAt(end)
        assert next_step([seen()], WAIT, end, trouble) == Unreachable()
        assert next_step([], WAIT, end, trouble) == Unreachable()
        assert next_step([seen(at=None)], WAIT, end, trouble) == Unreachable()

    def test_patience_does_not_begin_before_the_first_msg_ids_are_due(self) -> None:
        near = seen(name="near", at=START + HOUR)
        sight = [seen(name="far", at=START + 9 * HOUR), near, seen(1, name="done")]
        end = START + HOUR + PATIENCE
        assert isinstance(next_step(sight, WAIT, end - SECOND, Trouble(START)), LookAt)
        assert next_step(sight, WAIT, end, Trouble(START)) == Unreachable()

    def test_patience_begins_with_the_failure_where_that_is_later(self) -> None:
        late = Trouble(START + HOUR)
        assert isinstance(next_step([seen()], WAIT, START + HOUR + 9 * MINUTE, late), LookAt)
        assert next_step([seen()], WAIT, START + HOUR + PATIENCE, late) == Unreachable()

    def test_nobody_is_overdue_who_cannot_be_asked_for(self) -> None:
        now = START + WAIT.grace
        assert next_step([seen()], WAIT, now) == Overdue((seen(),))
        assert next_step([seen()], WAIT, now, Trouble(now)) == LookAt(now + MINUTE)

    def test_the_wait_is_not_done_as_long_as_a_schedule_could_not_be_asked_for(self) -> None:
        step = next_step([seen(1)], WAIT, START, Trouble(START))
        assert step == LookAt(START + MINUTE)


class TestAScheduleThatIsGone:
    @pytest.mark.parametrize(
        ("schedule", "expected", "is_early"),
        [
            (seen(0), None, False),
            (seen(1, 2), None, False),
            (seen(1, 2), 2, False),
            (seen(0, 0), None, False),
            (seen(1), None, True),  # held back by wait_for_send_time, and deleted before it
            (seen(1, 2), 1, True),
        ],
    )
    def test_before_it_was_done_ends_the_wait(
        self, schedule: Seen, expected: int | None, is_early: bool
    ) -> None:
        wait = replace(WAIT, expected=expected, wait_for_send_time=True)
        lost = replace(schedule, gone=50028, send_time=START + HOUR if is_early else START)
        others = [seen(1, name="b"), seen(name="c", at=START + HOUR)]
        assert next_step([*others, lost], replace(wait, expected=None), START) == Gone((lost,))
        assert next_step([lost], wait, START) == Gone((lost,))
        assert next_step([lost], wait, START, Trouble(START)) == Gone((lost,))

    @pytest.mark.parametrize(("schedule", "expected"), [(seen(2, 2), None), (seen(1, 2), 1)])
    def test_after_it_was_sent_with_every_msg_id_is_done(
        self, schedule: Seen, expected: int | None
    ) -> None:
        wait = replace(WAIT, expected=expected, wait_for_send_time=True)
        forgotten = replace(schedule, gone=50028)
        ids = {"a": list(schedule.msg_ids)}
        assert next_step([forgotten], wait, START) == Done(ids)
        assert next_step([forgotten], wait, START + 9 * HOUR) == Done(ids)

    def test_is_waited_for_no_more_than_the_others(self) -> None:
        forgotten, other = replace(seen(1), gone=50028), seen(name="b")
        assert next_step([forgotten, other], WAIT, START) == LookAt(START + MINUTE)
        assert next_step([forgotten, other], WAIT, START + HOUR) == Overdue((other,))

    def test_is_not_asked_for_again(self) -> None:
        wait = replace(WAIT, wait_for_send_time=True)
        assert is_settled(replace(seen(0, at=START + HOUR), gone=0), wait, START)

    def test_keeps_what_was_seen_before(self) -> None:
        known = seen(1, 2, at=START + HOUR)
        assert gone("a", known, 50029) == replace(known, gone=50029)
        assert gone("a", None, 50028) == Seen("a", gone=50028)
        assert gone("a", None, None) == Seen("a", gone=0), "also without a code it is gone"


class TestAWaitThatEndsInAnyCase:
    wait = replace(WAIT, ends_at=START + 30 * SECOND)

    @pytest.mark.parametrize("trouble", [None, Trouble(START)])
    def test_ends_to_the_second(self, trouble: Trouble | None) -> None:
        end = START + 30 * SECOND
        assert next_step([seen()], self.wait, START, trouble) == LookAt(end)
        assert next_step([seen()], self.wait, end - SECOND, trouble) == LookAt(end)
        assert next_step([seen()], self.wait, end, trouble) == TimedOut()
        assert next_step([], self.wait, end, trouble) == TimedOut()

    def test_takes_what_the_last_look_finds(self) -> None:
        end = START + 30 * SECOND
        assert next_step([seen(1)], self.wait, end) == Done({"a": ["a-0"]})
        assert next_step([replace(seen(), gone=50028)], self.wait, end) == Gone(
            (replace(seen(), gone=50028),)
        )

    def test_says_so_rather_than_that_it_is_overdue_or_cannot_be_asked(self) -> None:
        assert next_step([seen()], self.wait, START + 9 * HOUR) == TimedOut()
        assert next_step([seen()], self.wait, START + 9 * HOUR, Trouble(START)) == TimedOut()

    def test_may_end_before_send_time(self) -> None:
        assert next_step([seen(at=START + HOUR)], self.wait, START) == LookAt(START + 30 * SECOND)


def test_what_a_query_told_is_seen() -> None:
    answer: Schedule = {
        "schedule_id": "another name for it",
        "send_time": "2026-12-01 14:30:00",
        "temp_id": 1,
        "recipients": [
            {"msg_id": "7", "mobile": people.ANNA, "temp_para": {}},
            {"msg_id": None, "mobile": people.BEN, "temp_para": {}},
        ],
    }
    zone = ZoneInfo("Asia/Shanghai")
    assert seen_of("a", answer, zone) == Seen("a", START, ("7",), 2)
    assert seen_of("a", {**answer, "send_time": None}, zone).send_time is None
    assert seen_of("a", {**answer, "send_time": "soon"}, zone).send_time is None


@dataclass(frozen=True)
class Plan:
    """What becomes of one schedule, whoever looks.

    :param times: its send_time from the beginning on, and from each moment on at which it is moved.
    :param ids_at: when each recipient gets a msg_id, None for never.
    :param gone_at: when JSMS forgets it, None for never.
    """

    name: str
    times: tuple[tuple[datetime, datetime | None], ...]
    ids_at: tuple[datetime | None, ...]
    gone_at: datetime | None = None

    def seen(self, now: datetime, known: Seen | None) -> Seen:
        if self.gone_at is not None and now >= self.gone_at:
            return gone(self.name, known, 50028)
        # The first one holds from the beginning on.
        send_time = [at for since, at in self.times if now >= since or since is self.times[0][0]]
        ids = [f"{self.name}-{index}" for index, at in enumerate(self.ids_at) if at and now >= at]
        return Seen(self.name, send_time[-1], tuple(ids), len(self.ids_at))


@dataclass(frozen=True)
class Outage:
    """A time in which some schedules cannot be asked for.

    :param end: None if it lasts.
    :param hits: which schedules, by their place.
    """

    begin: datetime
    end: datetime | None
    hits: frozenset[int]
    asked: timedelta = timedelta(0)

    def is_on(self, index: int, now: datetime) -> bool:
        return index in self.hits and now >= self.begin and (self.end is None or now < self.end)


@dataclass
class Look:
    at: datetime
    sight: list[Seen]
    trouble: Trouble | None
    step: Step


def watch(
    plans: Sequence[Plan],
    outages: Sequence[Outage],
    wait: Wait,
    lates: Sequence[timedelta],
    most: int = 30_000,
) -> list[Look]:
    """Follow schedules as the sensor and the trigger do; the last look is the one that ends it."""
    known: dict[str, Seen] = {}
    looks: list[Look] = []
    now, since = wait.started_at, None
    while len(looks) < most:
        failures = []
        for index, plan in enumerate(plans):
            sight = known.get(plan.name)
            if sight and is_settled(sight, wait, now):
                continue
            if on := [outage for outage in outages if outage.is_on(index, now)]:
                failures += on
            else:
                known[plan.name] = plan.seen(now, sight)
        since = (since or now) if failures else None
        trouble = Trouble(since, failures[0].asked) if since else None
        step = next_step(list(known.values()), wait, now, trouble)
        looks.append(Look(now, list(known.values()), trouble, step))
        if not isinstance(step, LookAt):
            return looks
        assert step.time > now
        now = step.time + lates[len(looks) % len(lates)]
    raise AssertionError("the wait does not end")


NEVER: st.SearchStrategy[datetime | None] = st.none()
pauses = st.sampled_from([0.0, 0.05, 0.1, 1.0, 7.5, 60.0, 600.0, 5400.0]).map(
    lambda seconds: timedelta(seconds=seconds)
)


@st.composite
def rules(draw: st.DrawFn, ends: st.SearchStrategy[datetime | None] = NEVER) -> Wait:
    """Return rules under which a wait takes some thousand looks at most."""
    poke = draw(pauses)
    pause = max(poke, SECOND)
    return Wait(
        started_at=START,
        poke_interval=poke,
        recheck_interval=draw(st.integers(1, 300)) * max(pause, MINUTE),
        grace=max(draw(st.integers(1, 60)) * pause, timedelta(milliseconds=1)),
        wait_for_send_time=draw(st.booleans()),
        expected=draw(st.none() | st.integers(0, 5)),
        ends_at=draw(ends),
    )


moments = st.integers(-3 * 3600, 60 * 3600).map(lambda seconds: START + seconds * SECOND)


@st.composite
def plans_of(draw: st.DrawFn) -> list[Plan]:
    """Return up to three schedules that are moved, sent, deleted or forgotten at any time."""
    plans = []
    for index in range(draw(st.integers(1, 3))):
        moves = sorted(draw(st.lists(moments, max_size=3)))
        times = [(since, draw(st.none() | moments)) for since in (START, *moves)]
        ids = st.lists(st.none() | moments, min_size=0, max_size=3)
        plans.append(
            Plan(f"schedule{index}", tuple(times), tuple(draw(ids)), draw(st.none() | moments))
        )
    return plans


@st.composite
def outages_of(draw: st.DrawFn, longest: timedelta) -> list[Outage]:
    outages = []
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(moments)
        length = draw(st.none() | st.integers(1, 1000))
        end = None if length is None else begin + length * longest / 1000
        hits = draw(st.frozensets(st.integers(0, 2), min_size=1))
        asked = draw(st.sampled_from([0, 0, 30, 3600])) * SECOND
        outages.append(Outage(begin, end, hits, asked))
    return outages


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Plan], list[Outage], Wait, list[timedelta]]:
    wait = draw(rules(ends=st.none() | moments))
    # With pauses of a tenth of a second an outage of days is a million looks.
    pause = max(wait.poke_interval, timedelta(milliseconds=100))
    outages = draw(outages_of(longest=min(1000 * pause, timedelta(days=2))))
    if pause < MINUTE:
        outages = [each for each in outages if each.end]
    late = st.integers(0, 90).map(lambda count: count * SECOND)
    return draw(plans_of()), outages, wait, draw(st.lists(late, min_size=1, max_size=5))


def lacking(sight: Sequence[Seen], wait: Wait, now: datetime) -> list[Seen]:
    """Return the schedules that must go on being watched, in the words of the documents."""
    found = sum(len(each.msg_ids) for each in sight)
    if wait.expected is not None and found >= max(wait.expected, 1):
        without = []
    else:
        without = [each for each in sight if not 0 < each.recipients <= len(each.msg_ids)]
        without = without or (list(sight) if wait.expected is not None else [])
    return [
        each
        for each in sight
        if each in without or (wait.wait_for_send_time and now < (each.send_time or START))
    ]


def check_next_look(look: Look, wait: Wait) -> None:
    """A look comes neither before anything can have changed nor after something is due."""
    assert isinstance(look.step, LookAt)
    now, time = look.at, look.step.time
    poke = max(wait.poke_interval, timedelta(milliseconds=100))
    missing = lacking(look.sight, wait, now)
    if wait.ends_at is not None:
        assert time <= wait.ends_at
        if time == wait.ends_at:
            return
    if look.trouble:
        ends = [each.send_time for each in missing if each.send_time]
        end = max(look.trouble.since, min(ends, default=look.trouble.since)) + PATIENCE
        assert now < end
        assert time == min(now + max(poke, look.trouble.asked), end)
        return
    assert missing
    ahead = [due(each, wait) for each in missing if due(each, wait) > now]
    behind = [due(each, wait) for each in missing if due(each, wait) <= now]
    assert all(time <= moment for moment in ahead), "none is later than send_time"
    if behind:
        ends = [moment + wait.grace for moment in behind]
        assert now < min(ends), "the end is told at the latest grace after send_time"
        assert time <= min(now + poke, *ends)
        allowed = [now + poke, *ends]
    else:
        assert time <= now + wait.recheck_interval + wait.poke_interval
        allowed = []
    if ahead:
        allowed += [now + wait.recheck_interval, *ahead]
    assert time >= min(allowed), "before send_time seldom, from then on after a poke"


def check_end(look: Look, looks: list[Look], plans: Sequence[Plan], wait: Wait) -> None:
    """What ended a wait is true."""
    now, step = look.at, look.step
    ids = {plan.name: plan.seen(now, None) for plan in plans}
    if isinstance(step, Done):
        assert look.trouble is None
        assert set(step.msg_ids) == {plan.name for plan in plans}
        found = sum(map(len, step.msg_ids.values()))
        if wait.expected is None:
            assert all(map(is_complete, look.sight))
            assert all(step.msg_ids[plan.name] for plan in plans)
        else:
            assert found >= max(wait.expected, 1)
        for plan in plans:
            if ids[plan.name].gone is None:
                assert set(step.msg_ids[plan.name]) <= set(ids[plan.name].msg_ids)
        if wait.wait_for_send_time:
            assert all(now >= due(each, wait) for each in look.sight)
    elif isinstance(step, Gone):
        for each in step.schedules:
            assert ids[each.schedule_id].gone == each.gone
            found = sum(len(one.msg_ids) for one in look.sight)
            has_all = is_complete(each) or found >= max(wait.expected or 10**9, 1)
            assert not has_all or now < due(each, wait)
    elif isinstance(step, Overdue):
        assert step.schedules
        assert all(now >= due(each, wait) + wait.grace for each in step.schedules)
        assert set(step.schedules) <= set(lacking(look.sight, wait, now))
    elif isinstance(step, Unreachable):
        assert look.trouble
        failed = [each for each in looks if look.trouble.since <= each.at]
        assert all(each.trouble for each in failed)
        assert now - look.trouble.since >= PATIENCE
    else:
        assert step == TimedOut()
        assert wait.ends_at is not None
        assert now >= wait.ends_at
        assert not looks[:-1] or looks[-2].at < wait.ends_at


@settings(MANY, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds())
def test_in_every_world_a_wait_ends_for_a_true_reason_and_looks_when_it_should(
    world: tuple[list[Plan], list[Outage], Wait, list[timedelta]],
) -> None:
    plans, outages, wait, lates = world
    looks = watch(plans, outages, wait, lates)
    for look in looks[:-1]:
        check_next_look(look, wait)
    check_end(looks[-1], looks, plans, wait)


@MANY
@given(
    hours=st.integers(0, 60),
    second=st.integers(0, 3599),
    wait=rules(),
    length=st.integers(1, 599),
    begin=st.integers(-60, 61 * 60),
    lates=st.lists(st.integers(0, 30).map(lambda count: count * SECOND), min_size=1, max_size=3),
)
def test_an_outage_shorter_than_the_patience_never_ends_a_wait(
    hours: int,
    second: int,
    wait: Wait,
    length: int,
    begin: int,
    lates: list[timedelta],
) -> None:
    at = START + hours * HOUR + second * SECOND
    plan = Plan("a", ((START, at),), (at,))
    first = START + begin * MINUTE
    outage = Outage(first, first + length * SECOND, frozenset([0]))
    wait = replace(wait, expected=1)
    (*_, last) = watch([plan], [outage], wait, lates)
    assert last.step == Done({"a": ["a-0"]})


@MANY
@given(
    ahead=st.integers(-3600, 5 * 3600).map(lambda seconds: seconds * SECOND),
    begin=st.integers(0, 6 * 3600).map(lambda seconds: seconds * SECOND),
    wait=rules(ends=st.none() | moments),
)
def test_a_lasting_outage_always_ends_a_wait(
    ahead: timedelta, begin: timedelta, wait: Wait
) -> None:
    wait = replace(wait, poke_interval=max(wait.poke_interval, 5 * SECOND))
    at = START + ahead
    looks = watch(
        [Plan("a", ((START, at),), (None,))],
        [Outage(START + begin, None, frozenset([0]))],
        wait,
        [timedelta(0)],
    )
    last = looks[-1]
    assert isinstance(last.step, Unreachable | Overdue | TimedOut)
    if isinstance(last.step, Overdue):
        assert last.at == max(START, at + wait.grace) < START + begin
    elif isinstance(last.step, Unreachable):
        failed = [look.at for look in looks if look.trouble]
        was_seen = not looks[0].trouble
        assert failed[0] >= START + begin
        assert last.at == max(failed[0], at if was_seen else failed[0]) + PATIENCE
    else:
        assert last.at == max(START, wait.ends_at or START)


@MANY
@given(
    seconds=st.integers(0, 60 * 3600),
    poke=pauses.filter(lambda pause: pause <= HOUR),
    count=st.integers(1, 3),
    late=st.sampled_from([0.0, 0.001, 2.0]),
)
def test_on_time_it_costs_two_looks_and_one_for_each_begun_hour_whatever_the_pauses_are(
    seconds: int, poke: timedelta, count: int, late: float
) -> None:
    at = START + seconds * SECOND
    plans = [Plan(f"schedule{index}", ((START, at),), (at, at)) for index in range(count)]
    wait = replace(WAIT, poke_interval=poke)
    looks = watch(plans, [], wait, [timedelta(seconds=late)])
    assert isinstance(looks[-1].step, Done)
    assert len(looks) <= 2 + -(-seconds // 3600)


@MANY
@given(data=st.data(), wait=rules())
def test_a_schedule_that_jsms_forgets_after_sending_is_done(
    data: st.DataObject, wait: Wait
) -> None:
    """With the msg_ids known before send_time; from then on JSMS says that there is none."""
    at = START + data.draw(st.integers(1, 20 * 3600)) * SECOND
    plan = Plan("a", ((START, at),), (START, START), gone_at=at)
    wait = replace(wait, expected=data.draw(st.none() | st.just(2)))
    looks = watch([plan], [], wait, [timedelta(0)])
    assert looks[-1].step == Done({"a": ["a-0", "a-1"]})
    assert looks[-1].at == (at if wait.wait_for_send_time else START)


@MANY
@given(every=st.integers(1, 50), pushes=st.integers(1, 40))
def test_a_schedule_that_is_moved_again_and_again_is_waited_for_as_long(
    every: int, pushes: int
) -> None:
    """And no longer: each move is two hours ahead when it is made, and then they stop."""
    moves = [START + index * every * MINUTE for index in range(pushes)]
    times = tuple((since, since + 2 * HOUR) for since in moves)
    looks = watch([Plan("a", times, (None,))], [], WAIT, [timedelta(0)])
    assert isinstance(looks[-1].step, Overdue)
    assert looks[-1].at == moves[-1] + 2 * HOUR + WAIT.grace
