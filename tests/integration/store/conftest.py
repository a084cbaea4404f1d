"""Servers of these tests' own, because they send to topics that others count.

Each test gets an empty database and an empty Redis.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis

from system.client.sync_client import RiskClient
from system.runtime.components.postgres import superuser_url
from system.runtime.stack import EmbeddedStack
from system.settings import Connections, Settings
from system.store.postgres.history import RiskHistory
from system.store.postgres.history_fake import MemoryHistory
from system.store.redis.latest import LatestStore
from system.store.redis.latest_fake import MemoryLatest
from tests.integration import containers

STORES = ("postgres", "redis")
TOKEN = "token-of-these-tests"  # noqa: S105 - of servers that live as long as the tests
START_BOUND_S = 60
_numbers = itertools.count()


@pytest.fixture(scope="session")
def store_connections(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    stack_settings: Settings,
) -> Iterator[Connections]:
    """Addresses of the servers of these tests; a broker only where a test asks for the API."""
    folder = tmp_path_factory.mktemp("stores")
    settings = stack_settings.model_copy(update={"state_dir": folder})
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    servers = ("kafka", *STORES) if "api_process" in asked else STORES
    with EmbeddedStack(settings, components=servers):
        yield settings.connections()


@pytest.fixture
def database_url(store_connections: Connections) -> str:
    """An empty database, as its owner and the server's superuser."""
    return new_database(store_connections)


def new_database(at: Connections) -> str:
    """Make an empty database on the embedded server and return its URL for the superuser."""
    return new_database_at(superuser_url(at))


def new_database_at(server_url: str) -> str:
    """Make an empty database on a server and return its URL."""
    name = f"store_{next(_numbers)}"
    connection = psycopg.connect(server_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


@pytest.fixture
def redis_url(store_connections: Connections) -> str:
    """An empty Redis."""
    return emptied(store_connections.redis_url)


def emptied(url: str) -> str:
    """Empty a Redis and return its URL."""
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@dataclass(frozen=True)
class ApiProcess:
    """The API under uvicorn, as the stack starts it."""

    url: str
    database_url: str
    process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class LiveApi:
    """The API as a process of its own, and the stores behind it, empty."""

    url: str
    history: RiskHistory
    latest: LatestStore
    kafka: str
    process: subprocess.Popen[bytes]

    def client(self) -> RiskClient:
        """Return a client of it."""
        return RiskClient(self.url, TOKEN)


@pytest.fixture(scope="module")
def api_process(
    store_connections: Connections, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiProcess]:
    """An API over a database of its own, for all tests of one module."""
    folder = tmp_path_factory.mktemp("api")
    url = new_database(store_connections)
    with RiskHistory(url) as history:
        history.migrate()
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": store_connections.redis_url,
        "KAFKA_BOOTSTRAP_SERVERS": store_connections.kafka_bootstrap_servers,
        "RISKSTREAM_API_TOKEN": TOKEN,
        "RISKSTREAM_STATE_DIR": str(folder),
    }
    with _served(environment, folder / "log") as (address, process):
        yield ApiProcess(address, url, process)


@pytest.fixture
def api(
    api_process: ApiProcess, store_connections: Connections, redis_url: str
) -> Iterator[LiveApi]:
    """The API with nothing in its stores."""
    _empty(api_process.database_url)
    with RiskHistory(api_process.database_url) as history, LatestStore(redis_url) as latest:
        kafka = store_connections.kafka_bootstrap_servers
        yield LiveApi(api_process.url, history, latest, kafka, api_process.process)


def _empty(database_url: str) -> None:
    with closing(psycopg.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE risk_snapshot, rejected_message, book_state, stream_offset")
        connection.commit()


@contextmanager
def _served(
    environment: dict[str, str], log_path: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        app = ("uvicorn", "system.serve.app:create_app", "--factory", "--no-access-log")
        options = ("--fd", str(listener.fileno()), "--timeout-graceful-shutdown", "3")
        options += ("--http", "system.web.connections:BoundedConnection")
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *app, *options],
                env=environment,
                stdout=log,
                stderr=log,
                pass_fds=(listener.fileno(),),
            )
    try:
        _await_answer(f"http://127.0.0.1:{port}/v1/health", process, log_path)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(START_BOUND_S)


def _await_answer(url: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
    bound = time.monotonic() + START_BOUND_S
    while True:
        assert process.poll() is None, log_path.read_text()
        assert time.monotonic() < bound, log_path.read_text()
        try:
            httpx.get(url, timeout=10).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return


IN_CONTAINER = pytest.param("container", marks=[pytest.mark.integration, pytest.mark.containers])
"""The same tests once more, where Docker answers."""


@pytest.fixture(scope="session")
def container_database_url() -> Iterator[str]:
    with containers.postgres_url() as url:
        yield url


@pytest.fixture(scope="session")
def container_redis_url() -> Iterator[str]:
    with containers.redis_url() as url:
        yield url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take the stores in memory, the real servers, and containers where there are some."""
    for fixture, server in (("history", "postgresql"), ("latest", "redis")):
        if fixture in metafunc.fixturenames:
            real = pytest.param(server, marks=pytest.mark.integration)
            more = [] if containers.why_not() else [IN_CONTAINER]
            metafunc.parametrize(fixture, ["memory", real, *more], indirect=True)


@pytest.fixture
def history(request: pytest.FixtureRequest) -> Iterator[RiskHistory | MemoryHistory]:
    if request.param == "memory":
        yield MemoryHistory()
        return
    if request.param == "container":
        url = new_database_at(request.getfixturevalue("container_database_url"))
    else:
        url = request.getfixturevalue("database_url")
    store = RiskHistory(url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def latest(request: pytest.FixtureRequest) -> Iterator[LatestStore | MemoryLatest]:
    if request.param == "memory":
        yield MemoryLatest(now_ms=lambda: 0)
        return
    if request.param == "container":
        url = emptied(request.getfixturevalue("container_redis_url"))
    else:
        url = request.getfixturevalue("redis_url")
    store = LatestStore(url)
    yield store
    store.close()
