"""A connection as a person makes it in the form of Airflow, and what its Test button says."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from airflow_provider_jsms.get_provider_info import CONN_FIELDS, PLACEHOLDERS, RELABELING
from airflow_provider_jsms.quickstart.settings import HOST
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.e2e.browser.visitor import Visitor
    from tests.stack.rest import AirflowRest
    from tests.stack.sandbox import RunningSandbox


@pytest.fixture
def made(rest: AirflowRest) -> Iterator[Callable[[str], str]]:
    """Return a function that remembers the id of a connection, to delete it in the end."""
    made: list[str] = []

    def remember(conn_id: str) -> str:
        made.append(conn_id)
        return conn_id

    yield remember
    for conn_id in made:
        rest._call("DELETE", f"/connections/{conn_id}", accept=(404,))


def new_connection(visitor: Visitor, conn_id: str) -> Locator:
    """Open the form of a new connection and choose the type; return the form."""
    visitor.open("/connections")
    visitor.page.get_by_role("button", name="Add Connection").first.click()
    form = visitor.page.get_by_role("dialog")
    form.locator("[name=connection_id]").fill(conn_id)
    form.get_by_role("combobox").first.click()
    visitor.page.keyboard.type("JSMS")
    visitor.page.get_by_role("option", name="JSMS (Jiguang SMS)").click()
    return form


def fill_in(form: Locator, sandbox: RunningSandbox, **changed: str) -> None:
    """Fill in the fields of the sandbox, by the bare name of its host."""
    port = str(urlsplit(sandbox.url).port)
    fields = {"host": HOST, "schema": "http", "port": port, "login": DEFAULT_APP_KEY}
    for name, value in {**fields, "password": DEFAULT_MASTER_SECRET, **changed}.items():
        form.locator(f"[name={name}]").fill(value)


def save_and_test(visitor: Visitor, form: Locator, conn_id: str) -> None:
    form.get_by_role("button", name="Save").click()
    row = visitor.page.get_by_role("row").filter(has_text=conn_id)
    row.get_by_role("button", name="Test Connection").click()


def test_the_form_shows_labels_defaults_and_help(visitor: Visitor) -> None:
    form = new_connection(visitor, "shown")
    for label in RELABELING.values():
        expect(form.get_by_text(label)).to_be_visible()
    for name, placeholder in PLACEHOLDERS.items():
        expect(form.locator(f"[name={name}]")).to_have_attribute("placeholder", placeholder)
    expect(form.locator("[name=password]")).to_have_attribute("type", "password")
    form.get_by_text("Extra Fields", exact=True).click()
    for name, field in CONN_FIELDS.items():
        expect(form.get_by_text(field["label"], exact=True)).to_be_visible()
        expect(form.get_by_text(field["description"], exact=True)).to_be_visible()
        if "boolean" in field["schema"]["type"]:
            continue  # a switch, which has no value to compare
        box = form.locator(f"[name=element_{name}]")
        expect(box).to_have_value(f"{field['schema'].get('default', '')}")
        if "maximum" in field["schema"]:
            box.fill("999")
            box.blur()
            expect(box).to_have_value(f"{field['schema']['maximum']}")


def test_a_connection_that_works_tells_the_balance(
    visitor: Visitor,
    running_sandbox: RunningSandbox,
    sandbox: SandboxControl,
    rest: AirflowRest,
    made: Callable[[str], str],
) -> None:
    sandbox.account(balance=4711)
    form = new_connection(visitor, made("by_hand"))
    fill_in(form, running_sandbox)
    save_and_test(visitor, form, "by_hand")
    visitor.see("The credentials work. Balance: app_balance 4711")
    assert visitor.private() == []
    (stored,) = [each for each in rest.connections() if each["connection_id"] == "by_hand"]
    assert (stored["conn_type"], stored["schema"]) == ("jsms", "http")


def test_a_mistake_is_told_with_what_to_do(
    visitor: Visitor,
    running_sandbox: RunningSandbox,
    sandbox: SandboxControl,
    made: Callable[[str], str],
) -> None:
    form = new_connection(visitor, made("wrong"))
    fill_in(form, running_sandbox, password="another00000000000000000")
    save_and_test(visitor, form, "wrong")
    visitor.see("the app key or the master secret is wrong. Compare login and password")
    assert visitor.private() == []
    assert "another00000000000000000" not in visitor.text()
