"""The policy of a submission: its checks, and what happens where its outcome is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.api.arguments import choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.submission.records.ledger import SubmissionRecord
    from airflow_provider_jsms.submission.uncertain.doubt import Doubt
    from airflow_provider_jsms.submission.uncertain.question import Answer

ON_UNCERTAIN: Final = ("fail", "ask", "resubmit", "assume_sent")


def _nothing() -> None:
    """Check nothing."""


@dataclass(frozen=True)
class Policy:
    """What a submission does besides sending.

    :param on_uncertain: ``"fail"``, ``"ask"``, ``"resubmit"`` or ``"assume_sent"``.
    :param before_send: called before each request that changes something; raises to prevent it.
    :param may_ask: returns whether a person can be asked about a submission.
    :param answer: what a person has decided about uncertain submissions of this try.
    :param preflight: called before the intent of a submit or modify is written; raises to prevent
        it.
    """

    on_uncertain: object
    before_send: Callable[[], None]
    may_ask: Callable[[Doubt], bool]
    answer: Answer | None = None
    preflight: Callable[[], None] = _nothing

    def __post_init__(self) -> None:
        choice("on_uncertain", self.on_uncertain, ON_UNCERTAIN)

    def answer_to(self, record: SubmissionRecord) -> Answer | None:
        """Return the answer of a person, if the question was about this record."""
        return self.answer if self.answer and record.key in self.answer.versions else None


FAIL: Final = Policy("fail", before_send=_nothing, may_ask=lambda _: False)
"""The policy of a submission by the hook."""
