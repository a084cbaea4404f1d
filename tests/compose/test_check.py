"""The health check inside a container: well only if the service answers as it should."""

from __future__ import annotations

import importlib.util
import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.compose.reading import COMPOSE_DIR, read_compose


def loaded() -> Any:
    spec = importlib.util.spec_from_file_location("compose_check", COMPOSE_DIR / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check = loaded()


class Page(BaseHTTPRequestHandler):
    """Answers with what its server was told."""

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    http.status, http.body = 200, b"{}"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield http
    http.shutdown()
    http.server_close()
    thread.join(timeout=5)


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.server_port}/"


def test_a_page_that_answers_is_well(url):
    assert check.page_problem(url) == ""


def test_a_page_that_answers_with_an_error_is_not_well(server, url):
    server.status = 503
    with pytest.raises(OSError, match="503"):
        check.page_problem(url)


@pytest.mark.parametrize(
    ("status", "problem"), [("ALIVE", ""), ("STANDBY", "the master is STANDBY")]
)
def test_the_master_is_well_when_it_is_alive(server, url, status, problem):
    server.body = f'{{"status": "{status}"}}'.encode()
    assert check.master_problem(url) == problem


@pytest.mark.parametrize(("count", "problem"), [(1, ""), (0, "the master knows no living worker")])
def test_the_worker_is_well_when_the_master_knows_it(server, url, count, problem):
    server.body = f'{{"aliveworkers": {count}}}'.encode()
    assert check.worker_problem(url) == problem


class FakeLatest:
    """Redis with a heartbeat, or without."""

    age_ms: int | None = None
    oracle: str | None = None

    def __init__(self, redis_url: str) -> None:
        assert redis_url == "redis://here"

    def __enter__(self) -> FakeLatest:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""

    def status(self) -> FakeLatest:
        return self

    @property
    def heartbeat_age_ms(self) -> int | None:
        return self.age_ms


@pytest.mark.parametrize(("age_ms", "problem"), [(12, ""), (None, "the stream has no heartbeat")])
def test_the_stream_is_well_while_its_heartbeat_is_in_redis(monkeypatch, age_ms, problem):
    monkeypatch.setenv("REDIS_URL", "redis://here")
    monkeypatch.setattr("system.store.redis.latest.LatestStore", FakeLatest)
    monkeypatch.setattr(FakeLatest, "age_ms", age_ms)
    assert check.stream_problem() == problem


@pytest.mark.parametrize(("word", "problem"), [("here", ""), (None, "the oracle says nothing")])
def test_the_oracle_is_well_while_its_word_is_in_redis(monkeypatch, word, problem):
    monkeypatch.setenv("REDIS_URL", "redis://here")
    monkeypatch.setattr("system.store.redis.latest.LatestStore", FakeLatest)
    monkeypatch.setattr(FakeLatest, "oracle", word)
    assert check.oracle_problem() == problem


def test_the_exit_code_says_how_it_is_and_the_line_why(monkeypatch, capsys, url, server):
    monkeypatch.setitem(check.CHECKS, "api", lambda: check.page_problem(url))
    assert check.main(["api"]) == 0
    server.status = 500
    assert check.main(["api"]) == 1
    assert "HTTPError" in capsys.readouterr().err


def test_an_unknown_name_is_refused_with_those_that_are_known(capsys):
    assert check.main(["nobody"]) == 2
    assert "spark-master" in capsys.readouterr().err


def test_every_service_that_asks_for_a_check_gets_its_own():
    for name, service in read_compose()["services"].items():
        test = service.get("healthcheck", {}).get("test", [])
        if "/app/compose/check.py" in test:
            assert test[-1] == name
            assert name in check.CHECKS


@pytest.mark.parametrize(("name", "page"), [("api", "API_PAGE"), ("dashboard", "DASHBOARD_PAGE")])
def test_a_page_is_looked_for_where_its_service_listens(name, page):
    command = read_compose()["services"][name]["command"]
    port = next(b for a, b in itertools.pairwise(command) if a.endswith("port"))
    assert f"127.0.0.1:{port}/" in getattr(check, page)


def test_the_masters_page_is_looked_for_where_it_listens():
    command = read_compose()["services"]["spark-master"]["command"]
    host, port = command[command.index("--host") + 1], command[command.index("--webui-port") + 1]
    assert check.MASTER_PAGE.startswith(f"http://{host}:{port}/")
