"""What a server says is not repeated: no line of its own in a log, and nothing that was sent."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import traceback
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from airflow_provider_jsms.api.bodies import single_body
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_jsms.api.calls import submit_schedule
from airflow_provider_jsms.api.codes import CODES
from airflow_provider_jsms.api.masking import HIDDEN, mask_message, mask_text
from airflow_provider_jsms.exceptions import JsmsCallError, JsmsNotSentError
from tests import leaks, people
from tests.unit import wire
from tests.unit.api.test_protocol import NINE, error_of
from tests.unit.fuzz.profile import examples
from tests.unit.hostile.ways import QUERIES, say, submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.api.codes import Code

MANY = examples(80)
SPOKEN = f"{people.ANNA} {people.CANARY}-"
# It ends a line, begins one that looks like another's, and turns what follows around.
FORGED = f"x\n[2030-01-01] {{forged.py:1}} INFO - {SPOKEN}\r\x1b[31m\u202eforged\x85\u2028forged"
ONE_LINE = FORGED.replace("\n", "\x0b").replace("\r", "\x0b")
OK = "HTTP/1.1 200 OK\r\n"
CHUNKED = f"{OK}Transfer-Encoding: chunked\r\n\r\n"
ECHOES = {
    "no HTTP": FORGED,
    "the version": f"HTTP/{ONE_LINE} 200 OK\r\n\r\n",
    "the status": f"HTTP/1.1 {ONE_LINE} OK\r\n\r\n",
    "the reason": f"HTTP/1.1 403 {ONE_LINE}\r\nContent-Length: 0\r\n\r\n",
    "the name of a header": f"{OK}{ONE_LINE}: x\r\nContent-Length: 0\r\n\r\n",
    "a header": f"{OK}X: {ONE_LINE}\r\nContent-Length: 0\r\n\r\n",
    "no header": f"{OK}X: x\r\n{ONE_LINE}\r\nContent-Length: 0\r\n\r\n",
    "a folded header": f"{OK} {ONE_LINE}\r\nContent-Length: 0\r\n\r\n",
    "a length": f"{OK}Content-Length: {ONE_LINE}\r\n\r\n",
    "two lengths": f"{OK}Content-Length: 1, {people.ANNA}\r\n\r\n",
    "an encoding": f"{OK}Transfer-Encoding: {ONE_LINE}\r\n\r\n",
    "a packing": f"{OK}Content-Encoding: {ONE_LINE}\r\nContent-Length: 1\r\n\r\nx",
    "a type": f"{OK}Content-Type: multipart/{ONE_LINE}; charset={ONE_LINE}\r\n\r\n{FORGED}",
    "a cookie": f"{OK}Set-Cookie: {ONE_LINE}\r\nContent-Length: 0\r\n\r\n",
    "a cookie that expires": f"{OK}Set-Cookie: a={SPOKEN}; expires={ONE_LINE}; x\r\n\r\n",
    "a place": f"HTTP/1.1 302 Found\r\nLocation: //{ONE_LINE}\r\nContent-Length: 0\r\n\r\n",
    "a challenge": f"HTTP/1.1 401 No\r\nWWW-Authenticate: {ONE_LINE}\r\nContent-Length: 0\r\n\r\n",
    "a wait": f"HTTP/1.1 429 No\r\nRetry-After: {ONE_LINE}\r\nContent-Length: 0\r\n\r\n",
    "the length of a chunk": f"{CHUNKED}{ONE_LINE}\r\n",
    "a trailer": f"{CHUNKED}0\r\n{ONE_LINE}\r\n\r\n",
    "half a body": f"{OK}Content-Length: 999\r\n\r\n{FORGED}",
    "a page": f"HTTP/1.1 200 OK\r\n\r\n<html>{FORGED}",
    "no JSON": f'{OK}\r\n{{"schedule_id": "{FORGED}',
    "a message": f"HTTP/1.1 403 No\r\n\r\n{json.dumps({'error': {'message': FORGED, 'code': 1}})}",
    "a code": f"HTTP/1.1 403 No\r\n\r\n{json.dumps({'error': {'message': '', 'code': FORGED}})}",
    "a schedule_id": f"{OK}\r\n{json.dumps({'schedule_id': FORGED})}",
    "an upgrade": f"HTTP/1.1 101 {ONE_LINE}\r\nUpgrade: {ONE_LINE}\r\nConnection: upgrade\r\n\r\n",
}


def check_nothing_repeated(text: str) -> None:
    assert "forged" not in text
    assert "\x1b" not in text
    assert not leaks.found_in(text)


@pytest.mark.parametrize("name", ECHOES)
@pytest.mark.parametrize("way", [*QUERIES, "submit"])
@pytest.mark.filterwarnings("error")
def test_nothing_of_a_reply_is_repeated_in_errors_and_logs(
    name: str,
    way: str,
    set_connection: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG, "")
    with wire.WireServer([say(ECHOES[name].encode())]) as server:
        set_connection(server.url, max_attempts=1, read_timeout=2)
        try:
            ({**QUERIES, "submit": submit})[way]()
        except JsmsCallError as error:
            for shown in (*traceback.format_exception(error), repr(error), *leaks._texts_of(error)):
                check_nothing_repeated(shown)
    check_nothing_repeated(caplog.text)
    check_nothing_repeated("".join(capfd.readouterr()))


@pytest.mark.parametrize(
    "name", ["no HTTP", "the version", "the status", "the reason", "no header"]
)
@pytest.mark.parametrize("way", [*QUERIES, "submit"])
def test_nothing_of_a_proxy_is_repeated(
    name: str,
    way: str,
    set_connection: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG, "")
    with wire.WireServer([say(ECHOES[name].encode())]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        set_connection("https://jsms.invalid", max_attempts=1, read_timeout=2, connect_timeout=2)
        with pytest.raises(JsmsCallError) as caught:
            ({**QUERIES, "submit": submit})[way]()
    if way != "aiohttp":
        assert isinstance(caught.value, JsmsNotSentError)
    for shown in (*traceback.format_exception(caught.value), *leaks._texts_of(caught.value)):
        check_nothing_repeated(shown)
    check_nothing_repeated(caplog.text)


# How a service may repeat what it was told, in plain words that pass for a message.
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in small letters": str.lower,
    "in capitals": str.upper,
    "one letter after the other": " ".join,
    "with dashes": "-".join,
    "the other way round": lambda text: " ".join(reversed(text.split())),
    "without spaces": lambda text: "".join(text.split()),
    "without its end": lambda text: text[: max(3, len(text) // 2)],
    "without its beginning": lambda text: text[-max(3, len(text) // 2) :],
    "without accents": lambda text: "".join(
        sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign)
    ),
    "in base64": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "in base64 of an address": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "in hexadecimal": lambda text: text.encode().hex(),
    "as in an address": quote,
    "as in a page": html.escape,
    "as in JSON": json.dumps,
    "as in Python": repr,
    "wide": lambda text: "".join(
        chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text
    ),
}
names = st.one_of(
    st.text(st.characters(codec="latin-1", categories=["L", "Zs", "Nd"]), min_size=3, max_size=20),
    st.text("王芳安娜小明李 ", min_size=1, max_size=8),
    st.from_regex(r"\A[A-Z][a-z]{2,8}[ '-][A-Z][a-z]{2,8}\Z"),
).filter(lambda text: len(re.sub(r"[\W_]", "", text)) >= 1)


@pytest.mark.parametrize("way", WAYS)
@MANY
@given(names, st.sampled_from(["", "invalid ", "wrong temp_para, "]))
@example("José Wang", "")
@example("Xu", "")
@example("ＺＨＡＮＧ Wei", "")
@example("Straße", "")
@example("abc", "")
def test_no_message_repeats_a_parameter(way: str, value: str, before: str) -> None:
    said = WAYS[way](value)
    if len(re.sub(r"[\W_]", "", said)) >= 3 or said == value:
        assert mask_message(f"{before}{said}", [value]) == HIDDEN


@pytest.mark.parametrize("way", WAYS)
def test_no_message_repeats_a_number(way: str) -> None:
    single = single_body(
        send_time=NINE, mobile=people.ANNA, temp_id=1, sign_id=None, temp_para={"a": "b-c"}
    )
    content = json.dumps({"error": {"code": 50999, "message": f"no {WAYS[way](people.ANNA)}"}})
    error = error_of("query_schedule", 403, content.encode())
    assert error.message == HIDDEN
    assert submit_schedule(single).subject.startswith("138****8001")


@pytest.mark.parametrize("code", [code for code in CODES.values() if code.message])
def test_every_message_that_is_known_is_shown(code: Code) -> None:
    assert mask_message(code.message, ["王芳", "13:30", "99"]) == code.message


@MANY
@given(st.text(max_size=300))
def test_a_text_from_elsewhere_is_one_line_of_bounded_length(text: str) -> None:
    shown = mask_text(text)
    assert shown.isprintable()
    assert len(shown) <= 201


@pytest.mark.parametrize(
    "between", ["", " ", "-", "\u200b", "\u0332", "\ufe0f\u20e3", "\u2060", "\u00ad"]
)
@pytest.mark.parametrize("zero", ["0", "０", "٠", "०", "𝟎", "߀"])
def test_a_number_is_found_in_the_digits_of_any_script(zero: str, between: str) -> None:
    written = between.join(chr(ord(zero) + int(digit)) for digit in people.ANNA)
    assert mask_text(f"no {written}!") == "no 138****8001!"
