"""The command ``python -m airflow_provider_jsms``: what the ledger of a connection holds."""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.get_provider_info import DEFAULT_CONN_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_jsms.submission.records.ledger_rows import Row
    from airflow_provider_jsms.submission.records.sql_ledger import SqlLedger

_SHOWN: Final = ("state", "send_time", "recipients", "schedule_id", "updated_at", "record_key")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command on the ledger.

    :param arguments: by default those of the command line.
    :raises SystemExit: it failed; the text says why.
    """
    options = _parser().parse_args(arguments)
    # Airflow 3 hands the connections of its database to processes of this kind only.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    # Airflow, which --help need not wait for.
    from airflow_provider_jsms.exceptions import JsmsError  # noqa: PLC0415
    from airflow_provider_jsms.hooks.jsms import JsmsHook  # noqa: PLC0415
    from airflow_provider_jsms.submission.records.fingerprint import account_of  # noqa: PLC0415
    from airflow_provider_jsms.submission.records.stores import RecordTakenError, StoreAwayError  # noqa: PLC0415

    try:
        with JsmsHook(options.conn_id) as hook:
            app = account_of(hook.settings).app
            options.run(hook.require_ledger("This command"), app, options)
    except (JsmsError, RecordTakenError, StoreAwayError) as error:
        sys.exit(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_jsms",
        description="List, show and purge the records in the ledger of a JSMS connection.",
    )
    parser.add_argument("--conn-id", default=DEFAULT_CONN_ID, help=f"default: {DEFAULT_CONN_ID}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list the newest records")
    listing.add_argument("--state", help="those in this state only, such as sending")
    listing.add_argument("--limit", type=int, default=100, help="at most so many (default: 100)")
    listing.set_defaults(run=_list)
    showing = commands.add_parser("show", help="show a record in full")
    showing.set_defaults(run=_show)
    releasing = commands.add_parser(
        "not-there", help="write that JSMS has nothing of an uncertain record: it is sent again"
    )
    releasing.set_defaults(run=_not_there)
    for command in (showing, releasing):
        command.add_argument("key", metavar="KEY", help="a once_key, or as the list shows it")
    purging = commands.add_parser("purge", help="delete old records whose outcome is known")
    purging.add_argument("--older-than", type=int, required=True, metavar="DAYS")
    purging.add_argument("--dry-run", action="store_true", help="only count them")
    purging.set_defaults(run=_purge)
    return parser


def _list(ledger: SqlLedger, app: str, options: Any) -> None:  # noqa: ANN401  of argparse
    for row in ledger.newest(app, state=options.state, limit=options.limit):
        _print("  ".join(str(getattr(row, name) or "-") for name in _SHOWN))


def _show(ledger: SqlLedger, app: str, options: Any) -> None:  # noqa: ANN401
    row = _find(ledger, app, options.key)
    _print(json.dumps(row._asdict(), indent=2, ensure_ascii=False))


def _not_there(ledger: SqlLedger, app: str, options: Any) -> None:  # noqa: ANN401
    from airflow_provider_jsms.submission.records.record_content import not_there  # noqa: PLC0415

    row = _find(ledger, app, options.key)
    if row.state not in ("sending", "unknown"):
        sys.exit(f"The record {options.key} is {row.state}, which is not uncertain.")
    note = f"{getpass.getuser()} wrote on the command line that it is not there"
    content = not_there(note, row.try_number)
    ledger.write(row.place, row.record_key, content, row.version)
    _print(f"The next task that submits {options.key} sends it.")


def _purge(ledger: SqlLedger, app: str, options: Any) -> None:  # noqa: ANN401
    from airflow_provider_jsms.api.send_time import utc_text  # noqa: PLC0415

    before = datetime.now(UTC) - timedelta(days=options.older_than)
    count = ledger.purge(app, utc_text(before), dry_run=options.dry_run)
    _print(f"{count} records {'would be' if options.dry_run else 'are'} deleted.")


def _find(ledger: SqlLedger, app: str, key: str) -> Row:
    for kind in ("once", "task"):
        if row := ledger.row(app, kind, key):
            return row
    sys.exit(f"The ledger has no record {key} of this connection.")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    # Airflow 2 and 3.0 log to the standard output, where the records go.
    logging.disable(logging.INFO)
    main()
