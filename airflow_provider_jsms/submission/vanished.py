"""A text that has vanished from a list while its submission had an unknown outcome."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from airflow_provider_jsms.submission.adoption import Adoption, refuse_if_changed
from airflow_provider_jsms.submission.airflow_version import CAN_ASK
from airflow_provider_jsms.submission.doubt import doubt_about, error_of
from airflow_provider_jsms.submission.submission import Submission

if TYPE_CHECKING:
    from airflow_provider_jsms.exceptions import JsmsUncertainError
    from airflow_provider_jsms.submission.decisions import Decision

_CALL: Final = "delete_schedule"
_WHY: Final = (
    "an earlier try ended during its submission, and it is not in the list any more: if it is "
    "there, it is to be deleted, and if not, nothing is sent"
)


class VanishedText(Submission):
    """Settles such a text: a person says whether JSMS has it."""

    def settle(self) -> Decision | None:
        """Return the decision of a person; None to leave the text.

        It is to reuse the schedule that the record names by now, which is to be deleted, or to
        submit, since JSMS has nothing, which the list does not want any more.

        :raises JsmsUncertainError: nobody has decided.
        """
        answer, record = self._answer, self._record
        if answer is None or record.key not in answer.versions:
            raise self._uncertain()
        refuse_if_changed(answer, record, _CALL)
        return Adoption(answer, self._sender, record, None, None, {}).decide()

    def _uncertain(self) -> JsmsUncertainError:
        zone = self._sender.settings.zone
        doubt = doubt_about(None, None, self._record, why=_WHY, sent_at=None, zone=zone)
        look = "Look in the JSMS console whether that schedule exists"
        if CAN_ASK and "fingerprint" in self._recorded:
            self.doubt = doubt
            steps = f"{look}. Then clear the task: it asks what you found."
        else:
            steps = (
                f"{look}, and delete it there if it does. Then run python -m "
                f"airflow_provider_jsms not-there {shlex.quote(doubt.key)}, with the --conn-id of "
                "this task, and clear the task."
            )
        return error_of(doubt, steps, call=_CALL, has_sent=False, cause=None)
