"""Every field and extra of the connection: settings that lead where they say, or a clear error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from airflow.providers.common.compat.sdk import AirflowNotFoundException, Connection
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from airflow_provider_jsms.exceptions import JsmsSettingsError, JsmsStateError
from airflow_provider_jsms.hooks.connection import settings_of
from airflow_provider_jsms.hooks.jsms import JsmsHook
from tests.leaks import APP_KEY, MASTER_SECRET
from tests.unit.fuzz import odd
from tests.unit.fuzz.profile import examples
from tests.unit.fuzz.watching import check_told

if TYPE_CHECKING:
    from airflow_provider_jsms.hooks.connection import JsmsSettings
    from tests.unit.fuzz.watching import Outcome, Service

EXTRAS = ("timezone", "connect_timeout", "read_timeout", "max_attempts", "ca_bundle")
FIELDS = ("host", "schema", "port", "login", "password", "extra")
EVIL = "evil.invalid"
good_hosts = st.sampled_from(
    [
        *("api.sms.jpush.cn", "https://api.sms.jpush.cn", "https://api.sms.jpush.cn:443/base/"),
        *("http://127.0.0.1:8025", "http://localhost", "http://[::1]:1", "HTTPS://API.example"),
    ]
)
hosts = (
    good_hosts
    | odd.spoiled(good_hosts)
    | st.builds(
        lambda host, mark: f"{host}{mark}{EVIL}",
        good_hosts,
        st.sampled_from(
            ["@", "\\@", "#@", "?@", ";@", "%40", "/@", "\\", "%5c", "%2f@", "\t@", ","]
        ),
    )
    | st.builds(
        lambda mark, host: f"https://{EVIL}{mark}{host.removeprefix('https://')}",
        st.sampled_from(["@", "#", "?", "\\", "\\@", "%23", " ", "\r\n", "\x00", "。"]),
        good_hosts,
    )
    | st.sampled_from(
        [
            *("https://", "//x", "https:///x", "ftp://x", "file:///etc/passwd", "javascript://x"),
            *("http://127.1", "http://0x7f000001", "http://2130706433", "http://127.0.0.1.evil"),
            *(
                "http://localhost.evil",
                "http://[::ffff:127.0.0.1]",
                "https://[::1%25eth0]",
                "[::1]",
            ),
            *("https://[::::]", "https://[v1.x]", "https://１２７.0.0.1", "https://ⓔxample.com"),
            *("https://x:0", "https://x:65536", "https://x:8_0", "https://x:+80", "https://x:"),
            *("https://x/../y", "https://x/%2e%2e/y", "https://x//y", "https://-x", "https://x..y"),
            *(f"https://{'x' * 64}.y", f"https://{'x.' * 2000}y", "https://xn--a", "https://_x"),
        ]
    )
    | odd.texts
)
numbers = (
    st.floats()
    | st.integers()
    | st.floats(-1, 301).map(str)
    | st.sampled_from(["1e2", "１０", "1_0", " 5 ", "inf", "nan", "0x5", "5s", True, 10**400])
)
paths = st.sampled_from(
    [
        *("/etc/passwd", "/nowhere", "\x00", "a\r\nb", "\ud800", ".", "~", "x" * 5000, "/dev/null"),
        "/etc/ssl/certs/ca-certificates.crt",
    ]
)
places = st.sampled_from(
    [
        *("UTC", "Asia/Shanghai", "America/New_York", "Asia", "../../etc/passwd", "/etc/localtime"),
        *("local", "+08:00", "utc", "asia/shanghai", "Etc/GMT-8", "leapseconds", "tzdata.zi"),
        *("Asia/Shanghai\x00", "Asia/Shanghai\n", "x" * 5000, "C:\\x", "Factory", "posixrules"),
    ]
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "host": hosts,
    "schema": st.sampled_from(["http", "https", "HTTPS", "ftp", "https://x"]) | odd.texts,
    "port": st.integers(-1, 70_000) | odd.whole_numbers,
    "login": odd.texts,
    "password": odd.texts.map(lambda text: f"{text}{odd.PRIVATE}") | odd.texts,
    "extra": odd.texts | odd.json_values.map(repr),
    "timezone": places | odd.json_values,
    "connect_timeout": numbers | odd.json_values,
    "read_timeout": numbers | odd.json_values,
    "max_attempts": numbers | odd.json_values,
    "ca_bundle": paths | odd.json_values,
}


def connection(name: str, value: Any) -> Any:
    """Return a connection with this in a field of it, None if Airflow itself refuses it."""
    fields: dict[str, Any] = {"login": APP_KEY, "password": MASTER_SECRET}
    if name in ("port", "schema"):
        fields["host"] = "api.sms.jpush.cn"
    fields[name if name in FIELDS else "extra"] = (
        value if name in FIELDS else json.dumps({name: value})
    )
    try:
        return Connection(conn_id="fuzz", conn_type="jsms", **fields)
    except Exception:  # noqa: BLE001  Airflow 2 raises whatever its parts do
        return None


def check_leads_there(name: str, value: Any, found: JsmsSettings) -> None:
    """Check that every library understands the address as a person does who reads the field."""
    parts = urlsplit(found.base_url)
    prepared = parse_url(requests.Request("GET", f"{found.base_url}/v1/x").prepare().url or "")
    assert (prepared.host or "").strip("[]") == parts.hostname
    assert prepared.port == parts.port
    assert (prepared.auth, prepared.query, prepared.fragment) == (None, None, None)
    assert prepared.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")
    if name == "host" and value:
        written = value if "://" in value else f"https://{value}"
        assert found.base_url.lower() == written.rstrip("/").lower()


def check(outcome: Outcome, name: str, value: Any) -> None:
    is_secret = name == "password"
    check_told(outcome, name if is_secret else "jsms_conn_id", value)
    if outcome.error is None:
        check_leads_there(name, value, outcome.result)
        assert repr(outcome.result).isprintable()
        assert 0.1 <= outcome.result.connect_timeout <= 300
        assert 1 <= outcome.result.max_attempts <= 10
    else:
        assert isinstance(outcome.error, JsmsSettingsError), repr(outcome.error)
        assert any(word in outcome.text for word in (name, "host", "extra", "cannot be read"))
        assert "accepted is" in outcome.text.lower()


@pytest.mark.parametrize("name", VALUES)
@examples(100)
@given(data=st.data())
def test_one_field(service: Service, name: str, data: st.DataObject) -> None:
    value = odd.made(data.draw(VALUES[name], label=name))
    if made := connection(name, value):
        check(service.try_out(lambda: settings_of(made)), name, value)


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "extra"])
def test_every_odd_object(service: Service, name: str) -> None:
    for make in odd.OBJECTS:
        if not (made := connection(name, make())):
            continue
        outcome = service.try_out(lambda made=made: settings_of(made))
        assert outcome.error is None or isinstance(outcome.error, JsmsSettingsError)


@examples(40)
@given(extra=st.fixed_dictionaries({}, optional={name: VALUES[name] for name in EXTRAS}))
def test_a_query_with_any_extras(
    service: Service, monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any]
) -> None:
    fields = {"conn_type": "jsms", "login": APP_KEY, "password": MASTER_SECRET}
    fields |= {"host": service.server.url, "extra": json.dumps(extra)}
    monkeypatch.setenv("AIRFLOW_CONN_JSMS_EXTRAS", json.dumps(fields))

    def query() -> None:
        with JsmsHook("jsms_extras") as hook:
            hook.query_schedule("1a2b")

    outcome = service.try_out(query)
    check_told(outcome, "extra", None)
    if outcome.requests:
        assert isinstance(outcome.error, JsmsStateError), repr(outcome.error)
        assert len(outcome.requests) == 1
    else:
        # Airflow does not find what it cannot read itself.
        kinds = (JsmsSettingsError, AirflowNotFoundException)
        assert isinstance(outcome.error, kinds), repr(outcome.error)
