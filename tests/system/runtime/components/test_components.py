"""Files and programs of each component: loopback only, no secret on a command line."""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from pathlib import Path

import pytest

from system.errors import InputError, UnavailableError
from system.runtime.components import postgres, redis, spark
from system.runtime.components.component import Site, http_answer, reachable_by_others
from system.runtime.components.java import Java
from system.runtime.components.kafka import cluster_id, server_properties
from system.runtime.components.redis import redis_conf, redis_server
from system.runtime.components.registry import COMPONENTS, SERVERS, chosen_components
from system.runtime.components.spark import SparkMaster, SparkWorker
from system.runtime.errors import StackError
from system.runtime.state import Secrets, opened_state_dir
from system.settings import Connections, Settings, load_settings
from system.stream.spark.class_archive import ClassArchive

SECRETS = Secrets(
    "pgsecret",
    "redissecret",
    "sparksecret",
    "tokensecret",
    "ownersecret",
    "writersecret",
    "readersecret",
    "oraclesecret",
)
FACTS = {
    "kafka_bootstrap_servers": "127.0.0.1:1",
    "spark_master": "spark://127.0.0.1:2",
    "database_url": "postgresql://riskstream:pgsecret@127.0.0.1:3/riskstream",
    "redis_url": "redis://:redissecret@127.0.0.1:4/0",
    "api_url": "http://127.0.0.1:5",
    "dashboard_url": "http://127.0.0.1:6",
    "api_token": "tokensecret",
}


@pytest.fixture
def settings(tmp_path):
    settings = Settings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")
    settings.broker_jars_dir.mkdir(parents=True)
    (settings.broker_jars_dir / "kafka.jar").touch()
    return settings


@pytest.fixture
def connections(settings):
    return Connections(FACTS, settings.state_dir)


@pytest.fixture
def site(settings, connections, monkeypatch):
    # Formatting and initdb need the real programs: the integration tests run them.
    monkeypatch.setattr("system.runtime.components.kafka.run_step", lambda program, scratch: None)
    monkeypatch.setattr("system.runtime.components.postgres.run_step", lambda *args, **kwargs: None)
    monkeypatch.setattr(
        "system.runtime.components.postgres.installed_dir", lambda: Path("/nowhere")
    )
    monkeypatch.setattr("system.runtime.components.postgres.is_root", lambda: False)
    ports = {"broker": 20001, "controller": 20002, "server": 20003, "master": 20004, "ui": 20005}
    java = Java(Path("/jdk"), 17)
    return Site(settings, opened_state_dir(settings), SECRETS, ports, connections, java)


@pytest.fixture
def _data_folder(site):
    """Create the files that the skipped initdb would have made."""
    (site.state.folder("postgres", "data") / "pg_hba.conf").touch()


@pytest.mark.usefixtures("_data_folder")
@pytest.mark.parametrize("component", COMPONENTS.values(), ids=lambda each: each.name)
def test_no_secret_stands_on_a_command_line_or_in_an_address(component, site, connections):
    command = " ".join(component.prepare(site).command)
    shown = f"{command} {component.address(connections, site.ports)}"
    assert not [secret for secret in vars(SECRETS).values() if secret in shown]


@pytest.mark.usefixtures("_data_folder")
@pytest.mark.parametrize("component", COMPONENTS.values(), ids=lambda each: each.name)
def test_nothing_listens_on_other_than_loopback(component, site):
    program = component.prepare(site)
    written = [
        path for path in site.state.root.rglob("*") if path.suffix in {".conf", ".properties"}
    ]
    said = " ".join([*program.command, *(path.read_text("utf-8") for path in written)])
    assert "0.0.0.0" not in said  # noqa: S104 - looked for
    assert "localhost" not in said


