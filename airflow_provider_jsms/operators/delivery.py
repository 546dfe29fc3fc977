"""The operators that read delivery reports and replies into a file."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.arguments import flag
from airflow_provider_jsms.operators.base import JsmsOperator
from airflow_provider_jsms.operators.rendering import require_task_run
from airflow_provider_jsms.submission.records.fingerprint import account_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_jsms.hooks.jsms import JsmsHook
    from airflow_provider_jsms.operators.base import Templated
    from airflow_provider_jsms.submission.delivery.drain import Drain


class JsmsFetchRepliesOperator(JsmsOperator):
    """Read the replies of people into a JSON Lines file.

    JSMS hands out each row once, to the first reader, at most 500 in five seconds, and not at all
    while a callback is set in its console. So let one task per app key read, in an Airflow pool
    with one slot (``pool="jsms_clinic"``). One run of a DAG reads at a time; in a mapped task only
    the pool limits that.

    Each line is ``{"phone", "replyTime", "content", "read_at"}`` as JSMS sends it, with the full
    number and the time (UTC) of the reading; a row that is not of the documented form is
    ``{"unreadable": row, "read_at": ...}``. Rows are appended, and each page is durable before the
    next is read. A worker that is killed between the two loses that page, and the reply to a failed
    attempt is lost too, which is logged and counted. The task ends with a page that is not full.

    Returns ``{"rows": n, "pages": n, "unreadable": n, "lost_pages": n, "output": ...}``, the counts
    of this try; each is also an XCom of its own. A task that fails pushes them too. The log never
    has a number or a text.

    :param output: the path of a ``.jsonl`` file on the worker, in a folder that exists, or a URI
        such as ``s3://connection@bucket/{{ ds }}/replies.jsonl``, where each page is an object
        beside it until the end. There every run reads and writes the whole file: give each day, or
        run, its own. No two tasks may write the same file (templated). Airflow finds no upstream
        task in ``.partial(output=upstream.output)``: also write ``upstream >> task``.
    :param jsms_conn_id: the Airflow connection (templated).
    :raises JsmsInputError: an argument is invalid; nothing was read.
    :raises JsmsAccountError: 50202, usually because a callback is set; nothing was read.
    :raises JsmsFrequencyError: 50201, another task or program reads too.
    :raises JsmsOutputError: the file cannot be written; the text says whether rows are lost.
    """

    template_fields: Sequence[str] = ("output_path", "jsms_conn_id")

    def __init__(self, *, output: Templated, **kwargs: Any) -> None:
        kwargs.setdefault("multiple_outputs", True)
        # Two runs at once would share the rows between them.
        kwargs.setdefault("max_active_tis_per_dag", 1)
        super().__init__(**kwargs)
        # `output` of an operator is the XComArg of its result. Airflow renders no path objects.
        self.output_path = str(output) if isinstance(output, PurePath) else output

    def execute(self, context: Context) -> dict[str, Any]:
        """Read all pages."""
        require_task_run(context)
        with self._plain_hook() as hook:
            drain = self._drain(hook, context)
            with self._results_kept(context, drain.result):
                try:
                    drain.run()
                finally:
                    drain.log()
        return drain.result()

    def _drain(self, hook: JsmsHook, context: Context) -> Drain:
        # A DAG file needs none of it.
        from airflow_provider_jsms.submission.delivery.drain import Drain  # noqa: PLC0415
        from airflow_provider_jsms.submission.delivery.output_file import output_of  # noqa: PLC0415

        del context
        return Drain(hook.fetch_replies, output_of(self.output_path))


class JsmsFetchReportsOperator(JsmsFetchRepliesOperator):
    """Read the delivery reports of texts into a JSON Lines file.

    It works as :class:`JsmsFetchRepliesOperator` does, and JSMS keeps reports for three days. Each
    line is ``{"msgId", "phone", "receiveTime", "status", "read_at"}``, where ``msgId`` is the
    msg_id of the sensor, a string, and ``receiveTime`` is in milliseconds. The result also has
    ``by_status``, such as ``{"4001": 98, "4004": 2}``;
    :data:`airflow_provider_jsms.api.statuses.STATUSES` has their meaning.

    :param save_to_ledger: also write the status of each msg_id, without the number, into the table
        ``<ledger_table>_reports`` of the ledger. Needs the extra ``ledger_conn_id`` of the
        connection (templated).
    :raises JsmsLedgerError: the ledger cannot be written; a retry writes it from the file.

    The other arguments and errors are those of :class:`JsmsFetchRepliesOperator`.
    """

    template_fields = (*JsmsFetchRepliesOperator.template_fields, "save_to_ledger")

    def __init__(self, *, save_to_ledger: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.save_to_ledger = save_to_ledger

    def _drain(self, hook: JsmsHook, context: Context) -> Drain:
        from airflow_provider_jsms.submission.delivery.drain import ReportDrain  # noqa: PLC0415
        from airflow_provider_jsms.submission.delivery.output_file import output_of  # noqa: PLC0415

        is_saved = flag("save_to_ledger", self.save_to_ledger)
        return ReportDrain(
            hook.fetch_reports,
            output_of(self.output_path),
            hook.require_ledger("save_to_ledger") if is_saved else None,
            app=account_of(hook.settings).app,
            zone=hook.settings.zone,
            is_retry=context["ti"].try_number > 1,
        )
