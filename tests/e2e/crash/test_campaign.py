"""The worker of a campaign is killed on its way: what was accepted is never sent again.

Another try goes on where that is safe. Where it is not, the task says so, and what it advises then
is done. All of it is played once, most of it at the same time; each test looks at one campaign.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from airflow_provider_jsms.hooks.jsms import JsmsHook
from airflow_provider_jsms.quickstart.waiting import wait_until
from airflow_provider_jsms.submission.uncertain.question import SEVERAL_SUBMIT
from tests import people
from tests.e2e.crash.history import end_of
from tests.e2e.crash.stage import LATER, PATIENCE, assert_kept, ends_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from tests.e2e.crash.history import Seen
    from tests.e2e.crash.proxy import Gap, Hold, When
    from tests.e2e.crash.stage import Run, Stage
    from tests.histories import Event
    from tests.stack.sandbox import RunningSandbox

SIZE = 2500
CHUNK = 1000
CHUNKS = (1, 2, 3)
# Some of each chunk, the first and the last one of the list and of a chunk among them.
REFUSED = (0, 999, 1000, 1500, 1999, 2499)
INVALID_MOBILE = 50006

KEYS = {number: f"jsms_submission_{number}" for number in CHUNKS}
# Chunk 3 does not wait for the person who is asked about chunk 2. Airflow 3.3 may give the task
# that continues with the answer to its retries. From then on that try finds no record, would begin
# anew, and its writes are refused.
ANSWERED = (
    "1-begun 1-sending 1-accepted 2-sending 3-sending 3-accepted"
    "( 1-sending| 2-begun)+( 2-sending)+( 2-accepted)+( 1-finished)+"
)


class Case(NamedTuple):
    """One campaign, how it is broken, and what has to come of it.

    :param held: the write, by key and state, at which it is killed, or from which on.
    :param posts: the chunks that are submitted, in order.
    :param writes: what all its tries write, or would have written, into the records, as a pattern.
    :param said: how far it is, in the words of the task, where it fails at first.
    :param posts_at_first: the chunks that are submitted by then.
    :param uncertain: the chunk of which nobody knows in the end.
    """

    name: str
    held: tuple[str, str, When]
    posts: tuple[int, ...]
    writes: str
    said: str = ""
    posts_at_first: tuple[int, ...] = ()
    tries: int = 2
    on_uncertain: str = "fail"
    uncertain: int = 0

    @property
    def known(self) -> list[int]:
        return [number for number in CHUNKS if number != self.uncertain]


HOW_FAR = (
    "998 of 2,500 recipients are scheduled under {0}, 2 were refused, 1,000 are uncertain, "
    "500 are not scheduled."
)
# Killed only in the request of chunk 2, which JSMS has accepted.
IN_THE_REQUEST = (
    Case(
        "c-accepted-and-not-answered",
        (KEYS[1], "accepted", "after"),
        (1, 2, 3, 2),
        ANSWERED,
        said=HOW_FAR,
        posts_at_first=(1, 2),
        tries=3,
    ),
    Case(
        "d-accepted-and-not-answered-assume_sent",
        (KEYS[1], "accepted", "after"),
        (1, 2, 3),
        # the note that nobody knows of chunk 2
        "1-begun 1-sending 1-accepted 2-sending 2-sending 3-sending 3-accepted 1-finished",
        on_uncertain="assume_sent",
        uncertain=2,
    ),
)
AT_A_WRITE = (
    Case(
        "a-before-sending-is-written",
        (KEYS[2], "sending", "before"),
        CHUNKS,
        "1-begun 1-sending 1-accepted( 2-sending){2} 2-accepted 3-sending 3-accepted 1-finished",
    ),
    Case(
        "b-after-sending-is-written",
        (KEYS[2], "sending", "after"),
        (1, 3, 2),
        ANSWERED,
        said=HOW_FAR,
        posts_at_first=(1,),
        tries=3,
    ),
    Case(
        "e-after-accepted-is-written",
        (KEYS[2], "accepted", "after"),
        CHUNKS,
        "1-begun 1-sending 1-accepted 2-sending 2-accepted 3-sending 3-accepted 1-finished",
    ),
    Case(
        "f-before-finished-is-written",
        (KEYS[1], "finished", "before"),
        CHUNKS,
        "1-begun 1-sending 1-accepted 2-sending 2-accepted 3-sending 3-accepted( 1-finished){2}",
    ),
)
# The write is lost, with all that the supervisor makes of it, and then it is written again.
LOST = Case(
    "g-accepted-of-chunk-1-is-lost",
    (KEYS[1], "accepted", "before"),
    CHUNKS,
    "1-begun 1-sending( 1-accepted){4,} 2-sending 2-accepted 3-sending 3-accepted 1-finished",
    tries=1,
)
CHANGED = Case(
    "h-changed-after-chunk-1",
    (KEYS[1], "accepted", "after"),
    (1,),
    "1-begun 1-sending 1-accepted",
)
IN_THE_END_ALL = (*AT_A_WRITE, *IN_THE_REQUEST, LOST)
AT_FIRST_FAILED = [case for case in IN_THE_END_ALL if case.said]


class Scheduled(NamedTuple):
    """A schedule of one chunk; 0 is none of the chunks."""

    chunk: int
    schedule_id: str
    status: str


@dataclass
class Outcome:
    """What has come of a campaign so far, as Airflow and the sandbox tell it.

    :param verdicts: how many people got what they should, and how many did not.
    :param refused: the positions of ``failure_recipients`` in the list, in their order.
    """

    state: str
    tries: int
    posts: tuple[int, ...]
    schedules: list[Scheduled]
    verdicts: Counter[str]
    writes: str
    xcoms: dict[str, Any]
    refused: list[int]
    records: dict[str, Any]
    logs: list[str] = field(repr=False)
    history: list[Event] = field(repr=False)

    @property
    def last_log(self) -> str:
        return self.logs[-1]

    def ids(self, chunks: Iterable[int] = CHUNKS) -> list[str]:
        """Return the schedules that stand, in the order of their chunks."""
        standing = sorted(each for each in self.schedules if each.status != "deleted")
        return [each.schedule_id for each in standing if each.chunk in chunks]

    def line(self) -> str:
        """Return it as a line of a table."""
        verdicts = ", ".join(f"{count} {what}" for what, count in sorted(self.verdicts.items()))
        schedules = " ".join(f"{each.chunk}-{each.status}" for each in self.schedules)
        return (
            f"{self.state} on try {self.tries}; POSTs {' '.join(map(str, self.posts))}; "
            f"schedules {schedules}; {verdicts}; wrote {self.writes}"
        )

    def explain(self) -> str:
        """Return everything that helps to understand a failed assertion, without the numbers."""
        records = "\n".join(f"{key}: {record}" for key, record in sorted(self.records.items()))
        return (
            f"{self.line()}\n{self.schedules}\nXComs {self.xcoms}, refused {self.refused}\n"
            f"{records}\n{ends_of(self.logs)}"
        )


class Play:
    """The campaigns on the stage.

    :ivar runs: those that were started, by the names of their cases.
    """

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.runs: dict[str, Run] = {}
        self._folder = folder

    def hold(self, case: Case) -> Hold:
        """Hold a write of a campaign that is about to start."""
        key, state, when = case.held
        return self.stage.proxy.hold(self._run_of(case).run_id, state, when, key=key)

    def lose(self, case: Case) -> Gap:
        """Lose a write of a campaign that is about to start, several times."""
        return self.stage.proxy.lose(self._run_of(case).run_id, case.held[1], times=4)

    def start(self, case: Case) -> None:
        """Start a campaign, with people of its own."""
        numbers = tuple(map(people.number, self.stage.enlist(SIZE)))
        run = self.runs[case.name] = replace(self._run_of(case), numbers=numbers)
        for position in REFUSED:
            self.stage.sandbox.number(numbers[position], "invalid")
        self.write_file(case, [f"{people.CANARY}-{position}" for position in range(SIZE)])
        self.stage.trigger(
            run,
            file=str(self._file_of(case)),
            max_failures=str(len(REFUSED)),
            on_uncertain=case.on_uncertain,
        )

    def write_file(self, case: Case, names: list[str]) -> None:
        """Write the list of a campaign, anew if there is one."""
        rows = zip(self.runs[case.name].numbers, names, strict=True)
        text = "".join(f"{number},{name}\n" for number, name in rows)
        self._file_of(case).write_text(f"mobile,name\n{text}")

    def finish(self, cases: Iterable[Case]) -> None:
        """Wait until Airflow has done everything for these campaigns, retries too."""
        for case in cases:
            self.stage.finish(self.runs[case.name])

    def delete_schedule(self, case: Case, number: int) -> None:
        """Delete the schedule of a chunk, as a person does who has found it in the console."""
        run = self.runs[case.name]
        schedules = self.stage.seen().of(run).schedules
        found = [each for each in _schedules_of(run, schedules) if each.chunk == number]
        with JsmsHook() as hook:
            for each in found:
                hook.delete_schedule(each.schedule_id)

    def clear_and_answer(self, case: Case) -> None:
        """Do what the task advises: it asks about the uncertain chunk, which is not there."""
        run = self.runs[case.name]
        self.stage.clear_task(run)
        self.stage.answer(run, SEVERAL_SUBMIT)

    def outcomes(self, cases: Iterable[Case]) -> dict[str, Outcome]:
        """Return what has come of these campaigns so far, and print it."""
        seen = self.stage.seen()
        texts: dict[str, list[str]] = {}
        for message in self.stage.sandbox.messages():
            texts.setdefault(message["mobile"], []).append(message["temp_para"]["name"])
        found = {}
        for case in cases:
            run = self.runs[case.name]
            outcome = found[case.name] = self._outcome(run, seen.of(run), texts)
            print(f"{case.name:<40} {outcome.line()}")
        return found

    def _outcome(self, run: Run, seen: Seen, texts: Mapping[str, list[str]]) -> Outcome:
        task = self.stage.rest.task(*run.address)
        xcoms = self.stage.rest.xcoms(*run.address)
        refused = xcoms.pop("failure_recipients", [])
        writes = self.stage.proxy.writes_of(run.run_id)
        logs = self.stage.logs(run, task["try_number"])
        end = end_of(task, xcoms.get("return_value"), logs[-1])
        return Outcome(
            state=task["state"],
            tries=task["try_number"],
            posts=tuple(
                _chunk(run, [each["mobile"] for each in post["body"]["recipients"]])
                for post in seen.posts
            ),
            schedules=_schedules_of(run, seen.schedules),
            verdicts=Counter(
                _verdict(position, texts.get(number, []))
                for position, number in enumerate(run.numbers)
            ),
            writes=" ".join("-".join([*write.key.split("_")[2:], write.state]) for write in writes),
            xcoms=xcoms,
            refused=[_position_of_refused(run, each) for each in refused],
            records=self.stage.rest.state_store(*run.address),
            logs=logs,
            history=self.stage.history(run, seen, end),
        )

    def _run_of(self, case: Case) -> Run:
        return self.stage.prepare("crash", "campaign", case.name)

    def _file_of(self, case: Case) -> Path:
        return self._folder / f"{case.name}.csv"


def _chunk(run: Run, numbers: list[str]) -> int:
    """Return which chunk of the list these numbers are, 0 if they are none as a whole."""
    for number in CHUNKS:
        if list(run.numbers[(number - 1) * CHUNK : number * CHUNK]) == numbers:
            return number
    return 0


def _schedules_of(run: Run, schedules: list[dict[str, Any]]) -> list[Scheduled]:
    positions = {number: position for position, number in enumerate(run.numbers)}
    found = []
    for each in schedules:
        everybody = [*each["recipients"], *each["failure_recipients"]]
        numbers = [person["mobile"] for person in everybody]
        numbers.sort(key=lambda number: positions.get(number, -1))
        found.append(Scheduled(_chunk(run, numbers), each["schedule_id"], each["status"]))
    return found


def _verdict(position: int, texts: list[str]) -> str:
    if position in REFUSED:
        return "refused and texted" if texts else "refused"
    if len(texts) != 1:
        return "texted twice" if texts else "not texted"
    return "once" if texts == [f"{people.CANARY}-{position}"] else "another text"


def _position_of_refused(run: Run, failure: Mapping[str, Any]) -> int:
    """Return where a refused one is in the list, -1 if anything else is told than that."""
    position = run.numbers.index(failure["mobile"]) if failure["mobile"] in run.numbers else -1
    told = (failure["temp_para"], failure["error_code"])
    is_right = told == ({"name": f"{people.CANARY}-{position}"}, INVALID_MOBILE)
    return position if is_right else -1


@pytest.fixture(scope="module")
def _console(running_sandbox: RunningSandbox) -> Iterator[None]:
    """Let the hook find the sandbox, as another program uses it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_JSMS_DEFAULT", json.dumps(running_sandbox.connection))
        yield


