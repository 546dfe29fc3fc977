"""Tables of the pages, generated from the code: ``python -m tests.tables`` writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.api.codes import CODES, SERVER_ERROR, SUCCESS, refusal
from airflow_provider_jsms.sandbox.account import default_templates
from airflow_provider_jsms.sandbox.switches import VALUES
from tests.pages import CHINESE, ENGLISH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# The pages that show each table.
PAGES: Final = {
    name: (ENGLISH / page, CHINESE / page)
    for name, page in {
        "codes": "reference/codes.md",
        "faults": "reference/faults.md",
        "switches": "reference/sandbox.md",
        "templates": "reference/sandbox.md",
        "tested versions": "reference/versions.md",
    }.items()
}


def codes_table() -> list[str]:
    """Return the return codes of JSMS, as lines of a Markdown table."""
    heading = ("code", "HTTP", "message", "meaning", "next step", "error")
    return [*_rows([heading, ["---"] * len(heading)]), *_rows(_codes())]


def switches_table() -> list[str]:
    """Return the switches of the sandbox, as lines of a Markdown table for both pages."""
    rows = [
        (f"`{name}`", ", ".join(f"`{one}`" for one in values)) for name, values in VALUES.items()
    ]
    return [*_rows([("`NAME`", "`VALUE`"), ("---", "---")]), *_rows(rows)]


def templates_table() -> list[str]:
    """Return the templates of a new sandbox, as lines of a Markdown table for both pages."""
    rows = [
        (str(each.temp_id), str(each.type), str(each.status), f"`{each.text}`")
        for each in default_templates().values()
    ]
    heading = ("`temp_id`", "`type`", "`status`", "`text`")
    return [*_rows([heading, ["---"] * len(heading)]), *_rows(rows)]


def _codes() -> Iterator[Sequence[str]]:
    for code, row in CODES.items():
        if code != SUCCESS:
            error = "JsmsServerError" if code == SERVER_ERROR else _error_of(code)
            status = str(row.http_status or "?")
            yield str(code), status, row.message or "?", row.meaning, row.advice, f"`{error}`"


def _error_of(code: int) -> str:
    return type(refusal("", code=code, message="", http_status=None)).__name__


def _rows(rows: Sequence[Sequence[str]] | Iterator[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in rows]


def table_in(page: Path, name: str) -> list[str]:
    """Return the lines of a marked table of a page."""
    found = _marked(name).search(page.read_text(encoding="utf-8"))
    return found["table"].strip().splitlines() if found else []


def write_table(name: str, lines: Sequence[str]) -> None:
    """Write a table into its pages, between its two marks."""
    for page in PAGES[name]:
        write(page, name, lines)


def write(page: Path, name: str, lines: Sequence[str]) -> None:
    """Replace a marked table of a page."""
    text = "\n".join(lines)
    written, count = _marked(name).subn(
        lambda found: f"{found['begin']}\n\n{text}\n\n{found['end']}",
        page.read_text(encoding="utf-8"),
    )
    if count != 1:
        raise ValueError(f"{page.name} marks the table {name!r} {count} times, not once")
    page.write_text(written, encoding="utf-8")


def _marked(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<begin><!-- {name}: begin -->)(?P<table>.*?)(?P<end><!-- {name}: end -->)",
        re.DOTALL,
    )


if __name__ == "__main__":
    write(PAGES["codes"][0], "codes", codes_table())  # the Chinese one is translated
    write_table("switches", switches_table())
    write_table("templates", templates_table())
    # Imports Airflow and runs the sandbox for half a minute.
    from tests.outcomes.table import lines_of, play_all

    write_table("faults", lines_of(play_all()))
