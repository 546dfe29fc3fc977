"""Checks before the first request: the template, the signature and the balance, fetched once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_jsms.api.calls import get_template
from airflow_provider_jsms.api.codes import APP_QUOTA_NOT_ASSIGNED, TEMPLATE_AUDITING
from airflow_provider_jsms.api.estimate import LONGEST_TEXT, MARKETING, Estimate, Wording
from airflow_provider_jsms.api.masking import first_ten, mask_text
from airflow_provider_jsms.api.recipients import noun
from airflow_provider_jsms.exceptions import (
    JsmsAccountError,
    JsmsConnectionLostError,
    JsmsError,
    JsmsNotSentError,
    JsmsPreflightError,
    JsmsReadTimeoutError,
    JsmsReviewError,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.results import Balance, Sign, Template
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.lists.refusals import FailureLimit

T = TypeVar("T")

UNDER_REVIEW: Final = 0
REJECTED: Final = 2

_AWAY: Final = (JsmsNotSentError, JsmsReadTimeoutError, JsmsConnectionLostError)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Facts:
    """What JSMS knows of a submission.

    :param sign: None for the default signature; the others are None if they are unknown.
    :param unknown: why facts could not be fetched, by their names.
    """

    template: Template | None
    sign: Sign | None
    balance: Balance | None
    unknown: Mapping[str, JsmsError]

    @property
    def wording(self) -> Wording | None:
        """The words of the template, None if it is unknown."""
        return Wording(self.template, self.sign) if self.template else None

    @property
    def review(self) -> int | None:
        """The status of the template, None if it is unknown."""
        return self.template["status"] if self.template else None

    @property
    def amounts(self) -> dict[str, int]:
        """The balances that pay for the texts, empty if none is known to be assigned."""
        kinds = {"app_market", "app_industry", "app_balance"}
        if self.template:
            is_market = self.template["type"] == MARKETING
            kinds.remove("app_industry" if is_market else "app_market")
        return {
            name: amount
            for name, amount in (self.balance or {}).items()
            if name in kinds and isinstance(amount, int)
        }


def fetch(hook: JsmsHook, head: Mapping[str, Any], *, with_balance: bool = True) -> Facts:
    """Fetch the facts, one request each; an endpoint that fails is an unknown fact.

    While JSMS cannot be reached, the first error stands for all.
    """
    unknown: dict[str, JsmsError] = {}

    def ask(name: str, get: Callable[[], T]) -> T | None:
        try:
            if away := next((it for it in unknown.values() if isinstance(it, _AWAY)), None):
                raise away
            return get()
        except JsmsError as error:
            unknown[name] = error
            return None

    sign_id = head.get("sign_id")
    return Facts(
        ask("template", lambda: hook.get_template(head["temp_id"])),
        ask("signature", lambda: hook.get_sign(sign_id)) if sign_id else None,
        ask("balance", lambda: _balance(hook)) if with_balance else None,
        unknown,
    )


def _balance(hook: JsmsHook) -> Balance:
    try:
        return hook.get_balance()
    except JsmsAccountError as error:
        if error.code != APP_QUOTA_NOT_ASSIGNED:
            raise
        return {}  # the application spends the balance of the developer


def problems_of(
    facts: Facts, estimate: Estimate, head: Mapping[str, Any], limit: FailureLimit
) -> Iterator[str]:
    """Yield why a submission would fail, each with the next step."""
    sign = facts.sign
    if facts.review == UNDER_REVIEW:
        yield f"Template {head['temp_id']} is still under review: wait until it is approved."
    if facts.review == REJECTED:
        yield f"Template {head['temp_id']} was rejected in review: correct it or use another one."
    if sign and sign["status"] in (UNDER_REVIEW, REJECTED):
        yield f"Signature {head['sign_id']} is not approved: use another one."
    if not limit.tolerates(estimate.flawed, estimate.recipients):
        yield (
            f"{_of_all(estimate.flawed, estimate)} cannot be texted with template "
            f"{head['temp_id']}: {flaws_of(estimate)}. Correct their parameters."
        )
    amounts = facts.amounts
    if amounts and sum(amounts.values()) < estimate.due_parts:
        yield (
            f"The balance ({in_words(amounts)}) does not pay for the {estimate.due_parts:,} SMS "
            "parts that are still to be submitted. Top it up in the JSMS console."
        )


def flaws_of(estimate: Estimate) -> str:
    """Return the parameters that people lack, and how many."""
    flaws = {
        "missing": in_words(estimate.missing),
        "empty": in_words(estimate.empty),
        f"longer than {LONGEST_TEXT} characters": str(estimate.too_long or ""),
    }
    return "; ".join(f"{flaw}: {names}" for flaw, names in flaws.items() if names)


def in_words(counts: Mapping[str, int] | Counter[str]) -> str:
    """Return the first ten names with their numbers, masked."""
    return ", ".join(first_ten(f"{mask_text(name)} {count:,}" for name, count in counts.items()))


def too_many(max_texts: int | None, estimate: Estimate) -> str:
    """Return that a list costs more than ``max_texts``; empty if it does not."""
    if max_texts is None or estimate.most_parts <= max_texts:
        return ""
    return (
        f"The list costs {estimate.parts} SMS parts ({estimate.recipients:,} "
        f"{noun(estimate.recipients)}), more than max_texts ({max_texts:,}). Is the list right? "
        "If it is, raise max_texts."
    )


@dataclass(repr=False)
class Preflight:
    """Checks a list once, before the first request that submits or modifies a part of it.

    :param head: with the validated fields ``temp_id`` and ``sign_id``, and perhaps personal data.
    :param is_wanted: whether to compare template, signature and balance with the list.
    :param max_texts: the most SMS parts that the list may cost, None for no limit.
    """

    hook: JsmsHook
    head: Mapping[str, Any]
    limit: FailureLimit
    is_wanted: bool
    max_texts: int | None
    _is_done: bool = False

    def check(self, people: Iterable[tuple[Sequence[Recipient], bool]], count: int) -> None:
        """Raise if the list cannot be sent as it is.

        :param people: its chunks, and whether each is still to be submitted.
        :param count: how many recipients that are.
        :raises JsmsPreflightError: a retry cannot fix it.
        :raises JsmsReviewError: the template is still under review.
        :raises JsmsError: ``max_texts`` needs the template, which cannot be fetched.
        """
        if self._is_done or not (self.is_wanted or self.max_texts):
            return
        if problem := too_many(self.max_texts, Estimate(None, count, count, count)):
            raise _refused([problem])
        facts = fetch(self.hook, self.head, with_balance=self.is_wanted)
        estimate = Estimate(facts.wording)
        for chunk, is_due in people:
            for person in chunk:
                estimate.add(person, is_due=is_due)
        self._check_limit(facts, estimate)
        if self.is_wanted:
            self._check_facts(facts, estimate)
        self._is_done = True

    def _check_limit(self, facts: Facts, estimate: Estimate) -> None:
        if not (problem := too_many(self.max_texts, estimate)):
            return
        if error := facts.unknown.get("template"):
            error.add(
                "max_texts needs the template, so nothing was sent. Remove max_texts if your "
                "application may not fetch templates."
            )
            raise error
        raise _refused([problem])

    def _check_facts(self, facts: Facts, estimate: Estimate) -> None:
        if facts.unknown:
            why = "; ".join(f"{name} ({error})" for name, error in facts.unknown.items())
            _log.warning(
                "Not checked before the first request, which is sent all the same: %s", why
            )
        problems = list(problems_of(facts, estimate, self.head, self.limit))
        if facts.review == UNDER_REVIEW and len(problems) == 1:
            call = str(get_template(self.head["temp_id"]))
            text = f"{problems[0]} Nothing was sent."
            raise JsmsReviewError(text, call=call, code=TEMPLATE_AUDITING)
        if problems:
            raise _refused([*problems, "If JSMS accepts it all the same, set preflight=False."])
        if estimate.flawed:
            flaws = flaws_of(estimate)
            _log.warning("JSMS may refuse %s: %s", _of_all(estimate.flawed, estimate), flaws)
        balance = in_words(facts.amounts) or "unknown"
        _log.info("SMS parts: %s; balance: %s", estimate.parts, balance)


def _refused(problems: Sequence[str]) -> JsmsPreflightError:
    return JsmsPreflightError(f"{' '.join(problems)} Nothing was sent.")


def _of_all(count: int, estimate: Estimate) -> str:
    return f"{count:,} of {estimate.recipients:,} {noun(estimate.recipients)}"
