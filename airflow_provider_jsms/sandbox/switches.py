"""Open questions of the API documentation, each a switch with its possible answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args, get_type_hints

from airflow_provider_jsms.sandbox.validation import one_of, validate


@dataclass(frozen=True, kw_only=True)
class Switches:
    """The behaviour of this sandbox where the documentation is silent or contradicts itself.

    :param msg_id_when: when a query starts to show the ``msg_id`` of a recipient.
    :param msg_id_type: its JSON type; the documents show both. A number is unlikely: the
        third-party Go client cannot read it.
    :param msg_id_missing_as: how a query shows a ``msg_id`` that does not exist yet.
    :param query_deleted: the response to a query for a deleted schedule: a code or the schedule.
    :param query_sent: the same for a sent schedule.
    :param delete_sent: the code for deleting a sent schedule.
    :param delete_deleted: the response to deleting a schedule twice; ``ok`` is a success.
    :param all_failed_batch: the response to a batch with every recipient refused: a schedule
        without recipients, a result without ``schedule_id``, or the first code as an error.
    :param temp_para_missing_as: how a response shows a recipient without parameters. Null is
        unlikely: the official Java client cannot read it.
    :param failed_recipients_in_query: whether a query lists refused recipients, without ``msg_id``.
    :param cross_kind_modify: whether the single call may modify a batch and the other way round;
        refused with 50028.
    :param modify_returns: whether a modified schedule keeps its id; the old one becomes 50028.
    :param modify_without_sign_id: the signature of a schedule modified without ``sign_id``.
    :param modify_without_tag: the tag of a schedule modified without one.
    :param unsubscribed: whether a person who has unsubscribed is refused marketing texts only, as
        the page about sending states, or all texts.
    :param verification_template: whether verification templates can be scheduled; refused with
        50025. Three vendors' examples schedule template 1, which is the verification template of
        every account.
    :param numeric_mobile: whether a number may be a JSON number, as in the batches of the official
        PHP client; refused with 50007.
    :param marketing_at_night: whether a marketing text outside 08:00 to 21:00, which the content
        rules forbid, is sent, refused with 50027, undelivered, or delayed to 08:00.
    :param frequency_limit_at: whether the frequency limit counts when a text is sent or accepted.
        An early version of the documents lists 50009 for schedules, later ones do not.
    :param dispatch_failure_report: whether a text that JSMS cannot hand to a carrier gets a row in
        the delivery reports; status 4005 suggests it.
    :param pull_limit: whether one call in five seconds is allowed of reports and of replies, or of
        both together.
    :param content_limit: maximum characters of a message with its signature.
    """

    msg_id_when: Literal["sent", "accepted"] = "sent"
    msg_id_type: Literal["string", "number"] = "string"
    msg_id_missing_as: Literal["absent", "null", "empty"] = "absent"
    query_deleted: Literal["50029", "50028", "record"] = "50029"
    query_sent: Literal["record", "50028", "50029"] = "record"
    delete_sent: Literal["50029", "50028"] = "50029"
    delete_deleted: Literal["50029", "50028", "ok"] = "50029"
    all_failed_batch: Literal["schedule_id", "no_schedule_id", "error"] = "schedule_id"
    temp_para_missing_as: Literal["absent", "null", "empty"] = "absent"
    failed_recipients_in_query: Literal["no", "yes"] = "no"
    cross_kind_modify: Literal["accept", "refuse"] = "accept"
    modify_returns: Literal["same_id", "new_id"] = "same_id"
    modify_without_sign_id: Literal["default", "kept"] = "default"
    modify_without_tag: Literal["none", "kept"] = "none"
    unsubscribed: Literal["marketing_refused", "all_refused"] = "marketing_refused"
    verification_template: Literal["accept", "refuse"] = "accept"
    numeric_mobile: Literal["accept", "refuse"] = "accept"
    marketing_at_night: Literal["send", "refuse", "undelivered", "delay"] = "send"
    frequency_limit_at: Literal["sending", "acceptance"] = "sending"
    dispatch_failure_report: Literal["row", "none"] = "row"
    pull_limit: Literal["per_call", "per_app_key"] = "per_call"
    content_limit: Literal["500", "350"] = "500"

    def updated(self, given: object) -> Switches:
        """Return a copy with some switches changed; a value may be a string or a number.

        :raises InvalidInputError: naming the valid switches or values.
        """
        if isinstance(given, dict):
            given = {name: str(value) for name, value in given.items()}
        return replace(self, **validate(given, _CHECKS))

    def as_dict(self) -> dict[str, str]:
        """Return every switch with its value."""
        return asdict(self)


VALUES: dict[str, tuple[str, ...]] = {
    name: get_args(values) for name, values in get_type_hints(Switches).items()
}
"""The valid values of every switch, the default first."""
_CHECKS = {name: one_of(*values) for name, values in VALUES.items()}