@pytest.mark.usefixtures("_data_folder")
@pytest.mark.parametrize("component", COMPONENTS.values(), ids=lambda each: each.name)
def test_every_file_with_a_secret_is_private(component, site):
    component.prepare(site)
    for path in site.state.root.rglob("*"):
        if path.is_file() and any(s in path.read_text("utf-8") for s in vars(SECRETS).values()):
            assert path.stat().st_mode & 0o077 == 0, path


def test_facts_lead_to_where_the_component_listens(site):
    assert COMPONENTS["kafka"].facts(site) == {"kafka_bootstrap_servers": "127.0.0.1:20001"}
    assert COMPONENTS["spark-master"].facts(site) == {"spark_master": "spark://127.0.0.1:20004"}
    assert COMPONENTS["redis"].facts(site)["redis_url"] == "redis://:redissecret@127.0.0.1:20003/0"
    at = "127.0.0.1:20003/riskstream"
    assert COMPONENTS["postgres"].facts(site) == {
        "database_url": f"postgresql://riskstream_writer:writersecret@{at}",
        "owner_database_url": f"postgresql://riskstream_owner:ownersecret@{at}",
        "reader_database_url": f"postgresql://riskstream_reader:readersecret@{at}",
        "oracle_database_url": f"postgresql://riskstream_oracle:oraclesecret@{at}",
    }
    assert "tokensecret" in COMPONENTS["api"].facts(site).values()


def test_the_broker_creates_no_topic_by_itself_and_keeps_small_segments():
    properties = server_properties({"broker": 1, "controller": 2}, Path("/log"))
    assert "auto.create.topics.enable=false" in properties
    assert "log.segment.bytes=67108864" in properties
    assert "log.retention.hours=168" in properties
    assert "log.retention.bytes=2147483648" in properties


def test_redis_writes_nothing_to_disk_and_never_drops_a_key():
    conf = redis_conf(1, "x").splitlines()
    assert {'save ""', "appendonly no", "maxmemory-policy noeviction"} <= set(conf)
    assert any(line.startswith("maxmemory ") for line in conf)


def test_a_client_that_does_not_read_is_disconnected_by_redis():
    assert "client-output-buffer-limit normal 64mb 16mb 30" in redis_conf(1, "x").splitlines()


def test_the_redis_program_is_installed_and_current():
    assert os.access(redis_server(), os.X_OK)
    done = subprocess.run([redis_server(), "--version"], capture_output=True, text=True, check=True)
    assert int(re.findall(r" v=(\d+)\.", done.stdout)[0]) >= 9


def test_a_missing_redis_program_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(redis, "SERVER_PACKAGE", "a-package-that-is-not-there")
    with pytest.raises(StackError, match=r"make setup.*REDIS_URL"):
        redis_server()
    monkeypatch.setattr(redis, "SERVER_PACKAGE", "redis")
    with pytest.raises(StackError, match="no valkey-server for this machine"):
        redis_server()


def test_the_cluster_asks_for_its_secret(settings):
    spark.write_spark_conf(settings, "sparksecret")
    defaults = settings.spark_conf_dir / "spark-defaults.conf"
    assert "spark.authenticate          true" in defaults.read_text("utf-8")
    assert defaults.stat().st_mode & 0o777 == 0o600


def test_a_master_remembers_its_workers_and_drivers_until_the_next_stack(site):
    program = SparkMaster().prepare(site)
    [folder] = [
        Path(flag.partition("=")[2])
        for flag in program.environment["SPARK_MASTER_OPTS"].split()
        if flag.startswith("-Dspark.deploy.recoveryDirectory=")
    ]
    assert "-Dspark.deploy.recoveryMode=FILESYSTEM" in program.environment["SPARK_MASTER_OPTS"]
    assert folder.is_dir()
    (folder / "worker_of-an-earlier-stack").touch()
    SparkMaster().prepare(site)
    assert list(folder.iterdir()) == []


