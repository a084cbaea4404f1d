"""Goals: open loop, so that a slow answer is not hidden by the questions it holds back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loadtests.source.send_rate import SendRate
from loadtests.studies.api_questions import ApiConnections
from loadtests.studies.goals import (
    RESTART_BOUND_S,
    Goal,
    GoalsReport,
    fresh_after,
    kept,
    open_loop,
    p99,
    pulsed_schedule,
    show_goals,
)
from system.clock import monotonic_ns
from system.console import PlainConsole
from system.errors import UnavailableError
from system.settings import Connections
from system.store.redis.redis_values import Watermark
from validation.checkers.latency import check_schedule
from validation.verdict import Verdict


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
    console = PlainConsole(record=True, width=160)
    report = GoalsReport(
        verdict=Verdict.PASSED,
        machine="2 cores",
        load_average=0.3,
        rate=1_000.0,
        goals=(goal,),
        findings=(kept(goal),),
    )
    show_goals(console, report)
    said = console.export_text()
    for part in ("what-if, p99", "7.50 ms", "10 ms", "50 ms", "goal reached", "load average 0.3"):
        assert part in said


@pytest.mark.parametrize(
    ("measured", "verdict", "told"),
    [
        (10.0, Verdict.PASSED, "goal reached of 10"),
        (50.0, Verdict.PASSED, "beyond the goal of 10"),
        (50.1, Verdict.FAILED, "floor 50"),
        (float("inf"), Verdict.FAILED, "floor 50"),
        (float("nan"), Verdict.FAILED, "floor 50"),
    ],
)
def test_a_figure_beyond_its_floor_fails(measured, verdict, told):
    goal = Goal(what="what-if", measured=measured, unit="ms", goal=10, floor=50, count=9, detail="")
    finding = kept(goal)
    assert (finding.verdict, told in finding.detail) == (verdict, True)


def pulse(second: int, sent: int, late: int = 0) -> SendRate:
    """Return a second of which some ticks were 5.5 ms late, the others 1.5 ms."""
    return SendRate(
        at_ns=second * 10**9,
        sent=sent,
        slip_ms_p99=1.5,
        slip_ms_max=5.5,
        slip_counts={1: sent - late, 5: late},
    )


def test_a_load_that_was_not_sent_shows_nothing():
    def judged_pump(*pulses: SendRate) -> Verdict:
        sent = pulsed_schedule(pulses, 100.0, since_ns=0, until_ns=100 * 10**9)
        return check_schedule("load", sent).verdict

    steady = [pulse(second, 100) for second in range(100)]
    assert judged_pump(*steady) is Verdict.PASSED
    assert judged_pump(*(pulse(second, 100, late=1) for second in range(100))) is Verdict.PASSED
    assert judged_pump(*(pulse(second, 100, late=2) for second in range(100))) is Verdict.FAILED
    assert judged_pump(*steady[:50], pulse(50, 80), *steady[51:]) is Verdict.FAILED
    assert judged_pump(steady[0]) is Verdict.UNKNOWN, "a pump that died at once"
    assert judged_pump(*steady[:50], *steady[60:]) is Verdict.FAILED, "a gap of ten seconds"
    assert judged_pump(*steady[:90]) is Verdict.UNKNOWN, "a pump that died before the end"
    assert judged_pump(*steady[10:]) is Verdict.UNKNOWN, "a pump that began too late"
    before = [pulse(second - 100, 5) for second in range(100)]
    assert judged_pump(*before, *steady) is Verdict.PASSED, "the warm-up is not judged"


def test_a_restart_lasts_until_what_was_there_before_the_kill_is_covered():
    """The restored state has a new fence and shows nothing of the last moments: it is not fresh."""
    ends = {"market_data:0": 7, "market_data:1": 9}
    restored = {"market_data:0": 5, "market_data:1": 9}
    marks = [
        None,
        Watermark(3, 8, ends, 0),
        Watermark(4, 0, restored, 0),
        Watermark(4, 1, {**ends, "fx_rates:0": 1}, 0),
    ]
    waiting = iter(marks)
    assert asyncio.run(fresh_after(lambda: next(waiting), 3, ends, monotonic_ns())) > 0
    assert next(waiting, "all were asked for") == "all were asked for"


def test_a_restart_that_never_comes_is_named():
    long_ago_ns = monotonic_ns() - round(RESTART_BOUND_S * 1e9)
    with pytest.raises(UnavailableError, match="no fresh snapshot within 90 s"):
        asyncio.run(fresh_after(lambda: None, 0, {}, long_ago_ns))


def test_latency_runs_from_the_moment_a_question_was_due():
    """The first one blocks the loop: the others are asked late, and that is in their latency."""
    asked_ns: list[int] = []

    async def ask() -> None:
        asked_ns.append(monotonic_ns())
        if len(asked_ns) == 1:
            while monotonic_ns() - asked_ns[0] < 50_000_000:
                pass

    late_ms = asyncio.run(open_loop(ask, per_s=1_000.0, seconds=0.01))
    assert late_ms[1] >= 48.0
    assert late_ms[9] >= 40.0


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
        async with ApiConnections(api) as askers:
            assert await askers.ask("POST", "/what-if", {"trades": []}) == b'{"trades":[]}'
            ask = lambda: askers.ask("GET", "/var")  # noqa: E731 - asked again and again
            return await open_loop(ask, per_s=1_000.0, seconds=0.05)

    assert len(asyncio.run(ask_all())) == 50


def test_a_refused_question_ends_the_measurement(api):
    async def ask() -> None:
        async with ApiConnections(api) as askers:
            await askers.ask("GET", "/nothing")

    with pytest.raises(UnavailableError, match="GET /nothing: 404"):
        asyncio.run(ask())


def test_a_line_that_the_api_has_closed_is_opened_anew(api):
    async def ask() -> bytes:
        async with ApiConnections(api) as askers:
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
        async with ApiConnections(api) as askers:
            await askers.ask("GET", "/var")

    with pytest.raises(UnavailableError, match="GET /var was not answered"):
        asyncio.run(ask())
