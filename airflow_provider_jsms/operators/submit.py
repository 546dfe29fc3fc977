"""The base of the operators that submit: the try of a task, and an unknown outcome."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.arguments import flag, period
from airflow_provider_jsms.exceptions import JsmsStoppedError, JsmsUncertainError
from airflow_provider_jsms.operators.asking import ask, users_of
from airflow_provider_jsms.operators.text_arguments import JsmsExcludingOperator
from airflow_provider_jsms.submission.airflow_version import CAN_ASK
from airflow_provider_jsms.submission.policy import Policy
from airflow_provider_jsms.submission.running_try import task_try_of
from airflow_provider_jsms.submission.uncertain.question import answer_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.operators.base import Templated
    from airflow_provider_jsms.submission.task_try import TaskTry
    from airflow_provider_jsms.submission.uncertain.doubt import Doubt
    from airflow_provider_jsms.submission.uncertain.question import Answer


class JsmsSubmitOperator(JsmsExcludingOperator):
    """The base of the operators that submit, and ask a person about an unknown outcome."""

    durable: bool | str = True
    once_key: Templated = None

    def __init__(
        self,
        *,
        on_uncertain: str = "fail",
        ask_users: Sequence[str | Mapping[str, str]] | None = None,
        ask_timeout: timedelta | float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.on_uncertain = on_uncertain
        self.ask_users = ask_users
        self.ask_timeout = ask_timeout
        self._answer: Answer | None = None
        self._is_stopped = False

    def answered(
        self, context: Context, event: Mapping[str, Any], about: Mapping[str, Mapping[str, str]]
    ) -> Any:  # noqa: ANN401  the result of the operator
        """Continue with the answer of a person."""
        self._answer = answer_of(event, about)
        return self._submit(context)

    def on_kill(self) -> None:
        """Stop before the next request; accepted schedules stay."""
        # Airflow calls this from a signal handler, and the interrupted code runs on after it.
        self._is_stopped = True

    def _submit(self, context: Context) -> Any:  # noqa: ANN401  the result of the operator
        """Submit, as far as earlier tries have not done so."""
        raise NotImplementedError

    def _policy(self, context: Context) -> Policy:
        return Policy(
            on_uncertain=self.on_uncertain,
            before_send=self._raise_if_stopped,
            may_ask=partial(self._may_ask, context),
            answer=self._answer,
        )

    def _raise_if_stopped(self) -> None:
        if self._is_stopped:
            raise JsmsStoppedError(
                "The task was stopped, so nothing more is sent. Accepted schedules stay."
            )

    @contextmanager
    def _asking(self, context: Context) -> Iterator[None]:
        """Ask a person about submissions with an unknown outcome, if the task may."""
        users, given = users_of(self.ask_users), self.ask_timeout
        timeout = None if given is None else period("ask_timeout", given)
        try:
            yield
        except JsmsUncertainError as error:
            doubts = [it for it in self._task_try(context).doubts if self._may_ask(context, it)]
            if doubts:
                ask(context, doubts, users=users, timeout=timeout, error=error)
            raise

    def _may_ask(self, context: Context, doubt: Doubt) -> bool:
        """Return whether to ask now: as the user wants it, or because somebody has cleared it."""
        task_try = self._task_try(context)
        has_record = self.once_key is not None or task_try.store is not None
        # Airflow 3.3 would show the first question of a try again.
        if not CAN_ASK or self._answer or not has_record or self._is_in_code(context):
            return False
        return self.on_uncertain == "ask" or (task_try.attempt.is_cleared and not doubt.has_sent)

    def _task_try(self, context: Context) -> TaskTry:
        durable = flag("durable", self.durable)
        return task_try_of(context, retries=self.retries or 0, durable=durable)

    def _is_task(self, context: Context) -> bool:
        # Otherwise the user's code executes this operator in a task of its own.
        task = context.get("task")
        return task is None or (task.task_id == self.task_id and type(task) is type(self))

    def _is_subclassed(self) -> bool:
        # The execute of a subclass may submit any number of times.
        return not type(self).execute.__module__.startswith(f"{__package__}.")

    def _is_in_code(self, context: Context) -> bool:
        """Return whether the user's code submits with it, possibly more than once."""
        return self._is_subclassed() or not self._is_task(context)
