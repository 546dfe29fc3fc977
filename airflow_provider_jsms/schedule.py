"""What a schedule consists of: recipients and parameters, checked, in the form that JSMS takes.

A body carries numbers for ids and strings for the values of ``temp_para``; what is empty is left
out, never sent as null (as the official Java client does). Every check raises
:class:`~airflow_provider_jsms.exceptions.JsmsInputError` before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict

from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.privacy import HIDDEN, mask_mobile, mask_text, show

if TYPE_CHECKING:
    from airflow_provider_jsms.send_time import SendTime

MOST_RECIPIENTS: Final = 1000
"""What one request may carry; JSMS answers 50031 to more."""
LONGEST_TAG: Final = 10

_SHOWN_ERRORS = 10
_SEPARATORS = re.compile(r"[ -]")
_MAINLAND = re.compile(r"(?:\+?86)?(1[0-9]{10})")
_POSITIVE = re.compile(r"0*[1-9][0-9]{0,17}")
_SCHEDULE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
# One would change the path, the other is what a template makes of nothing.
_NO_SCHEDULE_ID = ("batch", "None")
_LARGEST = 10**18
_SHOW_THE_WAY = (
    "If it comes from an upstream task, pass the task's .output instead of a template, or set "
    "render_template_as_native_obj=True on the DAG, so that it stays {}."
)


class Recipient(TypedDict):
    """One person of a batch: a number of 11 digits and the parameters of the template."""

    mobile: str
    temp_para: NotRequired[dict[str, str]]


class SingleBody(TypedDict):
    """The body of a single schedule, in the order of the official Java client."""

    send_time: str
    mobile: str
    sign_id: NotRequired[int]
    temp_id: int
    temp_para: NotRequired[dict[str, str]]


class BatchBody(TypedDict):
    """The body of a batch schedule, in the order of the official Java client."""

    send_time: str
    sign_id: NotRequired[int]
    temp_id: int
    tag: NotRequired[str]
    recipients: list[Recipient]


def single_body(
    *, send_time: SendTime, mobile: object, temp_id: object, sign_id: object, temp_para: object
) -> SingleBody:
    """Return the body of a single schedule."""
    body: SingleBody = {"send_time": send_time.wire, **recipient({"mobile": mobile})}  # type: ignore[typeddict-item]
    if (signature := optional_id("sign_id", sign_id)) is not None:
        body["sign_id"] = signature
    body["temp_id"] = required_id("temp_id", temp_id)
    if parameters := parameters_of(temp_para):
        body["temp_para"] = parameters
    return body


def batch_body(
    *, send_time: SendTime, recipients: object, temp_id: object, sign_id: object, tag: object
) -> BatchBody:
    """Return the body of a batch schedule of 1 to 1,000 recipients."""
    people = recipients_of(recipients)
    if not people:
        raise JsmsInputError("recipients is empty: at least one is needed. Nothing was sent.")
    if len(people) > MOST_RECIPIENTS:
        raise JsmsInputError(
            f"recipients has {len(people)} entries: one request carries at most "
            f"{MOST_RECIPIENTS}. Nothing was sent. Split the list."
        )
    body: dict[str, object] = {"send_time": send_time.wire}
    if (signature := optional_id("sign_id", sign_id)) is not None:
        body["sign_id"] = signature
    body["temp_id"] = required_id("temp_id", temp_id)
    if label := tag_of(tag):
        body["tag"] = label
    body["recipients"] = people
    return body  # type: ignore[return-value]


def recipients_of(value: object) -> list[Recipient]:
    """Return checked recipients, in the given order.

    :param value: a list of ``{"mobile": ..., "temp_para": {...}}`` or of bare numbers.
    :raises JsmsInputError: counts every entry that cannot be used and shows the first ten.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise JsmsInputError(
            f"recipients is of type {type(value).__name__}: a list is needed, of numbers or of "
            f'{{"mobile": ..., "temp_para": {{...}}}}. {_SHOW_THE_WAY.format("a list")} '
            "Nothing was sent."
        )
    people, errors = [], []
    for position, entry in enumerate(value, start=1):
        try:
            people.append(recipient(entry))
        except JsmsInputError as error:
            errors.append(f"entry {position}: {error}")
    if errors:
        raise JsmsInputError(
            f"{len(errors)} of {len(people) + len(errors)} recipients cannot be used, so nothing "
            "was sent:\n" + "\n".join(errors[:_SHOWN_ERRORS])
        )
    return people


def recipient(entry: object) -> Recipient:
    """Return one checked recipient from a mapping or a bare number."""
    if not isinstance(entry, Mapping):
        return {"mobile": mobile_of(entry)}
    if unknown := [mask_text(key) for key in entry if key not in ("mobile", "temp_para")]:
        raise JsmsInputError(
            f"a recipient has the keys mobile and temp_para, not {', '.join(unknown)}."
        )
    person: Recipient = {"mobile": mobile_of(entry.get("mobile"))}
    if parameters := parameters_of(entry.get("temp_para")):
        person["temp_para"] = parameters
    return person


