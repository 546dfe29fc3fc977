"""Each Chinese page says what the English one says, as far as that can be told by machine."""

from __future__ import annotations

import re
from collections import Counter
from difflib import unified_diff
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest
from markdown_it.token import Token

from airflow_provider_jsms.api.codes import CODES
from tests import tables
from tests.matrix.cells import CELLS
from tests.pages import (
    CHINESE,
    ENGLISH,
    PAGES,
    PAIRS,
    REPOSITORY,
    links_of,
    sections,
    target_of,
    text,
    text_of,
    words_of,
)

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGES = {
    "README.md": "English | [简体中文](README.zh-CN.md)",
    "README.zh-CN.md": "[English](README.md) | 简体中文",
}
# What JSMS says, and the table that is written into both pages.
THE_SAME = {row.message for row in CODES.values()} | {cell.installed for cell in CELLS}
HAN = r"[\u4e00-\u9fff]"
# Between Chinese and other words stands a space, and beside Chinese no half-width punctuation.
UNUSUAL = re.compile(rf"{HAN}[A-Za-z0-9`]|[A-Za-z0-9`]{HAN}|{HAN}[,;:?!()]|[,;:?!()]{HAN}")
# A bold text that ends with Chinese punctuation is none for GitHub unless a space follows, and an
# address that is no link goes on until a space.
STRAY = re.compile(r"\*|https?://[^\s<]*[^\s<\x00-\x7f]")

in_every_pair = pytest.mark.parametrize(("english", "chinese"), PAIRS.items(), ids=PAIRS)
NOTHING = ("the other page", Token("nothing more", "", 0))
on_every_page = pytest.mark.parametrize("page", PAGES)


def test_both_languages_have_the_same_pages() -> None:
    english, chinese = (
        {page.relative_to(folder).as_posix() for page in folder.rglob("*.md")}
        for folder in (ENGLISH, CHINESE)
    )
    assert english
    assert english ^ chinese == set()


@in_every_pair
def test_the_headings_have_the_same_levels(english: str, chinese: str) -> None:
    for ours, theirs in zip_longest(sections(english), sections(chinese)):
        pair = [each and (each.level, each.title) for each in (ours, theirs)]
        assert all(pair), f"{english}: one page has no more headings: {pair}"
        assert ours.level == theirs.level, f"{english}: {pair[0]} is beside {pair[1]}"


@pytest.mark.parametrize("page", LANGUAGES)
def test_the_readmes_lead_to_each_other(page: str) -> None:
    assert text(page).splitlines()[2] == LANGUAGES[page]


@in_every_pair
def test_a_page_has_the_same_blocks(english: str, chinese: str) -> None:
    assert side_by_side(english, chinese)


@in_every_pair
def test_a_block_has_the_same_code_links_and_numbers(english: str, chinese: str) -> None:
    differences = []
    for ours, theirs, where in side_by_side(english, chinese):
        expected, given = facts(ours, english), facts(theirs, chinese)
        if expected != given:
            lacks, adds = [*(expected - given).elements()], [*(given - expected).elements()]
            differences.append(f"{where}: lacks {lacks}, adds {adds}")
    assert not differences, "\n".join(differences)


@in_every_pair
def test_a_page_shows_the_same_code(english: str, chinese: str) -> None:
    for ours, theirs, where in side_by_side(english, chinese):
        difference = [*unified_diff(code(ours), code(theirs), "English", "Chinese", lineterm="")]
        assert not difference, "\n".join([where, *difference])


@in_every_pair
def test_nothing_is_left_in_english(english: str, chinese: str) -> None:
    for ours, theirs, where in side_by_side(english, chinese):
        is_prose = len(re.findall(r"[A-Za-z]{2,}", words_of(ours))) > 3
        if is_prose and text_of(ours) not in THE_SAME:
            assert re.search(HAN, text_of(theirs)), where


@on_every_page
def test_nothing_is_shown_as_it_is_typed(page: str) -> None:
    for section in sections(page):
        for token in section.leaves():
            assert STRAY.findall(words_of(token)) == [], section.at(token)


