"""The Chinese README says what the English one says, as far as that can be told by machine."""

from __future__ import annotations

import re
from collections import Counter
from difflib import unified_diff
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from airflow_provider_jsms.api.codes import CODES
from tests import tables
from tests.matrix.cells import CELLS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

MARKDOWN = MarkdownIt("commonmark").enable("table")
PAGES = {page.name: page for page in (tables.README, tables.CHINESE)}
LANGUAGES = {
    "README.md": "English | [简体中文](README.zh-CN.md)",
    "README.zh-CN.md": "[English](README.md) | 简体中文",
}
# What JSMS says, and the table that is written into both pages.
THE_SAME = {row.message for row in CODES.values()} | {cell.installed for cell in CELLS}
CHINESE = r"[\u4e00-\u9fff]"
# Between Chinese and other words stands a space, and beside Chinese no half-width punctuation.
UNUSUAL = re.compile(
    rf"{CHINESE}[A-Za-z0-9`]|[A-Za-z0-9`]{CHINESE}|{CHINESE}[,;:?!()]|[,;:?!()]{CHINESE}"
)
# A bold text that ends with Chinese punctuation is none for GitHub unless a space follows, and an
# address that is no link goes on until a space.
STRAY = re.compile(r"\*|https?://[^\s<]*[^\s<\x00-\x7f]")


class Section(NamedTuple):
    """A heading, and what stands below it until the next one."""

    page: str
    title: str
    level: str
    slug: str
    tokens: list[Token]

    def at(self, token: Token | None) -> str:
        """Return where a block is, for a person who has to find it."""
        if token is None:
            return f"{self.page} has nothing more below {self.title!r}"
        line = f" line {token.map[0] + 1}" if token.map else ""
        return f"{self.page}{line} ({self.title})"


def read(page: Path) -> list[Section]:
    tokens = MARKDOWN.parse(page.read_text(encoding="utf-8"))
    starts = [index for index, token in enumerate(tokens) if token.type == "heading_open"]
    assert starts[0] == 0, f"{page.name} does not begin with a heading"
    found: list[Section] = []
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        title = text_of(tokens[start + 1]).replace("`", "")
        slug = unique(slug_of(title), [section.slug for section in found])
        found.append(Section(page.name, title, tokens[start].tag, slug, tokens[start:end]))
    return found


