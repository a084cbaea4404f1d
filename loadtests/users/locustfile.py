"""locust's side of a load: who asks, who trades, who listens, and the ticks behind them.

Started by ``riskstream measure users`` (`make load`, `make load-ui`), which brings up the
stack. locust is closed-loop, so ticks do not come from its tasks: one tick user runs the
pump in a process of its own and reports what that says into locust's statistics, every
tick of it. Everything stays on loopback and ends by itself.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final
from urllib.parse import urlparse

import gevent
import msgspec
import requests
from gevent import subprocess
from gevent.event import AsyncResult
from locust import HttpUser, LoadTestShape, User, constant_throughput, events, tag, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import WorkerRunner
from locust.stats import CSV_STATS_INTERVAL_SEC, StatsEntry

from loadtests.source.send_rate import SendRate
from loadtests.source.shapes import SHAPES, duration_s, rate_at
from loadtests.users import budgets, console
from loadtests.users.tick_process import TicksVerdict, read_ticks_line
from system.clock import monotonic_ns
from system.errors import InputError, UnavailableError
from system.settings import load_settings
from validation.measure.open_coverage import LiveLatency
from validation.verdict import Verdict

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "::1")
PUSH_BOUND_S: Final = 30.0
SSE_TIMEOUT_S: Final = 30.0
TRADE_PRICE: Final = 100.0
CSV_SLACK_S: Final = 0.5
STOPPED: Final = "the tick user was stopped before the run was judged"

_trade_numbers = itertools.count(1)
_ran: set[str] = set()


@events.init_command_line_parser.add_listener
def _add_arguments(parser: ArgumentParser) -> None:
    add: Any = parser.add_argument  # locust's own takes one option more
    fixed = {"type": str, "include_in_web_ui": False}
    add("--plan", required=True, help="file with the JSON of a plan", **fixed)
    add("--report-dir", required=True, help="folder of the reports", **fixed)
    add("--repeat-with", default="", help="what reports say repeats it", **fixed)


@events.init.add_listener
def _on_init(environment: Environment, **_: object) -> None:
    connections = load_settings().connections()
    host = connections.api_url
    if urlparse(host).hostname not in LOOPBACK_HOSTS:
        raise InputError(f"the API is at {host}: a load is sent to this machine only")
    environment.host = host
    for user_class in environment.user_classes:
        if issubclass(user_class, ApiUser):
            user_class.token = connections.api_token
            user_class.api_url = host
    environment.events.spawning_complete.add_listener(lambda **_: _note_who_runs(environment))
    console.install(environment)


def _note_who_runs(environment: Environment) -> None:
    """Keep the classes of users that there were, also of workers: their budgets are to be shown."""
    assert environment.runner is not None, "it has just made users"
    counts = environment.runner.target_user_classes_count
    _ran.update(name for name, count in counts.items() if count)


@events.test_start.add_listener
def _on_test_start(environment: Environment, **_: object) -> None:
    """Forget what a run before this one, from the same console, has left."""
    if not isinstance(environment.runner, WorkerRunner):
        _verdict_path(environment).unlink(missing_ok=True)
        _ran.clear()


@events.quitting.add_listener
def _on_quitting(environment: Environment, **_: object) -> None:
    if isinstance(environment.runner, WorkerRunner):
        return
    # A run that is stopped before all its users are there owes what all of them make.
    ran = _ran or {user_class_.__name__ for user_class_ in environment.user_classes}
    broken = budgets.broken_budgets(console.figures(environment), budgets.BUDGETS, ran=ran)
    problems = [*broken, *_errors(environment), *_tick_problems(environment)]
    for problem in problems:
        sys.stderr.write(f"not kept: {problem}\n")
    environment.process_exit_code = 1 if problems else 0
    # locust writes its CSV once a second and closes it after this: let it write the end.
    gevent.sleep(CSV_STATS_INTERVAL_SEC + CSV_SLACK_S)


def _errors(environment: Environment) -> list[str]:
    """Return what users died of, workers' users too: our exit code takes the place of locust's."""
    assert environment.runner is not None, "the run is over"
    exceptions = environment.runner.exceptions.values()
    return [f"a user failed {failure['count']} times: {failure['msg']}" for failure in exceptions]


def _tick_problems(environment: Environment) -> tuple[str, ...]:
    path = _verdict_path(environment)
    if not path.exists():
        return (STOPPED,)
    return msgspec.json.decode(path.read_bytes(), type=TicksVerdict).problems


def _verdict_path(environment: Environment) -> Path:
    """Return where the tick user leaves the verdict, on whichever worker it is."""
    return Path(console.options_of(environment).report_dir) / "verdict.json"


class TickUser(User):
    """The pump's place in locust: one of it, whatever the number of users."""

    fixed_count = 1
    program: tuple[str, ...] = (sys.executable, "-m", "loadtests.users.tick_process")

    @task
    def pump(self) -> None:
        """Run the ticks to their end, and count what they say.

        Raises
        ------
        StopUser
            Always, at the end: the ticks are sent once.
        """
        options = console.options_of(self.environment)
        command = (*self.program, options.plan, "--report", options.report_dir)
        command += ("--repeat-with", options.repeat_with)
        process = subprocess.Popen(command, stdout=PIPE, env=dict(os.environ))
        try:
            for line in process.stdout:
                self._take(read_ticks_line(line))
            process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if not _verdict_path(self.environment).exists():
            problem = f"the ticks' process ended with {process.returncode} and no verdict"
            self._take(TicksVerdict(verdict=Verdict.FAILED, problems=(problem,)))
        raise StopUser

    def _take(self, line: SendRate | LiveLatency | TicksVerdict) -> None:
        if isinstance(line, SendRate):
            log_many(self.environment, budgets.SENT, line.slip_counts)
        elif isinstance(line, LiveLatency):
            log_many(self.environment, budgets.COVERED, line.counts)
        else:
            _verdict_path(self.environment).write_bytes(msgspec.json.encode(line))


