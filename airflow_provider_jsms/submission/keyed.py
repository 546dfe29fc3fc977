"""A submission under a key, which other tasks, runs and Airflows may make at the same time.

The first one to write the row submits. The others wait for its outcome, no longer than a call may
take, and find it.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.send_time import utc_text
from airflow_provider_jsms.exceptions import JsmsForeignRecordError, JsmsLedgerError
from airflow_provider_jsms.submission.records.stores import RecordTakenError
from airflow_provider_jsms.submission.submission import Submission

if TYPE_CHECKING:
    from airflow_provider_jsms.hooks.connection import JsmsSettings

_POLL: Final = 1.0
_MARGIN: Final = 15.0
# All attempts of a call begin within a minute.
_ATTEMPTS_WITHIN: Final = 60.0
_MOST_LOSSES: Final = 20
_log = logging.getLogger(__name__)


class KeyedSubmission(Submission):
    """Carries out one call under a key."""

    def carry_out(self) -> dict[str, Any] | None:
        """Return the outcome, also where another task has submitted the same request."""
        losses = 0
        while True:
            self._check_uncertain()
            self._wait_for_others()
            self._require_same_kind()
            try:
                return super().carry_out()
            except JsmsLedgerError as error:
                losses += 1
                if not isinstance(error.__cause__, RecordTakenError) or losses == _MOST_LOSSES:
                    raise
            self.record.read_again()

    def _check_uncertain(self) -> None:
        # A person may have written the outcome into the row meanwhile.
        if self.record.under_way:
            super()._check_uncertain()

    def _wait_for_others(self) -> None:
        """Wait while another task submits or modifies under this key.

        Not with the answer of a person about this very request.
        """
        if self.policy.answer_to(self.record):
            return
        longest = longest_call(self.hook.settings)
        version, deadline = None, 0.0
        while self._is_under_way(longest):
            if self.record.version != version:
                _log.info(
                    "Another task is submitting under the key %s: waiting for its outcome",
                    self.record.key,
                )
                version, deadline = self.record.version, monotonic() + longest
            if monotonic() > deadline:
                return
            self.policy.before_send()
            time.sleep(_POLL)
            self.record.read_again()

    def _is_under_way(self, longest: float) -> bool:
        """Return whether another task may still get the answer to its request."""
        intent, attempt = self.record.under_way, self.record.attempt
        if intent is None:
            return False
        # An earlier try of this task instance has ended.
        is_mine = attempt.by and intent.get("by") == attempt.by
        if is_mine and intent.get("try") != attempt.number:
            return False
        since = datetime.now(UTC) - timedelta(seconds=longest)
        return str(intent.get("since")) > utc_text(since)

    def _require_same_kind(self) -> None:
        record = self.record
        if not record.is_scheduled_or_unknown or "fingerprint" not in self._recorded:
            return
        was_batch = "chunks" in self._recorded
        if was_batch != ("recipients" in (self.call.body or {})):
            raise JsmsForeignRecordError(
                f"The key {record.key} was used for a {'batch' if was_batch else 'single text'} "
                f"(schedule {record.schedule_id}), which cannot become the other. Nothing was "
                "sent. Use another once_key."
            )


def longest_call(settings: JsmsSettings) -> float:
    """Return the seconds after which a request of another task has its outcome recorded."""
    one = 2 * settings.connect_timeout + settings.read_timeout
    return _ATTEMPTS_WITHIN + one + _MARGIN
