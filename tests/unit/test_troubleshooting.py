"""The headings of the page on troubleshooting are the texts that the code writes into a log."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest

from airflow_provider_jsms import exceptions
from airflow_provider_jsms.api import codes
from airflow_provider_jsms.exceptions import AirflowFailException
from tests.pages import REPOSITORY, sections, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = ("docs/en/troubleshooting.md", "docs/zh/troubleshooting.md")
PACKAGE = REPOSITORY / "airflow_provider_jsms"
# Never raised themselves.
BASES = {
    *("JsmsError", "JsmsCallError", "JsmsNoAnswerError", "JsmsApiError", "JsmsWaitError"),
}
ERRORS = set(exceptions.__all__) - BASES
RETRIED = {
    **{"retried": True, "not retried": False},
    **{"会重试": True, "不重试": False},
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
    english, chinese = (
        [(each.title, [*each.errors]) for each in symptoms(page)] for page in PAGES
    )
    assert english == chinese