class ApiUser(HttpUser):
    """Base class of the API's users: the token, the host that may receive it, and a random book.

    ``api_url`` is the settings'. The host in locust's console can be changed by whoever reaches its
    form: the token is not sent there.
    """

    abstract = True
    token = ""
    api_url = ""

    def on_start(self) -> None:
        """Learn the books."""
        _ran.add(type(self).__name__)
        self.client.base_url = self.api_url
        self.client.headers["Authorization"] = f"Bearer {self.token}"
        answer = self.client.get("/v1/portfolios", name="/v1/portfolios").json()
        self.books = [row["portfolio"] for row in answer["portfolios"]]

    def book(self) -> str:
        """Return one of the books; which one does not matter here."""
        return random.choice(self.books)  # noqa: S311 - no secret

    def first_share(self, portfolio: str) -> str:
        """Return a share that a book holds."""
        name = "/v1/portfolios/{id}/positions"
        held = self.client.get(f"/v1/portfolios/{portfolio}/positions", name=name).json()
        shares = (position for position in held["positions"] if position["asset_class"] == "equity")
        return str(next(shares)["instrument"])


class ApiReader(ApiUser):
    """Reads current numbers, as a screen or a report does."""

    weight = 5
    wait_time = constant_throughput(5)

    @tag("read")
    @task(6)
    def var(self) -> None:
        """Read a current VaR."""
        self.client.get(f"/v1/portfolios/{self.book()}/var", name="/v1/portfolios/{id}/var")

    @tag("read")
    @task(2)
    def attribution(self) -> None:
        """Read the parts of a VaR."""
        name = "/v1/portfolios/{id}/attribution"
        self.client.get(f"/v1/portfolios/{self.book()}/attribution", name=name)

    @tag("read")
    @task(1)
    def snapshots(self) -> None:
        """Read a page of the time series."""
        name = "/v1/portfolios/{id}/snapshots"
        query = "?newest_first=true&limit=50"
        self.client.get(f"/v1/portfolios/{self.book()}/snapshots{query}", name=name)


