"""The READMEs and the pages of the site, read as the tests compare them."""

from __future__ import annotations

import re
from functools import cache
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

REPOSITORY: Final = Path(__file__).parents[1]
ENGLISH: Final = REPOSITORY / "docs" / "en"
CHINESE: Final = REPOSITORY / "docs" / "zh"
# The Chinese page of each English one.
PAIRS: Final = {
    "README.md": "README.zh-CN.md",
    **{
        f"docs/en/{name}": f"docs/zh/{name}"
        for name in sorted(page.relative_to(ENGLISH).as_posix() for page in ENGLISH.rglob("*.md"))
    },
}
PAGES: Final = [*PAIRS, *PAIRS.values()]

_MARKDOWN: Final = MarkdownIt("commonmark").enable("table")


class Section(NamedTuple):
    """A heading, and what stands below it until the next one."""

    page: str
    title: str
    level: str
    slug: str
    tokens: list[Token]

    def at(self, token: Token) -> str:
        """Return where a block is, for a person who has to find it."""
        line = f" line {token.map[0] + 1}" if token.map else ""
        return f"{self.page}{line} ({self.title})"

    def leaves(self) -> Iterator[Token]:
        """Yield what holds words: the texts of headings, paragraphs and cells."""
        yield from (token for token in self.tokens if token.type == "inline")


class Fence(NamedTuple):
    """A block of code."""

    where: str
    language: str
    content: str


def text(page: str) -> str:
    """Return a page as it is written."""
    return (REPOSITORY / page).read_text(encoding="utf-8")


@cache
def sections(page: str) -> list[Section]:
    """Return the sections of a page."""
    tokens = _MARKDOWN.parse(text(page))
    starts = [index for index, token in enumerate(tokens) if token.type == "heading_open"]
    assert starts[:1] == [0], f"{page} does not begin with a heading"
    found: list[Section] = []
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        title = text_of(tokens[start + 1]).replace("`", "")
        slug = _unique(slug_of(title), [section.slug for section in found])
        found.append(Section(page, title, tokens[start].tag, slug, tokens[start:end]))
    return found


def fences(*languages: str, below: str = "docs/en") -> list[Fence]:
    """Return the blocks of code in these languages, of all pages whose path begins so."""
    return [
        Fence(section.at(token), token.info, token.content)
        for page in PAGES
        if page.startswith(below)
        for section in sections(page)
        for token in section.tokens
        if token.type == "fence" and token.info in languages
    ]


def the_block(*words: str, language: str = "python", below: str = "docs/en") -> str:
    """Return the only block of code that contains all these words."""
    found = [
        each for each in fences(language, below=below) if all(w in each.content for w in words)
    ]
    assert len(found) == 1, f"{words}: {[each.where for each in found]}"
    return found[0].content


def slug_of(title: str) -> str:
    """Return the anchor of a heading, as GitHub and the site give it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _unique(slug: str, taken: list[str]) -> str:
    numbered = (f"{slug}-{number}" if number else slug for number in range(len(taken) + 1))
    return next(candidate for candidate in numbered if candidate not in taken)


def text_of(token: Token) -> str:
    """Return the words of a block as they are shown, with code between backticks."""
    return "".join(
        f"`{child.content}`" if child.type == "code_inline" else child.content
        for child in token.children or ()
    )


def words_of(token: Token) -> str:
    """Return the words of a block without its code."""
    return re.sub("`[^`]*`", "", text_of(token))


def links_of(token: Token) -> list[str]:
    """Return the addresses of the links and pictures of a block."""
    named = {"link_open": "href", "image": "src"}
    return [
        unquote(str(child.attrs[named[child.type]]))
        for child in token.children or ()
        if child.type in named
    ]


def target_of(link: str, page: str) -> tuple[str, str]:
    """Return the path and the anchor that a relative link leads to."""
    path, _, anchor = link.partition("#")
    return (normpath(Path(page).parent / path) if path else page), anchor
