"""A dry run: everything but the sending, as a table for people and a result for other tasks."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.codes import INVALID_SIGN_ID, INVALID_TEMP_ID
from airflow_provider_jsms.api.estimate import Estimate, parts_of
from airflow_provider_jsms.api.masking import SHOWN, mask_mobile, mask_text
from airflow_provider_jsms.api.recipients import Unusable, noun
from airflow_provider_jsms.exceptions import JsmsAccountError, JsmsAuthError, JsmsPreflightError
from airflow_provider_jsms.submission.lists.chunks import Unique, nobody
from airflow_provider_jsms.submission.preflight import (
    fetch,
    flaws_of,
    in_words,
    problems_of,
    too_many,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.submission.lists.refusals import FailureLimit

_TYPES: Final[Mapping[int | None, str]] = {1: "verification", 2: "notification", 3: "marketing"}
_STATES: Final[Mapping[int | None, str]] = {0: "under review", 1: "approved", 2: "rejected"}
# The submission would be refused for the same reason.
_WRONG: Final = (INVALID_TEMP_ID, INVALID_SIGN_ID)
_log = logging.getLogger(__name__)


@dataclass(repr=False)
class DryRun:
    """Reads a list and compares it with the template, the signature and the balance.

    :param problems: why the submission would fail, as far as that is known already.
    :ivar nobody: why there is nobody to text, empty if there is somebody, or an unusable entry.
    """

    hook: JsmsHook
    source: Source
    send_time: SendTime
    head: Mapping[str, Any]
    exclude: frozenset[int] | None
    limit: FailureLimit
    max_texts: int | None
    problems: list[str]

    def __post_init__(self) -> None:
        self._facts = fetch(self.hook, self.head)
        self._estimate = Estimate(self._facts.wording)
        self._unusable = Unusable()
        self._sample: list[str] = []
        self._unique = Unique(self.source, self.exclude, self._unusable)
        self._read()
        is_empty = not self._estimate.recipients and not self._unusable.count
        self.nobody = nobody(self._unique.excluded) if is_empty else ""
        self.problems = [*self.problems, *self._found()]

    def result(self) -> dict[str, Any]:
        """Return the result of the task: it names no schedule."""
        facts, estimate = self._facts, self._estimate
        return {
            "dry_run": True,
            "schedule_ids": [],
            "success_count": 0,
            "failure_count": 0,
            "failure_recipients": [],
            "send_time": self.send_time.wire,
            "counts": {
                "recipients": estimate.recipients,
                "repeated": self._unique.repeated,
                "excluded": self._unique.excluded,
                "refused": self._unusable.count,
            },
            "parts": estimate.most_parts if facts.wording else None,
            "refused": self._unusable.first,
        }

    def log(self) -> None:
        """Log the table."""
        rows = "\n".join(f"  {name:<11} {value}" for name, value in self._rows().items() if value)
        _log.info("Dry run: nothing is sent. A submission would be:\n%s", rows)

    def check(self) -> None:
        """Raise one error with every problem."""
        if self.problems:
            lines = "\n".join(f"- {problem}" for problem in self.problems)
            count = len(self.problems)
            raise JsmsPreflightError(
                f"The dry run has found {count} problem{'s' * (count > 1)}. Nothing was sent.\n"
                f"{lines}"
            )

    def _read(self) -> None:
        for people in self._unique.chunks():
            for person in people:
                self._estimate.add(person)
                if len(self._sample) < SHOWN:
                    self._sample.append(self._sampled(person))

    def _sampled(self, person: Recipient) -> str:
        """Return a text, masked: the number, and the lengths of the parameters."""
        parameters, wording = person.get("temp_para", {}), self._facts.wording
        lengths = in_words({name: len(value) for name, value in parameters.items()})
        size = ""
        if wording:
            most = wording.lengths(parameters)[1]
            parts = parts_of(most)
            size = f" {most} characters, {parts} part{'s' * (parts > 1)};"
        return f"{mask_mobile(person['mobile'])}:{size} parameters: {lengths or 'none'}"

    def _found(self) -> Iterator[str]:
        facts, estimate = self._facts, self._estimate
        asked = [facts.unknown.get(name) for name in ("signature", "template")]
        for code, error in {getattr(it, "code", None): it for it in asked}.items():
            if isinstance(error, JsmsAuthError | JsmsAccountError) or code in _WRONG:
                yield str(error)
        if self._unusable.count:
            unique = self._unique
            good = estimate.recipients + unique.repeated + unique.excluded
            yield str(self._unusable.error(self.source, good, noun))
        yield from problems_of(facts, estimate, self.head, self.limit)
        if problem := too_many(self.max_texts, estimate):
            yield problem

    def _rows(self) -> dict[str, str]:
        estimate, head = self._estimate, self.head
        unknown = {name: f"unknown: {why}" for name, why in self._facts.unknown.items()}
        return {
            "send_time": str(self.send_time),
            "recipients": self._people(),
            "template": unknown.get("template") or self._template(),
            "signature": unknown.get("signature") or self._signature(),
            "parameters": self._parameters(),
            "SMS parts": f"{estimate.parts}; the longest text has {estimate.longest} characters"
            if self._facts.wording
            else f"unknown, at least {estimate.least_parts:,}",
            "balance": unknown.get("balance") or in_words(self._facts.amounts) or "not assigned",
            "tag": head.get("tag") or "",
            "sample": f"\n  {'':<11} ".join(self._sample),
        }

    def _people(self) -> str:
        unique = self._unique
        left_out = {
            "repeated": unique.repeated,
            "excluded": unique.excluded,
            "unusable": self._unusable.count,
        }
        counts = in_words({name: count for name, count in left_out.items() if count})
        return f"{self._estimate.recipients:,}{f'; left out: {counts}' if counts else ''}"

    def _template(self) -> str:
        if (template := self._facts.template) is None:
            return ""
        kind = _TYPES.get(template["type"], "of an unknown type")
        state = _STATES.get(template["status"], "unknown")
        return f"{self.head['temp_id']}, {kind}, {state}: {mask_text(template['template'])}"

    def _signature(self) -> str:
        if (sign := self._facts.sign) is None:
            return "the default one, of 2 to 10 characters"
        state = _STATES.get(sign["status"], "unknown")
        return f"{self.head['sign_id']}, {state}: 【{mask_text(sign['sign'])}】"

    def _parameters(self) -> str:
        if (wording := self._facts.wording) is None:
            return ""
        names = ", ".join(map(mask_text, wording.names)) or "none"
        unused = in_words(self._estimate.unused)
        notes = [names, flaws_of(self._estimate), f"unused: {unused}" if unused else ""]
        return "; ".join(filter(None, notes))
