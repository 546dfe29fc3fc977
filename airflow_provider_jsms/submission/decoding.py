"""Decode a file of recipients from the encodings in which spreadsheets save it.

A byte order mark names UTF-8 or UTF-16. Without one, the first line that is not ASCII decides
between UTF-8 and GB18030, which Excel writes in China.
"""

from __future__ import annotations

import codecs
import re
from itertools import chain
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UTF_32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKS: Final = {codecs.BOM_UTF8: "utf-8", b"\x841\x953": "gb18030"}
_UTF_16_WITHOUT_MARK: Final = re.compile(rb"(?:[^\0]\0){4}|(?:\0[^\0]){4}")
_WORKBOOK: Final = b"PK\x03\x04"
# Big5 read as GB18030: Greek, Cyrillic, lines, kana, bopomofo, private characters.
_UNLIKELY: Final = re.compile("[\u0370-\u0451\u2500-\u257f\u3041-\u30ff\u3105-\u3129\ue000-\uf8ff]")
_LETTER_BY_HANZI: Final = re.compile("[A-Za-z][\u4e00-\u9fa5]|[\u4e00-\u9fa5][A-Za-z]")
_ADVICE: Final = "Nothing was sent. Save the file as UTF-8; spreadsheets call it 'CSV UTF-8'."


def decoded(pieces: Iterator[bytes], name: str, encoding: str = "") -> Iterator[str]:
    """Yield the lines of a file as text.

    :param pieces: the file, split behind each byte of a line feed.
    :param name: of the file, for errors.
    :param encoding: of a file without a byte order mark; empty if its lines decide.
    :raises JsmsInputError: another encoding; names the line.
    """
    first = next(pieces, b"")
    if first.startswith(_WORKBOOK):
        raise JsmsInputError(f"The file of recipients {name} is an Excel workbook. {_ADVICE}")
    if first.startswith(_UTF_32) or _UTF_16_WITHOUT_MARK.match(first):
        raise _refused(name, "is UTF-32, or UTF-16 without a byte order mark")
    if first.startswith(_UTF_16):
        yield from _of_utf_16(chain([first], pieces), name)
        return
    for mark, known in _MARKS.items():
        if first.startswith(mark):
            encoding, first = known, first.removeprefix(mark)
    for number, line in enumerate(chain([first], pieces), start=1):
        if line.isascii():
            yield line.decode()
            continue
        encoding = encoding or _encoding_of(line)
        text = _text(line, encoding)
        if text is None or (encoding == "gb18030" and _UNLIKELY.search(text)):
            if encoding == "utf-8":
                raise _refused(name, "is not UTF-8, in which the file is read", number)
            raise _refused(name, "is neither UTF-8 nor GBK, or may be either", number)
        yield text


def _refused(name: str, why: str, line: int = 0) -> JsmsInputError:
    place = f"Line {line} of the file" if line else "The file"
    return JsmsInputError(f"{place} of recipients {name} {why}. {_ADVICE}")


def _encoding_of(line: bytes) -> str:
    """Return the encoding of a line that is not ASCII, empty if it is unknown.

    Nearly any bytes are rare characters of GB18030, but a Chinese line has a common one. Two bytes
    may be an accented letter of UTF-8 or a Chinese character; only the letter follows a letter.
    """
    utf_8, gbk = _text(line, "utf-8"), _text(line, "gb18030")
    if utf_8 is None:
        is_chinese = gbk is not None and not gbk.encode("gb2312", "ignore").isascii()
        return "gb18030" if is_chinese else ""
    chinese = _text(line, "gb2312") if max(utf_8) <= "\u07ff" else None
    return "utf-8" if chinese is None or _LETTER_BY_HANZI.search(chinese) else ""


def _text(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding) if encoding else None
    except UnicodeDecodeError:
        return None


def _of_utf_16(pieces: Iterator[bytes], name: str) -> Iterator[str]:
    """Yield lines; a piece may end within a character that has the byte of a line feed."""
    text = ""
    try:
        for piece in codecs.iterdecode(pieces, "utf-16"):
            *lines, text = (text + piece).split("\n")
            yield from (f"{line}\n" for line in lines)
    except UnicodeDecodeError:
        raise _refused(name, "is not UTF-16, as its first bytes say") from None
    yield text
