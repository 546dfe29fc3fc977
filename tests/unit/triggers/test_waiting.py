"""When a wait polls and how it ends: followed step by step, without a clock."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.exceptions import JsmsServerError, JsmsThrottledError
from airflow_provider_jsms.triggers import waiting
from airflow_provider_jsms.triggers.progress import Progress
from airflow_provider_jsms.triggers.waiting import PATIENCE, Done, Failed, Wait
from tests import people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_jsms.api.results import Schedule
    from airflow_provider_jsms.triggers.waiting import Step

MANY = settings()
START = datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OUTAGE = JsmsServerError("HTTP 503", call="query_schedule")


def throttled(wait: float) -> JsmsThrottledError:
    error = JsmsThrottledError("HTTP 429", call="query_schedule")
    error.wait = wait
    return error


def schedule(
    ids: int = 0, recipients: int = 1, at: datetime | None = START, name: str = "a"
) -> Progress:
    msg_ids = tuple(f"{name}-{index}" for index in range(ids))
    return Progress(name, at, recipients, ids, msg_ids)


def wait_for(*schedules: Progress, **rules: Any) -> Wait:
    given: dict[str, Any] = {
        "started_at": START,
        "poke_interval": MINUTE,
        "recheck_interval": HOUR,
        "grace": HOUR,
        **rules,
    }
    return Wait(schedules={each.schedule_id: each for each in schedules}, **given)


@pytest.mark.parametrize(
    ("ids", "recipients", "complete"),
    [(0, 0, False), (0, 1, False), (1, 1, True), (1, 2, False), (2, 2, True), (1, 0, False)],
)
def test_complete_means_every_listed_recipient_and_at_least_one(
    ids: int, recipients: int, complete: bool
) -> None:
    one = schedule(ids, recipients)
    assert one.is_complete is complete
    assert wait_for(one).unsettled(START - HOUR) == ([] if complete else [one])
    patient = wait_for(one, wait_for_send_time=True)
    assert patient.unsettled(START - SECOND) == [one]
    assert patient.unsettled(START) == ([] if complete else [one])


@pytest.mark.parametrize(
    ("ahead", "pause"),
    [
        (5 * HOUR, HOUR),
        (HOUR + MINUTE, HOUR),
        (HOUR + MINUTE - SECOND, HOUR + MINUTE - SECOND),
        (SECOND, SECOND),
        (timedelta(0), MINUTE),
        (-30 * MINUTE, MINUTE),
        (-HOUR + SECOND, SECOND),
    ],
)
def test_it_polls_seldom_before_send_time_and_often_after(
    ahead: timedelta, pause: timedelta
) -> None:
    assert wait_for(schedule(at=START + ahead)).next_step(START) == START + pause


def test_grace_is_over_to_the_second() -> None:
    one = schedule()
    assert wait_for(one).next_step(START + HOUR - SECOND) == START + HOUR
    assert wait_for(one).next_step(START + HOUR) == Failed("overdue", (one,))
    assert wait_for(schedule(1)).next_step(START + 9 * HOUR) == Done({"a": ["a-0"]})


def test_only_overdue_schedules_are_reported() -> None:
    late = schedule(name="late", at=START - HOUR)
    done = schedule(1, name="done", at=START - HOUR)
    ahead = schedule(name="ahead", at=START + HOUR)
    assert wait_for(done, late, schedule(), ahead).next_step(START) == Failed("overdue", (late,))


def test_the_next_poll_is_the_earliest_of_all_schedules() -> None:
    far = schedule(name="far", at=START + 9 * HOUR)
    near = schedule(name="near", at=START + 10 * MINUTE)
    assert wait_for(far, near).next_step(START) == START + 10 * MINUTE
    assert wait_for(near, far).next_step(START) == START + 10 * MINUTE


def test_a_send_time_that_cannot_be_parsed_is_not_waited_for() -> None:
    assert isinstance(
        wait_for(schedule(1, at=None), wait_for_send_time=True).next_step(START), Done
    )
    unknown = schedule(at=None)
    assert wait_for(unknown).next_step(START + HOUR) == Failed("overdue", (unknown,))


@pytest.mark.parametrize(
    ("expected", "schedules", "is_done"),
    [
        (None, [(1, 2)], False),
        (1, [(1, 2)], True),  # the other recipient was refused, yet is listed
        (2, [(1, 2)], False),
        (2, [(1, 1)], False),  # fewer are listed than were accepted
        (3, [(1, 2), (1, 2)], False),
        (3, [(1, 2), (2, 2)], True),
        (0, [(0, 1)], False),  # at least one must have an id
        (0, [(0, 0)], False),
    ],
)
def test_a_batch_is_done_with_as_many_ids_as_recipients_were_accepted(
    expected: int | None, schedules: list[tuple[int, int]], is_done: bool
) -> None:
    every = [schedule(*each, name=str(index)) for index, each in enumerate(schedules)]
    assert isinstance(wait_for(*every, expected=expected).next_step(START), Done) is is_done


def test_the_schedule_that_lacks_an_id_is_the_incomplete_one_or_any_of_them() -> None:
    whole, half = schedule(1, 1, name="whole"), schedule(1, 2, name="half")
    late = START + HOUR
    assert wait_for(whole, half, expected=3).next_step(late) == Failed("overdue", (half,))
    other = schedule(1, 1, name="other")
    assert wait_for(whole, other, expected=3).next_step(late) == Failed("overdue", (whole, other))


def test_early_ids_of_a_batch_are_held_back_too() -> None:
    rules: dict[str, Any] = {"expected": 1, "wait_for_send_time": True}
    one = schedule(1, 2, at=START + HOUR)
    assert wait_for(one, **rules).next_step(START) == START + HOUR
    assert isinstance(wait_for(one, **rules).next_step(START + HOUR), Done)


class TestAnOutage:
    def test_is_polled_again_after_poke_interval(self) -> None:
        for one in (schedule(), schedule(at=START + 9 * HOUR), schedule(1), Progress("a")):
            assert wait_for(one).next_step(START, OUTAGE) == START + MINUTE

    def test_is_not_polled_earlier_than_jsms_asks(self) -> None:
        assert wait_for(schedule()).next_step(START, throttled(240)) == START + 4 * MINUTE
        assert wait_for(schedule()).next_step(START, throttled(1)) == START + MINUTE
        assert wait_for(schedule()).next_step(START, throttled(3600)) == START + PATIENCE

    def test_ends_the_wait_after_ten_minutes_to_the_second(self) -> None:
        for one in (schedule(), schedule(at=None), Progress("a")):
            wait = wait_for(one, failing_since=START)
            assert wait.next_step(START + PATIENCE - SECOND, OUTAGE) == START + PATIENCE
            assert wait.next_step(START + PATIENCE, OUTAGE) == Failed("unreachable")

    def test_counts_from_send_time_where_that_is_later(self) -> None:
        near = schedule(name="near", at=START + HOUR)
        far = schedule(name="far", at=START + 9 * HOUR)
        wait = wait_for(far, near, schedule(1, name="done"), failing_since=START)
        end = START + HOUR + PATIENCE
        assert isinstance(wait.next_step(end - SECOND, OUTAGE), datetime)
        assert wait.next_step(end, OUTAGE) == Failed("unreachable")

    def test_is_over_with_the_first_poll_that_succeeds(self) -> None:
        wait = wait_for(schedule())
        wait.next_step(START, OUTAGE)
        wait.next_step(START + MINUTE, OUTAGE)
        assert wait.failing_since == START
        wait.next_step(START + 2 * MINUTE)
        assert wait.failing_since is None

    def test_leaves_nobody_overdue(self) -> None:
        now = START + HOUR
        assert wait_for(schedule()).next_step(now, OUTAGE) == now + MINUTE


class TestAScheduleThatIsGone:
    @pytest.mark.parametrize(
        ("lost", "expected"),
        [
            (schedule(0), None),
            (schedule(1, 2), None),
            (schedule(1, 2), 2),
            (Progress("a"), None),
            # held back by wait_for_send_time, and deleted before it
            (schedule(1, at=START + HOUR), None),
            (schedule(1, 2, at=START + HOUR), 1),
        ],
    )
    @pytest.mark.parametrize("error", [None, OUTAGE])
    def test_before_it_was_done_ends_the_wait(
        self, lost: Progress, expected: int | None, error: Exception | None
    ) -> None:
        lost = replace(lost, gone=50028)
        wait = wait_for(lost, expected=expected, wait_for_send_time=True)
        assert wait.next_step(START, error) == Failed("gone", (lost,))

    @pytest.mark.parametrize(("sent", "expected"), [(schedule(2, 2), None), (schedule(1, 2), 1)])
    def test_after_it_was_sent_with_every_msg_id_is_done(
        self, sent: Progress, expected: int | None
    ) -> None:
        wait = wait_for(replace(sent, gone=50028), expected=expected, wait_for_send_time=True)
        assert wait.next_step(START) == Done({"a": list(sent.msg_ids)})
        assert wait.unsettled(START - HOUR) == []

    def test_and_was_sent_leaves_the_wait_for_the_others(self) -> None:
        forgotten, other = replace(schedule(1), gone=50028), schedule(name="b")
        assert wait_for(forgotten, other).next_step(START) == START + MINUTE
        assert wait_for(forgotten, other).next_step(START + HOUR) == Failed("overdue", (other,))


@pytest.mark.parametrize("error", [None, OUTAGE])
def test_a_deadline_ends_the_wait_to_the_second(error: Exception | None) -> None:
    end = START + 30 * SECOND
    for one in (schedule(), schedule(at=START + HOUR), Progress("a")):
        wait = wait_for(one, ends_at=end)
        assert wait.next_step(START, error) == end
        assert wait.next_step(end, error) == Failed("timed out")
        assert wait.next_step(START + 9 * HOUR, error) == Failed("timed out")


def test_the_last_poll_before_the_deadline_still_counts() -> None:
    end = START + 30 * SECOND
    assert wait_for(schedule(1), ends_at=end).next_step(end) == Done({"a": ["a-0"]})
    lost = replace(schedule(), gone=50028)
    assert wait_for(lost, ends_at=end).next_step(end) == Failed("gone", (lost,))


def test_many_msg_ids_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_MSG_IDS", 3)
    few = wait_for(schedule(2, 2, name="b"), schedule(1))
    assert few.next_step(START) == Done({"b": ["b-0", "b-1"], "a": ["a-0"]})
    many = wait_for(schedule(2, 2, name="b"), schedule(2, 2))
    assert many.next_step(START) == Done({"b": 2, "a": 2})
    assert not any(each.msg_ids for each in many.schedules.values())


def test_an_answer_of_jsms_becomes_progress() -> None:
    answer: Schedule = {
        "schedule_id": "another name",
        "send_time": "2026-12-01 14:30:00",
        "temp_id": 1,
        "recipients": [
            {"msg_id": "7", "mobile": people.ANNA, "temp_para": {}},
            {"msg_id": None, "mobile": people.BEN, "temp_para": {}},
        ],
    }
    zone = ZoneInfo("Asia/Shanghai")
    assert Progress.of("a", answer, zone) == Progress("a", START, 2, 1, ("7",))
    for unknown in (None, "soon"):
        assert Progress.of("a", {**answer, "send_time": unknown}, zone).send_time is None


@pytest.mark.parametrize(
    "wait",
    [
        wait_for(
            Progress("a", START, 3, 2, ("1", "2")),
            Progress("b", None, 7, 5, (), 50028),
            wait_for_send_time=True,
            expected=7,
            ends_at=START + HOUR,
            failing_since=START,
        ),
        wait_for(poke_interval=7.5 * SECOND, grace=timedelta(days=36500)),
    ],
)
def test_a_wait_survives_as_json(wait: Wait) -> None:
    assert Wait.decode(json.loads(json.dumps(wait.encode()))) == wait


@pytest.mark.parametrize(
    "change",
    [
        {"grace": "soon"},
        {"started_at": None},
        {"schedules": ["a"]},
        {"schedules": {"a": {"schedule_id": "a", "msg_ids": [1]}}},
        {"schedules": {"a": {"found": 1}}},
    ],
)
def test_json_of_another_version_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Wait.decode({**wait_for().encode(), **change})


# --- whole waits, in worlds that hypothesis makes


@dataclass(frozen=True)
class Plan:
    """The life of one schedule.

    :param times: each ``send_time``, with the moment from which it holds.
    :param ids_at: when each recipient gets a msg_id, None for never.
    :param gone_at: when JSMS forgets the schedule, None for never.
    """

    name: str
    times: tuple[tuple[datetime, datetime | None], ...]
    ids_at: tuple[datetime | None, ...]
    gone_at: datetime | None = None

    def poll(self, now: datetime, known: Progress) -> Progress:
        if self.gone_at and now >= self.gone_at:
            return replace(known, gone=50028)
        # The first one holds from the beginning on.
        send_time = [at for since, at in self.times if now >= since or since is self.times[0][0]]
        ids = tuple(
            f"{self.name}-{index}" for index, at in enumerate(self.ids_at) if at and now >= at
        )
        return Progress(self.name, send_time[-1], len(self.ids_at), len(ids), ids)


@dataclass(frozen=True)
class Outage:
    """A time during which the schedules at some places cannot be polled; ``end`` None: lasting."""

    begin: datetime
    end: datetime | None
    hits: frozenset[int]
    asked: float = 0

    def is_on(self, index: int, now: datetime) -> bool:
        return index in self.hits and now >= self.begin and (self.end is None or now < self.end)


@dataclass
class Poll:
    at: datetime
    schedules: list[Progress]
    error: JsmsThrottledError | None
    failing_since: datetime | None
    step: Step


def run(
    plans: Sequence[Plan],
    outages: Sequence[Outage],
    wait: Wait,
    lates: Sequence[timedelta] = (timedelta(0),),
) -> list[Poll]:
    """Wait as the sensor and the trigger do; each poll comes some time late."""
    wait = replace(wait, schedules={plan.name: Progress(plan.name) for plan in plans})
    polls: list[Poll] = []
    now = wait.started_at
    while len(polls) < 30_000:
        error = None
        unsettled = wait.unsettled(now)
        for index, plan in enumerate(plans):
            known = wait.schedules[plan.name]
            if known not in unsettled:
                continue
            if on := [outage for outage in outages if outage.is_on(index, now)]:
                error = error or throttled(on[0].asked)
            else:
                wait.schedules[plan.name] = plan.poll(now, known)
        step = wait.next_step(now, error)
        polls.append(Poll(now, list(wait.schedules.values()), error, wait.failing_since, step))
        if not isinstance(step, datetime):
            return polls
        assert step > now
        now = step + lates[len(polls) % len(lates)]
    raise AssertionError("the wait does not end")


pauses = st.sampled_from([0.0, 0.05, 0.1, 1.0, 7.5, 60.0, 600.0, 5400.0]).map(
    lambda seconds: timedelta(seconds=seconds)
)
moments = st.integers(-3 * 3600, 60 * 3600).map(lambda seconds: START + seconds * SECOND)
never: st.SearchStrategy[datetime | None] = st.none()


@st.composite
def waits(draw: st.DrawFn, ends: st.SearchStrategy[datetime | None] = never) -> Wait:
    """Return a wait of some thousand polls at most."""
    poke = max(draw(pauses), timedelta(milliseconds=100))
    pause = max(poke, SECOND)
    return wait_for(
        poke_interval=poke,
        recheck_interval=draw(st.integers(1, 300)) * max(pause, MINUTE),
        grace=draw(st.integers(1, 60)) * pause,
        wait_for_send_time=draw(st.booleans()),
        expected=draw(st.none() | st.integers(0, 5)),
        ends_at=draw(ends),
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Plan], list[Outage], Wait, list[timedelta]]:
    """Return up to three schedules that are moved, sent or deleted, outages, rules and delays."""
    wait = draw(waits(ends=st.none() | moments))
    plans = []
    for index in range(draw(st.integers(1, 3))):
        moves = sorted(draw(st.lists(moments, max_size=3)))
        times = tuple((since, draw(st.none() | moments)) for since in (START, *moves))
        ids = tuple(draw(st.lists(st.none() | moments, max_size=3)))
        plans.append(Plan(f"schedule{index}", times, ids, draw(st.none() | moments)))
    # At ten polls a second an outage of days is a million polls.
    pause = wait.poke_interval
    longest = min(1000 * pause, timedelta(days=2))
    outages = []
    for _ in range(draw(st.integers(0, 3))):
        begin, length = draw(moments), draw(st.integers(1, 1000))
        is_lasting = pause >= MINUTE and draw(st.booleans())
        end = None if is_lasting else begin + length * longest / 1000
        hits = draw(st.frozensets(st.integers(0, 2), min_size=1))
        outages.append(Outage(begin, end, hits, draw(st.sampled_from([0, 30, 3600]))))
    late = st.integers(0, 90).map(lambda count: count * SECOND)
    return plans, outages, wait, draw(st.lists(late, min_size=1, max_size=5))


def pending(schedules: Sequence[Progress], wait: Wait, now: datetime) -> list[Progress]:
    """Return the schedules that the wait still needs, in the words of the documents."""
    found = sum(each.found for each in schedules)
    if wait.expected is not None and found >= max(wait.expected, 1):
        missing = []
    else:
        missing = [each for each in schedules if not 0 < each.recipients <= each.found]
        missing = missing or (list(schedules) if wait.expected is not None else [])
    return [
        each
        for each in schedules
        if each in missing or (wait.wait_for_send_time and now < (each.send_time or START))
    ]


def check_next_poll(poll: Poll, wait: Wait) -> None:
    """A poll comes neither before anything can have changed nor after something is due."""
    assert isinstance(poll.step, datetime)
    now, time = poll.at, poll.step
    poke = wait.poke_interval
    missing = pending(poll.schedules, wait, now)
    if wait.ends_at:
        assert time <= wait.ends_at
        if time == wait.ends_at:
            return
    if poll.error and poll.failing_since:
        dues = [each.send_time for each in missing if each.send_time]
        end = max(poll.failing_since, min(dues, default=poll.failing_since)) + PATIENCE
        assert now < end
        assert time == min(now + max(poke, poll.error.wait * SECOND), end)
        return
    ahead = [wait.due_at(each) for each in missing if wait.due_at(each) > now]
    ends = [wait.overdue_at(each) for each in missing if wait.due_at(each) <= now]
    assert all(time <= due for due in ahead), "no poll is later than send_time"
    allowed = [now + poke, *ends] if ends else []
    if ends:
        assert now < min(ends), "no wait lasts longer than grace after send_time"
        assert time <= min(now + poke, *ends)
    else:
        assert time <= now + wait.recheck_interval + wait.poke_interval
    if ahead:
        allowed += [now + wait.recheck_interval, *ahead]
    assert time >= min(allowed), "seldom before send_time, from then on after poke_interval"


def check_end(polls: list[Poll], plans: Sequence[Plan], wait: Wait) -> None:
    """The reason for the end is true."""
    last, now, step = polls[-1], polls[-1].at, polls[-1].step
    found = sum(each.found for each in last.schedules)
    if isinstance(step, Done):
        assert not last.error
        assert set(step.msg_ids) == {plan.name for plan in plans}
        assert not pending(last.schedules, wait, now)
        assert {name: len(ids) for name, ids in step.msg_ids.items()} == {  # type: ignore[arg-type]
            each.schedule_id: each.found for each in last.schedules
        }
        return
    assert isinstance(step, Failed)
    if step.reason == "gone":
        for each in step.schedules:
            has_all = each.is_complete or found >= max(wait.expected or 10**9, 1)
            assert each.gone
            assert not has_all or now < wait.due_at(each)
    elif step.reason == "overdue":
        assert step.schedules
        assert all(now >= wait.overdue_at(each) for each in step.schedules)
        assert set(step.schedules) <= set(pending(last.schedules, wait, now))
    elif step.reason == "unreachable":
        assert last.failing_since
        assert all(each.error for each in polls if each.at >= last.failing_since)
        assert now - last.failing_since >= PATIENCE
    else:
        assert wait.ends_at
        assert now >= wait.ends_at
        assert not polls[:-1] or polls[-2].at < wait.ends_at


@settings(MANY, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds())
def test_in_every_world_a_wait_polls_in_time_and_ends_for_a_true_reason(
    world: tuple[list[Plan], list[Outage], Wait, list[timedelta]],
) -> None:
    plans, outages, wait, lates = world
    polls = run(plans, outages, wait, lates)
    for poll in polls[:-1]:
        check_next_poll(poll, wait)
    check_end(polls, plans, wait)


@MANY
@given(
    seconds=st.integers(0, 60 * 3600),
    length=st.integers(1, 599),
    begin=st.integers(-60, 61 * 60),
    wait=waits(),
)
def test_an_outage_shorter_than_the_patience_never_ends_a_wait(
    seconds: int, length: int, begin: int, wait: Wait
) -> None:
    at, first = START + seconds * SECOND, START + begin * MINUTE
    outage = Outage(first, first + length * SECOND, frozenset([0]))
    last = run([Plan("a", ((START, at),), (at,))], [outage], replace(wait, expected=1))[-1]
    assert last.step == Done({"a": ["a-0"]})


@MANY
@given(
    seconds=st.integers(0, 60 * 3600),
    delay=st.integers(0, 59),
    count=st.integers(1, 3),
    late=st.sampled_from([0.0, 0.001, 2.0]),
)
def test_on_time_it_costs_two_polls_and_one_for_each_begun_hour(
    seconds: int, delay: int, count: int, late: float
) -> None:
    at = START + seconds * SECOND
    ids_at = at + (delay if not late else 0) * SECOND
    plans = [Plan(f"schedule{index}", ((START, at),), (ids_at,)) for index in range(count)]
    polls = run(plans, [], wait_for(), [timedelta(seconds=late)])
    assert isinstance(polls[-1].step, Done)
    assert len(polls) <= 2 + -(-seconds // 3600)


def test_the_day_of_the_docstring() -> None:
    nine = START + 150 * MINUTE
    polls = run([Plan("a", ((START, nine),), (nine + MINUTE,))], [], wait_for())
    assert [f"{poll.at:%H:%M}" for poll in polls] == ["06:30", "07:30", "08:30", "09:00", "09:01"]
    assert polls[-1].step == Done({"a": ["a-0"]})


def test_a_moved_schedule_is_followed() -> None:
    nine, noon = START + 150 * MINUTE, START + 330 * MINUTE
    later = Plan("a", ((START, nine), (START + HOUR, noon)), (noon,))
    polls = run([later], [], wait_for())
    assert (polls[-1].at, polls[-1].step) == (noon, Done({"a": ["a-0"]}))
    earlier = Plan("a", ((START, START + 100 * HOUR), (START + MINUTE, nine)), (None,))
    polls = run([earlier], [], wait_for())
    assert polls[1].at == START + HOUR, "a move is noticed within recheck_interval"
    assert (polls[-1].at, polls[-1].step) == (
        nine + HOUR,
        Failed("overdue", (schedule(at=nine),)),
    )
