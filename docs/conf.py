"""Configuration of the site, for both languages: ``python docs/build.py`` builds them."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from sphinx.search.en import SearchEnglish
from sphinx.search.zh import SearchChinese

from airflow_provider_jsms import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "airflow-provider-jsms"
author = "The airflow-provider-jsms maintainers"
project_copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
templates_path = ["_templates"]

# Links lead to headings by the anchors that GitHub gives them too.
myst_heading_anchors = 4

nitpicky = True
# Docstrings name classes of Airflow, whose own documentation is not at hand without a network.
nitpick_ignore_regex = [(r"py:.*", r"(?!airflow_provider_jsms\.).*")]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
add_module_names = False

html_theme = "pydata_sphinx_theme"
html_title = project
html_show_copyright = False
html_copy_source = True
html_show_sourcelink = True
html_sidebars = {"**": ["pages"]}
html_theme_options: dict[str, Any] = {
    "navbar_center": [],
    "navbar_end": ["language", "theme-switcher"],
    "footer_start": [],
    "footer_end": [],
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
}


def query_splitter(word: str) -> str:
    """Return the JavaScript that splits a query, where ``word`` is the pattern of a word."""
    mark = r'/^\d{4,}$/.test(term) ? "n" + term : term'
    return f"var splitQuery = (query) => (query.match({word}) || []).map((term) => ({mark}));"


def numbers(text: str) -> list[str]:
    """Return the codes of JSMS in a text, each after an n: Sphinx finds no bare number."""
    return [f"n{number}" for number in re.findall(r"\b\d{4,}\b", text)]


class EnglishSearch(SearchEnglish):
    """Index the codes of JSMS too."""

    js_splitter_code = query_splitter(r"/[\p{Letter}\p{Number}_]+/gu")

    def split(self, input: str) -> list[str]:  # noqa: A002  named by Sphinx
        """Return the words of a text that can be found."""
        return [*super().split(input), *numbers(input)]


class ChineseSearch(SearchChinese):
    """Index Chinese without a dictionary, by pairs of characters; a query is split into pairs."""

    # Sphinx names the stemmer after the language, and Chinese has only that of English words.
    language_name = "English"
    js_splitter_code = query_splitter(r"/[\u4e00-\u9fff]{2}|\w+/g")

    def split(self, input: str) -> list[str]:  # noqa: A002  named by Sphinx
        """Return the words of a text that can be found."""
        phrases = re.findall(r"[\u4e00-\u9fff]+", input)
        pairs = [phrase[at : at + 2] for phrase in phrases for at in range(len(phrase) - 1)]
        return [*super().split(input), *pairs, *numbers(input)]


def arguments_of(*event: Any) -> tuple[str, str] | None:
    """Return the arguments of an operator: its metaclass, which Sphinx would ask, takes any."""
    _, what, _, public, *_ = event
    if what != "class" or type(public) is type:
        return None
    own = [base for base in public.__mro__ if base.__module__.startswith("airflow_provider_jsms")]
    arguments = {
        each.name: each.replace(annotation=each.empty)
        for base in reversed(own)
        for each in inspect.signature(base.__init__).parameters.values()
        if each.kind is each.KEYWORD_ONLY
    }
    return str(inspect.Signature([*arguments.values()])), ""


def setup(app: Sphinx) -> None:
    """Register the search of both languages, and the arguments of operators."""
    app.add_search_language(EnglishSearch)
    app.add_search_language(ChineseSearch)
    app.connect("autodoc-process-signature", arguments_of)
