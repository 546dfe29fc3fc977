"""The bases of the operators that submit or modify: the arguments of a text, of one and of many."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_jsms.api.arguments import choice
from airflow_provider_jsms.api.codes import INVALID_SEND_TIME
from airflow_provider_jsms.exceptions import JsmsPastSendTimeError, JsmsRequestError
from airflow_provider_jsms.operators.base import JsmsOperator
from airflow_provider_jsms.submission.lists.chunks import survey
from airflow_provider_jsms.submission.lists.recipients_file import excluded_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.operators.base import Templated
    from airflow_provider_jsms.submission.lists.chunks import Survey


class JsmsTextOperator(JsmsOperator):
    """The base of the operators that submit or modify."""

    _arguments: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        *,
        send_time: Templated,
        temp_id: Templated,
        sign_id: Templated = None,
        on_past_send_time: str = "fail",
        send_window: Templated = None,
        on_outside_window: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.send_time = send_time
        self.temp_id = temp_id
        self.sign_id = sign_id
        self.on_past_send_time = on_past_send_time
        self.send_window = send_window
        self.on_outside_window = on_outside_window

    def _timing(self) -> dict[str, Any]:
        names = ("send_time", "send_window", "on_outside_window")
        return {name: getattr(self, name) for name in names}

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._arguments}

    @contextmanager
    def _skipping_past_send_time(
        self, *, may_be_done: bool = False, is_begun: Callable[[], bool] = lambda: False
    ) -> Iterator[None]:
        """Skip the task instead of failing, if the user wants that, where ``send_time`` has passed.

        :param may_be_done: an earlier try may have succeeded: never skip.
        :param is_begun: returns whether a part is submitted: never skip then either.
        """
        skips = choice("on_past_send_time", self.on_past_send_time, ("fail", "skip")) == "skip"
        try:
            yield
        except (JsmsPastSendTimeError, JsmsRequestError) as error:
            is_past = getattr(error, "code", INVALID_SEND_TIME) == INVALID_SEND_TIME
            if not is_past or is_begun():
                raise
            if may_be_done:
                error.add(
                    "This is not the first try: an earlier one may have modified the schedule in "
                    "time. Check in the JSMS console what was sent."
                )
            elif skips:
                raise AirflowSkipException(
                    f"{error} Skipped, because on_past_send_time is 'skip'."
                ) from error
            else:
                error.add("Choose a later time, or set on_past_send_time='skip' to skip late runs.")
            raise


class JsmsExcludingOperator(JsmsOperator):
    """The base of the operators that leave numbers out."""

    def __init__(self, *, exclude: Templated = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.exclude = exclude


class JsmsSingleOperator(JsmsTextOperator):
    """The base of the operators for one person."""

    _arguments = ("mobile", "temp_id", "sign_id", "temp_para")
    template_fields: Sequence[str] = (
        *("send_time", *_arguments),
        *("on_past_send_time", "send_window", "on_outside_window", "jsms_conn_id"),
    )

    def __init__(self, *, mobile: Templated, temp_para: Templated = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mobile = mobile
        self.temp_para = temp_para


class JsmsBatchOperator(JsmsExcludingOperator, JsmsTextOperator):
    """The base of the operators for a list of people."""

    _arguments = ("temp_id", "sign_id", "tag")
    template_fields: Sequence[str] = (
        *("send_time", "recipients", "columns", "exclude", *_arguments),
        *("max_failures", "on_past_send_time", "send_window", "on_outside_window", "jsms_conn_id"),
    )

    def __init__(
        self,
        *,
        recipients: Templated,
        columns: Templated = None,
        tag: Templated = None,
        max_failures: int | str = 0,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**kwargs)
        self.recipients = recipients
        self.columns = columns
        self.tag = tag
        self.max_failures = max_failures

    def _survey(self, source: Source) -> Survey:
        # Read once, so that both readings of the recipients leave out the same people.
        known = survey(source, excluded_numbers(self.exclude))
        if known.excluded:
            self.log.info("%d entries of recipients are left out by exclude", known.excluded)
        if known.repeated:
            self.log.info("%d repeated entries of recipients are left out", known.repeated)
        return known
