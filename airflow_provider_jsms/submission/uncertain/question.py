"""Ask a person whether JSMS has accepted a submission, and read the answer.

Nothing is sent before the answer, and an answer counts only for the records that the question was
about. The texts are in Markdown, for the page of Airflow that lists the required actions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.exceptions import JsmsUncertainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_jsms.submission.uncertain.doubt import Doubt

ONE_THERE: Final = "It is there"
ONE_SUBMIT: Final = "It is not there: submit it"
ONE_ABSENT: Final = "It is not there"
SEVERAL_THERE: Final = "All are there"
SEVERAL_SUBMIT: Final = "Submit those without a schedule_id"
LEAVE: Final = "Leave it"
_FIELD: Final = "schedule_id"
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9._#/:-]{1,100}")
_CHUNK: Final = re.compile(r"(?:(?<=^jsms_submission)_(?:[0-9]+_)?|#)([0-9]+)\Z")


class Answer(NamedTuple):
    """What a person has decided.

    :param schedule_ids: those that were entered, by the key of the record.
    :param versions: of the records that the question was about, by their keys.
    :param by: who answered; ``at`` is when (UTC).
    """

    option: str
    schedule_ids: Mapping[str, str]
    versions: Mapping[str, str]
    by: str
    at: str

    @property
    def note(self) -> str:
        """The decision, for the record and the log."""
        return f"{self.by} answered at {self.at}: {self.option}"

    def denies(self, key: str) -> bool:
        """Return whether JSMS has nothing of a record, so that the text may be submitted."""
        is_absent = self.option in (ONE_SUBMIT, ONE_ABSENT, SEVERAL_SUBMIT)
        return is_absent and key not in self.schedule_ids


def question_about(doubts: Sequence[Doubt]) -> dict[str, Any]:
    """Return what Airflow shows to a person about one or several submissions.

    Its ``params`` are the fields of the form, a schedule_id for each doubt.
    """
    is_one = _is_alone(doubts)
    rows = [doubt.rows for doubt in doubts]
    header = ["", *([""] if is_one else map(_name, doubts))]
    lines = [header, ["---"] * len(header)]
    lines += [[name, *(each[name] for each in rows)] for name in rows[0]]
    ways, options = _SEVERAL, [SEVERAL_THERE, SEVERAL_SUBMIT, LEAVE]
    if is_one:
        is_wanted = doubts[0].is_wanted
        ways = _ONE if is_wanted else _VANISHED
        options = [ONE_THERE, ONE_SUBMIT if is_wanted else ONE_ABSENT, LEAVE]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return {
        "subject": f"Has JSMS accepted {_subject(doubts)}?",
        "body": f"{_WHY}\n\n{table}\n\n{_logs(doubts)}\n\n{ways}",
        "options": options,
        "params": {_field(doubt, doubts): _param(doubt) for doubt in doubts},
    }


def is_shown(question: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    """Return whether a question that Airflow shows is about all the same submissions.

    Airflow 3.3 keeps the first question of a task instance. That one may be about more chunks, and
    suggest another schedule_id, which the task checks.
    """
    fields = _descriptions(shown.get("params") or {})
    is_same = fields.items() >= _descriptions(question["params"]).items()
    return is_same and shown.get("options") == question["options"]


def _descriptions(params: Mapping[str, Any]) -> dict[str, str]:
    return {name: param["description"] for name, param in params.items()}


def answer_of(event: Mapping[str, Any], about: Mapping[str, Mapping[str, str]]) -> Answer:
    """Return the answer that Airflow resumes the task with.

    :param about: what :func:`about` returned for the question.
    :raises JsmsUncertainError: nobody answered in time.
    """
    if "error" in event:
        raise JsmsUncertainError(
            "Nobody has answered in time whether JSMS has accepted the text, so nothing was sent. "
            "To be asked again, clear the task."
        )
    given = event.get("params_input") or {}
    entered = {key: _text(given.get(each["field"])) for key, each in about.items()}
    return Answer(
        option=str(next(iter(event.get("chosen_options") or []), "")),
        schedule_ids={key: text for key, text in entered.items() if text},
        versions={key: each["version"] for key, each in about.items()},
        by=_who(event.get("responded_by_user")),
        at=f"{event['responded_at']:%Y-%m-%dT%H:%M:%SZ}" if event.get("responded_at") else "",
    )


def about(doubts: Sequence[Doubt]) -> dict[str, dict[str, str]]:
    """Return what a question is about, which goes into Airflow's database with the task."""
    return {
        doubt.key: {"field": _field(doubt, doubts), "version": doubt.version} for doubt in doubts
    }