def slug_of(title: str) -> str:
    """Return the anchor that GitHub gives a heading: words of any script, joined by ``-``."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def unique(slug: str, taken: list[str]) -> str:
    numbered = (f"{slug}-{number}" if number else slug for number in range(len(taken) + 1))
    return next(candidate for candidate in numbered if candidate not in taken)


def text_of(token: Token) -> str:
    """Return the words of a block as they are shown, with code between backticks."""
    return "".join(
        f"`{child.content}`" if child.type == "code_inline" else child.content
        for child in token.children or ()
    )


def words_of(token: Token) -> str:
    return re.sub("`[^`]*`", "", text_of(token))


def links_of(token: Token) -> list[str]:
    links = [child for child in token.children or () if child.type == "link_open"]
    return [unquote(str(link.attrs["href"])) for link in links]


SECTIONS = {name: read(page) for name, page in PAGES.items()}
ANCHORS = {name: [f"#{each.slug}" for each in SECTIONS[name]] for name in PAGES}
PAIRS = list(zip(*SECTIONS.values(), strict=False))  # the test of the headings sees to the rest
in_every_section = pytest.mark.parametrize(
    ("english", "chinese"), PAIRS, ids=[english.slug for english, _ in PAIRS]
)
on_both_pages = pytest.mark.parametrize("page", PAGES)


def test_the_headings_have_the_same_levels() -> None:
    for english, chinese in zip_longest(*SECTIONS.values()):
        pair = [each and (each.level, each.title) for each in (english, chinese)]
        assert all(pair), f"one page has no more headings: {pair}"
        assert english.level == chinese.level, f"{pair[0]} is beside {pair[1]}"


@on_both_pages
def test_every_anchor_leads_to_a_heading(page: str) -> None:
    links = [link for _, token in leaves(SECTIONS[page]) for link in links_of(token)]
    anchors = {link for link in links if link.startswith("#")}
    assert anchors
    assert anchors - set(ANCHORS[page]) == set(), f"{page} has only {ANCHORS[page]}"


@on_both_pages
def test_the_pages_lead_to_each_other(page: str) -> None:
    assert PAGES[page].read_text(encoding="utf-8").splitlines()[2] == LANGUAGES[page]


@in_every_section
def test_a_section_has_the_same_blocks(english: Section, chinese: Section) -> None:
    assert side_by_side(english, chinese)


@in_every_section
def test_a_block_has_the_same_code_links_and_numbers(english: Section, chinese: Section) -> None:
    differences = []
    for ours, theirs in side_by_side(english, chinese):
        expected, given = facts(ours, english.page), facts(theirs, chinese.page)
        if expected != given:
            lacks, adds = [*(expected - given).elements()], [*(given - expected).elements()]
            where = f"{chinese.at(theirs)}, beside {english.at(ours)}"
            differences.append(f"{where}: lacks {lacks}, adds {adds}")
    assert not differences, "\n".join(differences)


@in_every_section
def test_a_section_shows_the_same_code(english: Section, chinese: Section) -> None:
    for ours, theirs in side_by_side(english, chinese):
        where = english.at(ours), chinese.at(theirs)
        difference = [*unified_diff(code(ours), code(theirs), *where, lineterm="")]
        assert not difference, "\n".join(difference)


@in_every_section
def test_nothing_is_left_in_english(english: Section, chinese: Section) -> None:
    for ours, theirs in side_by_side(english, chinese):
        is_prose = len(re.findall(r"[A-Za-z]{2,}", words_of(ours))) > 3
        if is_prose and text_of(ours) not in THE_SAME:
            assert re.search(CHINESE, text_of(theirs)), chinese.at(theirs)


@on_both_pages
def test_nothing_is_shown_as_it_is_typed(page: str) -> None:
    for section, token in leaves(SECTIONS[page]):
        assert STRAY.findall(words_of(token)) == [], section.at(token)


def test_the_chinese_is_set_as_usual() -> None:
    for section, token in leaves(SECTIONS["README.zh-CN.md"]):
        assert UNUSUAL.findall(text_of(token)) == [], section.at(token)
        # GitHub shows a line break within a paragraph as a space.
        lines = [child for child in token.children or () if child.type == "softbreak"]
        assert lines == [], f"{section.at(token)} is wrapped"


@on_both_pages
def test_every_row_is_as_wide_as_the_heading_of_its_table(page: str) -> None:
    found = re.findall(r"(?m)(?:^\|.*\n)+", PAGES[page].read_text(encoding="utf-8"))
    assert found
    for heading, *rows in (table.splitlines() for table in found):
        assert [row for row in rows if row.count("|") != heading.count("|")] == []


@pytest.mark.parametrize("name", ["codes", "switches", "tested versions"])
@on_both_pages
def test_a_table_that_is_made_has_its_place(page: str, name: str) -> None:
    text = PAGES[page].read_text(encoding="utf-8")
    for mark in (f"<!-- {name}: begin -->", f"<!-- {name}: end -->"):
        assert text.splitlines().count(mark) == 1, f"{mark} is not once on a line of its own"


def test_the_tested_versions_are_the_same() -> None:
    english, chinese = (tables.table_in(page, "tested versions") for page in PAGES.values())
    assert chinese == english, "\n".join(unified_diff(english, chinese, *PAGES))


def test_the_codes_are_the_same_in_chinese() -> None:
    english, chinese = (rows_of_codes(page) for page in PAGES.values())
    codes, same = ([row[0] for row in rows] for rows in (english, chinese))
    assert codes
    assert codes == same, f"only on one page: {sorted({*codes} ^ {*same})}"
    for ours, theirs in zip(english, chinese, strict=True):
        assert [*theirs[:3], *theirs[5:]] == [*ours[:3], *ours[5:]], f"code {ours[0]}"
        assert all(re.search(CHINESE, cell) for cell in theirs[3:5]), f"code {ours[0]}"


def rows_of_codes(page: Path) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in tables.table_in(page, "codes")[2:]]


def side_by_side(english: Section, chinese: Section) -> list[tuple[Token, Token]]:
    """Return the blocks of a section in pairs; both pages have to have the same ones."""
    for ours, theirs in zip_longest(english.tokens, chinese.tokens):
        where = f"{english.at(ours)} has {kind(ours)}, {chinese.at(theirs)} has {kind(theirs)}"
        assert kind(ours) == kind(theirs), where
    return list(zip(english.tokens, chinese.tokens, strict=True))


def kind(token: Token | None) -> str:
    if token is None:
        return "nothing"
    name, _, side = token.type.rpartition("_")
    return {"open": name, "close": f"the end of {name}"}.get(side, token.type)


def leaves(sections: list[Section]) -> Iterator[tuple[Section, Token]]:
    """Yield what holds words: the texts of headings, paragraphs and cells."""
    for section in sections:
        for token in section.tokens:
            if token.type == "inline":
                yield section, token


def code(token: Token) -> list[str]:
    """Return the language and the lines of a block of code, without what a comment says."""
    if token.type != "fence":
        return []
    return [token.info, *re.sub(r"(?m)(^|\s)# .*$", r"\1#", token.content).splitlines()]


def facts(token: Token, page: str) -> Counter[str]:
    """Return what a block says in any language."""
    if token.type == "html_block":
        return Counter(re.findall(r"<[^>]+>", token.content))
    spans = [f"`{each.content}`" for each in token.children or () if each.type == "code_inline"]
    numbers = re.findall(r"\d+(?:\.\d+)*", re.sub(r"(?<=\d),(?=\d{3})", "", words_of(token)))
    return Counter([*spans, *numbers, *(target(link, page) for link in links_of(token))])


def target(link: str, page: str) -> str:
    """Return where a link leads, the same for a heading in either language."""
    if link in ANCHORS[page]:
        return f"heading {ANCHORS[page].index(link) + 1}"
    return "the other language" if link in PAGES else link