@pytest.mark.parametrize("page", PAIRS.values())
def test_the_chinese_is_set_as_usual(page: str) -> None:
    for section in sections(page):
        for token in section.leaves():
            shown = re.sub("`[^`]*`", "`code`", text_of(token))
            assert UNUSUAL.findall(shown) == [], section.at(token)
            # A line break within a paragraph is shown as a space.
            lines = [child for child in token.children or () if child.type == "softbreak"]
            assert lines == [], f"{section.at(token)} is wrapped"


@on_every_page
def test_every_row_is_as_wide_as_the_heading_of_its_table(page: str) -> None:
    for heading, *rows in (
        table.splitlines() for table in re.findall(r"(?m)(?:^\|.*\n)+", text(page))
    ):
        assert [row for row in rows if row.count("|") != heading.count("|")] == []


def test_the_codes_are_the_same_in_chinese() -> None:
    english, chinese = (rows_of_codes(page) for page in tables.PAGES["codes"])
    codes, same = ([row[0] for row in rows] for rows in (english, chinese))
    assert codes
    assert codes == same, f"only on one page: {sorted({*codes} ^ {*same})}"
    for ours, theirs in zip(english, chinese, strict=True):
        assert [*theirs[:3], *theirs[5:]] == [*ours[:3], *ours[5:]], f"code {ours[0]}"
        assert all(re.search(HAN, cell) for cell in theirs[3:5]), f"code {ours[0]}"


def rows_of_codes(page: Path) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in tables.table_in(page, "codes")[2:]]


def side_by_side(english: str, chinese: str) -> list[tuple[Token, Token, str]]:
    """Return the blocks of two pages in pairs; both pages have to have the same ones."""
    pairs = []
    for ours, theirs in zip_longest(blocks(english), blocks(chinese), fillvalue=NOTHING):
        where = f"{ours[0]} has {kind(ours[1])}, {theirs[0]} has {kind(theirs[1])}"
        assert kind(ours[1]) == kind(theirs[1]), where
        pairs.append((ours[1], theirs[1], where))
    return pairs


def blocks(page: str) -> list[tuple[str, Token]]:
    return [(section.at(token), token) for section in sections(page) for token in section.tokens]


def kind(token: Token) -> str:
    name, _, side = token.type.rpartition("_")
    return {"open": name, "close": f"the end of {name}"}.get(side, token.type)


def code(token: Token) -> list[str]:
    """Return the language and the lines of a block of code, without its words for people."""
    if token.type != "fence":
        return []
    if token.info == "text":  # output, which may be translated
        return [token.info, *("" for _ in token.content.splitlines())]
    shown = re.sub(r"(?m)^:caption: .*$", ":caption:", token.content)
    return [token.info, *re.sub(r"(?m)(^|\s)# .*$", r"\1#", shown).splitlines()]


def facts(token: Token, page: str) -> Counter[str]:
    """Return what a block says in any language."""
    if token.type == "html_block":
        return Counter(re.findall(r"<[^>]+>", token.content))
    spans = [f"`{each.content}`" for each in token.children or () if each.type == "code_inline"]
    numbers = re.findall(r"\d+(?:\.\d+)*", re.sub(r"(?<=\d),(?=\d{3})", "", words_of(token)))
    return Counter([*spans, *numbers, *(target(link, page) for link in links_of(token))])


def target(link: str, page: str) -> str:
    """Return where a link leads, the same for a page and a heading in either language."""
    if "://" in link:
        return link
    path, anchor = target_of(link, page)
    if anchor and path.endswith(".md") and (REPOSITORY / path).exists():
        slugs = [section.slug for section in sections(path)]
        anchor = f"heading {slugs.index(anchor) + 1}" if anchor in slugs else anchor
    shared = path.replace("docs/zh", "docs/en", 1).replace("README.zh-CN.md", "README.md")
    return f"{shared} {anchor}"