def distinct(people: Iterable[Recipient]) -> list[Recipient]:
    """Return the recipients without repetitions of the same number with the same parameters."""
    seen: dict[tuple[str, frozenset[tuple[str, str]]], Recipient] = {}
    for person in people:
        seen.setdefault((person["mobile"], frozenset(person.get("temp_para", {}).items())), person)
    return list(seen.values())


def mobile_of(value: object) -> str:
    """Return the 11 digits of a mainland number; +86 or 86, spaces and dashes are understood.

    :param value: a string, or an integer (what native rendering makes of digits).
    :raises JsmsInputError: anything else; the number is masked in the text.
    """
    text = text_of(value)
    match = _MAINLAND.fullmatch(_SEPARATORS.sub("", text))
    if not match or (isinstance(value, int) and value < 0):
        raise JsmsInputError(
            f"mobile {_shown_number(value)} is not a mainland China number: a string (or an "
            "integer) of 11 digits that begin with 1, with or without +86; spaces and dashes may "
            "stand between them, nothing else. Nothing was sent."
        )
    return match.group(1)


def _shown_number(value: object) -> str:
    if value is None or value == "":
        return "(none)"
    text = text_of(value)
    masked = mask_mobile(text)
    length = f" of {len(text)} characters" if text else ""
    return f"{'' if masked == HIDDEN else f'{masked} '}(a {type(value).__name__}{length})"


def text_of(value: object) -> str:
    """Return a string, or an integer as one, without regard to what an Enum calls itself."""
    if isinstance(value, str):
        return str.__str__(value)
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST
    return str(int(value)) if is_number else ""  # type: ignore[call-overload]


def parameters_of(value: object) -> dict[str, str]:
    """Return ``temp_para`` with values as strings, empty for None and ``{}``.

    Integers are turned into strings. A float, a boolean or None is refused by the parameter's
    name: native rendering makes ``"1e5"`` a float, and the text would not say what was meant.
    """
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise JsmsInputError(
            f"temp_para is of type {type(value).__name__}: a dictionary of the template's "
            f"parameters is needed. {_SHOW_THE_WAY.format('a dictionary')} Nothing was sent."
        )
    return {_parameter_name(name): _parameter_value(name, item) for name, item in value.items()}


def _parameter_name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise JsmsInputError(
            "temp_para has a parameter whose name is empty or not a string. Nothing was sent."
        )
    return _encodable(name, "the name of a parameter of temp_para")


def _parameter_value(name: object, value: object) -> str:
    text = text_of(value)
    if not text and value != "":
        raise JsmsInputError(
            f"temp_para[{mask_text(name)!r}] is of type {type(value).__name__}: a string is "
            "needed (an integer of at most 18 digits is turned into one). Nothing was sent. "
            "Quote the value, or format it in the template."
        )
    return _encodable(text, f"temp_para[{mask_text(name)!r}]")


def required_id(name: str, value: object) -> int:
    """Return a positive integer from an integer or a string of digits."""
    text = text_of(value)
    if not _POSITIVE.fullmatch(text):
        raise JsmsInputError(
            f"{name} {show(value)} is not a positive whole number. Nothing was sent. "
            f"Take {name} from the JSMS console."
        )
    return int(text)


def optional_id(name: str, value: object) -> int | None:
    """Return a positive integer, or None for None and an empty string."""
    return None if value is None or value == "" else required_id(name, value)


def tag_of(value: object) -> str | None:
    """Return a tag of at most 10 characters, or None for None and an empty string."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > LONGEST_TAG:
        raise JsmsInputError(
            f"tag {show(value)} is not a string of at most {LONGEST_TAG} characters. "
            "Nothing was sent."
        )
    return _encodable(value, "tag")


def schedule_id_of(value: object) -> str:
    """Return a schedule_id that can stand in a path as it is.

    :raises JsmsInputError: it is empty, or would change the path.
    """
    # A phone number in its place would be told with the path of the call.
    if isinstance(value, str) and _SCHEDULE_ID.fullmatch(value) and not _is_taken(value):
        return value
    hint = ""
    if value is None or value in ("", "None"):
        hint = " The task that it comes from returned nothing."
    elif isinstance(value, str) and value.startswith(("{", "[")):
        hint = f" {_SHOW_THE_WAY.format('what it is')}"
    raise JsmsInputError(
        f"schedule_id {show(value)} cannot be one: letters, digits and - . _ ~ are "
        f"accepted, as in the schedule_id that a submit returns.{hint} Nothing was sent."
    )


def _is_taken(value: str) -> bool:
    return value in _NO_SCHEDULE_ID or _MAINLAND.fullmatch(value) is not None


def schedule_ids_of(value: object) -> list[str]:
    """Return checked schedule_ids without repetitions, in the given order.

    :param value: one schedule_id, a list of them, or the result of a batch submit or modify.
    :raises JsmsInputError: anything else, or an id that cannot be one.
    """
    if isinstance(value, Mapping):
        value = value.get("schedule_ids", value.get("schedule_id"))
    if isinstance(value, str) or not isinstance(value, Iterable):
        value = [value]
    return list(dict.fromkeys(schedule_id_of(each) for each in value))


def _encodable(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise JsmsInputError(
            f"{what} contains half of a character (a lone surrogate), which cannot be sent. "
            "Nothing was sent. Decode the source with the right encoding."
        ) from None
    return text
