"""The containers run what the embedded stack runs: commands, settings and versions agree."""

from __future__ import annotations

import importlib
import itertools
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from system.client.files.portfolio_file import read_portfolio
from system.connections import EXTERNAL_VARIABLES, Connections
from system.runtime.components import apps, kafka, postgres, redis
from system.runtime.components.component import Site
from system.runtime.components.java import Java
from system.runtime.components.registry import COMPONENTS
from system.runtime.fetch.jars import ROOTS
from system.runtime.fetch.locked_jars import LOCK_PATH, parsed_lock
from system.runtime.preflight import JAVA_PACKAGES
from system.runtime.state import Secrets, opened_state_dir
from system.settings import SECRETS_DIR_VARIABLE, Settings
from system.store.postgres import roles
from system.stream.spark.cluster import stream_cores
from tests.compose.reading import (
    COMPOSE_DIR,
    DOCKERFILE_PATH,
    IGNORE_PATH,
    ROOT,
    copied_paths,
    environment,
    filled,
    is_sent,
    read_compose,
)
from tests.integration import containers

LOADED_FILES = """
import sys
import {module}.__main__
ours = [one for name, one in sys.modules.items() if name.split(".")[0] in ("system", "validation")]
print("\\n".join(one.__file__ for one in ours))
"""
OWN_SERVICES = ("spark-master", "spark-worker", "stream", "oracle", "api", "dashboard", "replay")
# What a container is and the embedded stack's process is not: names instead of loopback.
ADDRESS_PROPERTIES = {
    "controller.quorum.voters",
    "listeners",
    "advertised.listeners",
    "log.dirs",
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return read_compose()["services"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    # The image's set-up compiles the class; a test must not write it to /app of this machine.
    monkeypatch.setattr(apps, "compiled_writer", lambda settings, java: settings.cache_dir)
    settings = Settings(
        state_dir=tmp_path / "state", cache_dir=Path("/app/.cache"), executor_cores=2
    )
    ports = {"broker": 9092, "controller": 9093, "server": 0, "master": 7077, "ui": 18080}
    connections = Connections({"spark_master": "spark://spark-master:7077"}, settings.state_dir)
    secrets = Secrets(
        "pg", "redis", "spark", "token", "own", "write", "read", "check", "alert", "report"
    )
    java = Java(Path("/jdk"), 17)
    return Site(settings, opened_state_dir(settings), secrets, ports, connections, java)


def prepared(site: Site, name: str, **ports: int) -> Any:
    changed = Site(
        site.settings,
        site.state,
        site.secrets,
        {**site.ports, **ports},
        site.connections,
        site.java,
    )
    return COMPONENTS[name].prepare(changed)


def options(command: list[str] | tuple[str, ...]) -> list[str]:
    """Return a command from its main part on, addresses and folders left open."""
    places = {"0.0.0.0", "127.0.0.1", "spark-master", "spark-worker"}  # noqa: S104 - compared
    words = ["<here>" if word in places else word for word in command]
    return ["<path>" if word.startswith("/") else word for word in words[1:]]


def tagged(service: dict[str, Any]) -> str:
    """Return a service's image as it is named where no digest is given."""
    return filled(service["image"], {})


def server_version(program: Path, pattern: str) -> str:
    """Return the version that a server's program prints."""
    printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    (value,) = re.findall(pattern, printed.stdout)
    return value


@pytest.mark.parametrize(
    ("name", "ports"),
    [
        ("spark-master", {"ui": 18080}),
        ("spark-worker", {"ui": 18081}),
        ("stream", {}),
        ("oracle", {}),
        ("api", {"server": 8000}),
        ("dashboard", {"server": 8501}),
    ],
)
def test_each_process_of_ours_is_started_by_the_same_command(services, site, name, ports):
    assert options(services[name]["command"]) == options(prepared(site, name, **ports).command)


def without_folder(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with the folder of the master's recovery left open."""
    folder = r"(recoveryDirectory=)\S+"
    return {name: re.sub(folder, r"\1<path>", value) for name, value in variables.items()}


def test_what_the_master_knows_outlives_its_container_being_killed(services):
    (folder,) = services["spark-master"]["volumes"]
    assert services["spark-master"]["environment"]["SPARK_MASTER_OPTS"].endswith(f"={folder}")
    assert f" {folder}\n" in DOCKERFILE_PATH.read_text("utf-8")


@pytest.mark.parametrize("name", ["spark-master", "spark-worker"])
def test_spark_daemons_run_with_the_same_java_settings(services, site, name):
    ours = without_folder(prepared(site, name).environment)
    theirs = without_folder(environment(services[name]))
    wanted = {key: ours[key] for key in theirs if key in ours and "DIR" not in key}
    assert {key: theirs[key] for key in wanted} == wanted
    assert {"SPARK_DAEMON_MEMORY", "SPARK_DAEMON_JAVA_OPTS"} <= set(wanted)
    assert ("SPARK_MASTER_OPTS" in wanted) == (name == "spark-master")


def test_the_worker_offers_what_the_driver_asks_for(services):
    worker, driver = environment(services["spark-worker"]), environment(services["stream"])
    asked = Settings(executor_cores=int(driver["RISKSTREAM_EXECUTOR_CORES"]), engine="real-time")
    assert int(worker["SPARK_WORKER_CORES"]) >= stream_cores(asked)
    given = {"RISKSTREAM_WORKER_CORES": "12"}
    assert environment(services["spark-worker"], given)["SPARK_WORKER_CORES"] == "12"
    command = services["spark-worker"]["command"]
    memory_mb = int(command[command.index("--memory") + 1].removesuffix("m"))
    assert memory_mb >= int(driver["RISKSTREAM_EXECUTOR_MEMORY_MB"])


def test_the_broker_has_the_same_properties_but_for_its_addresses(services):
    text = kafka.server_properties({"broker": 9092, "controller": 9093}, Path("/log"))
    ours = dict(line.split("=", 1) for line in text.splitlines())
    theirs = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in services["kafka"]["environment"].items()
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
    }
    assert set(theirs) == set(ours)
    differing = {name for name in ours if ours[name] != theirs[name]}
    assert differing <= ADDRESS_PROPERTIES
    assert (
        f"-Xmx{Settings().broker_heap_mb}m" in services["kafka"]["environment"]["KAFKA_HEAP_OPTS"]
    )


def test_postgresql_has_the_same_settings_but_for_its_addresses(services):
    theirs = dict(
        part.removeprefix("-c").split("=") for part in services["postgres"]["command"][1:]
    )
    addresses = {"listen_addresses", "unix_socket_directories"}
    ours = {k: v for k, v in postgres.SERVER_SETTINGS.items() if k not in addresses}
    assert theirs == ours
    given = services["postgres"]["environment"]
    assert (given["POSTGRES_USER"], given["POSTGRES_DB"]) == (postgres.SUPERUSER, postgres.DATABASE)


def test_redis_has_the_same_settings_but_for_address_and_password():
    ours = redis.redis_conf(1, "password").splitlines()
    theirs = (COMPOSE_DIR / "redis.conf").read_text("utf-8").splitlines()
    apart = ("bind", "port", "requirepass", "include", "#")
    assert [s for s in theirs if not s.startswith(apart)] == [
        s for s in ours if not s.startswith(apart)
    ]


def test_redis_is_the_embedded_program_of_the_same_version(services):
    ours = server_version(redis.redis_server(), r"v=([\d.]+)")
    assert tagged(services["redis"]) == f"valkey/valkey:{ours}" == containers.REDIS
    assert services["redis"]["command"][0] == redis.SERVER_PROGRAM


def test_postgresql_is_the_embedded_program_of_the_same_version(services):
    ours = server_version(postgres.installed_dir() / "bin" / "postgres", r"\(PostgreSQL\) ([\d.]+)")
    assert tagged(services["postgres"]) == f"postgres:{ours}" == containers.POSTGRES


def test_the_roles_and_their_database_are_those_of_the_embedded_server():
    script = (COMPOSE_DIR / "roles.sh").read_text("utf-8")
    (words,) = re.findall(r"readonly roles=\((.*)\)", script)
    assert [f"riskstream_{word}" for word in words.split()] == list(roles.ROLES)
    assert " ".join(f"LOGIN {roles.NO_RIGHTS}".split()) in " ".join(script.split())
    for statement in list(roles.database_statements("$PGDATABASE"))[:-1]:
        assert f"{statement};" in script


def test_the_data_of_postgresql_are_on_the_volume(services):
    # The image of 18 and later keeps them below this folder, and refuses a volume deeper in it.
    assert services["postgres"]["volumes"] == ["history:/var/lib/postgresql"]


@pytest.mark.parametrize("name", OWN_SERVICES)
def test_every_variable_of_ours_is_one_that_the_settings_know(services, name):
    known = {f"RISKSTREAM_{field.upper()}" for field in Settings.model_fields}
    known |= {*EXTERNAL_VARIABLES.values(), SECRETS_DIR_VARIABLE}
    spark = {"SPARK_CONF_DIR", "SPARK_LOCAL_DIRS", "SPARK_WORKER_CORES", "SPARK_WORKER_OPTS"}
    spark |= {"SPARK_DAEMON_MEMORY", "SPARK_DAEMON_JAVA_OPTS", "SPARK_MASTER_OPTS"}
    assert set(services[name]["environment"]) <= known | spark


@pytest.mark.parametrize("name", OWN_SERVICES)
def test_every_secret_of_a_process_of_ours_is_a_variable_or_sparks_settings(services, name):
    variables = {variable.lower() for variable in EXTERNAL_VARIABLES.values()}
    grants = services[name]["secrets"]
    targets = {grant if isinstance(grant, str) else grant["target"] for grant in grants}
    targets -= variables
    conf_dir = services[name]["environment"].get("SPARK_CONF_DIR")
    assert targets == ({f"{conf_dir}/spark-defaults.conf"} if conf_dir else set())


@pytest.mark.parametrize("name", ["stream", "oracle", "api", "replay"])
def test_a_process_of_ours_calls_the_broker_where_it_listens(services, name):
    advertised = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert advertised == f"PLAINTEXT://{services[name]['environment']['KAFKA_BOOTSTRAP_SERVERS']}"


def test_the_commands_name_modules_and_an_app_that_exist(services):
    for name in OWN_SERVICES:
        command = services[name]["command"]
        for module in (b for a, b in itertools.pairwise(command) if a == "-m"):
            assert find_spec(module), f"{name}: no module {module}"
    module, _, factory = services["api"]["command"][3].partition(":")
    assert callable(getattr(importlib.import_module(module), factory))


# -- versions and the image -----------------------------------------------------------------


def test_the_broker_is_of_the_locked_version(services):
    locked = {jar.coordinates for jar in parsed_lock(LOCK_PATH.read_text("utf-8"))}
    root = ROOTS["broker"][0]
    assert root in locked
    assert tagged(services["kafka"]) == f"apache/kafka:{root.revision}" == containers.KAFKA


def test_our_services_share_one_image_which_repeats_no_version(services):
    assert {services[name]["image"] for name in OWN_SERVICES} == {"riskstream:local"}


def test_each_of_our_images_is_built_once_and_pulled_never(services):
    built = {name: service for name, service in services.items() if "build" in service}
    assert {name: service["build"]["target"] for name, service in built.items()} == {
        "stream": "application",
        "harness": "harness",
    }
    assert {service["pull_policy"] for service in built.values()} == {"never"}
    assert {services[name]["pull_policy"] for name in OWN_SERVICES} == {"never"}


def test_the_images_python_and_java_are_tested_ones():
    dockerfile = DOCKERFILE_PATH.read_text("utf-8")
    from_line = r"^FROM python:([^$\s]+)\$\{PYTHON_DIGEST\} AS base$"
    (python,) = re.findall(from_line, dockerfile, re.MULTILINE)
    assert python == "3.11-slim-bookworm"
    assert any(f" {package}" in dockerfile for package in JAVA_PACKAGES)
    assert "site-packages/pyspark" in dockerfile
    assert f"/python{python.partition('-')[0]}/" in dockerfile


def test_the_image_is_installed_by_the_projects_own_set_up_and_not_run_as_root():
    dockerfile = DOCKERFILE_PATH.read_text("utf-8")
    assert "RUN make setup" in dockerfile
    assert not re.search(r"pip3? install", dockerfile)
    assert re.findall(r"^USER (.*)$", dockerfile, re.MULTILINE) == ["${UID}:${GID}"]
    assert "UID=0" not in dockerfile


def test_the_image_is_given_all_that_it_copies_and_nothing_private():
    ignore = IGNORE_PATH.read_text("utf-8")
    for path in copied_paths(DOCKERFILE_PATH.read_text("utf-8")):
        assert is_sent(path, ignore), f"{path} is copied and not sent"
    for private in (".git", ".riskstream/api-token", "compose/secrets/redis_url", "compose/.env"):
        assert not is_sent(private, ignore), private


def test_everything_that_a_module_of_the_image_imports_of_ours_is_copied(services):
    copied = copied_paths(DOCKERFILE_PATH.read_text("utf-8"))
    imported = subprocess.run(
        [sys.executable, "-c", LOADED_FILES.format(module=services["oracle"]["command"][-1])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert any("/validation/oracle/" in file for file in imported)
    paths = [Path(file).resolve().relative_to(ROOT.resolve()) for file in imported]
    lacking = [
        needed for needed in paths if not any(needed.is_relative_to(path) for path in copied)
    ]
    assert lacking == []


def test_packages_that_are_copied_after_the_installation_can_be_imported():
    dockerfile = DOCKERFILE_PATH.read_text("utf-8")
    assert dockerfile.index("COPY validation") > dockerfile.index("RUN make .venv")
    assert "PYTHONPATH=/app " in dockerfile


def test_a_tmpfs_over_the_state_folder_can_be_written_by_the_user_of_the_image():
    """A tmpfs takes the mode of the image's folder, and root as its owner."""
    assert "install --directory --mode 1777" in DOCKERFILE_PATH.read_text("utf-8")


def test_the_image_copies_only_what_is_there():
    paths = copied_paths(DOCKERFILE_PATH.read_text("utf-8"))
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_replays_books_are_in_the_image_and_can_be_imported():
    books = sorted((ROOT / "scenarios" / "books").glob("*.json"))
    assert "/app/scenarios/books" in (COMPOSE_DIR / "replay.sh").read_text("utf-8")
    assert len({read_portfolio(book).portfolio.portfolio for book in books}) == len(books) == 3
