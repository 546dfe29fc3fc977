"""The headings of the page on troubleshooting are the texts that the code writes into a log."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from airflow_provider_jsms import exceptions
from airflow_provider_jsms.api import codes
from airflow_provider_jsms.exceptions import AirflowFailException, JsmsError
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.pages import REPOSITORY, sections, text_of
from tests.people import ANNA, CANARY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_jsms.sandbox.control import SandboxControl

PAGES = ("docs/en/troubleshooting.md", "docs/zh/troubleshooting.md")
PACKAGE = REPOSITORY / "airflow_provider_jsms"
# Never raised themselves.
BASES = {
    *("JsmsError", "JsmsCallError", "JsmsNoAnswerError", "JsmsApiError", "JsmsWaitError"),
}
ERRORS = set(exceptions.__all__) - BASES
RETRIED = {
    "retried": True,
    "会重试": True,
    "not retried": False,
    "不重试": False,
}
CODE = re.compile(r"JSMS refused it with (?P<code>[0-9]+) ")
ERROR_LINE = re.compile(r"`(Jsms\w+)`[,，] ?(not retried|retried|不重试|会重试)")


class Symptom(NamedTuple):
    """A heading in code, and the errors that the first line below it names."""

    title: str
    errors: dict[str, str]


class Literal(NamedTuple):
    """A text of the code, with … for each part that varies, and the error that is made of it."""

    text: str
    error: str


@cache
def symptoms(page: str) -> list[Symptom]:
    """Return the headings of a page that are texts of the code."""
    found = []
    for section in sections(page):
        heading, *words = section.leaves()
        if re.fullmatch("`[^`]*`", title := text_of(heading)):
            first = text_of(words[0]) if words else ""
            found.append(Symptom(title.strip("`"), dict(ERROR_LINE.findall(first))))
    return found


@cache
def literals() -> list[Literal]:
    """Return every text of the package."""
    return [
        literal
        for path in PACKAGE.rglob("*.py")
        if "sandbox" not in path.parts
        for literal in _literals_in(ast.parse(path.read_text(encoding="utf-8")), "")
    ]


def _literals_in(node: ast.AST, error: str) -> Iterator[Literal]:
    if isinstance(node, ast.Call):
        error = _name_of(node.func) or error
    if isinstance(node, ast.JoinedStr):
        yield Literal(_varying("".join(map(_part, node.values))), error)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield Literal(_varying(re.sub(r"%[rsd]|%\.\df", "…", node.value)), error)
    for child in ast.iter_child_nodes(node):
        yield from _literals_in(child, error)


def _name_of(function: ast.expr) -> str:
    name = function.id if isinstance(function, ast.Name) else ""
    return name if name in ERRORS else ""


def _part(value: ast.expr) -> str:
    return str(value.value) if isinstance(value, ast.Constant) else "…"


def _varying(text: str) -> str:
    return re.sub("…[… ]*…", "…", " ".join(text.split()))


@pytest.mark.parametrize("symptom", symptoms(PAGES[0]), ids=lambda each: each.title)
def test_the_code_writes_what_a_heading_says(symptom: Symptom) -> None:
    if found := CODE.match(symptom.title):
        code = int(found["code"])
        error = codes.refusal("", code, "", codes.CODES[code].http_status or 0)
        assert error.text.startswith(symptom.title)
        assert {*symptom.errors} == {type(error).__name__}
        return
    having = [each for each in literals() if symptom.title in each.text]
    assert having, "no text of the code has these words"
    made = {each.error for each in having} - {""}
    assert not made or made & {*symptom.errors}


def test_every_error_is_explained() -> None:
    assert ERRORS - {name for each in symptoms(PAGES[0]) for name in each.errors} == set()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_whether_an_error_is_retried(page: str) -> None:
    for symptom in symptoms(page):
        for name, words in symptom.errors.items():
            is_final = issubclass(getattr(exceptions, name), AirflowFailException)
            assert RETRIED[words] is not is_final, f"{symptom.title}: {name}"


def test_both_languages_explain_the_same() -> None:
    english, chinese = ([(each.title, [*each.errors]) for each in symptoms(page)] for page in PAGES)
    assert english == chinese


def submit(hook: JsmsHook, **changed: Any) -> None:
    given = {"send_time": LATER, "mobile": ANNA, "temp_id": 2, "temp_para": {"name": CANARY}}
    hook.submit_schedule(**{**given, **changed})


LATER = "2040-12-01 09:00:00"
# What a person does wrong or meets, and the extras of the connection.
MET: dict[str, tuple[Callable[[JsmsHook], object], dict[str, Any]]] = {
    "has passed: by the clock": (lambda hook: submit(hook, send_time="2020-01-01 09:00:00"), {}),
    "does not name one moment": (lambda hook: submit(hook, send_time="2040-12-01"), {}),
    "is outside the send_window": (submit, {"send_window": "10:00-21:00"}),
    "mobile is not a mainland China number": (lambda hook: submit(hook, mobile="+852 912"), {}),
    "is of type": (lambda hook: submit(hook, temp_para={"name": 1.5}), {}),
    "is the text": (lambda hook: submit(hook, temp_para={"name": "nan"}), {}),
    "needs a ledger": (lambda hook: submit(hook, once_key="visit-17"), {}),
    "schedule_id … is invalid": (lambda hook: hook.query_schedule("a b"), {}),
    "of the Airflow connection is": (submit, {"read_timeout": 0}),
    "refused it with 50028": (lambda hook: hook.query_schedule("nowhere"), {}),
    "refused it with 50013": (lambda hook: submit(hook, temp_id=4711), {}),
    "refused it with 50022": (lambda hook: submit(hook, temp_para={}), {}),
    "JSMS may have accepted this": (submit, {"fault": "accepted_then_closed"}),
    "no connection to": (submit, {"host": "http://127.0.0.1:1"}),
}


@pytest.mark.parametrize("words", MET)
def test_a_person_who_meets_an_error_finds_it(
    words: str, sandbox: SandboxControl, set_connection: Callable[..., None]
) -> None:
    """The real error, over HTTP, begins a line or holds the words of exactly one heading."""
    act, extra = MET[words]
    given = {"host": sandbox.url, **extra}
    if fault := given.pop("fault", None):
        sandbox.fault("submit_schedule", fault)
    set_connection(max_attempts=1, **given)
    with pytest.raises(JsmsError) as met, JsmsHook() as hook:
        act(hook)
    (symptom,) = [each for each in symptoms(PAGES[0]) if words in each.title]
    assert re.search(re.escape(symptom.title).replace("…", "(?s:.*)"), str(met.value))
    assert type(met.value).__name__ in symptom.errors
