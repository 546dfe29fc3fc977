"""Files of recipients: every form that is read, and what is refused, by its line."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_jsms.api.entries import Entries
from airflow_provider_jsms.api.masking import HIDDEN, mask_field
from airflow_provider_jsms.api.recipients import Checker, People
from airflow_provider_jsms.exceptions import (
    JsmsChangedListError,
    JsmsInputError,
    JsmsRecipientsFileError,
)
from airflow_provider_jsms.submission.chunks import chunks, survey
from airflow_provider_jsms.submission.recipients_file import RecipientsFile, source_of
from tests import people
from tests.versions import storage_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.recipients import Recipient

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
    "wide": (f"{VALUE}王芳😀", f"{VALUE}王芳😀"),
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
    # Without a mark, accented letters that stand alone may be Chinese characters.
    has_mark = has_mark or re.search("[\u0080-\u07ff]", text.getvalue()) is not None
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
    "comma in a value": (f"{ANNA},{VALUE},{OTHER},x", "it has 4 cells, but the first line 3"),
    "behind a quote": (f'{ANNA},"{VALUE}"x,{OTHER}', "it is not CSV"),
    "space before the comma": (f'{ANNA},"{VALUE}" ,{OTHER}', "it is not CSV"),
    "old line end": (f"{ANNA},{VALUE},{OTHER}\r{BEN},{VALUE},{OTHER}", "it is not CSV"),
    "no number": (f",{VALUE},{OTHER}", "mobile (none)"),
    "empty parameter": (f"{ANNA},,{OTHER}", "its cell for the parameter 'name' is empty"),
    "blank parameter": (f"{ANNA},  ,{OTHER}", "its cell for the parameter 'name' is empty"),
    "empty last parameter": (f"{ANNA},{VALUE},", "its cell for the parameter 'code' is empty"),
    "no value": (f"{ANNA},None,{OTHER}", "temp_para['name'] is the text 'None'"),
    "no value of a spreadsheet": (f"{ANNA},{VALUE},#N/A", "temp_para['code'] is the text '#N/A'"),
    "cells in another order": (f"{VALUE},{ANNA},{OTHER}", "is not a mainland China number"),
    "two numbers": (f'"{ANNA},{BEN}",{VALUE},{OTHER}', "a str of 23 characters"),
    "two joined numbers": (f"{ANNA}\x1f{BEN},{VALUE},{OTHER}", "a str of 23 characters"),
    "of a spreadsheet": (f"1.38E+10,{VALUE},{OTHER}", "a spreadsheet has shortened it"),
    "with decimals": (f"{ANNA}.0,{VALUE},{OTHER}", "character 12 is U+002E (FULL STOP)"),
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
    text = refusal_of(Stored(f'mobile,name\n{ANNA},"{VALUE}\n\n{OTHER}",x\n{BEN},x\n{BEN}\n'))
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
        text += f'{ANNA},"{VALUE}{value}"{"" if is_right else ",x"}\n' + "\n" * empty_lines
    if not wrong:
        assert len(read(Stored(text))) == len(rows)
        return
    refusal = refusal_of(Stored(text))
    assert refusal.startswith(f"{len(wrong)} of {len(rows)} recipients cannot be used")
    assert lines_of(refusal) == wrong[:10]


NO_MOBILE = "none of them called 'mobile'"
HEADERS = {
    "no mobile": ("number,name", f"has 2 columns, {NO_MOBILE}"),
    "nobody named it": (f"{ANNA},{VALUE}", "has a phone number where the names of the columns"),
    "a number": (f"+86 {ANNA}", "has a phone number where the names of the columns"),
    "a name": (VALUE, f"has 1 column, {NO_MOBILE}"),
    "two": ("mobile,mobile", "gives columns 1 and 2 the same name"),
    "two with spaces": ("mobile,name, Mobile", "gives columns 1 and 3 the same name"),
    "within": ("mobile number,name", f"has 2 columns, {NO_MOBILE}"),
    "the same name twice": ("mobile,name,name", "gives columns 2 and 3 the same name"),
    "the same name with spaces": ("mobile;name;name ", "gives columns 2 and 3 the same name"),
    "bars": ("mobile|name", "names the columns with neither a comma nor a semicolon nor a tab"),
    "wide commas": ("手机号，姓名", "names the columns with neither a comma nor a semicolon"),
    "json": ('{"mobile": 1}', f"has 1 column, {NO_MOBILE}"),
}


@pytest.mark.parametrize(("header", "why"), HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize(
    ("before", "line"), [("", 1), ("\n,,\r\n", 3), ("sep=,\n", 2)], ids=["", "empty", "sep"]
)
def test_a_header_that_does_not_name_the_columns_is_refused_and_not_shown(
    before: str, line: int, header: str, why: str
) -> None:
    text = refusal_of(Stored(f"{MARK}{before}{header}\n{ANNA},{VALUE}\n"))
    assert text.startswith(
        f"Line {line} of the file of recipients people.csv {why}"
        if before != "sep=,\n"
        else f"Line {line} of the file"
    )
    for shown in ("number", "Mobile", "138", ";", "{"):
        assert shown not in text.replace("phone number", "").replace("of the numbers", "").replace(
            "{'its name'", ""
        )


BROKEN_HEADERS = {
    "unclosed quote": f'"mobile,name\n{ANNA},{VALUE}\n',
    "behind a quote": f'"mobile"x,name\n{ANNA},{VALUE}\n',
    "old line ends": f"mobile,name\r{ANNA},{VALUE}\r",
    "endless": f"mobile,{'x' * 140_000}\n{ANNA},{VALUE}\n",
}


@pytest.mark.parametrize("content", BROKEN_HEADERS.values(), ids=BROKEN_HEADERS)
def test_a_header_that_is_not_csv_is_refused_and_not_tried_again(content: str) -> None:
    assert refusal_of(Stored(content)).startswith(
        "Line 1 of the file of recipients people.csv is no CSV"
    )


WITH_NAMES = f"mobile,name\n{ANNA},{VALUE}\n{BEN},{VALUE}王芳\n"
AS_LINES = in_lines({"mobile": ANNA, "name": VALUE}, {"mobile": BEN, "name": f"{VALUE}王芳"})
NAMED: list[Recipient] = [
    {"mobile": ANNA, "temp_para": {"name": VALUE}},
    {"mobile": BEN, "temp_para": {"name": f"{VALUE}王芳"}},
]
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "utf-8 with a mark": lambda text: f"{MARK}{text}".encode(),
    "gbk": lambda text: text.encode("gbk"),
    "gb18030 with a mark": lambda text: f"{MARK}{text}".encode("gb18030"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-be": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize(
    ("name", "text"), [("people.csv", WITH_NAMES), ("people.jsonl", AS_LINES)], ids=["csv", "jsonl"]
)
def test_a_file_is_read_in_the_encodings_of_spreadsheets(
    name: str, text: str, encode: Callable[[str], bytes]
) -> None:
    if name == "people.jsonl" and encode is ENCODINGS["gbk"]:
        assert "Line 2 of the file of recipients people.jsonl is not UTF-8" in refusal_of(
            Stored(encode(text), name)
        )
        return
    assert read(Stored(encode(text), name)) == NAMED
    assert read(Stored(encode(text.replace("\n", "\r\n")), name)) == NAMED


@pytest.mark.parametrize(
    ("person", "encoding"),
    [
        ("王芳", "gbk"),
        ("玥玥王", "gbk"),
        ("王㐀", "gb18030"),
        ("José", "utf-8"),  # the bytes of é are a Chinese character in GBK
        ("Иван", "utf-8"),
        ("阿不都·买买提", "utf-8"),
        ("阿不都·买买提", "gbk"),
        ("一丁七万丈三上下", "utf-16"),  # with bytes of line ends in them
        ("上海李", "utf-16"),
    ],
)
def test_a_name_is_what_was_written_in_whatever_encoding(person: str, encoding: str) -> None:
    text = f"mobile,name\n{ANNA},{person}\n"
    assert read(Stored(text.encode(encoding))) == [{"mobile": ANNA, "temp_para": {"name": person}}]


NOT_READABLE = {
    "gbk or utf-8": (f"mobile,name\n{ANNA},模".encode("gbk"), 2, "can be read as UTF-8 and as GBK"),
    "utf-8 or gbk": (f"mobile,name\n{ANNA},á".encode(), 2, "can be read as UTF-8 and as GBK"),
    "big5": (WITH_NAMES.encode("big5"), 3, "neither UTF-8 nor GBK; it may be Big5"),
    "big5 throughout": ("手機號碼,mobile\n".encode("big5"), 1, "neither UTF-8 nor GBK"),
    "utf-32": (WITH_NAMES.encode("utf-32"), 1, "UTF-32"),
    "utf-16 without a mark": (WITH_NAMES.encode("utf-16-le"), 1, "UTF-16 without a byte order"),
    "utf-16-be without a mark": (WITH_NAMES.encode("utf-16-be"), 1, "UTF-16 without a byte order"),
    "half a sign of utf-16": (WITH_NAMES.encode("utf-16")[:-1], 3, "not UTF-16, in which"),
    "latin": (f"mobile,name\n{BEN},{VALUE}é\n".encode("latin-1"), 2, "it may be Big5 or Latin-1"),
    "latin within": (f"mobile,name\n{BEN},{VALUE}éa\n".encode("latin-1"), 2, "Latin-1"),
    "half a sign": (WITH_NAMES.encode()[:-2], 3, "neither UTF-8 nor GBK"),
    "surrogate": (WITH_NAMES.encode() + b"\xed\xa0\xbd\n", 4, "in which the file is read"),
    "gbk behind utf-8": (WITH_NAMES.encode() + "王".encode("gbk"), 4, "is not UTF-8, in which"),
    "within a cell": (
        f'mobile,name\n{ANNA},"{VALUE}\n\n'.encode() + b'\xff"\n' + f"{BEN},".encode(),
        4,
        "neither UTF-8 nor GBK",
    ),
}


@pytest.mark.parametrize(("content", "line", "why"), NOT_READABLE.values(), ids=NOT_READABLE)
def test_a_file_in_another_encoding_is_refused_by_the_line(
    content: bytes, line: int, why: str
) -> None:
    text = refusal_of(Stored(content))
    assert text.startswith(f"Line {line} of the file of recipients people.csv ")
    assert why in text
    assert "'CSV UTF-8'" in text


def test_a_workbook_is_refused_as_such() -> None:
    workbook = b"PK\x03\x04\x14\x00\x06\x00\x08"
    assert "people.csv is an Excel workbook" in refusal_of(Stored(workbook))
    assert "Save the workbook as 'CSV UTF-8'" in refusal_of("people.xlsx")


SPREADSHEETS = {
    "empty rows at the end": f"mobile,name\n{ANNA},{VALUE}\n{BEN},{OTHER}\n,\n,\n  , \n",
    "empty rows between": f"mobile,name\n,\n{ANNA},{VALUE}\n,\n{BEN},{OTHER}\n",
    "empty rows before the header": f",\n,\nmobile,name\n{ANNA},{VALUE}\n{BEN},{OTHER}\n",
    "a comma behind the rows": f"mobile,name\n{ANNA},{VALUE},\n{BEN},{OTHER},,\n",
    "empty columns at the right": f"mobile,name,,\n{ANNA},{VALUE},,\n{BEN},{OTHER},,\n",
    "an empty column between": f"mobile,,name\n{ANNA},,{VALUE}\n{BEN},\u3000,{OTHER}\n",
    "a capital": f"Mobile,name\n{ANNA},{VALUE}\n{BEN},{OTHER}\n",
    "capitals": f"MOBILE , name \n{ANNA},{VALUE}\n{BEN},{OTHER}\n",
    "wide spaces": f"\u3000mobile\u00a0,name\u200b\n{ANNA},{VALUE}\n{BEN},{OTHER}\n",
    "two marks": f"{MARK}{MARK}mobile,name\n{ANNA},{VALUE}\n{BEN},{OTHER}\n",
    "semicolons": f"mobile;name\n{ANNA};{VALUE}\n{BEN};{OTHER}\n",
    "semicolons, empty": f"mobile;name;\n{ANNA};{VALUE};\n{BEN};{OTHER};\n;;\n",
    "tabs": f"mobile\tname\n{ANNA}\t{VALUE}\n{BEN}\t{OTHER}\n",
    "a line that names the separator": f"sep=;\nmobile;name\n{ANNA};{VALUE}\n{BEN};{OTHER}\n",
    "a quoted one": f'"sep=,"\r\nmobile,name\r\n{ANNA},{VALUE}\r\n{BEN},{OTHER}\r\n',
    "one of a bar": f"sep=|\nmobile|name\n{ANNA}|{VALUE}\n{BEN}|{OTHER}\n",
    "one of a tab": f"sep=\t\nmobile\tname\n{ANNA}\t{VALUE}\n{BEN}\t{OTHER}\n",
    "one behind a mark": f"{MARK}sep=;\nname;mobile\n{VALUE};{ANNA}\n{OTHER};{BEN}\n",
    "formatted numbers": f"mobile,name\n'{ANNA},{VALUE}\n\u202d{BEN}\u202c,{OTHER}\n",
}


@pytest.mark.parametrize("content", SPREADSHEETS.values(), ids=SPREADSHEETS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_table_is_read_as_spreadsheets_save_it(content: str, encoding: str) -> None:
    assert read(Stored(content.encode(encoding))) == [
        {"mobile": ANNA, "temp_para": {"name": VALUE}},
        {"mobile": BEN, "temp_para": {"name": OTHER}},
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_stands_between_other_columns_may_stand_in_a_cell(separator: str) -> None:
    value = f"{VALUE},;\t."
    content = f'"a;b,c\td"{separator}mobile\n"{value}"{separator}{ANNA}\n'
    assert read(Stored(content)) == [{"mobile": ANNA, "temp_para": {"a;b,c\td": value}}]


@pytest.mark.parametrize(
    "content", [f"mobile\n{ANNA}\n{BEN}\n\u3000\n", f"Mobile,\n{ANNA},\n{BEN},\n,\n"]
)
def test_a_table_of_one_column_is_read_as_spreadsheets_save_it(content: str) -> None:
    assert read(Stored(content)) == BARE


def test_a_value_in_a_column_without_a_name_is_refused_by_its_line_and_column() -> None:
    text = refusal_of(Stored(f",mobile\n,{ANNA}\n0,{BEN}\n"))
    assert lines_of(text) == ["line 3"]
    assert "column 1 holds something, but has no name" in text


def test_empty_rows_do_not_count_and_the_lines_of_others_do() -> None:
    rows = ["mobile,name", *[","] * 20, f"{ANNA},{VALUE}", *[","] * 3, f"1,{VALUE}", *[","] * 12]
    text = refusal_of(Stored("\n".join(rows)))
    assert text.startswith("1 of 2 recipients cannot be used")
    assert lines_of(text) == ["line 26"]


HOSPITAL = "手机号,姓名\r\n13900000001,张伟\r\n13900000002,李娜\r\n" + ",\r\n" * 12
RENAMED = {"手机号": "mobile", "姓名": "name"}


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_columns_gives_headers_the_names_that_are_sent(encoding: str) -> None:
    source = source_of(Stored(HOSPITAL.encode(encoding)), RENAMED)
    assert [entry for block in source.blocks() for entry in block.entries] == [
        {"mobile": "13900000001", "temp_para": {"name": "张伟"}},
        {"mobile": "13900000002", "temp_para": {"name": "李娜"}},
    ]
    refusal = refusal_of(Stored(HOSPITAL.encode(encoding)))
    assert f"Line 1 of the file of recipients people.csv has 2 columns, {NO_MOBILE}" in refusal
    assert "columns={'its name': 'mobile'}" in refusal


def entries_of(source: Source) -> list[Any]:
    return [entry for block in source.blocks() for entry in block.entries]


def test_a_column_that_is_not_renamed_keeps_its_name() -> None:
    content = f" 手机号 ;code;姓名\n{ANNA};{OTHER};{VALUE}\n"
    assert entries_of(source_of(Stored(content), RENAMED)) == [
        {"mobile": ANNA, "temp_para": {"code": OTHER, "name": VALUE}}
    ]


def test_lines_of_json_are_renamed_too() -> None:
    content = in_lines({"手机号": ANNA, "姓名": VALUE}, {"手机号": BEN, "temp_para": {"a": OTHER}})
    source = source_of(Stored(content, "people.jsonl"), {"手机号": "mobile"})
    assert entries_of(source) == [
        {"mobile": ANNA, "temp_para": {"姓名": VALUE}},
        {"mobile": BEN, "temp_para": {"a": OTHER}},
    ]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (
            "手机,姓名",
            "Line 1 of the file of recipients people.csv has no column '手机号', which the",
        ),
        ("电话,name", "has no column '手机号', '姓名', which the argument columns names"),
        ("手机号,姓名,name", "gives columns 2 and 3 the same name"),
        ("手机号,姓名,mobile", "gives columns 1 and 3 the same name"),
    ],
)
def test_a_header_that_is_to_be_renamed_has_to_be_there(header: str, why: str) -> None:
    with pytest.raises(JsmsInputError, match=re.escape(why)):
        entries_of(source_of(Stored(f"{header}\n{ANNA},{VALUE},{VALUE}\n"), RENAMED))


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
    "list": (f'["{ANNA}", {{"name": "{VALUE}"}}]', "a row of 2 values without names (a list)"),
    "list of entries": (in_lines(TWO).strip(), "a list within the list (a list). Join"),
    "text": (f'"{VALUE}"', f"a str of {len(VALUE)} characters"),
    "empty text": ('""', "mobile (none)"),
    "empty": ("{}", "it has 0 columns, none of them called 'mobile'"),
    "nan": ("NaN", "mobile (none)"),
    "infinity": ("-Infinity", "(a float"),
    "float": (f"{ANNA}.0", "(a float"),
    "exponent": ("1.3800138e10", "(a float"),
    "large integer": ("1" * 4_000, "(a int"),
    "negative": (f"-{ANNA}", "of 12 characters"),
    "two joined numbers": (f'"{ANNA}\\u001f{BEN}"', "a str of 23 characters"),
    "no number": (f'{{"temp_para": {{"name": "{VALUE}"}}}}', "mobile (none)"),
    "number as null": ('{"mobile": null}', "mobile (none)"),
    "other key": (
        f'{{"mobile": "{ANNA}", "temp_para": {{}}, "name": "{VALUE}"}}',
        "no other key than mobile, but this one has name.",
    ),
    "number as key": (f'{{"{BEN}": "{VALUE}"}}', "it has a phone number where the names"),
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