class Listener:
    """A connection to the push stream of one book, read by a greenlet of its own.

    Parameters
    ----------
    user : ApiUser
        Whose statistics count what comes.
    portfolio : str
        Whose snapshots.
    """

    def __init__(self, user: ApiUser, portfolio: str) -> None:
        self._user = user
        self._portfolio = portfolio
        self._waiting: dict[str, AsyncResult[int]] = {}
        self._connected_ns = 0
        self._greenlet = gevent.spawn(self._listen)

    def expect(self, trade_id: str) -> AsyncResult[int]:
        """Return what will hold the receipt of the first snapshot with a trade."""
        return self._waiting.setdefault(trade_id, AsyncResult())

    def close(self) -> None:
        """End the connection."""
        self._greenlet.kill()

    def _listen(self) -> None:
        while True:
            try:
                for payload, received_ns in self._payloads():
                    self._take(payload, received_ns)
                raise UnavailableError("the push stream ended")
            except (requests.RequestException, msgspec.DecodeError, UnavailableError) as error:
                fire(self._user.environment, budgets.PUSH, budgets.PUSHED, 0.0, error)
                gevent.sleep(1.0)

    def _payloads(self) -> Iterator[tuple[bytes, int]]:
        url = f"{self._user.api_url}/v1/stream"
        headers = {"Authorization": f"Bearer {self._user.token}"}
        query = {"portfolio": self._portfolio, "compact": "true"}
        with requests.get(
            url, params=query, headers=headers, stream=True, timeout=SSE_TIMEOUT_S
        ) as answer:
            answer.raise_for_status()
            self._connected_ns = monotonic_ns()
            event = b""
            lines: Iterator[bytes] = answer.iter_lines(chunk_size=None)  # type: ignore[call-overload]
            for line in lines:
                field, _, value = line.partition(b": ")
                if field == b"event":
                    event = value
                elif field == b"data" and event == b"snapshot":
                    yield value, monotonic_ns()

    def _take(self, payload: bytes, received_ns: int) -> None:
        head = msgspec.json.decode(payload, type=_PushedHead)
        # A new connection is first told how things stand: what was valued before is not late.
        if head.stages.valued_ns > self._connected_ns:
            late_ms = (received_ns - head.stages.valued_ns) / 1e6
            fire(self._user.environment, budgets.PUSH, budgets.PUSHED, late_ms)
        for trade_id in head.trade_ids:
            waiting = self._waiting.pop(trade_id, None)
            if waiting is not None:
                waiting.set(received_ns)


class SseUser(ApiUser):
    """Listens to one book, as an open dashboard does; counts how late each push is."""

    weight = 4
    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        """Connect."""
        super().on_start()
        self.listener = Listener(self, self.book())

    def on_stop(self) -> None:
        """Disconnect."""
        self.listener.close()

    @task
    def stay(self) -> None:
        """Do nothing: the connection is what counts."""


