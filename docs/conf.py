"""Configuration of the site, for both languages: ``python docs/build.py`` builds them."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

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


class ChineseSearch(SearchChinese):
    """Index Chinese without a dictionary: pairs of characters, and whole phrases.

    The search page finds words of two characters exactly, and longer ones as parts of a phrase.
    """

    # Sphinx names the stemmer after the language, and Chinese has only that of English words.
    language_name = "English"

    def split(self, input: str) -> list[str]:  # noqa: A002  named by Sphinx
        """Return the words of a text that can be found."""
        phrases = re.findall(r"[\u4e00-\u9fff]+", input)
        pairs = [phrase[at : at + 2] for phrase in phrases for at in range(len(phrase) - 1)]
        return [*super().split(input), *phrases, *pairs]


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
    """Register the Chinese search, and the arguments of operators."""
    app.add_search_language(ChineseSearch)
    app.connect("autodoc-process-signature", arguments_of)
