"""The REST API of Airflow, as far as tests and the demo ask it. Answers are plain dictionaries."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_delay,
    wait_exponential,
)

from airflow_provider_jsms.quickstart.waiting import wait_until

Json = dict[str, Any]

STATE_OF_RUN = "select state from dag_run where dag_id = ? and run_id = ?"
STATE_OF_TASK = (
    "select state from task_instance"
    " where dag_id = ? and run_id = ? and task_id = ? and map_index = ?"
)

FINAL = ("success", "failed")
TIMEOUT = 30.0
PATIENCE = 90.0
# Airflow 3.3 fails a task that is answered in the second in which it begins to wait, and shows no
# sign of being ready.
PARKING = 2.0
# Nobody knows what became of such a request.
LOST = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
# What a change is answered where one whose answer was lost has made it already.
MADE_ALREADY = {
    "POST": (HTTPStatus.CONFLICT,),
    "PATCH": (HTTPStatus.CONFLICT,),
    "DELETE": (HTTPStatus.NOT_FOUND,),
}


class AirflowRest:
    """A client of one Airflow that lets everybody in.

    A task is named by ``dag_id, run_id, task_id``; ``map_index`` is that of a mapped task.

    :param database: the file of an sqlite database, which waits poll at a tenth of the cost of the
        server.
    """

    api = "/api/v2"

    def __init__(self, url: str, database: Path | None = None) -> None:
        self._url = url
        self._database = database
        self._base = url + self.api
        self._session = requests.Session()
        self._session.trust_env = False

    @cached_property
    def _version(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self._get("/version")["version"].split(".")[:2])

    def has_dag(self, dag_id: str) -> bool:
        """Whether a DAG has been parsed and can be triggered."""
        return self._call("GET", f"/dags/{dag_id}/details", accept=(404,)).ok

    def import_errors(self) -> list[Json]:
        """Files that could not be imported, each with ``filename`` and ``stack_trace``."""
        return self._get("/importErrors")["import_errors"]

    # --- runs

    def trigger(
        self,
        dag_id: str,
        *,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        logical_date: datetime | None = None,
    ) -> Json:
        """Start a run; its id is under ``dag_run_id``."""
        known = run_id or f"manual__{uuid4()}"
        body = {"dag_run_id": known, "conf": conf or {}, **self._dated(logical_date)}
        # It is there already where Airflow has started it and could not say so.
        self._call("POST", f"/dags/{dag_id}/dagRuns", json=body, accept=(HTTPStatus.CONFLICT,))
        return self.run(dag_id, known)

    def run(self, dag_id: str, run_id: str) -> Json:
        """One run, with its ``state``."""
        return self._get(run_path(dag_id, run_id))

    def runs(self, dag_id: str) -> list[Json]:
        """The runs of a DAG."""
        return self._get(f"/dags/{dag_id}/dagRuns")["dag_runs"]

    def wait_for_run(
        self, dag_id: str, run_id: str, *, timeout: float = 60, states: Iterable[str] = FINAL
    ) -> Json:
        """Wait until a run has ended, well or badly, and return it."""
        names = (dag_id, run_id)
        return wait_until(
            lambda: (
                self._may_be_in(states, STATE_OF_RUN, names) and _if_in(self.run(*names), states)
            ),
            timeout=timeout,
            otherwise=lambda: self._describe(dag_id, run_id),
        )

    def run_dag(
        self, dag_id: str, *, conf: Mapping[str, Any] | None = None, timeout: float = 60
    ) -> Json:
        """Start a run, wait for its end and return it."""
        run_id = self.trigger(dag_id, conf=conf)["dag_run_id"]
        return self.wait_for_run(dag_id, run_id, timeout=timeout)

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a run with all that it has left."""
        self._call("DELETE", run_path(dag_id, run_id))

    # --- tasks

    def tasks(self, dag_id: str, run_id: str) -> list[Json]:
        """All task instances of a run: ``task_id``, ``map_index``, ``state``, ``try_number``."""
        return self._get(run_path(dag_id, run_id) + "/taskInstances")["task_instances"]

    def task(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Json:
        """One task instance."""
        return self._get(task_path(dag_id, run_id, task_id, map_index))

    def wait_for_task(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        map_index: int = -1,
        *,
        states: Iterable[str] = (*FINAL, "skipped", "upstream_failed"),
        timeout: float = 60,
    ) -> Json:
        """Wait until a task is in one of the states, and return it."""
        names = (dag_id, run_id, task_id, map_index)
        return wait_until(
            lambda: (
                self._may_be_in(states, STATE_OF_TASK, names) and _if_in(self.task(*names), states)
            ),
            timeout=timeout,
            otherwise=lambda: self._describe(dag_id, run_id),
        )

    def tries(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> list[Json]:
        """Every try of a task, the first one first."""
        return self._get(task_path(dag_id, run_id, task_id, map_index) + "/tries")["task_instances"]

    def log(
        self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1
    ) -> str:
        """All that one try has logged: a line for each event, with its fields and any trace."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{task_id}/logs/{try_number}"
        content = self._get(path, map_index=map_index, full_content=True)["content"]
        return "\n".join(_log_line(entry) for entry in content)

    def rendered_fields(
        self, dag_id: str, run_id: str, task_id: str, map_index: int = -1
    ) -> dict[str, Any]:
        """What the Rendered Templates page of a task shows."""
        return self.task(dag_id, run_id, task_id, map_index)["rendered_fields"]

    def question(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Json:
        """Return the question that a task waits with, once it can be answered."""
        task = self.wait_for_task(
            dag_id, run_id, task_id, map_index, states=["awaiting_input", "failed"], timeout=120
        )
        assert task["state"] == "awaiting_input", self.log(dag_id, run_id, task_id)
        time.sleep(PARKING)
        return self._get(_question_path(dag_id, run_id, task_id, map_index))

    def answer(
        self, dag_id: str, run_id: str, task_id: str, map_index: int, option: str, **params: str
    ) -> Json:
        """Answer the question of a task as its page does, and return the task once it has ended."""
        names = (dag_id, run_id, task_id, map_index)
        return self.answered(*names, lambda it: self.respond(it, option, **params))

    def answered(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        map_index: int,
        respond: Callable[[Json], object],
    ) -> Json:
        """Let a person respond to the question of a task, and return the task once it has ended.

        Airflow 3.3 may take the end of the process that has asked for the end of the task, which
        then asks again.
        """
        names = (dag_id, run_id, task_id, map_index)
        question = self.question(*names)
        respond(question)
        number = question["task_instance"]["try_number"]
        task = wait_until(
            lambda: self._answered(*names, number),
            timeout=120,
            otherwise=lambda: self._describe(dag_id, run_id),
        )
        asks_again = task["state"] == "awaiting_input"
        return self.answered(*names, respond) if asks_again else task

    def respond(self, question: Json, option: str, **params: str) -> None:
        """Answer a question, and do not wait for what the task makes of it."""
        task = question["task_instance"]
        path = _question_path(
            task["dag_id"], task["dag_run_id"], task["task_id"], task["map_index"]
        )
        body: Json = {"chosen_options": [option], "params_input": params}
        if self._version >= (3, 4):
            body["request_created_at"] = question["created_at"]
        self._call("PATCH", path, json=body)

    def _answered(
        self, dag_id: str, run_id: str, task_id: str, map_index: int, number: int
    ) -> Json | None:
        """Return a task that has ended, or that waits in a later try than the given one."""
        task = self.task(dag_id, run_id, task_id, map_index)
        is_later = task["try_number"] > number and task["state"] == "awaiting_input"
        return task if task["state"] in FINAL or is_later else None

    def clear(
        self,
        dag_id: str,
        run_id: str,
        *task_ids: str | tuple[str, int],
        downstream: bool = False,
        keep: bool = False,
    ) -> None:
        """Clear tasks, or ``(task_id, map_index)``, as the button does; the run is queued again.

        :param keep: with "Keep task state and resume", which Airflow 3.4 has.
        """
        body = {
            "dag_run_id": run_id,
            "task_ids": task_ids,
            "dry_run": False,
            "only_failed": False,
            "reset_dag_runs": True,
            "include_downstream": downstream,
            **({"keep_task_state": True} if keep and self._version >= (3, 4) else {}),
        }
        # Once more would clear what has begun since.
        self._call("POST", f"/dags/{dag_id}/clearTaskInstances", json=body, is_repeatable=False)

    def clear_run(self, dag_id: str, run_id: str) -> None:
        """Clear all tasks of a run, as the button of the run does."""
        path = f"{run_path(dag_id, run_id)}/clear"
        body = {"dry_run": False, "only_failed": False}
        # Once more would clear what has begun since.
        self._call("POST", path, json=body, is_repeatable=False)

    def set_state(
        self, dag_id: str, run_id: str, task_id: str, state: str, map_index: int = -1
    ) -> None:
        """Mark a task ``success``, ``failed`` or ``skipped``."""
        path = task_path(dag_id, run_id, task_id, map_index)
        self._call("PATCH", path, json={"new_state": state})

    # --- what tasks leave

    def xcoms(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Json:
        """All XComs of a task by key."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries"
        entries = self._get(path, map_index=map_index)["xcom_entries"]
        keys = [entry["key"] for entry in entries]
        return {key: self.xcom(dag_id, run_id, task_id, key, map_index) for key in keys}

    def xcom(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        key: str = "return_value",
        map_index: int = -1,
    ) -> Any:
        """One XCom, deserialized."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        return self._get(path, map_index=map_index, deserialize=True)["value"]

    def state_store(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Json:
        """What a task keeps over its tries (the Storage tab), by key."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{task_id}/state-store"
        entries = self._get(path, map_index=map_index)["task_state_store"]
        return {entry["key"]: entry["value"] for entry in entries}

    def set_state_value(
        self, dag_id: str, run_id: str, task_id: str, key: str, value: Json, map_index: int = -1
    ) -> None:
        """Write a value of the task's state store, as a person does in the Storage tab."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{task_id}/state-store/{key}"
        self._call("PUT", path, params={"map_index": map_index}, json={"value": value})

    def delete_state(
        self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int = -1
    ) -> None:
        """Delete one key of what a task keeps."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{task_id}/state-store/{key}"
        self._call("DELETE", path, params={"map_index": map_index})

    # --- connections

    def connections(self) -> list[Json]:
        """Connections in the database; those of the environment are not among them."""
        return self._get("/connections")["connections"]

    def add_connection(self, conn_id: str, connection: Mapping[str, Any]) -> None:
        """Store a connection in the database."""
        extra = {"extra": json.dumps(connection["extra"])} if "extra" in connection else {}
        body = {"connection_id": conn_id, **connection, **extra}
        self._call("POST", "/connections", json=body)

    def set_pool(self, name: str, slots: int) -> None:
        """Give a pool, new or known, so many slots."""
        body = {"slots": slots, "include_deferred": False}
        created = self._call(
            "POST", "/pools", json={"name": name, **body}, accept=(HTTPStatus.CONFLICT,)
        )
        if not created.ok:
            self._call("PATCH", f"/pools/{name}", json={"pool": name, **body})

    def set_variable(self, key: str, value: str) -> None:
        """Set an Airflow Variable, new or known."""
        if key in self.variables():
            self.delete_variable(key)
        self._call("POST", "/variables", json={"key": key, "value": value})

    def variables(self) -> dict[str, str]:
        """Airflow Variables by key."""
        return {each["key"]: each["value"] for each in self._get("/variables")["variables"]}

    def delete_variable(self, key: str) -> None:
        """Delete an Airflow Variable."""
        self._call("DELETE", f"/variables/{key}")

    def _may_be_in(self, states: Iterable[str], query: str, names: Iterable[str | int]) -> bool:
        if self._database is None:
            return True
        with closing(sqlite3.connect(f"{self._database.as_uri()}?mode=rw", uri=True)) as database:
            found = database.execute(query, tuple(names)).fetchone()
        return found is not None and found[0] in states

    def _dated(self, logical_date: datetime | None) -> Json:
        """Return what is said of the date of a run, also if it has none."""
        return {"logical_date": logical_date and logical_date.isoformat()}

    def _describe(self, dag_id: str, run_id: str) -> str:
        tasks = "\n".join(
            f"  {it['task_id']}[{it['map_index']}]: {it['state']}, try {it['try_number']}"
            for it in self.tasks(dag_id, run_id)
        )
        return f"{dag_id}, run {run_id}: {self.run(dag_id, run_id)['state']}\n{tasks}"

    def _get(self, path: str, **params: str | float) -> Json:
        return self._call("GET", path, params=params).json()

    def _call(
        self,
        method: str,
        path: str,
        *,
        accept: tuple[int, ...] = (),
        is_repeatable: bool = True,
        **sent: Any,
    ) -> requests.Response:
        """Send a request, and send it again while the server has trouble.

        :param accept: the statuses of a failure that are an answer too
        :param is_repeatable: whether to send it again also if it may have been carried out
        :param sent: ``params``, ``json`` and ``headers``
        """
        retrying = Retrying(
            stop=stop_after_delay(PATIENCE),
            wait=wait_exponential(multiplier=0.1, max=2),
            retry=retry_if_exception(lambda error: _may_pass(error, is_repeatable=is_repeatable)),
            reraise=True,
        )
        for attempt in retrying:
            with attempt:
                is_again = is_repeatable and attempt.retry_state.attempt_number > 1
                made = MADE_ALREADY.get(method, ()) if is_again else ()
                reply = self._ask(method, path, (*accept, *made), sent)
        return reply

    def _ask(
        self, method: str, path: str, accept: tuple[int, ...], sent: Mapping[str, Any]
    ) -> requests.Response:
        reply = self._session.request(method, self._base + path, timeout=TIMEOUT, **sent)
        if reply.status_code == HTTPStatus.UNAUTHORIZED:
            self._log_in()
            reply = self._session.request(method, self._base + path, timeout=TIMEOUT, **sent)
        if not reply.ok and reply.status_code not in accept:
            text = f"{method} {path}: HTTP {reply.status_code}: {reply.text}"
            raise requests.HTTPError(text, response=reply)
        return reply

    def _log_in(self) -> None:
        """Get a token; that everybody is let in means for Airflow 3.1 that everybody gets one."""
        token = self._session.get(f"{self._url}/auth/token", timeout=TIMEOUT).json()
        self._session.headers["Authorization"] = f"Bearer {token['access_token']}"


def run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{dag_id}/dagRuns/{run_id}"


def task_path(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    path = f"{run_path(dag_id, run_id)}/taskInstances/{task_id}"
    return path if map_index < 0 else f"{path}/{map_index}"


def _question_path(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    return f"{run_path(dag_id, run_id)}/taskInstances/{task_id}/{map_index}/hitlDetails"


def _may_pass(error: BaseException, *, is_repeatable: bool) -> bool:
    """Tell whether a request is worth another try.

    With sqlite the API server gives up after it has waited for a lock for five seconds. It has
    changed nothing then.
    """
    if isinstance(error, requests.HTTPError):
        return error.response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    return is_repeatable and isinstance(error, LOST)


def _if_in(answer: Json, states: Iterable[str]) -> Json | None:
    return answer if answer["state"] in states else None


def _log_line(entry: Json | str) -> str:
    if isinstance(entry, str):
        return entry
    fields = {key: value for key, value in entry.items() if key not in ("event", "timestamp")}
    return f"{entry.get('timestamp') or ''} {entry['event']} {fields or ''}".strip()
