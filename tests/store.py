"""A task state store for tests, and the contract that it shares with Airflow's own."""

from __future__ import annotations

import json
from typing import Any


class TaskReplacedError(Exception):
    """What a try gets that another one has replaced."""


class DictStore:
    """Values as JSON, as Airflow keeps them.

    :ivar writes: every value that was written, in order.
    :ivar fail_on: the states whose writing fails.
    """

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self.writes: list[Any] = []
        self.fail_on: set[str] = set()
        self.cannot_be_read = False

    def get(self, key: str, default: Any = None) -> Any:
        if self.cannot_be_read:
            raise ConnectionError
        return json.loads(self._values[key]) if key in self._values else default

    def set(self, key: str, value: Any, *, retention: object = None) -> None:
        if value is None:
            raise ValueError("Cannot set value as None")
        if isinstance(value, dict) and value.get("state") in self.fail_on:
            raise TaskReplacedError(key)
        self._values[key] = json.dumps(value)
        self.writes.append(json.loads(self._values[key]))

    def delete(self, key: str) -> None:
        self._values.pop(key, None)

    def clear(self) -> None:
        self._values.clear()


def check_contract(store: Any, never_expire: object) -> None:
    """Check what the ledger relies on; raises where a store behaves otherwise."""
    check_values(store, never_expire)
    check_the_rest(store)


def check_values(store: Any, never_expire: object) -> None:
    """Check what every store of records does."""
    assert store.get("absent") is None
    assert store.get("absent", "default") == "default"
    record = {"state": "sending", "try": 1, "refused": [[0, 50006], [None, None]], "name": "安"}
    store.set("record", record, retention=never_expire)
    assert store.get("record") == record
    changed = {**record, "state": "accepted"}
    store.set("record", changed, retention=never_expire)
    assert store.get("record") == changed
    store.get("record")["state"] = "changed by the reader"
    assert store.get("record") == changed


def check_the_rest(store: Any) -> None:
    """Check what the ledger of the tests does besides, and people in the Storage tab."""
    store.set("other", {"n": 1})
    store.set("record", {"n": 2})
    store.delete("record")
    store.delete("record")
    assert store.get("record") is None
    assert store.get("other") == {"n": 1}
    try:
        store.set("other", None)
    except ValueError:
        pass
    else:
        raise AssertionError("None must be refused")
    store.clear()
    assert store.get("other") is None
