"""The form of the connection: what its fields are called, mean, accept, and are by default.

The one source of it. Airflow 3.2 and newer draw the form from ``get_provider_info``, Airflow 2.11
to 3.1 ask the hook, and the settings check what was filled in: all of them read it here. Nothing
but ``typing`` is imported, because Airflow reads this whenever it starts.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

DEFAULT_CONN_ID: Final = "jsms_default"
DEFAULT_HOST: Final = "https://api.sms.jpush.cn"

# The words in brackets are those of the JSMS console, which is in Chinese.
LABELS: Final = {
    "login": "App key (应用 AppKey)",
    "password": "Master secret (应用 Master Secret)",
}
PLACEHOLDERS: Final = {
    "host": DEFAULT_HOST,
    "schema": "https; only beside a bare host name",
    "port": "443, may stay empty",
    "login": "24 letters and digits from the JSMS console",
}


class TextField(NamedTuple):
    """A text among the extras.

    :param meaning: sentences for the person who fills in the form.
    :param without: what holds where it is empty and there is no default.
    """

    name: str
    label: str
    meaning: str
    default: str | None = None
    without: str = ""

    @property
    def description(self) -> str:
        """The help beside the field."""
        return f"{self.meaning} Default: {self.default or self.without}."

    @property
    def schema(self) -> dict[str, Any]:
        """What it accepts, as JSON schema; an empty field of the form is saved as null."""
        default = {} if self.default is None else {"default": self.default}
        return {"type": ["string", "null"], **default}


class NumberField(NamedTuple):
    """A number among the extras, from ``least`` to ``most``."""

    name: str
    label: str
    meaning: str
    default: float
    least: float
    most: float
    is_whole: bool = False

    @property
    def accepted(self) -> str:
        """What it accepts, in words."""
        kind = "a whole number" if self.is_whole else "a number"
        return f"{kind} from {self.least:g} to {self.most:g}"

    @property
    def description(self) -> str:
        """The help beside the field; older forms do not know the bounds otherwise."""
        accepted = self.accepted.capitalize()
        return f"{self.meaning} {accepted}. Default: {self.default:g}."

    @property
    def schema(self) -> dict[str, Any]:
        """What it accepts, as JSON schema; an empty field of the form is saved as null."""
        return {
            "type": ["integer" if self.is_whole else "number", "null"],
            "default": self.default,
            "minimum": self.least,
            "maximum": self.most,
        }


TIMEZONE: Final = TextField(
    "timezone",
    "Time zone of JSMS (时区)",
    "The zone of the wall clock that JSMS sends by.",
    default="Asia/Shanghai",
)
CONNECT_TIMEOUT: Final = NumberField(
    "connect_timeout",
    "Connect timeout (seconds)",
    "How long to wait until a connection to JSMS stands.",
    default=5,
    least=0.1,
    most=300,
)
READ_TIMEOUT: Final = NumberField(
    "read_timeout",
    "Read timeout (seconds)",
    "How long to wait for an answer of JSMS.",
    default=30,
    least=0.1,
    most=300,
)
MAX_ATTEMPTS: Final = NumberField(
    "max_attempts",
    "Tries",
    "How often a call is sent at most, where sending it again cannot text anybody twice.",
    default=3,
    least=1,
    most=10,
    is_whole=True,
)
CA_BUNDLE: Final = TextField(
    "ca_bundle",
    "CA certificates",
    "Path of a file of CA certificates on the machines that run tasks; only where a proxy or a "
    "sandbox has a certificate of its own.",
    without="the usual certificates",
)
EXTRAS: Final[tuple[TextField | NumberField, ...]] = (
    TIMEZONE,
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    MAX_ATTEMPTS,
    CA_BUNDLE,
)
