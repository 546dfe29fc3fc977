"""Files of recipients: every form that is read, and the line of what is refused."""

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
from airflow_provider_jsms.api.recipients import checked, noun, recipient
from airflow_provider_jsms.exceptions import (
    JsmsChangedListError,
    JsmsInputError,
    JsmsRecipientsFileError,
)
from airflow_provider_jsms.submission.lists.chunks import chunks, survey
from airflow_provider_jsms.submission.lists.recipients_file import RecipientsFile, source_of
from tests import people

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.api.recipients import Recipient

MANY = settings()
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
    """A file that may fail, and that cannot be iterated, as on some versions of Airflow."""

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
    """A path of a file in memory."""

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


def read(value: object, columns: object = None) -> list[Recipient]:
    return list(checked(source_of(value, columns), recipient, noun))


def refusal_of(value: object, columns: object = None) -> str:
    """Return the text of the refusal, after what holds for every one of them."""
    with pytest.raises(JsmsInputError) as caught:
        read(value, columns)
    text = str(caught.value)
    assert "othing was sent" in text
    for private in (ANNA, BEN, VALUE, OTHER):
        assert private not in text
    assert all(line.isprintable() for line in text.splitlines())
    return text


def lines_of(refusal: str) -> list[str]:
    """Return the places that a refusal lists."""
    return [line.partition(":")[0] for line in refusal.splitlines()[1:]]


PLAIN_TABLE = f"mobile,name,code\n{ANNA},{VALUE},{OTHER}\n{BEN},{OTHER},{VALUE}\n"
TABLES = {
    "plain": PLAIN_TABLE,
    "mark, windows": MARK + PLAIN_TABLE.replace("\n", "\r\n"),
    "no end": PLAIN_TABLE.removesuffix("\n"),
    "mark, empty lines": f"{MARK}\n\n" + PLAIN_TABLE.replace("\n", "\n\n"),
    "quoted": f'{MARK}"mobile","name",code\n"{ANNA}","{VALUE}",{OTHER}\n{BEN},{OTHER},{VALUE}\n',
    "mobile last": f"name,code,mobile\n{VALUE},{OTHER},{ANNA}\n{OTHER},{VALUE},{BEN}\n",
    "spaces in the header": PLAIN_TABLE.replace("mobile,name,", " Mobile ,name\t,  "),
    "with 86": f"mobile,name,code\n86{ANNA},{VALUE},{OTHER}\n+86 {BEN} ,{OTHER},{VALUE}\n",
    "wide spaces": (
        f"\u3000mobile\u00a0,name\u200b,code\n{ANNA},{VALUE},{OTHER}\n{BEN},{OTHER},{VALUE}\n"
    ),
    "empty rows": f",\n,,\n{PLAIN_TABLE},,\n , ,\u3000\n,\n",
    "a comma behind the rows": PLAIN_TABLE.replace("\n", ",\n").replace("code,", "code"),
    "empty columns at the right": PLAIN_TABLE.replace("\n", ",,\n"),
    "an empty column between": PLAIN_TABLE.replace(",", ",,", 1)
    .replace(f"{ANNA},", f"{ANNA},,")
    .replace(f"{BEN},", f"{BEN},\u3000,"),
    "semicolons": PLAIN_TABLE.replace(",", ";"),
    "tabs": PLAIN_TABLE.replace(",", "\t"),
    "a line that names the separator": f"{MARK}sep=;\n" + PLAIN_TABLE.replace(",", ";"),
    "a quoted one, windows": '"sep=,"\r\n' + PLAIN_TABLE.replace("\n", "\r\n"),
    "a bar": "sep=|\n" + PLAIN_TABLE.replace(",", "|"),
    "formatted numbers": PLAIN_TABLE.replace(ANNA, f"'{ANNA}").replace(BEN, f"\u202d{BEN}\u202c"),
}


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_table_is_read_as_spreadsheets_save_it(content: str, encoding: str) -> None:
    if encoding == "utf-16":
        content = content.removeprefix(MARK)
    assert read(Stored(content.encode(encoding))) == TWO


