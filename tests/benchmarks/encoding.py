"""CPU of validating and encoding 100,000 recipients, in multiples of json.dumps of the same.

Measured is all that the provider does per recipient apart from HTTP: two passes over the list, the
bodies and the fingerprints. Both sides make the same bytes, which is checked.
"""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider_jsms.api.calls import batch_call, batch_head
from airflow_provider_jsms.api.replies import Reply, read_reply
from airflow_provider_jsms.api.send_time import parse_send_time
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from airflow_provider_jsms.submission.lists.chunks import chunks, survey
from airflow_provider_jsms.submission.lists.recipients_file import source_of
from airflow_provider_jsms.submission.records.fingerprint import fingerprint_of, list_fingerprint
from tests.benchmarks.measuring import (
    TEMPLATE,
    NotMeasuredError,
    in_chunks,
    least_cpu,
    people,
    tomorrow,
    write_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider_jsms.api.calls import Call

COUNT = 100_000
BOUND = 6
SEND_TIME = parse_send_time(tomorrow(), ZoneInfo("Asia/Shanghai"))
FIELDS = batch_head(temp_id=TEMPLATE["temp_id"], sign_id=None, tag=None)
SETTINGS: Any = SimpleNamespace(app_key=DEFAULT_APP_KEY, master_secret=DEFAULT_MASTER_SECRET)
ANSWER = b'{"schedule_id":"9a2c8f36","success_count":1000,"failure_count":0}'


def run() -> Iterator[str]:
    """Yield the report."""
    # The CSV file comes first: lists that are only kept would make garbage collection dearer.
    with tempfile.TemporaryDirectory(prefix="jsms-bench-") as folder:
        table = Path(folder) / "people.csv"
        write_table(table, COUNT)
        from_table = _ratio(str(table), lambda: _rows(table))
    everybody = list(people(COUNT))
    numbers = [each["mobile"] for each in everybody]
    bare = [{"mobile": each} for each in numbers]
    yield _line("two parameters", _ratio(everybody, lambda: everybody), BOUND)
    with_answers = _ratio(everybody, lambda: everybody, then=_read_answer)
    yield _line("two parameters, and the answers read", with_answers, BOUND)
    yield _line("bare numbers", _ratio(numbers, lambda: bare))
    yield _line("two parameters, from a CSV file, beside csv.reader and json.dumps", from_table)


def _line(what: str, ratio: float, bound: int | None = None) -> str:
    return f"{what:<66}{ratio:5.2f}" + (f"   bound {bound}" if bound else "")


def _ratio(
    recipients: object,
    plainly: Callable[[], Iterable[dict[str, Any]]],
    *,
    then: Callable[[Call[Any]], object] = lambda call: None,
) -> float:
    if list(_provided(recipients)) != list(_dumped(plainly())):
        raise NotMeasuredError("the provider sends other bytes than json.dumps makes")

    def provide() -> None:
        for _ in _provided(recipients, then):
            pass

    def dump() -> None:
        for _ in _dumped(plainly()):
            pass

    provider, plain = least_cpu(provide, dump)
    return provider / plain


def _provided(
    recipients: object, then: Callable[[Call[Any]], object] = lambda call: None
) -> Iterator[bytes]:
    """Yield the bodies as the provider makes them."""
    source = source_of(recipients)
    known = survey(source)
    list_fingerprint(known.digests, SETTINGS)
    for part, content in zip(chunks(source, known), known.digests, strict=True):
        call = batch_call(SEND_TIME, FIELDS, part)
        fingerprint_of(call, SETTINGS, content)
        yield call.content or b""
        then(call)


def _read_answer(call: Call[Any]) -> None:
    read_reply(call, Reply(200, {}, ANSWER))


def _dumped(recipients: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the same bodies, made without any check."""
    head = {"send_time": SEND_TIME.wire, **FIELDS}
    for chunk in in_chunks(recipients):
        body = {**head, "recipients": chunk}
        yield json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _rows(table: Path) -> Iterator[dict[str, Any]]:
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        _, *names = next(reader)
        for mobile, *values in reader:
            yield {"mobile": mobile, "temp_para": dict(zip(names, values, strict=True))}
