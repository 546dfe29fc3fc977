"""What no document tells about JSMS, each as a switch with its possible answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints

from airflow_provider_jsms.sandbox.accept import NotAcceptedError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Switches:
    """The answers of this sandbox to the open questions; the first of each list is the default.

    :param msg_id_when: since when a query shows the ``msg_id`` of a recipient.
    :param msg_id_type: how it stands on the wire; both forms occur in the documents.
    :param msg_id_missing_as: how a ``msg_id`` that is not there yet looks in a query.
    :param query_deleted: what a query of a deleted schedule gets: a code, or the schedule.
    :param query_sent: the same for a schedule that was sent.
    :param delete_sent: the code for deleting a schedule that was sent.
    :param delete_deleted: the same for one that was deleted; ``ok`` is the answer of a success.
    :param all_failed_batch: what a batch gets when every recipient is refused: a schedule without
        recipients, an answer without ``schedule_id``, or the code of the first as an error.
    :param temp_para_missing_as: how an answer shows a recipient who was given none.
    :param failed_recipients_in_query: whether a query lists them, without ``msg_id``.
    :param cross_kind_modify: whether the single call may modify a batch and the reverse; refused
        with 50028.
    :param modify_returns: whether a modified schedule keeps its id; the old one is 50028 then.
    :param modify_without_sign_id: the signature of a schedule modified without ``sign_id``.
    :param modify_without_tag: the tag of a schedule modified without one.
    :param content_limit: the characters of a message with its signature; the documents name both.
    """

    msg_id_when: Literal["sent", "accepted"] = "sent"
    msg_id_type: Literal["string", "number"] = "string"
    msg_id_missing_as: Literal["absent", "null", "empty"] = "absent"
    query_deleted: Literal["50028", "50029", "record"] = "50028"
    query_sent: Literal["record", "50028", "50029"] = "record"
    delete_sent: Literal["50029", "50028"] = "50029"
    delete_deleted: Literal["50028", "50029", "ok"] = "50028"
    all_failed_batch: Literal["schedule_id", "no_schedule_id", "error"] = "schedule_id"
    temp_para_missing_as: Literal["absent", "null", "empty"] = "absent"
    failed_recipients_in_query: Literal["no", "yes"] = "no"
    cross_kind_modify: Literal["accept", "refuse"] = "accept"
    modify_returns: Literal["same_id", "new_id"] = "same_id"
    modify_without_sign_id: Literal["default", "kept"] = "default"
    modify_without_tag: Literal["none", "kept"] = "none"
    content_limit: Literal["500", "350"] = "500"

    def changed(self, changes: Mapping[str, object]) -> Switches:
        """Return a copy with some switches set; a value may be a text or a number.

        :raises NotAcceptedError: naming the known switches, or the values of the one.
        """
        values: dict[str, Any] = {name: str(value) for name, value in changes.items()}
        for name, value in values.items():
            if name not in ACCEPTED:
                raise NotAcceptedError(
                    f"switch {name!r} is not known; accepted: {', '.join(ACCEPTED)}"
                )
            if value not in ACCEPTED[name]:
                raise NotAcceptedError(
                    f"switch {name} must be {' or '.join(ACCEPTED[name])}, not {value!r}"
                )
        return replace(self, **values)

    def as_dict(self) -> dict[str, str]:
        """Return every switch with its value."""
        return asdict(self)


ACCEPTED: dict[str, tuple[str, ...]] = {
    name: get_args(values) for name, values in get_type_hints(Switches).items()
}
"""Every switch with its values, the default first."""