_WHY: Final = (
    "JSMS may have accepted this, and to send it again could text people twice. So the task waits "
    "for you. Look in the JSMS console, and answer below."
)
_ONE: Final = f"""\
* **{ONE_THERE}:** enter its `schedule_id`. The task checks with JSMS that it goes to the same \
people at the same time, and continues with it.
* **{ONE_SUBMIT}:** if it was there after all, the text goes out twice.
* **{LEAVE}:** nothing is sent, and the task continues without a `schedule_id`. Tasks that need \
one are skipped."""
_VANISHED: Final = f"""\
* **{ONE_THERE}:** enter its `schedule_id`. The task checks with JSMS that it goes to the same \
people at the same time, and deletes it.
* **{ONE_ABSENT}:** nothing is sent.
* **{LEAVE}:** nothing is sent or deleted."""
_SEVERAL: Final = f"""\
* **{SEVERAL_THERE}:** enter each `schedule_id`. The task checks with JSMS that they go to the \
same people at the same time, and continues with them.
* **{SEVERAL_SUBMIT}:** enter the `schedule_id` of each one that is there, and leave the others \
empty. If one of those was there after all, its texts go out twice.
* **{LEAVE}:** nothing is sent for these, and the task continues without their `schedule_id`."""


def _logs(doubts: Sequence[Doubt]) -> str:
    numbers = sorted({str(doubt.number) for doubt in doubts if doubt.number})
    if not numbers:
        return "Where a log of an earlier try names a schedule_id, JSMS has accepted that one."
    tries = f"try {numbers[0]}" if len(numbers) == 1 else f"the tries {', '.join(numbers)}"
    return (
        f"If JSMS answered, the log of {tries} names the schedule_id. A request of the last "
        "minutes may still be under way: then look again a little later."
    )


def _is_alone(doubts: Sequence[Doubt]) -> bool:
    # The question about a chunk has the form of one about several, which may be shown for it.
    return len(doubts) == 1 and not doubts[0].is_part


def _subject(doubts: Sequence[Doubt]) -> str:
    one, several = ("batch", "batches") if doubts[0].is_part else ("text", "texts")
    return f"this {one}" if len(doubts) == 1 else f"these {len(doubts)} {several}"


def _name(doubt: Doubt) -> str:
    return f"Batch {_number(doubt)}" if doubt.is_part else mask_text(doubt.key)


def _number(doubt: Doubt) -> str:
    """Return the number of a chunk; the first one of a once_key has none in its key."""
    match = _CHUNK.search(doubt.key)
    return match[1] if match else "1"


def _field(doubt: Doubt, doubts: Sequence[Doubt]) -> str:
    if _is_alone(doubts):
        return _FIELD
    # After its place in the question an answer could be taken for another text, when Airflow asks
    # again and the order is another one.
    digest = hashlib.sha256(doubt.key.encode()).hexdigest()[:12]
    name = doubt.key if _PLAIN_KEY.fullmatch(doubt.key) else digest
    return f"{_FIELD}_{_number(doubt) if doubt.is_part else name}"


def _param(doubt: Doubt) -> dict[str, Any]:
    return {
        "value": doubt.schedule_id,
        "description": f"of {doubt.who} at {doubt.send_time}, if it is there",
        "schema": {"type": ["string", "null"]},
    }


def _text(value: object) -> str:
    # Airflow hands on what the form sends, or the whole field where nobody changed it.
    if isinstance(value, Mapping):
        value = value.get("value")
    return str(value).strip() if value else ""


def _who(user: object) -> str:
    name = user.get("name") or user.get("id") if isinstance(user, Mapping) else None
    return mask_text(name) if name else "somebody"
