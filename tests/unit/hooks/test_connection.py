"""The settings of an Airflow connection, from every source: form, URI, JSON, environment."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.exceptions import JsmsSettingsError
from airflow_provider_jsms.get_provider_info import CONN_FIELDS, DEFAULT_HOST
from airflow_provider_jsms.hooks.connection import read_settings, settings_of
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
    """Return the text of the error, after the checks that hold for all of them."""
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
    settings = read(dict.fromkeys(CONN_FIELDS, unset), host=unset, schema=unset, port=unset)
    assert settings == read()
    assert settings.base_url == DEFAULT_HOST == "https://api.sms.jpush.cn"
    assert (settings.app_key, settings.master_secret) == (APP_KEY, MASTER_SECRET)
    assert settings.basic_token == BASIC_TOKEN
    assert str(settings.zone) == "Asia/Shanghai"
    assert (settings.connect_timeout, settings.read_timeout) == (5.0, 30.0)
    assert settings.max_attempts == 3
    assert settings.ca_bundle == ""
    assert not settings.is_plain_http


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        *(("connect_timeout", given, 7.0) for given in (7, 7.0, "7", " 7.0 ")),
        *(("read_timeout", given, 0.5) for given in (0.5, "0.5")),
        *(("max_attempts", given, 10) for given in (10, 10.0, "10")),
        ("ca_bundle", __file__, __file__),
    ],
)
def test_an_extra_is_converted(name: str, given: object, expected: object) -> None:
    value = getattr(read({name: given}), name)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    "given", [0, "0", 0.09, -1, 301, "inf", "nan", float("nan"), "five", "5s", "5,0", [], {"a": 5}]
)
def test_a_timeout_is_a_number_in_bounds(given: object) -> None:
    text = refusal_of({"read_timeout": given})
    assert "The extra 'read_timeout' of the Airflow connection is " in text
    assert "accepted is a number from 0.1 to 300." in text


@pytest.mark.parametrize("given", [0, 11, 1.5, "2.5", "three", []])
def test_attempts_are_a_count(given: object) -> None:
    assert "accepted is a whole number from 1 to 10." in refusal_of({"max_attempts": given})


def test_the_zone_is_settable() -> None:
    assert str(read({"timezone": "Europe/Berlin"}).zone) == "Europe/Berlin"


@pytest.mark.parametrize("name", ["Nowhere", " ", "+08:00", "UTC+8", 8, ["UTC"]])
def test_an_unknown_zone_is_refused_with_an_example(name: object) -> None:
    assert "accepted is a name such as Asia/Shanghai" in refusal_of({"timezone": name})


@pytest.mark.parametrize(
    ("host", "schema", "port", "base_url"),
    [
        ("api.sms.jpush.cn", None, None, "https://api.sms.jpush.cn"),
        ("api.sms.jpush.cn", "https", 8443, "https://api.sms.jpush.cn:8443"),
        ("proxy.example:8443", None, "8443", "https://proxy.example:8443"),
        ("proxy.example/jsms", None, 8443, "https://proxy.example:8443/jsms"),
        ("https://api.sms.jpush.cn/", "https", None, "https://api.sms.jpush.cn"),
        (
            "https://proxy.example:8443/base/path/",
            None,
            None,
            "https://proxy.example:8443/base/path",
        ),
        ("HTTPS://proxy.example", "https", None, "https://proxy.example"),
        ("[2001:db8::1]", None, 8443, "https://[2001:db8::1]:8443"),
        ("http://localhost:8025/", "http", 8025, "http://localhost:8025"),
        ("127.0.0.1", "http", "8025", "http://127.0.0.1:8025"),
        ("http://[::1]:8025", None, None, "http://[::1]:8025"),
        ("localhost", None, 65535, "https://localhost:65535"),
    ],
)
def test_host_schema_and_port_make_a_base_url(
    host: str, schema: object, port: object, base_url: str
) -> None:
    settings = read(host=host, schema=schema, port=port)
    assert settings.base_url == base_url
    assert settings.is_plain_http is base_url.startswith("http:")


@pytest.mark.parametrize(
    "host",
    [
        *("api.sms.jpush.cn", "10.0.0.1", "0.0.0.0", "[2001:db8::1]"),  # noqa: S104
        *("localhost.example.com", "127.0.0.1.example.com", "notlocalhost", "[::ffff:10.0.0.1]"),
    ],
)
def test_plain_http_goes_to_this_machine_only(host: str) -> None:
    for fields in ({"host": f"http://{host}/"}, {"host": host, "schema": "http"}):
        assert "would expose the credentials" in refusal_of(**fields)


@pytest.mark.parametrize("flag", [True, "true", "True", "1", 1])
def test_plain_http_to_a_sandbox_elsewhere_must_be_allowed(flag: object) -> None:
    settings = read({"allow_http": flag}, host="http://jsms-sandbox:8025")
    assert (settings.base_url, settings.is_plain_http) == ("http://jsms-sandbox:8025", True)
    for other in (None, "", False, "false", "0"):
        text = refusal_of({"allow_http": other}, host="http://jsms-sandbox:8025")
        assert "http to a sandbox with allow_http" in text


@pytest.mark.parametrize(
    "host",
    ["api.sms.jpush.cn", "API.SMS.JPUSH.CN", "api.sms.jpush.cn.", "jpush.cn", "a.jiguang.cn"],
)
def test_plain_http_to_jsms_itself_is_never_allowed(host: str) -> None:
    for fields in ({"host": f"http://{host}/"}, {"host": host, "schema": "http"}):
        text = refusal_of({"allow_http": True}, **fields)
        assert "accepted is https, which allow_http does not change for JSMS itself" in text
    assert read({"allow_http": True}, host="http://api.sms.jpush.cn.example:80").is_plain_http


@pytest.mark.parametrize("given", ["yes", 2, [], {"a": True}])
def test_allow_http_is_true_or_false(given: object) -> None:
    text = refusal_of({"allow_http": given})
    assert "The extra 'allow_http' of the Airflow connection is " in text
    assert "accepted is true or false." in text


@pytest.mark.parametrize(
    ("host", "warned"),
    [("http://jsms-sandbox:8025", 1), ("http://localhost:8025", 0), ("https://jsms-sandbox", 0)],
)
def test_each_task_warns_of_plain_http(
    host: str, warned: int, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {"host": host, "login": APP_KEY, "password": MASTER_SECRET, "schema": "", "port": None}
    connection: Any = SimpleNamespace(conn_id="sandbox", extra='{"allow_http": true}', **fields)
    settings_of(connection)
    shown = [record.getMessage() for record in caplog.records]
    assert len(shown) == warned
    assert all(f"unencrypted to {host}, because of its extra allow_http" in one for one in shown)


@pytest.mark.parametrize(
    "host",
    [
        *("http://127.0.0.1@example.com", "http://localhost:80@example.com"),
        f"https://{APP_KEY}:{MASTER_SECRET}@api.sms.jpush.cn",
        f"https://api.sms.jpush.cn?secret={MASTER_SECRET}",
        f"https://api.sms.jpush.cn/#{MASTER_SECRET}",
        *("https://", "https://:8443", "ftp://api.sms.jpush.cn", "https://api:x", "https://a\\b"),
        *(" api.sms.jpush.cn", "api.sms.jpush.cn\n", "a b", "接口.cn", "::1", "//api", "<host>"),
    ],
)
def test_a_host_that_is_no_address_is_refused(host: str) -> None:
    assert "The host of the Airflow connection is" in refusal_of(host=host)


@pytest.mark.parametrize(
    ("host", "schema"),
    [
        ("https://localhost", "http"),
        ("http://localhost", "https"),
        ("https://api.sms.jpush.cn", "ftp"),
    ],
)
def test_a_schema_that_contradicts_the_host_is_refused(host: str, schema: str) -> None:
    assert "The schema of the Airflow connection is" in refusal_of(host=host, schema=schema)


@pytest.mark.parametrize(
    ("host", "port"), [("api", 0), ("api", 65536), ("api", -1), ("api:0", None), ("api:80", 8025)]
)
def test_a_port_out_of_range_or_of_another_host_is_refused(host: str, port: object) -> None:
    assert "The port of the Airflow connection is" in refusal_of(host=host, port=port)


@pytest.mark.parametrize("fields", [{"port": 8025}, {"schema": "http"}])
def test_a_port_or_schema_without_a_host_is_no_call_to_the_real_service(
    fields: dict[str, Any],
) -> None:
    # Port 8025 alone means a sandbox.
    assert "empty although schema or port is set" in refusal_of(**fields)


@pytest.mark.parametrize("value", [None, ""])
def test_missing_credentials_are_named(value: object) -> None:
    assert "The login (the app key) of the Airflow connection is empty" in refusal_of(login=value)
    assert "The password (the master secret) of" in refusal_of(password=value)


@pytest.mark.parametrize("name", ["login", "password"])
@pytest.mark.parametrize("spoil", [" {}", "{}\n", "{}:x", "{}é", "{}\u200b"])
def test_spoilt_credentials_are_refused_and_never_shown(name: str, spoil: str) -> None:
    text = refusal_of(**{name: spoil.format(MASTER_SECRET)})
    assert f"The {name} (" in text
    assert "accepted is the one that the JSMS console shows" in text


def test_the_secret_is_in_no_repr() -> None:
    settings = read()
    assert MASTER_SECRET not in f"{settings!r} {settings} {replace(settings, max_attempts=1)!r}"
    assert DEFAULT_HOST in repr(settings)


@pytest.mark.parametrize("extra", ["not JSON", '["timezone"]', "5"])
def test_extras_are_a_json_object(extra: str) -> None:
    # Airflow would go on with an empty one, and so with another time zone.
    connection: Any = SimpleNamespace(conn_id="jsms_default", extra=extra)
    with pytest.raises(JsmsSettingsError, match="is not a JSON object"):
        settings_of(connection)
