"""Ask a person on Airflow's page of required actions, and wait for the answer (3.3 and newer)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_jsms.api.masking import first_ten, mask_text, show
from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.submission.uncertain.question import about, is_shown, question_about

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.exceptions import JsmsUncertainError
    from airflow_provider_jsms.submission.uncertain.doubt import Doubt

_log = logging.getLogger(__name__)


def ask(
    context: Context,
    doubts: Sequence[Doubt],
    *,
    users: list[Any],
    timeout: timedelta | None,
    error: Exception,
) -> NoReturn:
    """Ask whether JSMS has accepted submissions; Airflow calls ``answered`` with the answer.

    :param error: raised if the question cannot be asked.
    """
    from airflow.sdk.exceptions import TaskAwaitingInput  # noqa: PLC0415  not before Airflow 3.3

    question = question_about(doubts)
    try:
        shown = _enter(context, {**question, "assigned_users": users})
    except Exception:  # noqa: BLE001  whatever it is, the doubt must not be lost for it
        _log.exception("The question to a person could not be asked")
        raise error  # noqa: B904  it has a cause of its own
    if not is_shown(question, shown):
        raise _not_asked(doubts)
    _log.warning("%s The task waits for the answer of a person: see Required Actions", error)
    raise TaskAwaitingInput(
        method_name="answered", kwargs={"about": about(doubts)}, timeout=timeout
    )


def _enter(context: Context, question: Mapping[str, Any]) -> dict[str, Any]:
    """Enter a question, and return the one that Airflow shows."""
    # As upsert_hitl_detail of the SDK does, which drops the reply.
    from airflow.sdk.execution_time import task_runner  # noqa: PLC0415
    from airflow.sdk.execution_time.comms import CreateHITLDetailPayload  # noqa: PLC0415

    message = CreateHITLDetailPayload(ti_id=context["ti"].id, **question)
    reply: Any = task_runner.SUPERVISOR_COMMS.send(message)
    return {"options": reply.options, "params": reply.params}


def _not_asked(doubts: Sequence[Doubt]) -> JsmsUncertainError:
    first, *others = doubts
    error = first.error(
        "Airflow 3.3 shows the first question of a task again, which was about other texts, so "
        f"the task does not ask.\n{first.otherwise}"
    )
    if others:
        names = first_ten(mask_text(doubt.key) for doubt in others)
        error.add(f"The same holds for the records {', '.join(names)}.")
    return error


def users_of(ask_users: object) -> list[Any]:
    """Return who may answer, as Airflow wants it.

    :param ask_users: ids of Airflow users, or ``{"id": ..., "name": ...}``; None for everybody.
    """
    given = [] if ask_users is None else ask_users
    if isinstance(given, list | tuple) and all(isinstance(each, str | Mapping) for each in given):
        users = [{"id": it, "name": it} if isinstance(it, str) else dict(it) for it in given]
        if all(set(user) == {"id", "name"} for user in users):
            return users
    raise JsmsInputError(
        f'ask_users {show(ask_users)} is no list of user ids or of {{"id": ..., "name": ...}}. '
        "Nothing was sent."
    )
