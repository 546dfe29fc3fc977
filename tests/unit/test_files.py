"""Files of recipients: every form that is read, and what is refused, by its line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.campaign import chunks, survey
from airflow_provider_jsms.exceptions import (
    JsmsChangedListError,
    JsmsInputError,
    JsmsRecipientsFileError,
)
from airflow_provider_jsms.operators.files import RecipientsFile, source_of
from airflow_provider_jsms.privacy import HIDDEN, mask_field
from airflow_provider_jsms.recipients import Checker, Entries, People
from tests import people
from tests.versions import storage_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.recipient import Recipient

MANY = settings(deadline=None, database=None, max_examples=150)
ANNA, BEN = people.ANNA, people.BEN
VALUE = f"{people.CANARY}-secret"
OTHER = f"{people.CANARY}-other"
MARK = "\ufeff"
TWO: list[Recipient] = [
    {"mobile": ANNA, "temp_para": {"name": VALUE, "code": OTHER}},
    {"mobile": BEN, "temp_para": {"name": OTHER, "code": VALUE}},
]
BARE: list[Recipient] = [{"mobile": ANNA}, {"mobile": BEN}]


class Opened(io.BytesIO):
    """A file that may fail, and says whether it was closed."""

    readable_lines: int | None = None

    def readline(self, size: int | None = -1, /) -> bytes:
        if self.readable_lines is not None:
            if self.readable_lines == 0:
                raise ConnectionResetError
            self.readable_lines -= 1
        return super().readline(size)

    def __iter__(self) -> Self:
        raise NotImplementedError


class Stored:
    """A path of a file that is in memory; what it opens cannot be iterated over."""

    def __init__(self, content: str | bytes, name: str = "people.csv") -> None:
        self.content = content.encode() if isinstance(content, str) else content
        self.name = name
        self.opened: list[Opened] = []
        self.error: Exception | None = None
        self.readable_lines: int | None = None

    def __str__(self) -> str:
        return self.name

    def open(self, mode: str) -> Opened:
        assert mode == "rb"
        if self.error:
            raise self.error
        file = Opened(self.content)
        file.readable_lines = self.readable_lines
        self.opened.append(file)
        return file


def checked(value: object) -> People:
    """Return the people of a file, each row of it checked."""
    source = source_of(value)
    checker, everybody = Checker(source.place), People()
    for block in source.blocks():
        everybody += checker.check(block)
    checker.conclude()
    return everybody


def read(value: object) -> list[Recipient]:
    return checked(value).recipients


def refusal_of(value: object) -> str:
    """Return the text of the refusal, after what holds for every one of them."""
    with pytest.raises(JsmsInputError) as caught:
        read(value)
    text = str(caught.value)
    assert "othing was sent" in text
    for private in (ANNA, BEN, VALUE, OTHER):
        assert private not in text
    assert all(line.isprintable() for line in text.splitlines())
    return text


def lines_of(refusal: str) -> list[str]:
    """Return the places of a refusal that tells several."""
    return [line.partition(":")[0] for line in refusal.splitlines()[1:]]


PLAIN_TABLE = f"mobile,name,code\n{ANNA},{VALUE},{OTHER}\n{BEN},{OTHER},{VALUE}\n"
TABLES = {
    "plain": PLAIN_TABLE,
    "mark": f"{MARK}{PLAIN_TABLE}",
    "windows": PLAIN_TABLE.replace("\n", "\r\n"),
    "mark, windows": MARK + PLAIN_TABLE.replace("\n", "\r\n"),
    "no end": PLAIN_TABLE.removesuffix("\n"),
    "windows, no end": PLAIN_TABLE.replace("\n", "\r\n").removesuffix("\r\n"),
    "empty lines": "\n\n" + PLAIN_TABLE.replace("\n", "\n\n"),
    "mark, empty lines": f"{MARK}\n\n" + PLAIN_TABLE.replace("\n", "\n\n"),
    "windows, empty lines": "\r\n" + PLAIN_TABLE.replace("\n", "\r\n\r\n"),
    "quoted": (
        f'"mobile","name","code"\n"{ANNA}","{VALUE}","{OTHER}"\n"{BEN}","{OTHER}","{VALUE}"\n'
    ),
    "mark, quoted": f'{MARK}"mobile",name,code\n{ANNA},{VALUE},{OTHER}\n{BEN},{OTHER},{VALUE}\n',
    "mobile last": f"name,code,mobile\n{VALUE},{OTHER},{ANNA}\n{OTHER},{VALUE},{BEN}\n",
    "mobile between": f"code,mobile,name\n{OTHER},{ANNA},{VALUE}\n{VALUE},{BEN},{OTHER}\n",
    "spaces in the names": (
        f" mobile ,name\t,  code\n{ANNA},{VALUE},{OTHER}\n{BEN},{OTHER},{VALUE}\n"
    ),
    "with 86": (
        f"mobile,name,code\n86{ANNA},{VALUE},{OTHER}\n+86 {BEN[:3]}-{BEN[3:]} ,{OTHER},{VALUE}\n"
    ),
}


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
def test_a_table_is_read_in_whatever_form_it_was_saved(content: str) -> None:
    assert read(Stored(content)) == TWO


BARE_TABLES = {
    "plain": f"mobile\n{ANNA}\n{BEN}\n",
    "mark": f"{MARK}mobile\n{ANNA}\n{BEN}",
    "windows": f"mobile\r\n{ANNA}\r\n{BEN}\r\n",
    "empty lines": f"\nmobile\n\n\n{ANNA}\n\n{BEN}\n\n",
    "quoted": f'" mobile "\n"{ANNA}"\n"{BEN}"\n',
    "with 86": f"mobile\n86{ANNA}\n+86-{BEN}\n",
}


@pytest.mark.parametrize("content", BARE_TABLES.values(), ids=BARE_TABLES)
def test_a_table_of_nothing_but_numbers_needs_no_parameters(content: str) -> None:
    assert read(Stored(content)) == BARE


CELLS = {
    "comma": (f'"{VALUE}, {OTHER}"', f"{VALUE}, {OTHER}"),
    "quotes": (f'"{VALUE} ""x"" "', f'{VALUE} "x" '),
    "only quotes": (f'"{VALUE}"""""""', f'{VALUE}"""'),
    "quotes within": (f'{VALUE}"x"', f'{VALUE}"x"'),
    "line break": (f'"{VALUE}\n{OTHER}"', f"{VALUE}\n{OTHER}"),
    "windows line break": (f'"{VALUE}\r\n{OTHER}"', f"{VALUE}\r\n{OTHER}"),
    "old line break": (f'"{VALUE}\r{OTHER}"', f"{VALUE}\r{OTHER}"),
    "empty lines": (f'"{VALUE}\n\n\n{OTHER}"', f"{VALUE}\n\n\n{OTHER}"),
    "other line breaks": (f"{VALUE}\u2028\x0b\x0c\x85", f"{VALUE}\u2028\x0b\x0c\x85"),
    "mark": (f"{VALUE}{MARK}", f"{VALUE}{MARK}"),
    "separator": (f"{VALUE}\x1f{OTHER}", f"{VALUE}\x1f{OTHER}"),
    "spaces": (f"{VALUE}  ", f"{VALUE}  "),
    "only spaces": ("  ", "  "),
    "wide": (f"{VALUE}王芳😀", f"{VALUE}王芳😀"),
    "empty": ("", ""),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize(("cell", "value"), CELLS.values(), ids=CELLS)
