"""What an Airflow connection says, from every source: the form, a URI, JSON, an environment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.connection_form import DEFAULT_HOST
from airflow_provider_jsms.exceptions import JsmsSettingsError
from airflow_provider_jsms.hooks.connection import EXTRA_NAMES, read_settings, unknown_extras
from tests.leaks import APP_KEY, BASIC_TOKEN, MASTER_SECRET

if TYPE_CHECKING:
    from airflow_provider_jsms.hooks.connection import JsmsSettings


def read(extra: dict[str, object] | None = None, **fields: object) -> JsmsSettings:
    given: dict[str, Any] = {
        "login": APP_KEY,
        "password": MASTER_SECRET,
        "host": None,
        "schema": None,
        "port": None,
        "extra": extra or {},
    }
    return read_settings(**given | fields)


def refusal_of(extra: dict[str, object] | None = None, **fields: object) -> str:
    """Return the text of the refusal, after what holds for every one of them."""
    with pytest.raises(JsmsSettingsError) as caught:
        read(extra, **fields)
    text = str(caught.value)
    for secret in (MASTER_SECRET, MASTER_SECRET[:12], MASTER_SECRET[-12:], BASIC_TOKEN):
        assert secret not in text + repr(caught.value) + repr(vars(caught.value))
    assert "Nothing was sent. Edit the connection." in text
    assert "accepted is" in text
    assert text.isprintable()
    return text


@pytest.mark.parametrize("unset", [None, ""])
def test_only_credentials_are_needed(unset: object) -> None:
    settings = read(dict.fromkeys(EXTRA_NAMES, unset), host=unset, schema=unset, port=unset)
    assert settings == read()
    assert settings.base_url == DEFAULT_HOST == "https://api.sms.jpush.cn"
    assert (settings.app_key, settings.master_secret) == (APP_KEY, MASTER_SECRET)
    assert str(settings.zone) == "Asia/Shanghai"
    assert (settings.connect_timeout, settings.read_timeout) == (5.0, 30.0)
    assert settings.max_attempts == 3
    assert settings.ca_bundle is None
    assert not settings.is_plain_http


@pytest.mark.parametrize(
    ("name", "given", "is_read"),
    [
        *(("connect_timeout", given, 7.0) for given in (7, 7.0, "7", "7.0", " 7 ")),
        *(("read_timeout", given, 0.5) for given in (0.5, "0.5", ".5")),
        *(("read_timeout", given, 300.0) for given in (300, "300")),
        *(("connect_timeout", given, 0.1) for given in (0.1, "0.1")),
        *(("max_attempts", given, 1) for given in (1, 1.0, "1", "1.0")),
        *(("max_attempts", given, 10) for given in (10, "10", "1e1")),
        ("ca_bundle", "/etc/ssl/ca.pem", "/etc/ssl/ca.pem"),
    ],
)
def test_an_extra_is_brought_to_its_type(name: str, given: object, is_read: object) -> None:
    value = getattr(read({name: given}), name)
    assert value == is_read
    assert type(value) is type(is_read)


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout"])
@pytest.mark.parametrize(
    "given",
    [
        *(0, "0", 0.09, -1, "-1", 301, 300.1, 10**400, "1e9", "inf", "nan", float("nan")),
        *(float("inf"), "five", "5s", "5,0", " ", True, False, [], {}, [5], {"a": 5}),
    ],
)
def test_a_timeout_out_of_bounds_or_no_number_is_refused_by_name(name: str, given: object) -> None:
    text = refusal_of({name: given})
    assert f"its extra {name!r} is " in text
    assert "a number from 0.1 to 300." in text


@pytest.mark.parametrize("name", ["connect_timeout", "max_attempts"])
def test_a_number_of_thousands_of_digits_is_refused_like_any_other(name: str) -> None:
    for given in (10**5000, "9" * 5000):
        assert len(refusal_of({name: given})) < 300


@pytest.mark.parametrize(
    "given", [0, "0", 11, "11", -1, 1.5, "2.5", "three", "nan", "inf", True, False, [], {}, 10**400]
)
def test_tries_that_are_no_count_are_refused(given: object) -> None:
    text = refusal_of({"max_attempts": given})
    assert "'max_attempts'" in text
    assert "accepted is a whole number from 1 to 10." in text


@pytest.mark.parametrize("given", [5, 1.5, True, False, [], {}, ["Asia/Shanghai"]])
@pytest.mark.parametrize("name", ["timezone", "ca_bundle"])
def test_a_text_that_is_none_is_refused(name: str, given: object) -> None:
    assert f"its extra {name!r} is of type {type(given).__name__}" in refusal_of({name: given})


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Asia/Shanghai"])
def test_the_zone_is_settable(name: str) -> None:
    assert str(read({"timezone": name}).zone) == name


@pytest.mark.parametrize("name", ["Nowhere", " ", "+08:00", "UTC+8", "Asia/Shanghai\n", "../etc"])
def test_an_unknown_zone_is_refused_with_an_example(name: str) -> None:
    text = refusal_of({"timezone": name})
    assert "'timezone'" in text
    assert "Asia/Shanghai" in text


@pytest.mark.parametrize(
    ("host", "schema", "port", "base_url"),
    [
        ("api.sms.jpush.cn", None, None, "https://api.sms.jpush.cn"),
        ("api.sms.jpush.cn", "", "", "https://api.sms.jpush.cn"),
        ("api.sms.jpush.cn", "https", 8443, "https://api.sms.jpush.cn:8443"),
        ("api.sms.jpush.cn", None, "8443", "https://api.sms.jpush.cn:8443"),
        ("proxy.example:8443", None, None, "https://proxy.example:8443"),
        ("proxy.example:8443", None, 8443, "https://proxy.example:8443"),
        ("proxy.example:8443", None, "8443", "https://proxy.example:8443"),
        ("proxy.example/jsms", None, None, "https://proxy.example/jsms"),
        ("proxy.example/jsms", None, 8443, "https://proxy.example:8443/jsms"),
        ("https://api.sms.jpush.cn", None, None, "https://api.sms.jpush.cn"),
        ("https://api.sms.jpush.cn/", "https", None, "https://api.sms.jpush.cn"),
        ("https://proxy.example/base/path/", None, None, "https://proxy.example/base/path"),
        ("https://proxy.example:8443/base", None, None, "https://proxy.example:8443/base"),
        ("https://proxy.example/base", None, 8443, "https://proxy.example:8443/base"),
        ("HTTPS://proxy.example", "https", None, "https://proxy.example"),
        ("https://[2001:db8::1]", None, None, "https://[2001:db8::1]"),
        ("https://[2001:db8::1]:8443/base", None, None, "https://[2001:db8::1]:8443/base"),
        ("[2001:db8::1]", None, 8443, "https://[2001:db8::1]:8443"),
        ("[2001:db8::1]:8443", None, None, "https://[2001:db8::1]:8443"),
        ("http://localhost", None, None, "http://localhost"),
        ("http://localhost:8025/", "http", 8025, "http://localhost:8025"),
        ("http://127.0.0.1:8025", None, None, "http://127.0.0.1:8025"),
        ("http://127.255.255.254", None, None, "http://127.255.255.254"),
        ("http://[::1]:8025", None, None, "http://[::1]:8025"),
        ("localhost", "http", 8025, "http://localhost:8025"),
        ("127.0.0.1", "http", "8025", "http://127.0.0.1:8025"),
        ("[::1]", "http", 8025, "http://[::1]:8025"),
        ("localhost", None, 8443, "https://localhost:8443"),
    ],
)
def test_every_form_of_a_host_makes_a_base_url(
    host: str, schema: object, port: object, base_url: str
) -> None:
    settings = read(host=host, schema=schema, port=port)
    assert settings.base_url == base_url
    assert settings.is_plain_http is base_url.startswith("http:")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "api.sms.jpush.cn",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "localhost.",
            "[::]",
        ),
        "0.0.0.0",  # noqa: S104  nothing is bound to it
        *("10.0.0.1", "192.168.0.1", "128.0.0.1", "126.255.255.255", "2130706433"),
        *("127.1", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01", "[2001:db8::1]", "notlocalhost"),
        *("example.com:127", "localhost-example.com", "[::1].example.com", "example.com[::1]"),
        *("127.0.0.1\\.example.com", "localhost%2eexample.com", "[::ffff:10.0.0.1]"),
    ],
)
def test_plain_http_goes_to_this_machine_only(host: str) -> None:
    for fields in ({"host": f"http://{host}/"}, {"host": host, "schema": "http"}):
        refusal_of(**fields)


@pytest.mark.parametrize(
    "host",
    [
        *("http://127.0.0.1@example.com", "http://localhost:80@example.com", "a:b@localhost"),
        f"https://{APP_KEY}:{MASTER_SECRET}@api.sms.jpush.cn",
        f"{APP_KEY}:{MASTER_SECRET}@api.sms.jpush.cn",
        f"https://api.sms.jpush.cn?secret={MASTER_SECRET}",
        f"https://api.sms.jpush.cn/#{MASTER_SECRET}",
        *("https://", "https:///base", "https://:8443", "://api", "ftp://api.sms.jpush.cn"),
        *("file:///etc/passwd", "javascript://api", "https://api:x", "https://api:0", "api:0"),
        *("https://api:65536", "https://api:-1", " api", "api ", "a b", "api\n", "a\tb", "api\x00"),
        *(
            "api\u3002sms",
            "接口.cn",
            "https://api/路径",
            "https://[::1",
            "https://::1",
            "::1",
            "[]",
        ),
        *("2001:db8::1", "https://api sms", "https://[not-an-address]", "/base", "//api", "?", "#"),
    ],
    ids=lambda host: repr(host)[:24],
)
def test_what_is_no_address_is_refused_without_repeating_it(host: str) -> None:
    text = refusal_of(host=host)
    assert "host" in text
    assert host.strip() not in text.replace(DEFAULT_HOST, "") or len(host.strip()) < 4


@pytest.mark.parametrize(
    "host",
    [
        *("https://proxy..example", f"https://{'a' * 64}.example", "https://*.example"),
        *("https://[v1.a]", "https://a\\b", "https://proxy.example:", "https://<host>", "..."),
        *("https://[::1].example.com", "https://example.com[::1]"),
    ],
)
def test_an_address_that_no_request_can_go_to_is_refused_at_once(host: str) -> None:
    # Otherwise the HTTP library refuses it later, when it looks as if something may have left.
    refusal_of(host=host)


@pytest.mark.parametrize("schema", ["ftp", "htt", "https:", "https://", "://", "HTTPS!", " https"])
@pytest.mark.parametrize("host", ["api.sms.jpush.cn", "https://api.sms.jpush.cn"])
def test_an_unknown_schema_is_refused(host: str, schema: str) -> None:
    assert "schema" in refusal_of(host=host, schema=schema)


@pytest.mark.parametrize(
    ("host", "schema"), [("https://localhost", "http"), ("http://localhost", "https")]
)
def test_a_schema_that_contradicts_the_url_is_refused(host: str, schema: str) -> None:
    assert "its schema is" in refusal_of(host=host, schema=schema)


@pytest.mark.parametrize(
    "port",
    [0, "0", -1, "-1", 65536, "65536", "x", " 80", "80 ", 80.0, "80.0", True, [], "８０", 10**9],
)
def test_a_port_that_is_none_is_refused(port: object) -> None:
    assert "its port is" in refusal_of(host="api.sms.jpush.cn", port=port)


def test_a_port_of_thousands_of_digits_is_refused_like_any_other() -> None:
    assert len(refusal_of(host="api.sms.jpush.cn", port="9" * 5000)) < 300


@pytest.mark.parametrize("port", [1, 65535, "65535"])
def test_the_bounds_of_a_port(port: object) -> None:
    assert read(host="api", port=port).base_url == f"https://api:{port}"


def test_a_port_that_contradicts_the_host_is_refused() -> None:
    assert "its port is 80; accepted is none, or that of its host, 8025" in refusal_of(
        host="http://localhost:8025", port=80
    )


@pytest.mark.parametrize("fields", [{"port": 8025}, {"schema": "http"}, {"schema": "ftp"}])
def test_a_port_or_schema_without_a_host_is_not_silently_left_out(fields: dict[str, Any]) -> None:
    # Whoever sets port 8025 alone means a sandbox, and would text people through the real service.
    try:
        base_url = read(**fields).base_url
    except JsmsSettingsError:
        return
    assert base_url != DEFAULT_HOST


@pytest.mark.parametrize("name", ["login", "password"])
@pytest.mark.parametrize("value", [None, ""])
def test_missing_credentials_are_told_by_field_and_meaning(name: str, value: object) -> None:
    text = refusal_of(**{name: value})
    assert f"its {name} (the {'app key' if name == 'login' else 'master secret'}) is empty" in text
    assert "JSMS console" in text


@pytest.mark.parametrize("name", ["login", "password"])
@pytest.mark.parametrize(
    "spoil", [" {}", "{} ", "{}\n", "{}\t", "{}:x", "{}é", "{}\u200b", "{}\x00"]
)
def test_spoilt_credentials_are_refused_and_never_shown(name: str, spoil: str) -> None:
    text = refusal_of(**{name: spoil.format(MASTER_SECRET)})
    assert f"its {name} (" in text
    assert "copy it from the JSMS console again" in text


def test_credentials_that_are_digits_may_come_as_a_number() -> None:
    settings = read(login=123, password=456)
    assert (settings.app_key, settings.master_secret) == ("123", "456")


def test_the_secret_is_in_no_repr() -> None:
    settings = read()
    assert MASTER_SECRET not in f"{settings!r} {settings} {replace(settings, max_attempts=1)!r}"
    assert DEFAULT_HOST in repr(settings)


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "http://example.com"},
        {"port": "x", "host": "a"},
        {"schema": "ftp", "host": "a"},
        {"login": ""},
        *({"extra": {name: [1]}} for name in EXTRA_NAMES),
    ],
    ids=str,
)
def test_no_wrong_field_brings_the_secret_into_an_error(fields: dict[str, Any]) -> None:
    assert "The Airflow connection cannot be used: its " in refusal_of(**fields)


def test_extras_that_are_not_read_are_named_in_order() -> None:
    assert unknown_extras(dict.fromkeys(EXTRA_NAMES)) == []
    assert unknown_extras({"time_zone": "UTC", "retries": 3, "timezone": "UTC"}) == [
        "retries",
        "time_zone",
    ]