def test_master_and_worker_map_the_archive_of_classes_when_there_is_one(site, monkeypatch):
    plain = SparkMaster().prepare(site).environment
    assert "SPARK_DAEMON_CLASSPATH" not in plain
    archive = ClassArchive((Path("/jars/a.jar"), Path("/spark/b.jar")), Path("/c/s.jsa"))
    monkeypatch.setattr(spark, "found_archive", lambda settings, java_home: archive)
    for component in (SparkMaster(), SparkWorker()):
        mapped = component.prepare(site).environment
        assert mapped["SPARK_DAEMON_CLASSPATH"] == "/jars/a.jar:/spark/b.jar"
        assert mapped["SPARK_DAEMON_JAVA_OPTS"].endswith(" -XX:SharedArchiveFile=/c/s.jsa")


def test_postgres_runs_as_ourselves_unless_we_are_root(monkeypatch):
    monkeypatch.setattr("system.runtime.components.postgres.is_root", lambda: False)
    assert postgres.service_user("nobody") is None
    monkeypatch.setattr("system.runtime.components.postgres.is_root", lambda: True)
    assert postgres.service_user("nobody") == "nobody"
    with pytest.raises(StackError, match="RISKSTREAM_SERVICE_USER"):
        postgres.service_user("no-such-user")


def test_a_service_user_is_given_the_data_folder_as_the_current_one():
    command = postgres.server_command(Path("/pg"), Path("/somewhere/data"), "nobody", 1)
    assert command[1:3] == ("-D", "/proc/self/cwd")
    command = postgres.server_command(Path("/pg"), Path("/somewhere/data"), None, 1)
    assert command[1:3] == ("-D", "/somewhere/data")


def test_a_private_folder_above_is_seen(tmp_path):
    (tmp_path / "private").mkdir(mode=0o700)
    assert not reachable_by_others(tmp_path / "private" / "file")
    assert reachable_by_others(Path("/bin/sh"))


def test_aliases_and_names_can_be_mixed_and_keep_the_order_of_the_start():
    chosen = [each.name for each in chosen_components(["spark", "redis", "redis"])]
    assert chosen == ["redis", "spark-master", "spark-worker"]
    assert [each.name for each in chosen_components(["servers"])] == list(SERVERS)


@pytest.mark.parametrize("names", [["kafak"], []])
def test_an_unknown_component_is_refused_with_those_that_exist(names):
    with pytest.raises(StackError, match="there are kafka, postgres"):
        chosen_components(names)


def test_every_component_is_listed_after_those_it_needs():
    names = list(COMPONENTS)
    for name, component in COMPONENTS.items():
        assert all(names.index(needed) < names.index(name) for needed in component.after)


def test_a_process_of_ours_sees_the_stacks_settings_and_no_foreign_server(site, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody-elses/precious")
    environment = COMPONENTS["api"].prepare(site).environment
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    seen = load_settings()
    assert seen.state_dir == site.settings.state_dir
    assert seen.external() == {}


def test_only_web_addresses_are_asked_for_health(tmp_path):
    (tmp_path / "x").write_text("secret", "utf-8")
    with pytest.raises(UnavailableError, match="not a web address"):
        http_answer((tmp_path / "x").as_uri())


@pytest.mark.parametrize("component", [SparkMaster(), SparkWorker()])
def test_local_mode_has_no_cluster_to_ask(component):
    addresses = dict.fromkeys(("spark-master", "spark-worker"), "local[2]")
    component.check(Connections({}, Path("nowhere")), addresses)


def test_a_cluster_id_is_never_taken_for_an_option():
    dashed = uuid.UUID(bytes=b"\xfb" + bytes(15))
    assert cluster_id(dashed) == "A" + "wAAAAAAAAAAAAAAAAAAAA"
    assert cluster_id(uuid.UUID(bytes=bytes(16))) == "A" * 22


def test_a_broker_without_its_archives_says_what_to_run(site):
    (site.settings.broker_jars_dir / "kafka.jar").unlink()
    with pytest.raises(InputError, match=r"no Java archives in .*: run `make setup`"):
        COMPONENTS["kafka"].prepare(site)
