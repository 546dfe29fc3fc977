"""The text of a file of recipients, in the encodings in which spreadsheets save it.

UTF-8 and UTF-16 are known by their byte order marks. Without one, the first line that is not ASCII
decides between UTF-8 and GB18030, which is what Excel writes in China.
"""

from __future__ import annotations

import codecs
import re
from itertools import chain
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UTF_32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKS: Final = {codecs.BOM_UTF8: "utf-8", b"\x841\x953": "gb18030"}
_UTF_16_WITHOUT_MARK: Final = re.compile(rb"(?:[^\0]\0){4}|(?:\0[^\0]){4}")
_EITHER: Final = "either"
_NEITHER: Final = "neither"
_WORKBOOK: Final = b"PK\x03\x04"

# What Big5 looks like in GB18030: Greek, Cyrillic, lines, kana, bopomofo, private characters.
_UNLIKELY = re.compile("[\u0370-\u0451\u2500-\u257f\u3041-\u30ff\u3105-\u3129\ue000-\uf8ff]")
_HANZI = "[\u4e00-\u9fa5]"
_LETTER_BY_HANZI = re.compile(f"[A-Za-z]{_HANZI}|{_HANZI}[A-Za-z]")
_NO_HANZI = re.compile(r"[\x00-\u07ff]*")
_ADVICE = "Nothing was sent. Save the file as UTF-8; spreadsheets call it 'CSV UTF-8'."


def decoded(lines: Iterator[bytes], name: str, encoding: str = "") -> Iterator[str]:
    """Yield the lines of a file as text.

    :param name: of the file, for the error.
    :param encoding: of a file without a byte order mark, empty if its lines decide.
    :raises JsmsInputError: the encoding is none of these, by the line.
    """
    first = next(lines, b"")
    if first.startswith(_UTF_16) and not first.startswith(_UTF_32):
        yield from _of_utf_16(chain([first], lines), name)
        return
    _refuse_binary(first, name)
    for mark, known in _MARKS.items():
        if first.startswith(mark):
            encoding, first = known, first.removeprefix(mark)
    for number, line in enumerate(chain([first], lines), start=1):
        if line.isascii():
            yield line.decode()
            continue
        encoding = encoding or _encoding_of(line)
        text = _decoded(line, encoding)
        if text is None or (encoding == "gb18030" and _UNLIKELY.search(text)):
            raise JsmsInputError(_undecodable(number, name, encoding))
        yield text


def _refuse_binary(first: bytes, name: str) -> None:
    if first.startswith(_WORKBOOK):
        raise JsmsInputError(f"The file of recipients {name} is an Excel workbook. {_ADVICE}")
    if _UTF_16_WITHOUT_MARK.match(first) or first.startswith(_UTF_32):
        raise JsmsInputError(
            f"Line 1 of the file of recipients {name} is not UTF-8: it looks like UTF-16 without a "
            f"byte order mark, or UTF-32. {_ADVICE}"
        )


def _undecodable(number: int, name: str, encoding: str) -> str:
    line = f"Line {number} of the file of recipients {name}"
    if encoding == _EITHER:
        return f"{line} can be read as UTF-8 and as GBK. {_ADVICE}"
    if encoding.startswith("utf"):
        return f"{line} is not {encoding.upper()}, in which the file is read. {_ADVICE}"
    return f"{line} is neither UTF-8 nor GBK; it may be Big5 or Latin-1. {_ADVICE}"


def _encoding_of(line: bytes) -> str:
    """Return the encoding of a line that is not ASCII.

    Nearly any bytes are some rare characters of GB18030; a Chinese line has a common one. Two bytes
    may be an accented letter of UTF-8 or a Chinese character, which has no letter next to it.
    """
    utf_8, gbk = _decoded(line, "utf-8"), _decoded(line, "gb18030")
    is_chinese = gbk is not None and not gbk.encode("gb2312", "ignore").isascii()
    if utf_8 is None:
        return "gb18030" if is_chinese else _NEITHER
    common = _decoded(line, "gb2312") if _NO_HANZI.fullmatch(utf_8) else None
    return "utf-8" if common is None or _LETTER_BY_HANZI.search(common) else _EITHER


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except (UnicodeDecodeError, LookupError):  # none of the two, or either
        return None


def _of_utf_16(pieces: Iterable[bytes], name: str) -> Iterator[str]:
    """Yield lines; a piece may end within a character that has the byte of a line end."""
    decoder = codecs.getincrementaldecoder("utf-16")()
    number, text = 1, ""
    try:
        for piece in pieces:
            *lines, text = (text + decoder.decode(piece)).split("\n")
            for line in lines:
                number += 1
                yield f"{line}\n"
        yield text + decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise JsmsInputError(_undecodable(number, name, "utf-16")) from None