class Played(NamedTuple):
    """What came of all campaigns at first, and in the end."""

    at_first: dict[str, Outcome]
    in_the_end: dict[str, Outcome]


@pytest.fixture(scope="module")
def played(stage: Stage, _console: None, tmp_path_factory: pytest.TempPathFactory) -> Played:
    play = Play(stage, tmp_path_factory.mktemp("campaigns"))
    _kill_in_the_request(play)
    play.lose(LOST)
    play.start(LOST)
    _kill_at_a_write(play)
    play.finish((*IN_THE_END_ALL, CHANGED))
    print()
    at_first = play.outcomes(AT_FIRST_FAILED)
    for case in [case for case in AT_FIRST_FAILED if at_first[case.name].state == "failed"]:
        play.delete_schedule(case, 2)
        play.clear_and_answer(case)
    play.finish(AT_FIRST_FAILED)
    stage.sandbox.advance(LATER)
    return Played(at_first, play.outcomes((*IN_THE_END_ALL, CHANGED)))


def _kill_in_the_request(play: Play) -> None:
    """Kill what waits for the answer to chunk 2, which JSMS has accepted."""
    holds = {case: play.hold(case) for case in IN_THE_REQUEST}
    for case in IN_THE_REQUEST:
        play.start(case)
    for case, hold in holds.items():
        play.stage.wait_for(play.runs[case.name], hold)
    # No other submission is under way now.
    play.stage.sandbox.fault("submit_batch_schedule", "hold", times=len(holds), moment="accepted")
    for hold in holds.values():
        hold.release()
    runs = [play.runs[case.name] for case in IN_THE_REQUEST]
    play.stage.wait_for_sandbox(runs)
    for run in runs:
        play.stage.kill(run)
    assert play.stage.sandbox.release() == len(holds)