def test_a_cell_is_sent_exactly_as_it_is(cell: str, value: str, end: str) -> None:
    rows = [
        "name,mobile,code",
        f"{cell},{ANNA},{OTHER}",
        f"{OTHER},{BEN},{cell}",
        f"{VALUE},{ANNA},{OTHER}",
    ]
    assert read(Stored(end.join(rows))) == [
        {"mobile": ANNA, "temp_para": {"name": value, "code": OTHER}},
        {"mobile": BEN, "temp_para": {"name": OTHER, "code": value}},
        {"mobile": ANNA, "temp_para": {"name": VALUE, "code": OTHER}},
    ]


def in_lines(*entries: object, end: str = "\n") -> str:
    return "".join(json.dumps(entry, ensure_ascii=False) + end for entry in entries)


JSON_LINES = {
    "plain": in_lines(*TWO),
    "mark": MARK + in_lines(*TWO),
    "windows": in_lines(*TWO, end="\r\n"),
    "no end": in_lines(*TWO).removesuffix("\n"),
    "empty lines": "\n" + in_lines(*TWO, end="\n \t\n\r\n"),
    "mark, empty lines": f"{MARK}\n" + in_lines(*TWO, end="\n\n"),
    "spaces": "".join(f"  {json.dumps(each)} \n" for each in TWO),
    "escapes": "".join(
        f'{{"\\u006dobile": "\\u0031{each["mobile"][1:]}", "temp_para": '
        f"{json.dumps(each['temp_para'])}}}\n"
        for each in TWO
    ),
    "integers": in_lines(*({**each, "mobile": int(each["mobile"])} for each in TWO)),
    "with 86": in_lines(*({**each, "mobile": f"+86 {each['mobile']}"} for each in TWO)),
    "order": in_lines(*(dict(reversed(each.items())) for each in TWO)),
}


