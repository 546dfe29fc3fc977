"""A submission that is to be made: one text or one batch, with its fingerprint and its requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from airflow_provider_jsms.api import protocol
from airflow_provider_jsms.api.recipients import recipients_of
from airflow_provider_jsms.submission.chunks import digest as digest_of
from airflow_provider_jsms.submission.fingerprint import fingerprint, text_fingerprint
from airflow_provider_jsms.submission.records import is_whole
from airflow_provider_jsms.submission.refusals import to_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_jsms.api.bodies import BatchBody, SingleBody
    from airflow_provider_jsms.api.protocol import Call
    from airflow_provider_jsms.api.recipients import Recipient
    from airflow_provider_jsms.api.results import BatchResult, Schedule
    from airflow_provider_jsms.api.send_time import SendTime
    from airflow_provider_jsms.hooks.connection import JsmsSettings
    from airflow_provider_jsms.submission.fingerprint import Fingerprint

T = TypeVar("T")


class Sender(Protocol):
    """As much of the hook as a submission uses."""

    @property
    def settings(self) -> JsmsSettings:
        """What the Airflow connection says."""

    def send_call(self, call: Call[T], moment: SendTime) -> T:
        """Send a submission or modification and return its result."""

    def query_schedule(self, schedule_id: object) -> Schedule:
        """Return a schedule as JSMS knows it."""


@dataclass(frozen=True)
class Order:
    """What is to be submitted.

    :param call: the call in words, for errors.
    :param body: what is sent; of its recipients only a fingerprint is kept.
    :param people: the recipients, with their parameters.
    :param moment: its ``send_time``.
    :param request: the fingerprint of all that.
    :param text: stands for all that but its ``send_time``.
    :param submit: sends it and returns the outcome as the record keeps it.
    :param modify: replaces a schedule by it and returns the outcome.
    :param extra: what the record keeps beside.
    :param is_told_by: returns whether a record says what came of it.
    """

    call: str
    body: Mapping[str, Any] = field(repr=False)
    people: list[Recipient]
    moment: SendTime
    request: Fingerprint
    text: str
    submit: Callable[[], dict[str, Any]]
    modify: Callable[[str], dict[str, Any]]
    extra: Mapping[str, Any] = field(default_factory=dict)
    is_told_by: Callable[[Mapping[str, Any]], bool] = bool  # by any record that is not empty

    @property
    def about(self) -> dict[str, Any]:
        """What the record says to people."""
        return {
            "send_time": self.moment.wire,
            "send_time_utc": self.moment.utc,
            "temp_id": self.body["temp_id"],
            "recipients": len(self.people),
            **self.extra,
        }


def order_of_text(sender: Sender, body: SingleBody, moment: SendTime) -> Order:
    """Return the order for one text to one person."""
    people = recipients_of([{name: body.get(name) for name in ("mobile", "temp_para")}])
    call = protocol.submit_schedule(body)
    return Order(
        call=str(call),
        body=body,
        people=people,
        moment=moment,
        **_fingerprints(sender, body, people, digest_of(people)),
        submit=lambda: {"schedule_id": sender.send_call(call, moment)},
        modify=lambda known: {
            "schedule_id": sender.send_call(protocol.modify_schedule(known, body), moment)
        },
    )


def order_of_batch(
    sender: Sender,
    body: BatchBody,
    people: list[Recipient],
    moment: SendTime,
    *,
    digest: bytes,
    received: Callable[[BatchResult], object] = lambda _: None,
) -> Order:
    """Return the order for a batch of at most 1,000 people, who are those of its body.

    :param digest: of the people.
    :param received: called with the answer of JSMS, of which a record keeps less.
    """
    call = protocol.submit_batch_schedule(body)

    def send(call: Call[BatchResult]) -> dict[str, Any]:
        result = sender.send_call(call, moment)
        received(result)
        return to_record(result, people)

    return Order(
        call=str(call),
        body=body,
        people=people,
        moment=moment,
        **_fingerprints(sender, body, people, digest),
        submit=partial(send, call),
        modify=lambda known: send(protocol.modify_batch_schedule(known, body)),
        is_told_by=partial(is_whole, recipients=len(people)),
    )


def _fingerprints(
    sender: Sender, body: Mapping[str, Any], people: list[Recipient], digest: bytes
) -> dict[str, Any]:
    app_key, secret = sender.settings.app_key, sender.settings.master_secret
    return {
        "request": fingerprint(body, people, digest=digest, app_key=app_key, master_secret=secret),
        "text": text_fingerprint(body, digest, master_secret=secret),
    }
