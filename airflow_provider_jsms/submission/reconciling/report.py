"""A plan and its outcome as people read them: counts, ids, the log, and the limit of deletions."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.codes import INVALID_SEND_TIME
from airflow_provider_jsms.api.masking import first_ten
from airflow_provider_jsms.exceptions import (
    JsmsAlreadySentError,
    JsmsLateChangeError,
    JsmsMaxDeletesError,
    JsmsPastSendTimeError,
    JsmsSendWindowError,
    JsmsUncertainError,
)
from airflow_provider_jsms.submission.reconciling.plan import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_jsms.api.arguments import Limit
    from airflow_provider_jsms.exceptions import JsmsError
    from airflow_provider_jsms.submission.reconciling.plan import Plan, Step

# Schedule_ids of each kind in a result; the ledger has all of them.
_MOST_IDS: Final = 1000
_CHANGES: Final = (Action.SUBMIT, Action.REPLACE, Action.MODIFY)
_PLANNED: Final = {
    Action.SUBMIT: "submitted",
    Action.REPLACE: "submitted",
    Action.MODIFY: "modified",
    Action.DELETE: "deleted",
    Action.UNCERTAIN: "uncertain",
}
_log = logging.getLogger(__name__)


class Outcome:
    """The counts and schedule_ids so far.

    :param tolerated: the kinds ``"past"`` and ``"sent"`` as far as they are no failures.
    """

    def __init__(self, plan: Plan, tolerated: frozenset[str]) -> None:
        self._ids: dict[str, list[str]] = {"submitted": [], "modified": [], "deleted": []}
        self._counts: Counter[str] = Counter(
            unchanged=len(plan.of(Action.UNCHANGED)),
            uncertain=len(plan.of(Action.EXPIRED)),
            excluded=plan.excluded,
        )
        self._tolerated = tolerated
        self.failed: dict[str, JsmsError] = {}
        for step in plan.of(Action.PAST):
            self.fail(step, _past(step))
        for step in plan.of(Action.SENT):
            self.fail(step, _sent(step))

    def add(self, kind: str, schedule_id: str | None = None) -> None:
        """Count a text that is done."""
        self._counts[kind] += 1
        if kind in self._ids and schedule_id and len(self._ids[kind]) < _MOST_IDS:
            self._ids[kind].append(schedule_id)

    def fail(self, step: Step, error: JsmsError) -> None:
        """Count a text that is not done, and keep its error unless that is tolerated."""
        kind = _kind_of(error)
        self._counts[kind] += 1
        if kind not in self._tolerated:
            self.failed[step.key] = error

    @property
    def counts(self) -> dict[str, int]:
        """How many texts of each kind."""
        kinds = ("unchanged", "sent", "past", "uncertain", "failed", "excluded")
        return {kind: self._counts[kind] for kind in (*self._ids, *kinds)}

    def result(self) -> dict[str, Any]:
        """Return the result of the task."""
        return {**self._ids, "counts": self.counts, "dry_run": False}


def planned(plan: Plan) -> dict[str, Any]:
    """Return the result of a plan that is not carried out."""
    outcome = Outcome(plan, frozenset())
    for action, kind in _PLANNED.items():
        for step in plan.of(action):
            outcome.add(kind, step.schedule_id if kind != "submitted" else None)
    return {**outcome.result(), "dry_run": True}


def log_plan(plan: Plan) -> None:
    """Log the counts of a plan, and the first ten texts of each kind, masked."""
    counts = Counter(step.do for step in plan.steps)
    summary = ", ".join(f"{counts[action]:,} {action.value}" for action in Action if counts[action])
    _log.info("%d texts in the list, %d pending: %s", plan.texts, plan.pending, summary or "none")
    if plan.excluded:
        _log.info("%d more texts in the list are to excluded numbers", plan.excluded)
    moved = sum(1 for step in plan.of(*_CHANGES) if step.send_time and step.send_time.given)
    if moved:
        _log.info("%d of them moved to the next opening of the send_window", moved)
    for action in Action:
        if action is not Action.UNCHANGED and (steps := plan.of(action)):
            _log.info("%s: %s", action.value, "; ".join(first_ten(map(describe, steps))))


def describe(step: Step) -> str:
    """Return a text in words, masked."""
    if step.text is None:
        record = step.record or {}
        return f"{step.key} (schedule {step.schedule_id} at {record.get('send_time')})"
    return f"{step.key} ({step.text.call.who} at {step.text.call.send_time})"


def check(plan: Plan, limit: Limit | None) -> None:
    """Raise if a plan must not be carried out.

    :param limit: of deletions, None for the default, 10 % but at least one, and nothing for an
        empty list.
    :raises JsmsMaxDeletesError: it deletes more, as for a list that is empty or truncated.
    :raises JsmsSendWindowError: it would send texts outside the send_window.
    """
    _check_deletions(plan, limit)
    _check_window(plan)


def _check_deletions(plan: Plan, limit: Limit | None) -> None:
    deletions = len(plan.of(Action.DELETE))
    if limit is not None:
        is_allowed = deletions <= limit.of(plan.pending)
    else:
        is_allowed = not deletions or (plan.texts > 0 and deletions <= max(1, plan.pending / 10))
    if not is_allowed:
        excluded = f" (without {plan.excluded:,} that are excluded)" if plan.excluded else ""
        raise JsmsMaxDeletesError(
            f"The list of {plan.texts:,} texts{excluded} lacks {deletions:,} of the "
            f"{plan.pending:,} pending texts of this scope, and max_deletes is "
            f"{limit or 'not set (10 %, at least 1)'}. Nothing was sent, modified or deleted. Is "
            f"the list complete? If it is, set max_deletes={deletions} for this run, then clear "
            "the task."
        )


def _check_window(plan: Plan) -> None:
    changes = plan.of(*_CHANGES)
    outside = [(step, at.outside) for step in changes if (at := step.send_time) and at.outside]
    if outside:
        shown = "; ".join(first_ten(describe(step) for step, _ in outside))
        raise JsmsSendWindowError(
            f"{len(outside):,} of {plan.texts:,} texts are outside the send_window {outside[0][1]} "
            f"(the wall clock of JSMS): {shown}. Nothing was sent, modified or deleted. Choose "
            "other times, or set on_outside_window='next' to send them at the next opening."
        )


def in_words(counts: Mapping[str, int]) -> str:
    """Return the counts that are not zero."""
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "nothing"


def _kind_of(error: JsmsError) -> str:
    """Return how a text that is not done is counted."""
    if isinstance(error, JsmsUncertainError):
        return "uncertain"
    if isinstance(error, JsmsLateChangeError | JsmsAlreadySentError):
        return "sent"
    # By the clock of JSMS it may have passed before it has here.
    code = getattr(error, "code", None)
    is_past = isinstance(error, JsmsPastSendTimeError) or code == INVALID_SEND_TIME
    return "past" if is_past else "failed"


def _past(step: Step) -> JsmsPastSendTimeError:
    stands = f"Schedule {step.schedule_id} stands as it was. " if step.schedule_id else ""
    return JsmsPastSendTimeError(
        f"send_time has passed, so {describe(step)} was not submitted. {stands}Choose a later "
        "time, or set on_past_send_time='skip' to pass over late texts."
    )


def _sent(step: Step) -> JsmsLateChangeError:
    return JsmsLateChangeError(
        f"{describe(step)} differs from the text that was sent as schedule {step.schedule_id}, or "
        "is about to be. Nothing was sent. To send the new text as well, give it another key."
    )
