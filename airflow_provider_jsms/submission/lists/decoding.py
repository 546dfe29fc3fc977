"""Decode a table or a list from the encodings in which spreadsheets save it.

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

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WORKBOOK: Final = b"PK\x03\x04"
# Both are compiled when they are first used, not when a DAG file is parsed.
# Big5 read as GB18030: Greek, Cyrillic, lines, kana, bopomofo, private characters.
_UNLIKELY: Final = "[\u0370-\u0451\u2500-\u257f\u3041-\u30ff\u3105-\u3129\ue000-\uf8ff]"
_LETTER_BY_HANZI: Final = "[A-Za-z][\u4e00-\u9fa5]|[\u4e00-\u9fa5][A-Za-z]"


def decoded(pieces: Iterator[bytes], name: str, encoding: str = "") -> Iterator[str]:
    """Yield the lines of a file as text.

    :param pieces: the file, split behind each byte of a line feed.
    :param encoding: of a file without a byte order mark; empty if its lines decide.
    :raises JsmsInputError: another encoding; names the line.
    """
    first = next(pieces, b"")
    if first.startswith(_WORKBOOK):
        raise _refused(f"The {name} is an Excel workbook")
    if first.startswith(_UTF_16):
        yield from _of_utf_16(chain([first], pieces), name)
        return
    if first.startswith(codecs.BOM_UTF8):
        encoding, first = "utf-8", first.removeprefix(codecs.BOM_UTF8)
    for number, line in enumerate(chain([first], pieces), start=1):
        if not line.isascii():
            encoding = encoding or _encoding_of(line)
        text = _text(line, encoding or "ascii")
        if text is None or (encoding == "gb18030" and re.search(_UNLIKELY, text)):
            other = (
                "not UTF-8" if encoding == "utf-8" else "neither UTF-8 nor GBK, or may be either"
            )
            raise _refused(f"Line {number} of the {name} is {other}")
        yield text


def _refused(why: str) -> JsmsInputError:
    return JsmsInputError(
        f"{why}. Nothing was sent. Save the file as UTF-8; spreadsheets call it 'CSV UTF-8'."
    )


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
    return "utf-8" if chinese is None or re.search(_LETTER_BY_HANZI, chinese) else ""


def _text(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
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
        raise _refused(f"The {name} is not the UTF-16 that it claims") from None
    yield text
