"""Goals: open loop, so that a slow answer is not hidden by the questions it holds back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from loadtests.asking import Askers
from loadtests.goals import Goal, GoalsReport, open_loop, p99, show_goals
from system.errors import UnavailableError
from system.settings import Connections


def test_a_slow_answer_does_not_hold_back_the_questions_behind_it():
    asked: list[int] = []
    release = asyncio.Event()

    async def ask() -> None:
        asked.append(len(asked))
        if len(asked) == 1:
            await release.wait()
        elif len(asked) == 20:
            release.set()

    late_ms = asyncio.run(open_loop(ask, per_s=200.0, seconds=0.1))
    assert len(late_ms) == 20
    assert late_ms[0] >= 19 / 200 * 1e3 * 0.99


def test_the_99th_percentile_is_an_observed_value():
    assert p99([float(value) for value in range(1, 201)]) == 198.0
    assert p99([]) == float("inf")


def test_each_figure_is_shown_beside_its_goal_and_its_floor():
    goal = Goal(
        what="what-if, p99", measured=7.5, unit="ms", goal=10, floor=50, count=9, detail="p50 2 ms"
    )
    console = Console(record=True, width=160)
    show_goals(
        console, GoalsReport(machine="2 cores", load_average=0.3, rate=1_000.0, goals=(goal,))
    )
    said = console.export_text()
    for part in ("what-if, p99", "7.50 ms", "10 ms", "50 ms", "load average 0.3"):
        assert part in said


@pytest.mark.parametrize("seconds", [0.05])
def test_latency_runs_from_the_moment_a_question_was_due(seconds):
    async def ask() -> None:
        await asyncio.sleep(0)

    assert all(late >= 0 for late in asyncio.run(open_loop(ask, per_s=100.0, seconds=seconds)))


POLL_S = 0.01


class Server(ThreadingHTTPServer):
    """Takes all connections at once; with the library's five, others wait a second or two."""

    request_queue_size = 64


class Answering(BaseHTTPRequestHandler):
    """Answers what is known, with the token only."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        known = self.path in {"/var", "/what-if"}
        trusted = self.headers.get("Authorization") == "Bearer secret"
        self.send_response(200 if known and trusted else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - the library calls them so

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[Connections]:
    with Server(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_S,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield Connections({"api_url": url, "api_token": "secret"}, Path("nowhere"))
        server.shutdown()
        thread.join()


def test_questions_are_sent_with_the_token_and_answered(api):
    async def ask_all() -> list[float]:
        async with Askers(api) as askers:
            assert await askers.ask("POST", "/what-if", {"trades": []}) == b'{"trades":[]}'
            ask = lambda: askers.ask("GET", "/var")  # noqa: E731 - asked again and again
            return await open_loop(ask, per_s=1_000.0, seconds=0.05)

    assert len(asyncio.run(ask_all())) == 50


def test_a_refused_question_ends_the_measurement(api):
    async def ask() -> None:
        async with Askers(api) as askers:
            await askers.ask("GET", "/nothing")

    with pytest.raises(UnavailableError, match="GET /nothing: 404"):
        asyncio.run(ask())


def test_a_line_that_the_api_has_closed_is_opened_anew(api):
    async def ask() -> bytes:
        async with Askers(api) as askers:
            for line in askers._lines:
                line.reader.feed_eof()
            return await askers.ask("POST", "/var", 1)

    assert asyncio.run(ask()) == b"1"


class Silent(Answering):
    """Closes the line without an answer."""

    def answer(self) -> None:
        self.close_connection = True

    do_GET = do_POST = answer  # noqa: N815 - the library calls them so


def test_an_api_that_does_not_answer_is_named(api, monkeypatch):
    monkeypatch.setattr(Answering, "do_GET", Silent.answer)

    async def ask() -> None:
        async with Askers(api) as askers:
            await askers.ask("GET", "/var")

    with pytest.raises(UnavailableError, match="GET /var was not answered"):
        asyncio.run(ask())