class TradeUser(ApiUser):
    """Buys and sells one share, and waits for the VaR that it makes."""

    weight = 1
    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        """Choose a book and one of its instruments, and listen to it."""
        super().on_start()
        self.portfolio = self.book()
        self.instrument = self.first_share(self.portfolio)
        self.listener = Listener(self, self.portfolio)
        self.quantity = 1.0

    def on_stop(self) -> None:
        """Disconnect."""
        self.listener.close()

    @task
    def trade(self) -> None:
        """Send a trade, and time the new VaR from its sending and from its acceptance."""
        trade_id = f"locust-{os.getpid()}-{next(_trade_numbers)}"
        pushed = self.listener.expect(trade_id)
        body = {
            "portfolio": self.portfolio,
            "instrument": self.instrument,
            "quantity": self.quantity,
            "price": TRADE_PRICE,
            "trade_id": trade_id,
        }
        self.quantity = -self.quantity
        sent_ns = monotonic_ns()
        answer = self.client.post("/v1/trades", json=body, name="/v1/trades")
        accepted_ns = monotonic_ns()
        if answer.ok:
            self._await(pushed, sent_ns, accepted_ns)

    def _await(self, pushed: AsyncResult[int], sent_ns: int, accepted_ns: int) -> None:
        try:
            received_ns = pushed.get(timeout=PUSH_BOUND_S)
        except gevent.Timeout as error:
            fire(self.environment, budgets.TRADE, budgets.ACCEPTED_TO_VAR, 0.0, error)
            return
        late_ms = max((received_ns - accepted_ns) / 1e6, 0.0)
        fire(self.environment, budgets.TRADE, budgets.ACCEPTED_TO_VAR, late_ms)
        whole_ms = (received_ns - sent_ns) / 1e6
        fire(self.environment, budgets.TRADE, budgets.SENT_TO_VAR, whole_ms)


class WhatIfUser(ApiUser):
    """Asks what a trade would do to a book before it is sent."""

    weight = 2
    wait_time = constant_throughput(2)

    def on_start(self) -> None:
        """Choose a book and one of its instruments."""
        super().on_start()
        self.portfolio = self.book()
        self.instrument = self.first_share(self.portfolio)

    @task
    def ask(self) -> None:
        """Ask for the risk before and after selling a hundred."""
        body = {"trades": [{"instrument": self.instrument, "quantity": -100.0}]}
        url = f"/v1/portfolios/{self.portfolio}/what-if"
        self.client.post(url, json=body, name=budgets.WHAT_IF)


class PlanShape(LoadTestShape):
    """The number of users follows the plan's shape, as the rate of ticks does.

    When the plan has been sent only the tick user stays. The run ends when that has judged:
    locust's master waits half a second for its workers, and judging takes longer.
    """

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """Return how many users there are to be now, None at the end."""
        assert self.runner is not None, "locust sets it"
        environment = self.runner.environment
        options, plan = console.options_of(environment), console.plan_of(environment)
        shape = SHAPES[plan.shape](plan.rate, plan.seconds)
        second = self.get_run_time() - plan.warm_up_seconds
        judging_s = second - duration_s(shape)
        if judging_s > 0:
            over = _verdict_path(environment).exists() or judging_s > environment.stop_timeout
            return None if over else (TickUser.fixed_count, options.spawn_rate or 1)
        share = rate_at(shape, max(second, 0.0)) / plan.rate
        users = max(round((options.num_users or 1) * share), 1)
        return users + TickUser.fixed_count, options.spawn_rate or users


class _Stages(msgspec.Struct):
    valued_ns: int = 0


class _PushedHead(msgspec.Struct):
    """The part of a pushed snapshot that is counted; other fields are skipped unread."""

    stages: _Stages
    trade_ids: tuple[str, ...] = ()


def fire(
    environment: Environment,
    kind: str,
    name: str,
    milliseconds: float,
    error: Any = None,  # noqa: ANN401
) -> None:
    """Count one event under a name."""
    environment.events.request.fire(
        request_type=kind,
        name=name,
        response_time=milliseconds,
        response_length=0,
        exception=error,
        context={},
    )


def log_many(environment: Environment, name: str, counts: dict[int, int]) -> None:
    """Count many ticks at once: by whole milliseconds, how many.

    They have rows of their own and are no part of locust's total, which is the API's.
    """
    stats = environment.stats
    entry = StatsEntry(stats, name, budgets.TICK)
    now = time.time()
    entry.start_time = entry.last_request_timestamp = now
    entry.num_requests = sum(counts.values())
    entry.num_reqs_per_sec[int(now)] = entry.num_requests
    entry.response_times.update(counts)
    entry.total_response_time = sum(ms * count for ms, count in counts.items())
    entry.min_response_time, entry.max_response_time = min(counts), max(counts)
    stats.get(name, budgets.TICK).extend(entry)
