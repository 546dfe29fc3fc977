"""Recipients: a number and the parameters of the template, validated and brought to one form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict, TypeVar

from airflow_provider_jsms.api.arguments import SHOW_THE_WAY, encodable, is_none, text_of
from airflow_provider_jsms.api.entries import TEMP_PARA, entries_of, entry_of, is_missing
from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.api.mobile import MOBILE, OF_A_TEMPLATE, SEVERAL, digits_of, flaw_of
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_jsms.api.entries import Source

T = TypeVar("T")

_ELEVEN_DIGITS: Final = re.compile(r"1[0-9]{10}")
_SHOWN_ERRORS: Final = 10
_KEPT_ERRORS: Final = 1000
# Templates and tables write these for a missing value; a person may be called Nan, but not "nan".
_OF_NOTHING: Final = {
    *("None", "NOTSET", "nan", "NaN", "NaT", "<NA>"),
    *("#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!"),
}


class Recipient(TypedDict):
    """One person of a batch: a number of 11 digits and the parameters of the template."""

    mobile: str
    temp_para: NotRequired[dict[str, str]]


def noun(count: int) -> str:
    """Return "recipient" or "recipients", to follow a number."""
    return "recipient" if count == 1 else "recipients"


def recipients_of(value: object) -> list[Recipient]:
    """Return the validated recipients of a list or of a frame, in the given order."""
    return list(checked(entries_of(value), recipient, noun))


class Unusable:
    """The entries of a source that cannot be used.

    :ivar first: the first 1,000 as ``{"position", "reason"}``, without personal data.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: list[dict[str, Any]] = []

    def add(self, place: int, error: JsmsInputError) -> None:
        """Note an entry."""
        self.count += 1
        if len(self.first) < _KEPT_ERRORS:
            self.first.append({"position": place, "reason": str(error)})

    def error(self, source: Source, good: int, noun: Callable[[int], str]) -> JsmsInputError:
        """Return the error: it counts them and shows the first ten."""
        total, first = self.count + good, self.first[:_SHOWN_ERRORS]
        shown = "".join(f"\n{source.place} {it['position']}: {it['reason']}" for it in first)
        return JsmsInputError(
            f"{self.count} of {total} {noun(total)} cannot be used, so nothing was sent:{shown}"
        )


def checked(
    source: Source,
    read: Callable[[object], T],
    noun: Callable[[int], str],
    unusable: Unusable | None = None,
) -> Iterator[T]:
    """Yield the usable entries of a source.

    :raises JsmsInputError: at the end; counts the unusable entries and shows the first ten.
    """
    good, bad = 0, unusable or Unusable()
    for place, entry in source:
        try:
            value = read(entry)
        except JsmsInputError as error:
            bad.add(place, error)
        else:
            good += 1
            yield value
    if bad.count and unusable is None:
        raise bad.error(source, good, noun)


def recipient(entry: object) -> Recipient:
    """Return one validated recipient.

    :param entry: ``{"mobile", "temp_para"}``; or a row with ``mobile`` whose other keys are the
        parameters; or a bare number, also as the only cell of a row; or the error of a row.
    """
    if _is_ready(entry):
        return entry  # type: ignore[return-value]
    if isinstance(entry, JsmsInputError):
        raise entry
    if not isinstance(entry, Mapping):
        return {"mobile": mobile_of(_only_cell(entry))}
    if TEMP_PARA not in entry:
        return recipient(entry_of(entry))
    if unknown := [mask_text(key) for key in entry if key not in (MOBILE, TEMP_PARA)]:
        raise JsmsInputError(
            "a recipient with temp_para has no other key than mobile, but this one has "
            f"{', '.join(unknown)}."
        )
    person: Recipient = {"mobile": mobile_of(entry.get(MOBILE))}
    if parameters := parameters_of(entry[TEMP_PARA]):
        person["temp_para"] = parameters
    return person


