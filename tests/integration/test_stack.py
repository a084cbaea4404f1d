"""The whole stack: every server answers, on loopback only, and gives no secret away."""

from __future__ import annotations

import json
import urllib.error
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from kafka import KafkaAdminClient

from system.contracts.topics import TOPICS
from system.runtime.components.component import http_answer
from system.runtime.components.registry import SERVERS
from system.runtime.components.spark import master_state
from system.runtime.components.spark_pages import page_settings
from system.runtime.state import StateDir
from tests.integration.processes import family, listening_addresses

pytestmark = pytest.mark.integration


@pytest.fixture
def processes(stack):
    return family(stack.pid("supervisord"))


def test_every_server_is_healthy_and_has_a_process_and_a_log(stack):
    status = {each.name: each for each in stack.status()}
    assert tuple(status) == SERVERS
    for each in status.values():
        assert (each.state, each.problem) == ("healthy", "")
        assert each.pid == stack.pid(each.name)
        assert each.log_path


def test_the_worker_is_registered_with_room_for_the_executor(stack, stack_settings):
    [page] = [each.address for each in stack.status() if each.name == "spark-master"]
    state = master_state(page, stack_settings.connections().spark_defaults)
    assert state["aliveworkers"] == 1
    assert state["memory"] >= stack_settings.executor_memory_mb


@pytest.mark.parametrize("name", ["spark-master", "spark-worker"])
@pytest.mark.parametrize(
    "path",
    ["", "/", "/json/", "/metrics/json/", "/static/webui.css", "/logPage/?appId=x&logType=stderr"],
)
def test_sparks_pages_are_closed_without_the_key(stack, name, path):
    [page] = [each.address for each in stack.status() if each.name == name]
    with pytest.raises(urllib.error.HTTPError) as refused:
        http_answer(f"{page}{path}")
    assert refused.value.code == 403


def test_a_key_of_another_cluster_opens_no_page(stack, tmp_path):
    [page] = [each.address for each in stack.status() if each.name == "spark-master"]
    other = tmp_path / "spark-defaults.conf"
    other.write_text(page_settings("of another cluster"))
    with pytest.raises(urllib.error.HTTPError) as refused:
        master_state(page, other)
    assert refused.value.code == 403


def test_the_topics_are_created_and_no_others_by_accident(stack, connections):
    admin = KafkaAdminClient(bootstrap_servers=connections.kafka_bootstrap_servers)
    try:
        listed = set(admin.list_topics())
    finally:
        admin.close()
    assert {topic.name for topic in TOPICS} <= listed


def test_nothing_listens_beyond_loopback(processes):
    assert listening_addresses(processes) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def test_no_secret_is_on_a_command_line_or_in_a_log(processes, stack_settings):
    state = StateDir(stack_settings.state_dir)
    secrets = set(json.loads((state.root / "secrets.json").read_text("utf-8")).values())
    seen = [" ".join(process.cmdline()) for process in processes]
    seen += [log.read_text("utf-8", errors="replace") for log in state.logs_dir.iterdir()]
    assert not [secret for secret in secrets if any(secret in text for text in seen)]


def test_everything_below_the_state_folder_is_private(stack, stack_settings):
    assert stack_settings.state_dir.stat().st_mode & 0o777 == 0o700
    assert stack_settings.connections_path.stat().st_mode & 0o777 == 0o600


def test_postgres_refuses_a_wrong_password(connections):
    url = urlsplit(connections.database_url)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://{url.username}:wrong@{url.hostname}:{url.port}{url.path}")


def test_redis_refuses_who_gives_no_password(connections):
    url = urlsplit(connections.redis_url)
    with (
        redis.Redis(url.hostname or "", url.port or 0) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