CELLS = {
    "comma": (f'"{VALUE}, {OTHER}"', f"{VALUE}, {OTHER}"),
    "quotes": (f'"{VALUE} ""x"" "', f'{VALUE} "x" '),
    "quotes within": (f'{VALUE}"x"', f'{VALUE}"x"'),
    "line breaks": (f'"{VALUE}\n\r\n\n{OTHER}"', f"{VALUE}\n\r\n\n{OTHER}"),
    "other line breaks": (f"{VALUE}\u2028\x0b\x0c\x85", f"{VALUE}\u2028\x0b\x0c\x85"),
    "spaces": (f"{VALUE}  ", f"{VALUE}  "),
    "wide": (f"{VALUE}王芳😀", f"{VALUE}王芳😀"),
}


@pytest.mark.parametrize(("cell", "value"), CELLS.values(), ids=CELLS)
def test_a_cell_is_sent_exactly_as_it_is(cell: str, value: str) -> None:
    content = f"{MARK}name,mobile\n{cell},{ANNA}\n{OTHER},{BEN}\n"
    assert read(Stored(content)) == [
        {"mobile": ANNA, "temp_para": {"name": value}},
        {"mobile": BEN, "temp_para": {"name": OTHER}},
    ]


@pytest.mark.parametrize(
    "content",
    [f"{MARK}mobile\r\n{ANNA}\r\n\r\n{BEN}\r\n\u3000\n", f"Mobile,\n{ANNA},\n{BEN},\n,\n"],
)
def test_a_table_of_one_column_is_of_numbers(content: str) -> None:
    assert read(Stored(content)) == BARE


def in_lines(*entries: object, end: str = "\n") -> str:
    return "".join(json.dumps(entry, ensure_ascii=False) + end for entry in entries)


JSON_LINES = {
    "plain": in_lines(*TWO),
    "mark, windows": MARK + in_lines(*TWO, end="\r\n"),
    "no end": in_lines(*TWO).removesuffix("\n"),
    "empty lines": "\n" + in_lines(*TWO, end="\n \t\n\r\n"),
    "integers": in_lines(*({**each, "mobile": int(each["mobile"])} for each in TWO)),
    "rows": in_lines(*({"mobile": each["mobile"], **each["temp_para"]} for each in TWO)),
}


@pytest.mark.parametrize("content", JSON_LINES.values(), ids=JSON_LINES)
def test_json_lines_are_entries(content: str) -> None:
    assert read(Stored(content, "people.jsonl")) == TWO
    assert read(Stored(in_lines(f"86{ANNA}", int(BEN)), "people.jsonl")) == BARE


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
@pytest.mark.parametrize("content", ["", MARK, f"{MARK}\r\n\r\n"])
def test_in_an_empty_file_there_is_nobody(name: str, content: str) -> None:
    assert read(Stored(content, name)) == []
    assert read(Stored(f"{MARK}mobile,name\r\n\r\n")) == []


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = (TEXTS | st.text('",\n\r \x1f', max_size=5)).map(lambda text: VALUE + text)


@given(st.lists(st.tuples(VALUES, VALUES), max_size=6), st.sampled_from(["\n", "\r\n"]))
@MANY
def test_what_was_written_to_a_file_is_read_from_it(rows: list[tuple[str, str]], end: str) -> None:
    everybody = [
        {"mobile": people.number(index), "temp_para": {"a": some, "b": other}}
        for index, (some, other) in enumerate(rows)
    ]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "mobile", "b"])
    writer.writerows([some, people.number(at), other] for at, (some, other) in enumerate(rows))
    assert read(Stored(MARK + text.getvalue())) == everybody
    assert read(Stored(in_lines(*everybody, end=end), "people.jsonl")) == everybody


