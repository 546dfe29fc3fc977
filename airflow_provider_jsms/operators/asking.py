"""Ask a person on Airflow's page of required actions, and wait for the answer (3.3 and newer)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_jsms.api.masking import show
from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.submission.uncertain.question import about, question_about

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

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
    from airflow.sdk.execution_time.hitl import upsert_hitl_detail  # noqa: PLC0415

    question = question_about(doubts)
    try:
        upsert_hitl_detail(ti_id=context["ti"].id, **question, assigned_users=users)
    except Exception:  # noqa: BLE001  whatever it is, the doubt must not be lost for it
        _log.exception("The question to a person could not be asked")
        raise error  # noqa: B904  it has a cause of its own
    _log.warning("%s The task waits for the answer of a person: see Required Actions", error)
    raise TaskAwaitingInput(
        method_name="answered", kwargs={"about": about(doubts)}, timeout=timeout
    )


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