@pytest.mark.parametrize("content", JSON_LINES.values(), ids=JSON_LINES)
def test_json_lines_are_read_in_whatever_form_they_were_saved(content: str) -> None:
    assert read(Stored(content, "people.jsonl")) == TWO


@pytest.mark.parametrize(
    "content",
    [
        *(in_lines(*BARE), in_lines(ANNA, BEN), f"{ANNA}\n{BEN}", in_lines(f"86{ANNA}", int(BEN))),
        in_lines({"mobile": ANNA, "temp_para": {}}, {"mobile": BEN, "temp_para": None}),
    ],
    ids=["objects", "strings", "integers", "both", "empty"],
)
def test_json_lines_of_nothing_but_numbers_need_no_parameters(content: str) -> None:
    assert read(Stored(content, "people.jsonl")) == BARE


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = (TEXTS | st.text('",\n\r \x1f\x00', max_size=5)).map(lambda text: VALUE + text)
NAMES = st.lists(
    TEXTS.map(str.strip).filter(lambda name: name not in {"", "mobile"}), max_size=3, unique=True
)


@st.composite
def people_of_one_form(draw: st.DrawFn) -> tuple[list[str], list[Recipient]]:
    """Make the header of a table, and people for it."""
    names = draw(NAMES)
    everybody: list[Recipient] = []
    for index in range(draw(st.integers(0, 6))):
        parameters = {name: draw(VALUES) for name in names}
        everybody.append({"mobile": people.number(index)})
        if parameters:
            everybody[-1]["temp_para"] = parameters
    return draw(st.permutations(["mobile", *names])), everybody