def _is_ready(entry: object) -> bool:
    """Return whether an entry has the form that is sent, as nearly all of a long list do."""
    if not isinstance(entry, dict) or len(entry) != 2:  # noqa: PLR2004  mobile and temp_para
        return False
    mobile, parameters = entry.get(MOBILE), entry.get(TEMP_PARA)
    if not parameters or not isinstance(parameters, dict):
        return False
    values = parameters.values()
    try:
        "".join((mobile, *parameters, *values)).encode()  # type: ignore[arg-type]
    except (TypeError, UnicodeEncodeError):
        return False
    has_values = "" not in parameters and _OF_NOTHING.isdisjoint(values)
    return has_values and _ELEVEN_DIGITS.fullmatch(mobile) is not None  # type: ignore[arg-type]


def _only_cell(entry: object) -> object:
    """Return the cell of a row of one column, such as a database returns, or a bare number."""
    is_row = isinstance(entry, Sequence) and not isinstance(entry, str | bytes | bytearray)
    if not is_row and getattr(entry, "ndim", None) != 1:  # a row of numpy
        return entry
    cells = list(entry)  # type: ignore[call-overload]
    if cells and isinstance(cells[0], Mapping | list):
        raise JsmsInputError(
            "it is a list within the list. Join the lists of several tasks in an upstream task: "
            "list(itertools.chain.from_iterable(lists))."
        )
    if len(cells) != 1:
        raise JsmsInputError(
            f"it is a row of {len(cells)} values without names. Name them in an upstream task: "
            '[{"mobile": mobile, "name": name} for mobile, name in rows].'
        )
    return cells[0]


def mobile_of(value: object) -> str:
    """Return the 11 digits of a mainland number without +86, spaces, dashes and the like.

    :param value: a string, or a whole number, which native rendering makes of digits.
    :raises JsmsInputError: anything else; the text says why, without any digit.
    """
    text = text_of(value)
    if digits := digits_of(text):
        return digits
    raise JsmsInputError(
        f"mobile is not a mainland China number of 11 digits: {_flaw_of(value, text)}. "
        "Nothing was sent."
    )


def _flaw_of(value: object, text: str) -> str:
    if is_missing(value):
        return "it is empty"
    if isinstance(value, list | tuple | set | frozenset):
        return SEVERAL
    if isinstance(value, float):
        return "it is a float. Read numbers as text, such as pandas.read_csv(..., dtype=str)"
    if not text:
        return f"a string or a whole number is needed, not a {type(value).__name__}"
    return flaw_of(text)


def parameters_of(value: object) -> dict[str, str]:
    """Return ``temp_para`` with string values, empty for None and an empty string.

    Whole numbers become strings. A float, a boolean, None and a text that stands for a missing
    value are refused: native rendering makes ``"1e5"`` a float.

    :raises JsmsInputError: names the parameter.
    """
    if is_none(value):
        return {}
    if not isinstance(value, Mapping):
        raise JsmsInputError(
            f"temp_para is of type {type(value).__name__}: a dictionary is needed. "
            f"{SHOW_THE_WAY.format('a dictionary')} Nothing was sent."
        )
    if not all(isinstance(name, str) and name for name in value):
        raise JsmsInputError(
            "temp_para has a parameter whose name is empty or not a string. Nothing was sent."
        )
    parameters = {name: _parameter(name, each) for name, each in value.items()}
    encodable("temp_para", "".join([*parameters, *parameters.values()]))
    return parameters


def _parameter(name: str, value: object) -> str:
    text = text_of(value)
    if not text and not isinstance(value, str):
        raise JsmsInputError(
            f"temp_para[{mask_text(name)!r}] is of type {type(value).__name__}: a string or an "
            "integer of at most 18 digits is needed. Nothing was sent. Format it in the template."
        )
    if text in _OF_NOTHING:
        why = OF_A_TEMPLATE if text == "None" else "stands for a missing value of a table"
        raise JsmsInputError(
            f"temp_para[{mask_text(name)!r}] is the text {text!r}, which {why}. Nothing was sent. "
            "Give it a value or a default, such as {{ params.name or 'customer' }}."
        )
    return text
