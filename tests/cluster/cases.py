"""How the cluster is broken while submissions are under way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.cluster.stage import Cluster
    from tests.e2e.crash.stage import Run

BOTH: Final = ("single", "batch")
BETWEEN_CHUNKS: Final = "between chunks"


@dataclass(frozen=True)
class Case:
    """Runs that are held at a moment, all by one worker, and what is broken then.

    :param name: for run ids
    :param described: for the table
    :param moment: of the sandbox, ``request_read`` or ``accepted``, or between two chunks
    :param break_it: is called while everything is held, with the worker that has the tasks
    :param restarts_redis: so that all workers are replaced after it
    """

    name: str
    described: str
    moment: str
    break_it: Callable[[Cluster, Sequence[Run], str], None]
    kinds: tuple[str, ...] = BOTH
    restarts_redis: bool = False


def play(cluster: Cluster, case: Case, count: int) -> list[Run]:
    """Play a case with so many runs of each kind at once, and return them when they are over."""
    numbers = range(1, count + 1)
    runs = [cluster.prepare(case.name, number, kind) for number in numbers for kind in case.kinds]
    worker = cluster.workers.let_one_take_all()
    _start_and_hold(cluster, case, runs)
    cluster.workers.let_each_take()
    case.break_it(cluster, runs, worker)
    cluster.release()
    cluster.finish(runs)
    if case.restarts_redis:
        cluster.workers.renew()
    cluster.workers.wait_until_ready()
    return runs


def _start_and_hold(cluster: Cluster, case: Case, runs: Sequence[Run]) -> None:
    holds = []
    if case.moment == BETWEEN_CHUNKS:
        holds = cluster.hold_between_chunks(runs)
    else:
        cluster.hold_submissions(runs, case.moment)
    for run in runs:
        cluster.start(run)
    cluster.wait_until_held(runs, holds)


def _kill_worker(cluster: Cluster, _runs: Sequence[Run], worker: str) -> None:
    """Kill the worker that has the tasks; another one takes its place, as in any deployment."""
    cluster.workers.kill(worker)
    cluster.workers.add()


def _deliver_again(cluster: Cluster, runs: Sequence[Run], _worker: str) -> None:
    """Deliver the message of each task while it runs, and once more when it is over."""
    messages = cluster.messages_of(runs)
    cluster.deliver(runs, messages)
    cluster.release()
    cluster.finish(runs)
    cluster.deliver(runs, messages)


def _restart_redis(cluster: Cluster, _runs: Sequence[Run], _worker: str) -> None:
    cluster.redis.restart()


def _miss_api_server(cluster: Cluster, _runs: Sequence[Run], _worker: str) -> None:
    """Let JSMS answer while there is no API server that could record it."""
    with cluster.api_server_away():
        cluster.release()


def _kill_worker_and_restart_redis(cluster: Cluster, runs: Sequence[Run], worker: str) -> None:
    cluster.redis.restart()
    _kill_worker(cluster, runs, worker)


def _kill_worker_and_deliver_again(cluster: Cluster, runs: Sequence[Run], worker: str) -> None:
    """Kill a worker, and deliver what it had not acknowledged, as after the visibility timeout."""
    messages = cluster.messages_of(runs)
    _kill_worker(cluster, runs, worker)
    cluster.deliver(runs, messages)


def _miss_api_server_and_restart_redis(cluster: Cluster, runs: Sequence[Run], worker: str) -> None:
    with cluster.api_server_away():
        _restart_redis(cluster, runs, worker)
        cluster.release()


UNREAD: Final = "request_read"
ACCEPTED: Final = "accepted"
CASES: Final = (
    Case("kill-unread", "worker killed before JSMS read the submission", UNREAD, _kill_worker),
    Case("kill-accepted", "worker killed after JSMS accepted it", ACCEPTED, _kill_worker),
    Case("kill-between", "worker killed between chunks", BETWEEN_CHUNKS, _kill_worker, ("batch",)),
    Case("deliver-again", "Celery message delivered three times", UNREAD, _deliver_again),
    Case(
        "redis",
        "Redis restarted, its queue lost",
        ACCEPTED,
        _restart_redis,
        restarts_redis=True,
    ),
    Case("api-server", "API server unreachable for 10 s", ACCEPTED, _miss_api_server),
    Case(
        "kill-and-redis",
        "worker killed and Redis restarted",
        ACCEPTED,
        _kill_worker_and_restart_redis,
        restarts_redis=True,
    ),
    Case(
        "kill-and-deliver",
        "worker killed, message delivered again",
        UNREAD,
        _kill_worker_and_deliver_again,
    ),
    Case(
        "api-server-and-redis",
        "API server unreachable, Redis restarted",
        ACCEPTED,
        _miss_api_server_and_restart_redis,
        restarts_redis=True,
    ),
)
