"""Every switch, with each of its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.sandbox.switches import VALUES, Switches
from airflow_provider_jsms.sandbox.validation import InvalidInputError
from tests.people import ANNA, BEN, CANARY
from tests.unit.sandbox.client import ok, refusal

if TYPE_CHECKING:
    from requests import Response

    from airflow_provider_jsms.sandbox.control import SandboxControl
    from tests.unit.sandbox.client import Client

NOBODY = {"mobile": "1"}


def outcome(response: Response) -> str:
    """Return the code of a refusal, ``record`` for a schedule, ``ok`` for an empty success."""
    if response.status_code != 200:
        return str(refusal(response)[1])
    return "record" if response.content else "ok"


def msg_ids(client: Client, schedule_id: str) -> list[Any]:
    people = ok(client.query(schedule_id))["recipients"]
    return [person.get("msg_id", "absent") for person in people]


@pytest.mark.parametrize("when", VALUES["msg_id_when"])
def test_msg_id_when(client: Client, control: SandboxControl, when: str) -> None:
    control.switch(msg_id_when=when)
    schedule_id = client.submitted()
    before = msg_ids(client, schedule_id)
    assert (before == ["absent"]) == (when == "sent")
    control.advance(3601)
    after = msg_ids(client, schedule_id)
    assert after != ["absent"]
    assert after == [control.messages()[0]["msg_id"]]
    assert when == "sent" or before == after


@pytest.mark.parametrize(("form", "kind"), [("string", str), ("number", int)])
def test_msg_id_type(client: Client, control: SandboxControl, form: str, kind: type) -> None:
    control.switch(msg_id_type=form, msg_id_when="accepted")
    assert [type(msg_id) for msg_id in msg_ids(client, client.submitted())] == [kind]


@pytest.mark.parametrize(("form", "shown"), [("absent", "absent"), ("null", None), ("empty", "")])
def test_msg_id_missing_as(
    client: Client, control: SandboxControl, form: str, shown: str | None
) -> None:
    control.switch(msg_id_missing_as=form)
    assert msg_ids(client, client.submitted()) == [shown]


@pytest.mark.parametrize(
    ("form", "shown"),
    [("absent", {}), ("null", {"temp_para": None}), ("empty", {"temp_para": {}})],
)
def test_temp_para_missing_as(
    client: Client, control: SandboxControl, form: str, shown: dict[str, Any]
) -> None:
    control.switch(temp_para_missing_as=form, failed_recipients_in_query="yes")
    given = {"mobile": BEN, "temp_para": {"name": f"{CANARY}-Ben"}}
    answer = ok(client.submit_batch({"mobile": ANNA}, given, NOBODY))
    [failure] = answer["failure_recipients"]
    reason = {"error_code": "50006", "error_message": "invalid mobile"}
    assert failure == {**reason, **NOBODY, **shown}
    people = ok(client.query(answer["schedule_id"]))["recipients"]
    assert people == [{"mobile": ANNA, **shown}, given, {**NOBODY, **shown}]


@pytest.mark.parametrize("expected", VALUES["query_deleted"])
def test_query_deleted(client: Client, control: SandboxControl, expected: str) -> None:
    control.switch(query_deleted=expected)
    schedule_id = client.submitted()
    client.delete(schedule_id)
    assert outcome(client.query(schedule_id)) == expected


@pytest.mark.parametrize("expected", VALUES["query_sent"])
def test_query_sent(client: Client, control: SandboxControl, expected: str) -> None:
    control.switch(query_sent=expected)
    schedule_id = client.submitted()
    control.advance(3601)
    assert outcome(client.query(schedule_id)) == expected


@pytest.mark.parametrize("expected", VALUES["delete_sent"])
def test_delete_sent(client: Client, control: SandboxControl, expected: str) -> None:
    control.switch(delete_sent=expected)
    schedule_id = client.submitted()
    control.advance(3601)
    assert outcome(client.delete(schedule_id)) == expected
    assert control.state()["schedules"][0]["status"] == "sent"


@pytest.mark.parametrize("expected", VALUES["delete_deleted"])
def test_delete_deleted(client: Client, control: SandboxControl, expected: str) -> None:
    control.switch(delete_deleted=expected)
    schedule_id = client.submitted()
    assert outcome(client.delete(schedule_id)) == "ok"
    assert outcome(client.delete(schedule_id)) == expected


def test_all_failed_batch_is_a_schedule(client: Client, control: SandboxControl) -> None:
    answer = ok(client.submit_batch(NOBODY, NOBODY))
    assert (answer["success_count"], answer["failure_count"]) == (0, 2)
    assert ok(client.query(answer["schedule_id"]))["recipients"] == []
    control.advance(3601)
    assert control.messages() == []


def test_all_failed_batch_is_none(client: Client, control: SandboxControl) -> None:
    control.switch(all_failed_batch="no_schedule_id")
    answer = ok(client.submit_batch(NOBODY))
    assert answer.keys() == {"success_count", "failure_count", "failure_recipients"}
    assert control.state()["schedules"] == []
    schedule_id = client.submitted_batch({"mobile": ANNA})
    assert "schedule_id" not in ok(client.modify_batch(schedule_id, NOBODY))
    assert ok(client.query(schedule_id))["recipients"] == [{"mobile": ANNA}]


def test_all_failed_batch_is_an_error(client: Client, control: SandboxControl) -> None:
    control.switch(all_failed_batch="error")
    assert refusal(client.submit_batch(NOBODY)) == (403, 50006)
    assert control.state()["schedules"] == []


@pytest.mark.parametrize("listed", VALUES["failed_recipients_in_query"])
def test_failed_recipients_in_query(client: Client, control: SandboxControl, listed: str) -> None:
    control.switch(failed_recipients_in_query=listed)
    schedule_id = client.submitted_batch({"mobile": ANNA}, NOBODY)
    control.advance(3601)
    people = ok(client.query(schedule_id))["recipients"]
    assert people[0]["mobile"] == ANNA
    assert people[1:] == ([NOBODY] if listed == "yes" else [])


@pytest.mark.parametrize("answer", VALUES["cross_kind_modify"])
def test_cross_kind_modify(client: Client, control: SandboxControl, answer: str) -> None:
    control.switch(cross_kind_modify=answer)
    expected = "record" if answer == "accept" else "50028"
    single, batch = client.submitted(), client.submitted_batch({"mobile": ANNA})
    assert outcome(client.modify(single)) == "record"
    assert outcome(client.modify_batch(batch, {"mobile": ANNA})) == "record"
    assert outcome(client.modify(batch)) == expected
    assert outcome(client.modify_batch(single, {"mobile": BEN})) == expected
    kinds = [schedule["kind"] for schedule in control.state()["schedules"]]
    assert kinds == (["batch", "single"] if answer == "accept" else ["single", "batch"])


def test_modify_returns_a_new_id(client: Client, control: SandboxControl) -> None:
    control.switch(modify_returns="new_id")
    old = client.submitted()
    new = ok(client.modify(old, mobile=BEN))["schedule_id"]
    assert refusal(client.query(old)) == (403, 50028)
    assert ok(client.query(new))["schedule_id"] == new
    newest = ok(client.modify_batch(new, {"mobile": BEN}))["schedule_id"]
    control.advance(3601)
    assert [message["schedule_id"] for message in control.messages()] == [newest]


@pytest.mark.parametrize(("value", "sign_id"), [("default", 1), ("kept", 2)])
def test_modify_without_sign_id(
    client: Client, control: SandboxControl, value: str, sign_id: int
) -> None:
    control.switch(modify_without_sign_id=value)
    schedule_id = client.submitted(sign_id=2)
    client.modify(schedule_id, temp_id=2, temp_para={"name": f"{CANARY}-Anna"})
    batch = client.submitted_batch({"mobile": ANNA}, sign_id=2)
    client.modify_batch(batch, {"mobile": BEN})
    assert [one["sign_id"] for one in control.state()["schedules"]] == [sign_id, sign_id]


@pytest.mark.parametrize(("value", "tag"), [("none", None), ("kept", "spring")])
def test_modify_without_tag(
    client: Client, control: SandboxControl, value: str, tag: str | None
) -> None:
    control.switch(modify_without_tag=value)
    people = [{"mobile": ANNA}]
    schedule_id = client.submitted_batch(*people, tag="spring")
    client.modify_batch(schedule_id, *people)
    other = client.submitted_batch(*people, tag="spring")
    client.modify_batch(other, *people, tag="autumn")
    assert [one["tag"] for one in control.state()["schedules"]] == [tag, "autumn"]


def test_numbers_are_taken_as_texts() -> None:
    assert Switches().updated({"query_sent": 50029}).query_sent == "50029"


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"msg_id_wen": "sent"}, "msg_id_when"), ({"query_sent": "404"}, "record or 50028 or 50029")],
)
def test_an_unknown_switch_or_value_names_the_known_ones(
    control: SandboxControl, changes: dict[str, str], named: str
) -> None:
    before = control.state()["switches"]
    with pytest.raises(InvalidInputError, match=named):
        control.switch(**changes)
    assert control.state()["switches"] == before


def test_defaults_are_the_first_values() -> None:
    assert Switches().as_dict() == {name: values[0] for name, values in VALUES.items()}