def _kill_at_a_write(play: Play) -> None:
    cases = (*AT_A_WRITE, CHANGED)
    holds = {case: play.hold(case) for case in cases}
    for case in cases:
        play.start(case)
    while holds:
        case = _first_reached(play, holds)
        hold = holds.pop(case)
        play.stage.kill(play.runs[case.name])
        if case is CHANGED:
            names = [f"{people.CANARY}-{position}" for position in range(SIZE)]
            play.write_file(case, [*names[:-1], f"{people.CANARY}-changed"])
        if hold.when == "before":
            hold.drop()
        else:
            hold.release()


def _first_reached(play: Play, holds: Mapping[Case, Hold]) -> Case:
    """Wait until one of the campaigns is held: it is to be killed before Airflow gives it up."""
    return wait_until(
        lambda: next((case for case, hold in holds.items() if hold.is_reached.is_set()), None),
        timeout=PATIENCE,
        otherwise=lambda: (
            "none of these has come so far:\n"
            + "\n".join(play.stage.tail(play.runs[case.name]) for case in holds)
        ),
    )


def _refused_of(chunks: Iterable[int]) -> list[int]:
    return [position for position in REFUSED if position // CHUNK + 1 in chunks]


def _named(cases: Iterable[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@_named(IN_THE_END_ALL)
def test_everybody_is_texted_once_and_what_was_accepted_is_not_sent_again(
    case: Case, played: Played
) -> None:
    outcome = played.in_the_end[case.name]
    told = outcome.explain()
    assert outcome.state == "success", told
    # Airflow 3.3 may ask again.
    assert outcome.tries == case.tries or (case.said and outcome.tries > case.tries), told
    assert outcome.verdicts == {"once": SIZE - len(REFUSED), "refused": len(REFUSED)}, told
    assert outcome.posts == case.posts, told
    assert re.fullmatch(case.writes, outcome.writes), told
    sent = [each.chunk for each in outcome.schedules if each.status == "sent"]
    assert sorted(sent) == [1, 2, 3], told


@_named(IN_THE_END_ALL)
def test_the_counts_of_all_tries_add_up_to_everybody(case: Case, played: Played) -> None:
    outcome = played.in_the_end[case.name]
    told = outcome.explain()
    refused = _refused_of(case.known)
    uncertain = {"uncertain_count": CHUNK} if case.uncertain else {}
    expected = {
        "schedule_ids": outcome.ids(case.known),
        "success_count": SIZE - sum(uncertain.values()) - len(refused),
        "failure_count": len(refused),
        **uncertain,
    }
    result = outcome.xcoms.get("return_value", {})
    assert result == expected, told
    assert sum(value for key, value in result.items() if key.endswith("_count")) == SIZE, told
    assert outcome.refused == refused, told
    records = {key: record["state"] for key, record in outcome.records.items()}
    states = {KEYS[number]: "accepted" if number in case.known else "sending" for number in CHUNKS}
    assert records == {**states, KEYS[1]: "finished"}, told  # it also stands for the campaign
    assert {record["chunks"] for record in outcome.records.values()} == {3}, told


@_named(AT_FIRST_FAILED)
def test_where_nobody_knows_it_says_how_far_it_is_and_what_to_do(
    case: Case, played: Played
) -> None:
    outcome = played.at_first[case.name]
    told = outcome.explain()
    assert (outcome.state, outcome.tries) == ("failed", case.tries - 1), told
    assert outcome.posts == case.posts_at_first, told
    first = outcome.ids([1])
    assert len(first) == 1, told
    assert case.said.format(*first) in outcome.last_log, told
    # What it has done is handed on although it fails.
    assert outcome.xcoms == {"schedule_ids": first}, told
    assert outcome.refused == _refused_of([1]), told
    assert "JSMS may have accepted this" in outcome.last_log, told
    assert "It concerns 1,000 recipients" in outcome.last_log, told
    assert "it asks what you found" in outcome.last_log, told


def test_a_list_that_has_changed_since_is_refused_and_nothing_more_is_sent(played: Played) -> None:
    outcome = played.in_the_end[CHANGED.name]
    told = outcome.explain()
    (first,) = outcome.schedules
    assert (outcome.state, outcome.tries) == ("failed", CHANGED.tries), told
    assert outcome.posts == CHANGED.posts, told
    assert outcome.writes == CHANGED.writes, told
    later = SIZE - CHUNK - len(_refused_of([2, 3]))
    once = CHUNK - len(_refused_of([1]))
    verdicts = {"once": once, "refused": len(REFUSED), "not texted": later}
    assert outcome.verdicts == verdicts, told
    assert "JsmsChangedListError" in outcome.last_log, told
    assert f"Scheduled are {first.schedule_id}" in outcome.last_log, told
    assert "return_value" not in outcome.xcoms, told


@_named((*IN_THE_END_ALL, CHANGED))
def test_every_history_keeps_the_promise(case: Case, played: Played) -> None:
    for outcomes in played:
        if case.name in outcomes:
            assert_kept([outcomes[case.name].history], case.on_uncertain)
