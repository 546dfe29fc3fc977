"""The example with containers, as far as it can be checked without any."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf

from airflow_provider_jsms.hooks.connection import read_settings
from airflow_provider_jsms.sandbox import __main__ as sandbox
from airflow_provider_jsms.sandbox.account import DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET
from tests.versions import AIRFLOW

FOLDER = Path(__file__).parents[2] / "docs" / "containers"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ENVIRONMENT: dict[str, str] = COMPOSE["x-airflow"]["environment"]
# One instruction a line, also if it was written on two.
DOCKERFILE = (FOLDER / "Dockerfile").read_text("utf-8").replace("\\\n", "").splitlines()


def instruction(name: str) -> Any:
    """Return the list that the only instruction of this name has."""
    (line,) = (line for line in DOCKERFILE if line.startswith(f"{name} "))
    return json.loads(line[line.index("[") :])


@pytest.fixture(scope="module")
def options() -> Any:
    return sandbox._parser().parse_args(instruction("CMD"))


def test_the_dockerfile_starts_the_sandbox_for_other_containers(options: Any) -> None:
    assert instruction("ENTRYPOINT") == ["python", "-m", "airflow_provider_jsms.sandbox"]
    assert options.listen == "0.0.0.0"  # noqa: S104 - the network of the containers
    assert len([line for line in DOCKERFILE if line]) <= 10


def test_it_asks_the_sandbox_for_its_health(options: Any) -> None:
    *_, url = instruction("HEALTHCHECK")
    assert url == f"http://localhost:{options.port}/health"


def test_the_connection_leads_to_the_sandbox(options: Any) -> None:
    connection = json.loads(ENVIRONMENT["AIRFLOW_CONN_JSMS_DEFAULT"])
    assert connection.pop("conn_type") == "jsms"
    settings = read_settings(**{"schema": None, "port": None, **connection})
    (name,) = options.names
    assert name in SERVICES
    assert settings.base_url == f"http://{name}:{options.port}"
    credentials = (settings.app_key, settings.master_secret)
    assert credentials == (DEFAULT_APP_KEY, DEFAULT_MASTER_SECRET)


def test_the_state_is_in_a_volume_that_the_sandbox_may_write(options: Any) -> None:
    (volume,) = SERVICES["jsms-sandbox"]["volumes"]
    name, _, place = volume.partition(":")
    assert name in COMPOSE["volumes"]
    assert str(Path(options.state).parent) == place
    assert f"RUN mkdir {place}" in DOCKERFILE, "a new volume takes the owner of this folder"


def test_only_this_machine_reaches_the_ports(options: Any) -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == [f"127.0.0.1:{port}:{port}" for port in (options.port, 8080)]


def test_a_service_depends_on_services() -> None:
    for service in SERVICES.values():
        assert {*service.get("depends_on", ())} <= {*SERVICES}
    stages = {line.split()[-1] for line in DOCKERFILE if line.startswith("FROM ")}
    built = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    assert built == stages


@pytest.mark.skipif(AIRFLOW < (3, 3), reason="the example is for Airflow 3.3")
class TestAirflow:
    def test_is_a_version_that_is_tested(self) -> None:
        (version,) = re.findall(r"FROM apache/airflow:(\d+\.\d+)\.\d+ AS", "\n".join(DOCKERFILE))
        assert version == "3.3"

    @pytest.mark.parametrize(
        "command", [each["command"] for each in SERVICES.values() if "command" in each]
    )
    def test_has_every_command(self, command: str) -> None:
        assert get_parser().parse_args(command.split())

    def test_runs_every_component_once(self) -> None:
        commands = {each["command"] for each in SERVICES.values() if "command" in each}
        components = {"api-server", "scheduler", "dag-processor", "triggerer"}
        assert commands == {*components, "db migrate"}

    @pytest.mark.parametrize("name", [name for name in ENVIRONMENT if "__" in name])
    def test_knows_every_setting(self, name: str) -> None:
        section, option = name.removeprefix("AIRFLOW__").lower().split("__")
        assert option in conf.configuration_description[section]["options"]

    def test_executes_tasks_through_the_api_server(self) -> None:
        url = ENVIRONMENT["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
        assert url == "http://airflow-api-server:8080/execution/"
        assert SERVICES["airflow-api-server"]["command"] == "api-server"
