"""The compose stack as far as it can be tried without a Docker engine: its file, its secrets, its commands."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import psycopg2
import pytest
import yaml

from etl.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.integration, pytest.mark.airflow]

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = {name: service for name, service in SERVICES.items() if service["command"][0] == "airflow"}
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?:(:[-?])([^}]*))?\}")


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Compose's ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?message}``; raises KeyError for the last."""

    def value(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        if name is None:
            return "$"
        found = values.get(name, "")
        if not found and operator == ":?":
            raise KeyError(name)
        return found or (rest if operator == ":-" else "")

    return _VARIABLE.sub(value, text)


def test_the_file_follows_the_schema() -> None:
    schema = json.loads((ROOT / "tests" / "data" / "compose.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)


def test_names_that_are_referred_to_exist() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        for other, condition in service.get("depends_on", {}).items():
            assert condition["condition"] != "service_healthy" or "healthcheck" in SERVICES[other], name
        for volume in service.get("volumes", []):
            source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists(), volume
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_every_service_that_stays_has_a_healthcheck() -> None:
    assert [name for name, service in SERVICES.items() if "healthcheck" not in service] == ["prepare"]
    assert SERVICES["prepare"]["restart"] == "no"


def test_there_is_no_default_secret() -> None:
    secret = re.compile("PASSWORD|SECRET|KEY")
    used = {match[1]: match[2] for match in _VARIABLE.finditer(TEXT) if match[1]}
    assert {name for name in used if secret.search(name)} == {name for name in EXAMPLE if secret.search(name)}
    assert {operator for name, operator in used.items() if secret.search(name)} == {":?"}
    assert {value for name, value in EXAMPLE.items() if secret.search(name)} == {""}
    assert set(used) == set(EXAMPLE)
    # Nothing but variables where a password stands.
    for login in re.findall(r"://[\w-]*:([^@\s]+)@", TEXT):
        assert login.startswith("${"), login
    for name in (name for name in EXAMPLE if secret.search(name)):
        with pytest.raises(KeyError):
            interpolate(TEXT, {**dict.fromkeys(EXAMPLE, "x"), name: ""})


def test_only_the_ui_is_published_and_on_this_machine_only() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"api-server"}


def test_no_secret_is_on_a_command_line() -> None:
    for name, service in SERVICES.items():
        words = [*service["command"], *service.get("healthcheck", {}).get("test", [])]
        assert not [word for word in words if re.search(r"(?<!\$)\$\{", word)], name


def test_the_image_holds_what_the_services_use() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    kept = (ROOT / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source.split('/')[0]}" in kept, source
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER klartext$", dockerfile, re.MULTILINE)


def test_airflow_knows_the_commands_and_the_settings(tmp_path: Path) -> None:
    checks = [service["healthcheck"]["test"][1:] for service in AIRFLOW.values()]
    commands = [service["command"] for service in AIRFLOW.values()]
    commands += [words for words in checks if words[0] == "airflow"]
    commands += [["airflow", "db", "migrate"], ["airflow", "pools", "import", "pools.json"]]
    program = """
import json, sys
from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf
from airflow.executors.executor_loader import ExecutorLoader
commands, settings = json.load(sys.stdin)
for words in commands:
    arguments = get_parser().parse_args(words[1:])
    assert callable(arguments.func), words
for name in settings:
    _, section, key = name.split("__")
    known = conf.configuration_description.get(section.lower(), {}).get("options", {})
    assert key.lower() in known, name
print(ExecutorLoader.get_default_executor_name().connector_source, conf.get("celery", "broker_url"))
"""
    values = dict.fromkeys(EXAMPLE, "s3cret") | {"AIRFLOW_FERNET_KEY": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg="}
    environment = {name: interpolate(value, values) for name, value in SERVICES["scheduler"]["environment"].items()}
    environment |= {"AIRFLOW_HOME": str(tmp_path), "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    settings = [name for name in environment if name.startswith("AIRFLOW__")]
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps([commands, settings]),
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert len(commands) >= 8
    assert done.stdout.split()[-1] == "redis://:s3cret@redis:6379/0"


def test_pools_are_those_that_make_up_makes() -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    from stack import pools

    made = json.loads((ROOT / "docker" / "pools.json").read_text())
    assert {name: pool["description"] for name, pool in made.items()} == {
        name: description for name, (_, description) in pools().items()
    }


def test_prepare_makes_roles_databases_pools_and_login() -> None:
    """The command of the service ``prepare`` as a process, against a PostgreSQL of its own."""
    base = Path(tempfile.mkdtemp(prefix="klartext-compose-"))
    base.chmod(0o755)
    server = EmbeddedPostgres(base / "home", settings={"fsync": "off"})
    server.start()
    try:
        server.drop_database("klartext")
        login = base / "login.json"
        secrets = dict.fromkeys(EXAMPLE, "s3cret") | {"KLARTEXT_WRITER_PASSWORD": "wr1ter"}
        metadata = re.sub(r":[^:@/]+@", ":s3cret@", server.url("airflow", "airflow"))
        environment = {
            **{name: value for name, value in secrets.items() if name != "KLARTEXT_DATA"},
            "PATH": os.environ["PATH"],
            "HOME": str(base),
            "AIRFLOW_HOME": str(base / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(login),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata.replace("postgresql:", "postgresql+psycopg2:", 1),
            "SUPERUSER_URL": server.url("superuser", "postgres"),
        }
        environment["AIRFLOW_FERNET_KEY"] = ""
        command = [sys.executable, str(ROOT / "docker" / "prepare.py")]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(login.read_text()) == {"admin": "s3cret"}
        assert login.stat().st_mode & 0o777 == 0o600
        with contextlib.closing(psycopg2.connect(metadata)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pool, slots FROM slot_pool WHERE pool LIKE 'klartext%' ORDER BY pool")
            assert cursor.fetchall() == [("klartext_postgres", 8), ("klartext_settle", 1), ("klartext_web", 4)]
        writer = re.sub(r":[^:@/]+@", ":wr1ter@", server.url("writer"))
        with contextlib.closing(psycopg2.connect(writer)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM news.article")
            assert cursor.fetchall() == [(0,)]

        del environment["AIRFLOW_ADMIN_PASSWORD"]
        refused = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        assert refused.returncode == 2
        assert "AIRFLOW_ADMIN_PASSWORD" in refused.stderr
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
        shutil.rmtree(base, ignore_errors=True)
