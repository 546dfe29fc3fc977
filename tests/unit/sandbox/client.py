"""A minimal client of the API, which shows the bytes on the wire."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

import requests

from airflow_provider_jsms.sandbox.account import (
    DEFAULT_API_DEV_SECRET,
    DEFAULT_APP_KEY,
    DEFAULT_DEV_KEY,
    DEFAULT_MASTER_SECRET,
)
from tests.people import ANNA

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.sandbox.control import SandboxControl

SHANGHAI = ZoneInfo("Asia/Shanghai")
JSON = {"Content-Type": "application/json"}


class Client:
    """A client of the API; every method returns the bare HTTP response."""

    def __init__(self, control: SandboxControl) -> None:
        self._control = control
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = (DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        options = {"timeout": 10, **options}
        return self.session.request(method, f"{self._control.url}{path}", **options)

    def send(self, method: str, path: str, body: object) -> requests.Response:
        return self.ask(method, path, data=json.dumps(body).encode(), headers=JSON)

    def in_seconds(self, seconds: float) -> str:
        """Return a wall time some seconds from now, by the clock of the sandbox."""
        now = datetime.fromisoformat(self._control.state()["clock"]["utc"])
        return f"{(now + timedelta(seconds=seconds)).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"

    def single(self, **changes: Any) -> dict[str, Any]:
        """Return the body of a single call; a change to ... leaves the key out."""
        return _changed({"send_time": self.in_seconds(3600), "mobile": ANNA, "temp_id": 1}, changes)

    def batch(self, *recipients: Any, **changes: Any) -> dict[str, Any]:
        """Return the body of a batch call; a change to ... leaves the key out."""
        base = {"send_time": self.in_seconds(3600), "temp_id": 1, "recipients": list(recipients)}
        return _changed(base, changes)

    def submit(self, **changes: Any) -> requests.Response:
        return self.send("POST", "/v1/schedule", self.single(**changes))

    def submit_batch(self, *recipients: Any, **changes: Any) -> requests.Response:
        return self.send("POST", "/v1/schedule/batch", self.batch(*recipients, **changes))

    def modify(self, schedule_id: str, **changes: Any) -> requests.Response:
        return self.send("PUT", f"/v1/schedule/{schedule_id}", self.single(**changes))

    def modify_batch(self, schedule_id: str, *recipients: Any, **changes: Any) -> requests.Response:
        path = f"/v1/schedule/batch/{schedule_id}"
        return self.send("PUT", path, self.batch(*recipients, **changes))

    def query(self, schedule_id: str) -> requests.Response:
        return self.ask("GET", f"/v1/schedule/{schedule_id}")

    def delete(self, schedule_id: str) -> requests.Response:
        return self.ask("DELETE", f"/v1/schedule/{schedule_id}")

    def balance(self) -> requests.Response:
        return self.ask("GET", "/v1/accounts/app")

    def developer_balance(self) -> requests.Response:
        credentials = DEFAULT_DEV_KEY, DEFAULT_API_DEV_SECRET
        return self.ask("GET", "/v1/accounts/dev", auth=credentials)

    def get_template(self, temp_id: object) -> requests.Response:
        return self.ask("GET", f"/v1/templates/{temp_id}")

    def get_sign(self, sign_id: object) -> requests.Response:
        return self.ask("GET", f"/v1/sign/{sign_id}")

    def reports(self) -> requests.Response:
        return self.ask("GET", "/v1/report")

    def replies(self) -> requests.Response:
        return self.ask("GET", "/v1/reply")

    def submitted(self, **changes: Any) -> str:
        """Submit a schedule that is accepted and return its id."""
        return str(ok(self.submit(**changes))["schedule_id"])

    def submitted_batch(self, *recipients: Any, **changes: Any) -> str:
        """Submit a batch that is accepted and return its id."""
        return str(ok(self.submit_batch(*recipients, **changes))["schedule_id"])


def ok(response: requests.Response) -> dict[str, Any]:
    """Return the JSON object of a success."""
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


def refusal(response: requests.Response) -> tuple[int, int]:
    """Return HTTP status and code of a refusal, and check its envelope."""
    envelope = response.json()
    assert envelope.keys() == {"error"}
    assert envelope["error"].keys() == {"code", "message"}
    assert isinstance(envelope["error"]["message"], str)
    assert envelope["error"]["message"]
    assert response.headers["Content-Type"] == "application/json"
    return response.status_code, envelope["error"]["code"]


def _changed(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**body, **changes}.items() if value is not ...}


def eventually(is_so: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 10
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(is_so())