@given(people_of_one_form(), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
@MANY
def test_what_was_written_to_a_table_is_read_from_it(
    made: tuple[list[str], list[Recipient]],
    end: str,
    has_mark: bool,
    is_quoted: bool,
) -> None:
    header, everybody = made
    text = io.StringIO(newline="")
    # With an end of "\n" alone, "\r" is not quoted by itself before Python 3.13.
    is_quoted = is_quoted or "\\r" in json.dumps(made)
    quoting = csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(text, lineterminator=end, quoting=quoting)
    writer.writerow(header)
    for each in everybody:
        cells = {"mobile": each["mobile"], **each.get("temp_para", {})}
        writer.writerow([cells[name] for name in header])
    assert read(Stored(MARK * has_mark + text.getvalue())) == everybody


@given(people_of_one_form(), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
@MANY
def test_what_was_written_to_json_lines_is_read_from_them(
    made: tuple[list[str], list[Recipient]],
    end: str,
    has_mark: bool,
    is_ascii: bool,
) -> None:
    _, everybody = made
    text = "".join(json.dumps(each, ensure_ascii=is_ascii) + end for each in everybody)
    assert read(Stored(MARK * has_mark + text, "people.jsonl")) == everybody


WAYS: dict[str, Callable[[Path], Any]] = {
    "text": str,
    "path": lambda path: path,
    "uri": lambda path: path.as_uri(),
    "uri, not escaped": lambda path: f"file://{path}",
    "uri, one slash": lambda path: f"file:{path}",
    "storage of a uri": lambda path: storage_path(f"file://{path}"),
    "storage of a path": lambda path: ObjectStoragePath(str(path)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", ["people.csv", "PEOPLE.CSV", "a.b.Csv", "people.jsonl", "P.JsonL"])
def test_a_file_is_found_however_its_path_is_given(
    tmp_path: Path, name: str, way: Callable[[Path], Any]
) -> None:
    path = tmp_path / name
    content = PLAIN_TABLE if "c" in name.lower().rpartition(".")[2] else in_lines(*TWO)
    path.write_bytes(content.encode())
    source = source_of(way(path))
    assert isinstance(source, RecipientsFile)
    assert source.place == "line"
    assert read(way(path)) == TWO


@pytest.mark.parametrize(
    "name", ["p q.csv", "人们.csv", "p#1.csv", "p%20q.csv", "p?q.csv", "p@q.csv", "{p}.csv"]
)
def test_a_path_may_have_any_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes(PLAIN_TABLE.encode())
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / name, str(tmp_path / name), name, Path(name)):
        assert read(path) == TWO


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "people.csv").write_bytes(PLAIN_TABLE.encode())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read("~/people.csv") == TWO


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
@pytest.mark.parametrize("size", [999, 1000, 1001, 2500])
def test_a_file_is_read_in_blocks_with_the_lines_of_its_rows(name: str, size: int) -> None:
    numbers = [people.number(index) for index in range(size)]
    is_table = name.endswith("csv")
    content = ("mobile\n\n" if is_table else "\n\n") + "\n".join(numbers)
    blocks = list(source_of(Stored(content, name)).blocks())
    assert [len(block.entries) for block in blocks] == [
        *[1000] * (size // 1000),
        *([size % 1000] if size % 1000 else []),
    ]
    assert [place for block in blocks for place in block.places] == list(range(3, size + 3))
    assert [str(entry) for block in blocks for entry in block.entries] == numbers


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
@pytest.mark.parametrize("content", ["", MARK, "\n", f"{MARK}\r\n\r\n"])
def test_in_an_empty_file_there_is_nobody(name: str, content: str) -> None:
    assert read(Stored(content, name)) == []
    assert list(source_of(Stored(content, name)).blocks()) == []


@pytest.mark.parametrize(
    "content", ["mobile", "mobile\n", f"{MARK}mobile,name\r\n", "\n\nname,mobile\n\n\n"]
)
def test_under_a_header_alone_there_is_nobody(content: str) -> None:
    assert read(Stored(content)) == []


BAD_ROWS = {
    "too few": (f"{ANNA},{VALUE}", "it has 2 cells, but the first line 3"),
    "one": (VALUE, "it has 1 cells, but the first line 3"),
    "too many": (f"{ANNA},{VALUE},{OTHER},", "it has 4 cells, but the first line 3"),
    "comma in a value": (f"{ANNA},{VALUE},{OTHER},x", "it has 4 cells, but the first line 3"),
    "spaces": ("  ", "it has 1 cells, but the first line 3"),
    "behind a quote": (f'{ANNA},"{VALUE}"x,{OTHER}', "it is not CSV"),
    "space before the comma": (f'{ANNA},"{VALUE}" ,{OTHER}', "it is not CSV"),
    "old line end": (f"{ANNA},{VALUE},{OTHER}\r{BEN},{VALUE},{OTHER}", "it is not CSV"),
    "no number": (f",{VALUE},{OTHER}", "mobile (none)"),
    "empty cells": (",,", "mobile (none)"),
    "cells in another order": (f"{VALUE},{ANNA},{OTHER}", "is not a mainland China number"),
    "two numbers": (f'"{ANNA},{BEN}",{VALUE},{OTHER}', "a str of 23 characters"),
    "two joined numbers": (f"{ANNA}\x1f{BEN},{VALUE},{OTHER}", "a str of 23 characters"),
    "of a spreadsheet": (f"1.38E+10,{VALUE},{OTHER}", "is not a mainland China number"),
    "with decimals": (f"{ANNA}.0,{VALUE},{OTHER}", "is not a mainland China number"),
}


@pytest.mark.parametrize(("row", "why"), BAD_ROWS.values(), ids=BAD_ROWS)
@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("", 2),
        ("\n", 3),
        (f"{ANNA},{VALUE},{OTHER}\n", 3),
        (f'{ANNA},"{VALUE}\n\n","{OTHER}\n"\n', 6),
        (f'{ANNA},"{VALUE}\r\n",{OTHER}\r\n\r\n', 5),
        (f'{ANNA},"{VALUE}\r",{OTHER}\n', 3),
        (f"{ANNA},{VALUE}\u2028\x85,{OTHER}\n", 3),
    ],
    ids=["first", "empty", "second", "breaks", "windows breaks", "old break", "other breaks"],
)
def test_a_row_that_cannot_be_used_is_told_by_its_line(
    before: str, line: int, row: str, why: str
) -> None:
    text = refusal_of(Stored(f"{MARK}mobile,name,code\n{before}{row}\n{BEN},{VALUE},{OTHER}\n"))
    good = 1 if before.strip() == "" else 2
    assert text.startswith(f"1 of {good + 1} recipients cannot be used")
    assert lines_of(text) == [f"line {line}"]
    assert why in text.splitlines()[1]


@pytest.mark.parametrize(
    ("header", "line"),
    [
        *(("\n\nmobile,name\n", 4), ("mobile,name\n\n\n", 4), (f"{MARK}\r\nmobile,name\r\n", 3)),
        *(('mobile,"na\n\nme"\n', 4), ('mobile,"name\r\n"\r\n', 3)),
    ],
    ids=["before", "behind", "windows", "breaks", "windows break"],
)
def test_the_lines_of_the_header_and_before_it_are_counted_too(header: str, line: int) -> None:
    text = refusal_of(Stored(f"{header}{ANNA}\n{BEN},{VALUE}\n,{VALUE}\n"))
    assert lines_of(text) == [f"line {line}", f"line {line + 2}"]


def test_a_row_over_several_lines_is_told_by_the_first_of_them() -> None:
    text = refusal_of(Stored(f'mobile,name\n{ANNA},"{VALUE}\n\n{OTHER}",\n{BEN},\n{BEN}\n'))
    assert lines_of(text) == ["line 2", "line 6"]


@pytest.mark.parametrize("rows_behind", [0, 1, 1500])
def test_a_quote_that_is_not_closed_is_told_by_the_line_where_it_was_opened(
    rows_behind: int,
) -> None:
    behind = "".join(f"{people.number(index)},{VALUE}\n" for index in range(rows_behind))
    text = refusal_of(Stored(f'mobile,name\n{ANNA},{VALUE}\n{BEN},"{VALUE}\n{behind}'))
    assert text.startswith("1 of 2 recipients cannot be used")
    assert lines_of(text) == ["line 3"]
    assert "it is not CSV" in text


@given(
    st.lists(st.tuples(st.booleans(), st.text("x\n", max_size=4), st.integers(0, 2)), max_size=13)
)
@MANY
def test_every_row_of_a_table_is_told_by_its_own_line(rows: list[tuple[bool, str, int]]) -> None:
    text, wrong = "mobile,name\n", []
    for is_right, value, empty_lines in rows:
        if not is_right:
            wrong.append(f"line {text.count(chr(10)) + 1}")
        text += f'{ANNA},"{VALUE}{value}"{"" if is_right else ","}\n' + "\n" * empty_lines
    if not wrong:
        assert len(read(Stored(text))) == len(rows)
        return
    refusal = refusal_of(Stored(text))
    assert refusal.startswith(f"{len(wrong)} of {len(rows)} recipients cannot be used")
    assert lines_of(refusal) == wrong[:10]


HEADERS = {
    "no mobile": "number,name",
    "nobody named it": f"{ANNA},{VALUE}",
    "a number": ANNA,
    "a name": VALUE,
    "two": "mobile,mobile",
    "two with spaces": "mobile,name, mobile",
    "capital": "Mobile,name",
    "within": "mobile number,name",
    "empty name": "mobile,",
    "empty names": "mobile,,",
    "name of spaces": "mobile,  ,name",
    "the same name twice": "mobile,name,name",
    "the same name with spaces": "mobile,name,name ",
    "semicolons": "mobile;name",
    "tabs": "mobile\tname",
    "only spaces": "   ",
    "two marks": f"{MARK}mobile,name",
    "json": '{"mobile": 1}',
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_that_does_not_name_the_columns_is_refused_and_not_shown(
    header: str,
) -> None:
    text = refusal_of(Stored(f"{MARK}{header}\n{ANNA},{VALUE}\n"))
    count = len(next(csv.reader([header])))
    assert f"The first line of the file of recipients people.csv has {count} columns" in text
    assert "one is 'mobile'" in text
    for shown in ("number", "Mobile", "138", ";", "{"):
        assert shown not in text


BROKEN_HEADERS = {
    "unclosed quote": f'"mobile,name\n{ANNA},{VALUE}\n',
    "behind a quote": f'"mobile"x,name\n{ANNA},{VALUE}\n',
    "old line ends": f"mobile,name\r{ANNA},{VALUE}\r",
    "endless": f"mobile,{'x' * 140_000}\n{ANNA},{VALUE}\n",
}


@pytest.mark.parametrize("content", BROKEN_HEADERS.values(), ids=BROKEN_HEADERS)
def test_a_header_that_is_not_csv_is_refused_and_not_tried_again(content: str) -> None:
    assert "first line" in refusal_of(Stored(content)).lower()


ENCODED = f"mobile,name\n{ANNA},{VALUE}\n{BEN},{VALUE}王芳\n"
NOT_UTF_8 = {
    "gbk": (ENCODED.encode("gbk"), 3),
    "gb18030 with a mark": (f"{MARK}{ENCODED}".encode("gb18030"), 1),
    "big5": (ENCODED.encode("big5"), 3),
    "utf-16": (ENCODED.encode("utf-16"), 1),
    "utf-16-be": (b"\xfe\xff" + ENCODED.encode("utf-16-be"), 1),
    "utf-32": (ENCODED.encode("utf-32"), 1),
    "latin": (f"mobile,name\n{ANNA},{VALUE}\n{BEN},{VALUE}é\n".encode("latin-1"), 3),
    "half a sign": (ENCODED.encode()[:-2], 3),
    "half a mark": (MARK.encode()[:2] + ENCODED.encode(), 1),
    "surrogate": (ENCODED.encode() + b"\xed\xa0\xbd\n", 4),
    "within a cell": (
        f'mobile,name\n{ANNA},"{VALUE}\n\n'.encode() + b'\xff"\n' + f"{BEN},".encode(),
        4,
    ),
}


@pytest.mark.parametrize(("content", "line"), NOT_UTF_8.values(), ids=NOT_UTF_8)
@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_a_file_that_is_not_utf_8_is_refused_by_the_line(
    name: str, content: bytes, line: int
) -> None:
    text = refusal_of(Stored(content, name))
    assert text.startswith(f"Line {line} of the file of recipients {name} is not UTF-8")
    assert "GBK" in text
    assert "UTF-16" in text


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_refused_too(encoding: str, name: str) -> None:
    content = PLAIN_TABLE if name.endswith("csv") else in_lines(*TWO)
    refusal_of(Stored(content.encode(encoding), name))


NOT_JSON = {
    "broken": f'{{"mobile": "{ANNA}", "temp_para": {{"name": "{VALUE}"',
    "single quotes": f"{{'mobile': '{ANNA}', 'temp_para': {{'name': '{VALUE}'}}}}",
    "no quotes": VALUE,
    "two": f'"{ANNA}" "{BEN}"',
    "two of a table": f"{ANNA},{VALUE}",
    "with +": f"+86{ANNA}",
    "trailing comma": f'{{"mobile": "{ANNA}"}},',
    "line of a list": f'[{{"mobile": "{ANNA}"}},',
    "control character": f'{{"mobile": "{ANNA}", "temp_para": {{"name": "{VALUE}\t"}}}}',
    "mark in the midst": f'{MARK}"{ANNA}"',
    "nested lists": "[" * 100_000,
    "nested dictionaries": '{"mobile":' * 100_000,
    "huge integer": "1" * 5_000,
    "huge parameter": f'{{"mobile": "{ANNA}", "temp_para": {{"name": {"1" * 5_000}}}}}',
}
NO_ENTRY = {
    "null": ("null", "mobile (none)"),
    "true": ("true", "(a bool)"),
    "list": (f'["{ANNA}", {{"name": "{VALUE}"}}]', "(a list)"),
    "list of entries": (in_lines(TWO).strip(), "(a list)"),
    "text": (f'"{VALUE}"', f"a str of {len(VALUE)} characters"),
    "empty text": ('""', "mobile (none)"),
    "empty": ("{}", "mobile (none)"),
    "nan": ("NaN", "(a float"),
    "infinity": ("-Infinity", "(a float"),
    "float": (f"{ANNA}.0", "(a float"),
    "exponent": ("1.3800138e10", "(a float"),
    "large integer": ("1" * 4_000, "(a int"),
    "negative": (f"-{ANNA}", "of 12 characters"),
    "two joined numbers": (f'"{ANNA}\\u001f{BEN}"', "a str of 23 characters"),
    "no number": (f'{{"temp_para": {{"name": "{VALUE}"}}}}', "mobile (none)"),
    "number as null": ('{"mobile": null}', "mobile (none)"),
    "other key": (f'{{"mobile": "{ANNA}", "name": "{VALUE}"}}', "not name."),
    "number as key": (f'{{"{BEN}": "{VALUE}"}}', "not 199****5678."),
    "text as parameters": (f'{{"mobile": "{ANNA}", "temp_para": "{VALUE}"}}', "of type str"),
    "list as parameters": (f'{{"mobile": "{ANNA}", "temp_para": ["{VALUE}"]}}', "of type list"),
    "parameter null": (f'{{"mobile": "{ANNA}", "temp_para": {{"name": null}}}}', "of type None"),
    "parameter nan": (f'{{"mobile": "{ANNA}", "temp_para": {{"name": NaN}}}}', "of type float"),
    "parameter list": (
        f'{{"mobile": "{ANNA}", "temp_para": {{"name": ["{VALUE}"]}}}}',
        "temp_para['name'] is of type list",
    ),
    "parameter without a name": (
        f'{{"mobile": "{ANNA}", "temp_para": {{"": "{VALUE}"}}}}',
        "whose name is empty",
    ),
    "half a sign": (
        f'{{"mobile": "{ANNA}", "temp_para": {{"name": "{VALUE}\\ud83d"}}}}',
        "lone surrogate",
    ),
}
BAD_LINES = {name: (line, "it is not JSON.") for name, line in NOT_JSON.items()} | NO_ENTRY


@pytest.mark.parametrize(("line", "why"), BAD_LINES.values(), ids=BAD_LINES)
@pytest.mark.parametrize("before", ["", "\n\r\n", in_lines(*TWO)], ids=["first", "empty", "third"])
def test_a_line_that_cannot_be_used_is_told(before: str, line: str, why: str) -> None:
    content = f"{MARK}{before}{line}\n{in_lines(*TWO)}"
    text = refusal_of(Stored(content, "people.jsonl"))
    good = 4 if before.strip() else 2
    assert text.startswith(f"1 of {good + 1} recipients cannot be used")
    assert lines_of(text) == [f"line {before.count(chr(10)) + 1}"]
    assert why in text
    assert len(text) < 600


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_all_bad_rows_are_counted_over_all_blocks_and_ten_are_shown(name: str) -> None:
    wrong = [0, 1, 998, 999, 1000, 1500, 1999, 2000, 2001, 2002, 2400, 2499]
    rows = [
        (f"{ANNA},{VALUE},{OTHER}" if index % 2 else f'{ANNA},"{VALUE}"{OTHER}')
        if index in wrong
        else (f"{people.number(index)},{VALUE}" if name.endswith("csv") else people.number(index))
        for index in range(2500)
    ]
    text = refusal_of(Stored("mobile,name\n" * name.endswith("csv") + "\n".join(rows), name))
    assert text.startswith("12 of 2500 recipients cannot be used")
    first = 2 if name.endswith("csv") else 1
    assert lines_of(text) == [f"line {index + first}" for index in wrong[:10]]


def assert_away(value: object, name: str) -> str:
    """Check the error of a file that cannot be read for now, and return its text."""
    with pytest.raises(JsmsRecipientsFileError) as caught:
        read(value)
    assert not isinstance(caught.value, AirflowFailException)
    assert not isinstance(caught.value, JsmsInputError)
    text = str(caught.value)
    assert name in text
    assert "whether it exists" in text
    return text


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_a_file_that_does_not_exist_may_do_so_later(
    tmp_path: Path, name: str, way: Callable[[Path], Any]
) -> None:
    text = assert_away(way(tmp_path / "nowhere" / name), f"nowhere/{name}")
    assert "(FileNotFoundError)" in text
    (tmp_path / name).mkdir()
    assert_away(way(tmp_path / name), name)


@pytest.mark.parametrize("uri", ["nothing://bucket/people.csv", "no-such://x@y/people.jsonl"])
def test_a_storage_whose_package_is_missing_is_told_as_such(uri: str) -> None:
    assert "provider package of that storage" in assert_away(uri, uri)


@pytest.mark.parametrize("error", [PermissionError, ConnectionError, TimeoutError, ValueError])
def test_a_file_that_cannot_be_opened_may_be_later(error: type[Exception]) -> None:
    stored = Stored(PLAIN_TABLE)
    stored.error = error("why")
    text = assert_away(stored, "people.csv")
    assert f"({error.__name__})" in text
    stored.error = None
    assert read(stored) == TWO


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
@pytest.mark.parametrize("readable", [0, 1, 2])
def test_a_file_that_breaks_off_is_not_taken_for_a_shorter_one(readable: int, name: str) -> None:
    stored = Stored(PLAIN_TABLE if name.endswith("csv") else in_lines(*TWO, ANNA), name)
    stored.readable_lines = readable
    with pytest.raises(JsmsRecipientsFileError) as caught:
        read(stored)
    assert "(ConnectionResetError)" in str(caught.value)
    stored.readable_lines = None
    assert len(read(stored)) == (2 if name.endswith("csv") else 3)


def test_a_number_in_the_name_of_a_file_is_masked() -> None:
    stored = Stored("", f"{ANNA}.csv")
    stored.error = PermissionError("why")
    text = assert_away(stored, "138****8001.csv")
    assert ANNA not in text
    assert ANNA not in refusal_of(Stored("number", f"{ANNA}.csv"))
    assert ANNA not in refusal_of(Stored(b"\xff", f"{ANNA}.csv"))


@pytest.mark.parametrize("content", [PLAIN_TABLE, "number\n", b"\xff", "mobile\n\n1\n"])
def test_the_file_is_closed_whatever_comes_of_it(content: str | bytes) -> None:
    stored = Stored(content)
    try:
        read(stored)
    except JsmsInputError:
        assert content != PLAIN_TABLE
    assert [file.closed for file in stored.opened] == [True]


def test_the_file_is_closed_when_nobody_reads_on() -> None:
    stored = Stored("mobile\n" + f"{ANNA}\n" * 2500)
    blocks = iter(source_of(stored).blocks())
    assert stored.opened == []
    next(blocks)
    assert not stored.opened[0].closed
    assert stored.opened[0].tell() < 1200 * 12
    del blocks
    assert stored.opened[0].closed


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_a_file_is_gone_through_twice_and_its_change_is_noticed(tmp_path: Path, name: str) -> None:
    def content(*numbers: str) -> str:
        return "mobile\n" * name.endswith("csv") + "\n".join(numbers)

    path = tmp_path / name
    numbers = [people.number(index) for index in range(1500)]
    path.write_text(content(*numbers, numbers[0]))
    source = source_of(str(path))
    known = survey(source)
    assert (known.recipients, set(known.repeated)) == (1500, {1500})
    assert [len(chunk) for chunk in chunks(source, known)] == [1000, 500]
    path.write_text(content(*numbers[:1400], people.BEN, *numbers[1401:], numbers[0]))
    reading = chunks(source, known)
    assert len(next(reading)) == 1000
    with pytest.raises(JsmsChangedListError):
        next(reading)
    path.write_bytes(content(*numbers[:1400]).encode() + b"\n\xff")
    with pytest.raises(JsmsChangedListError):
        list(chunks(source, known))
    path.unlink()
    with pytest.raises(JsmsRecipientsFileError):
        list(chunks(source, known))


NO_PATHS = {
    "a list": f"['{ANNA}', '{BEN}']",
    "a list of entries": f"[{{'mobile': '{ANNA}', 'temp_para': {{'name': '{VALUE}'}}}}]",
    "json": in_lines(*TWO),
    "a number": ANNA,
    "another file": "people.txt",
    "another file of a storage": "s3://bucket/people.parquet",
    "no suffix": "people",
    "only like a suffix": "peoplecsv",
    "another suffix behind it": "people.csv.gz",
    "a space behind it": "people.csv ",
    "a table": PLAIN_TABLE,
    "empty": "",
    "none": "None",
}


@pytest.mark.parametrize("value", NO_PATHS.values(), ids=NO_PATHS)
def test_a_text_that_is_no_path_is_refused_with_the_way_on(value: str) -> None:
    text = refusal_of(value)
    assert "neither a list nor the path of a .csv or .jsonl file" in text
    assert ".output" in text
    assert "render_template_as_native_obj=True" in text
    assert "stays a list." in text
    assert len(text) < 400


def test_a_path_that_is_of_no_such_file_is_shown() -> None:
    assert "recipients is 'people.txt', neither" in refusal_of("people.txt")


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_short_table_in_the_place_of_its_path_is_not_shown(end: str) -> None:
    with pytest.raises(JsmsInputError) as caught:
        source_of(f"mobile,name{end}{ANNA},secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [None, 1, PLAIN_TABLE.encode(), {"mobile": ANNA}, Path("people.txt"), Path("people.csv.gz")],
    ids=lambda value: type(value).__name__,
)
def test_what_is_neither_a_file_nor_a_list_is_refused(value: object) -> None:
    assert f"recipients is of type {type(value).__name__}: a list is needed" in refusal_of(value)


@pytest.mark.parametrize("value", [[], [ANNA], (ANNA,), iter([ANNA]), ["people.csv"]], ids=str)
def test_a_list_is_no_file(value: object) -> None:
    source = source_of(value)
    assert isinstance(source, Entries)
    assert source.place == "entry"


def shown(value: object) -> object:
    return mask_field("recipients", value)


@pytest.mark.parametrize(
    "path",
    ["people.csv", "/data/People.CSV", "s3://connection@bucket/people.jsonl", "file:///p q.JSONL"],
)
def test_the_path_of_a_file_may_be_seen(path: str) -> None:
    assert shown(path) == path
    assert shown(Stored("", path)) == path


def test_the_path_of_a_path_object_may_be_seen(tmp_path: Path) -> None:
    for path in (tmp_path / "people.csv", tmp_path / "people.jsonl"):
        assert shown(path) == str(path)
        assert not path.exists()
        assert shown(storage_path(f"file://{path}")) == f"file://{path}"


def test_a_number_in_a_path_may_not_be_seen() -> None:
    assert shown(f"/data/{ANNA}/+86 {BEN}.csv") == "/data/138****8001/199****5678.csv"
    assert shown(Path(f"{ANNA}.jsonl")) == "138****8001.jsonl"


@pytest.mark.parametrize("value", [each for each in NO_PATHS.values() if each])
def test_of_a_text_that_is_no_path_nothing_may_be_seen(value: str) -> None:
    assert shown(value) == HIDDEN


@pytest.mark.parametrize("value", [Path("people.txt"), object(), iter([ANNA]), {"mobile": ANNA}, 1])
def test_of_what_is_no_file_at_all_nothing_may_be_seen(value: object) -> None:
    assert shown(value) == HIDDEN


def test_only_for_recipients_a_path_is_a_path() -> None:
    assert mask_field("mobile", "people.csv") == HIDDEN
    assert mask_field("temp_para", "people.csv") == HIDDEN
    assert shown(["people.csv"]) == [HIDDEN]