WAYS: dict[str, Callable[[Path], Any]] = {
    "text": str,
    "path": lambda path: path,
    "uri": lambda path: path.as_uri(),
    "uri, one slash": lambda path: f"file:{path}",
    "storage of a uri": lambda path: ObjectStoragePath(f"file://{path}"),
    "storage of a path": lambda path: ObjectStoragePath(str(path)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", ["PEOPLE.CSV", "people.jsonl"])
def test_a_file_is_found_however_its_path_is_given(
    tmp_path: Path, name: str, way: Callable[[Path], Any]
) -> None:
    path = tmp_path / name
    path.write_bytes((PLAIN_TABLE if name.endswith("CSV") else in_lines(*TWO)).encode())
    source = source_of(way(path))
    assert isinstance(source, RecipientsFile)
    assert source.place == "line"
    assert read(way(path)) == TWO


@pytest.mark.parametrize("name", ["p q.csv", "人们.csv", "p#1.csv", "p%20q.csv", "{p}.csv"])
def test_a_path_may_have_any_characters_and_be_relative_or_begin_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes(PLAIN_TABLE.encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (tmp_path / name, str(tmp_path / name), name, Path(name), f"~/{name}"):
        assert read(path) == TWO


BAD_ROWS = {
    "too few": (f"{ANNA},{VALUE}", "it has 2 cells, but the header 3"),
    "too many": (f"{ANNA},{VALUE},{OTHER},x", "it has 4 cells, but the header 3"),
    "behind a quote": (f'{ANNA},"{VALUE}"x,{OTHER}', "it is not CSV"),
    "old line end": (f"{ANNA},{VALUE},{OTHER}\r{BEN},{VALUE},{OTHER}", "it is not CSV"),
    "no number": (f",{VALUE},{OTHER}", "it is empty"),
    "blank parameter": (f"{ANNA},  ,{OTHER}", "its cell for the parameter 'name' is empty"),
    "missing value": (f"{ANNA},None,{OTHER}", "temp_para['name'] is the text 'None'"),
    "error of a spreadsheet": (f"{ANNA},{VALUE},#N/A", "temp_para['code'] is the text '#N/A'"),
    "another order": (f"{VALUE},{ANNA},{OTHER}", "is not a mainland China number"),
    "two numbers": (f'"{ANNA},{BEN}",{VALUE},{OTHER}', "it holds several numbers"),
    "scientific": (f"1.38E+10,{VALUE},{OTHER}", "a spreadsheet has shortened it"),
    "decimals": (f"{ANNA}.0,{VALUE},{OTHER}", "it contains U+002E (FULL STOP)"),
}


@pytest.mark.parametrize(("row", "why"), BAD_ROWS.values(), ids=BAD_ROWS)
@pytest.mark.parametrize(
    ("before", "line"),
    [("", 2), ("\n,,\n", 4), (f'{ANNA},"{VALUE}\n\n","{OTHER}\n"\n', 6)],
    ids=["first", "empty", "breaks"],
)
def test_a_bad_row_is_refused_by_its_line(before: str, line: int, row: str, why: str) -> None:
    text = refusal_of(Stored(f"{MARK}mobile,name,code\n{before}{row}\n{BEN},{VALUE},{OTHER}\n"))
    assert text.startswith(f"1 of {3 if before.startswith(ANNA) else 2} recipients cannot be used")
    assert lines_of(text) == [f"line {line}"]
    assert why in text.splitlines()[1]


@pytest.mark.parametrize(
    ("header", "line"),
    [("\n\nmobile,name\n", 4), ("sep=,\nmobile,name\n", 3), ('mobile,"na\n\nme"\n', 4)],
)
def test_the_lines_of_the_header_and_before_it_are_counted_too(header: str, line: int) -> None:
    text = refusal_of(Stored(f"{header}{ANNA}\n{BEN},{VALUE}\n,{VALUE}\n"))
    assert lines_of(text) == [f"line {line}", f"line {line + 2}"]


@pytest.mark.parametrize("rows_behind", [0, 1500])
def test_an_unclosed_quote_is_refused_by_its_line(rows_behind: int) -> None:
    behind = "".join(f"{people.number(index)},{VALUE}\n" for index in range(rows_behind))
    text = refusal_of(Stored(f'mobile,name\n{ANNA},{VALUE}\n{BEN},"{VALUE}\n{behind}'))
    assert text.startswith("1 of 2 recipients cannot be used")
    assert lines_of(text) == ["line 3"]


def test_a_value_in_a_column_without_a_name_is_refused() -> None:
    text = refusal_of(Stored(f",mobile\n,{ANNA}\n0,{BEN}\n"))
    assert lines_of(text) == ["line 3"]
    assert "column 1 holds something, but has no name" in text


NO_MOBILE = "has no column called 'mobile'"
HEADERS = {
    "no mobile": ("number,name", NO_MOBILE),
    "no header": (f"{ANNA},{VALUE}", NO_MOBILE),
    "the same name twice": ("mobile,name, Name,name ", "has two columns of the same name"),
    "wide commas": ("手机号，姓名", NO_MOBILE),
    "json": ('{"mobile": 1}', NO_MOBILE),
}


@pytest.mark.parametrize(("header", "why"), HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize(("before", "line"), [("", 1), ("\n,,\r\n", 3), ("sep=,\n", 2)])
def test_a_header_that_does_not_name_the_columns_is_refused_and_not_shown(
    before: str, line: int, header: str, why: str
) -> None:
    text = refusal_of(Stored(f"{MARK}{before}{header}\n{ANNA},{VALUE}\n"))
    assert text.startswith(f"Line {line} of the file of recipients people.csv {why}")
    for shown in ("number", "138", "手机号", "json"):
        assert shown not in text


@pytest.mark.parametrize(
    "content",
    [
        f'"mobile,name\n{ANNA},{VALUE}\n',
        f"mobile,name\r{ANNA},{VALUE}\r",
        f"mobile,{'x' * 140_000}\n{ANNA},{VALUE}\n",
    ],
    ids=["unclosed quote", "old line ends", "endless"],
)
def test_a_header_that_is_not_csv_is_refused_and_not_retried(content: str) -> None:
    assert refusal_of(Stored(content)).startswith(
        "The first line of the file of recipients people.csv is not CSV"
    )


@pytest.mark.parametrize(
    ("person", "encoding"),
    [
        ("王芳", "gbk"),
        ("王㐀", "gb18030"),
        ("José", "utf-8"),  # the bytes of é are a Chinese character in GBK
        ("Иван", "utf-8"),
        ("阿不都·买买提", "utf-8"),
        ("阿不都·买买提", "gbk"),
        ("一丁七万丈三上下", "utf-16"),  # with bytes of line feeds
        ("上海李", "utf-16"),
    ],
)
def test_a_name_is_read_in_its_encoding(person: str, encoding: str) -> None:
    content = f"mobile,name\r\n{ANNA},{person}\r\n".encode(encoding)
    assert read(Stored(content)) == [{"mobile": ANNA, "temp_para": {"name": person}}]


WITH_NAMES = f"mobile,name\n{ANNA},{VALUE}\n{BEN},{VALUE}王芳\n"
NOT_READABLE = {
    "gbk or utf-8": (
        f"mobile,name\n{ANNA},模".encode("gbk"),
        "Line 2 of the file",
        "may be either",
    ),
    "utf-8 or gbk": (f"mobile,name\n{ANNA},á".encode(), "Line 2 of the file", "may be either"),
    "big5": (WITH_NAMES.encode("big5"), "Line 3 of the file", "neither UTF-8 nor GBK"),
    "big5 header": ("手機號碼,mobile\n".encode("big5"), "Line 1 of the file", "neither UTF-8"),
    "half a character": (WITH_NAMES.encode("utf-16")[:-1], "The file", "is not the UTF-16"),
    "latin": (f"mobile,name\n{BEN},{VALUE}é\n".encode("latin-1"), "Line 2", "neither UTF-8"),
    "gbk behind utf-8": (WITH_NAMES.encode() + "王".encode("gbk"), "Line 4", "is not UTF-8"),
    "workbook": (b"PK\x03\x04\x14\x00\x06\x00\x08", "The file", "is an Excel workbook"),
}


@pytest.mark.parametrize(("content", "place", "why"), NOT_READABLE.values(), ids=NOT_READABLE)
def test_a_file_in_another_encoding_is_refused(content: bytes, place: str, why: str) -> None:
    text = refusal_of(Stored(content))
    assert text.startswith(place)
    assert why in text
    assert "'CSV UTF-8'" in text
    assert "Line 1 of the file of recipients people.jsonl is not UTF-8" in refusal_of(
        Stored(f'"{ANNA}王"'.encode("gbk"), "people.jsonl")
    )


HOSPITAL = "手机号,姓名\r\n13900000001,张伟\r\n13900000002,李娜\r\n" + ",\r\n" * 12
RENAMED = {"手机号": "mobile", "姓名": "name"}


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "utf-8-sig", "utf-16"])
def test_columns_gives_headers_the_names_that_are_sent(encoding: str) -> None:
    stored = Stored(HOSPITAL.encode(encoding))
    assert read(stored, RENAMED) == [
        {"mobile": "13900000001", "temp_para": {"name": "张伟"}},
        {"mobile": "13900000002", "temp_para": {"name": "李娜"}},
    ]
    refusal = refusal_of(stored)
    assert f"Line 1 of the file of recipients people.csv {NO_MOBILE}" in refusal
    assert "columns={'name of the column': 'mobile'}" in refusal


def test_other_columns_keep_their_names_and_json_lines_are_renamed_too() -> None:
    assert read(Stored(f" 手机号 ;code;姓名\n{ANNA};{OTHER};{VALUE}\n"), RENAMED) == [
        {"mobile": ANNA, "temp_para": {"code": OTHER, "name": VALUE}}
    ]
    content = in_lines({"手机号": ANNA, "姓名": VALUE}, {"手机号": BEN, "temp_para": {"a": OTHER}})
    assert read(Stored(content, "people.jsonl"), {"手机号": "mobile"}) == [
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
        ("手机号,姓名,mobile", "has two columns of the same name"),
    ],
)
def test_a_header_that_is_to_be_renamed_has_to_be_there(header: str, why: str) -> None:
    with pytest.raises(JsmsInputError, match=re.escape(why)):
        read(Stored(f"{header}\n{ANNA},{VALUE},{VALUE}\n"), RENAMED)


BAD_LINES = {
    "broken": (f'{{"mobile": "{ANNA}", "temp_para": {{"name": "{VALUE}"', "it is not JSON."),
    "single quotes": (f"{{'mobile': '{ANNA}'}}", "it is not JSON."),
    "of a table": (f"{ANNA},{VALUE}", "it is not JSON."),
    "null": ("null", "it is empty"),
    "list": (f'["{ANNA}", {{"name": "{VALUE}"}}]', "it is a row of 2 values without names"),
    "list of entries": (in_lines(TWO).strip(), "it is a list within the list. Join"),
    "float": (f"{ANNA}.0", "it is a float"),
    "large integer": ("1" * 4_000, "not a int"),
    "parameter null": (f'{{"mobile": "{ANNA}", "temp_para": {{"name": null}}}}', "of type None"),
    "half a character": (
        f'{{"mobile": "{ANNA}", "temp_para": {{"name": "{VALUE}\\ud83d"}}}}',
        "lone surrogate",
    ),
}


@pytest.mark.parametrize(("line", "why"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_of_json_is_refused_by_its_line(line: str, why: str) -> None:
    text = refusal_of(Stored(f"{MARK}\n\r\n{line}\n{in_lines(*TWO)}", "people.jsonl"))
    assert text.startswith("1 of 3 recipients cannot be used")
    assert lines_of(text) == ["line 3"]
    assert why in text
    assert len(text) < 600


def error_of(value: object, name: str) -> str:
    """Check the error of a file that cannot be read for now, and return its text."""
    with pytest.raises(JsmsRecipientsFileError) as caught:
        read(value)
    assert not isinstance(caught.value, AirflowFailException)
    text = str(caught.value)
    assert name in text
    assert "Check whether it exists" in text
    assert text.isprintable()
    return text


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_file_that_does_not_exist_may_do_so_later(
    tmp_path: Path, way: Callable[[Path], Any]
) -> None:
    text = error_of(way(tmp_path / "nowhere" / "people.csv"), "nowhere/people.csv")
    assert "(FileNotFoundError)" in text
    (tmp_path / "people.csv").mkdir()
    error_of(way(tmp_path / "people.csv"), "people.csv")


def test_a_storage_whose_package_is_missing_is_named() -> None:
    uri = "nothing://bucket/people.csv"
    assert "provider package of its storage" in error_of(uri, uri)


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
@pytest.mark.parametrize("readable", [0, 1, 2])
def test_a_file_that_breaks_off_is_not_taken_for_a_shorter_one(readable: int, name: str) -> None:
    stored = Stored(PLAIN_TABLE if name.endswith("csv") else in_lines(*TWO, ANNA), name)
    stored.readable_lines = readable
    assert "(ConnectionResetError)" in error_of(stored, name)
    stored.readable_lines = None
    assert len(read(stored)) == (2 if name.endswith("csv") else 3)


def test_a_number_in_the_name_of_a_file_is_masked() -> None:
    stored = Stored("", f"{ANNA}\nINFO.csv")
    stored.error = PermissionError("why")
    assert ANNA not in error_of(stored, "138****8001 INFO.csv")
    assert ANNA not in refusal_of(Stored("number", f"{ANNA}.csv"))


@pytest.mark.parametrize("content", [PLAIN_TABLE, "number\n", b"\xff", "mobile\n\n1\n"])
def test_the_file_is_closed_in_any_case(content: str | bytes) -> None:
    stored = Stored(content)
    try:
        read(stored)
    except JsmsInputError:
        assert content != PLAIN_TABLE
    assert [file.closed for file in stored.opened] == [True]


def test_a_file_is_read_as_a_stream_and_closed_when_nobody_reads_on() -> None:
    stored = Stored("mobile\n" + f"{ANNA}\n" * 2500)
    rows = iter(source_of(stored))
    assert stored.opened == []
    assert next(rows) == (2, {"mobile": ANNA, "temp_para": {}})
    assert stored.opened[0].tell() < 100
    del rows
    assert stored.opened[0].closed


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_a_file_that_changes_between_its_readings_is_noticed(tmp_path: Path, name: str) -> None:
    def content(*numbers: str) -> str:
        return "mobile\n" * name.endswith("csv") + "\n".join(numbers)

    path = tmp_path / name
    numbers = [people.number(index) for index in range(1500)]
    path.write_text(content(*numbers, numbers[0]))
    source = source_of(str(path))
    known = survey(source)
    assert (known.recipients, known.repeated) == (1500, 1)
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
    "a list": (f"['{ANNA}', '{BEN}']", "stays a list."),
    "a number": (ANNA, "For numbers in a text pass a list, such as text.split(',')"),
    "another file": ("people.xml", "recipients is a text of 10 characters"),
    "a workbook": ("people.xlsx", "Save the workbook as 'CSV UTF-8'"),
    "another suffix behind it": ("people.csv.gz", "stays a list."),
    "a table": (PLAIN_TABLE, "recipients is a text of"),
    "empty": ("", "stays a list."),
    "none": ("None", "what a template makes of a Param that is null"),
}


@pytest.mark.parametrize(("value", "why"), NO_PATHS.values(), ids=NO_PATHS)
def test_a_text_that_is_no_path_is_refused_with_the_next_step(value: str, why: str) -> None:
    text = refusal_of(value)
    assert "neither a list nor the path of a .csv, .jsonl or .txt file" in text
    assert why in text
    assert len(text) < 400
    assert mask_field("recipients", value) == (HIDDEN if value else "")


def test_anything_else_is_a_list_or_refused() -> None:
    for value in (None, 1, {"mobile": ANNA}, Path("people.xml")):
        assert f"recipients is of type {type(value).__name__}: a list" in refusal_of(value)
    assert isinstance(source_of(["people.csv"]), Entries)


def test_a_path_may_be_seen_without_the_numbers_in_it(tmp_path: Path) -> None:
    for path in ("/data/People.CSV", "s3://connection@bucket/people.jsonl"):
        assert mask_field("recipients", path) == path
        assert mask_field("recipients", Stored("", path)) == path
    assert mask_field("recipients", tmp_path / "p.csv") == f"{tmp_path}/p.csv"
    shown = mask_field("recipients", f"/data/{ANNA}/+86 {BEN}.csv")
    assert shown == "/data/138****8001/199****5678.csv"
    assert mask_field("recipients", ["people.csv"]) == [HIDDEN]
    assert mask_field("mobile", "people.csv") == mask_field("temp_para", "people.csv") == HIDDEN
