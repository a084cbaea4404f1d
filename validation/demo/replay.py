"""The replay itself: observed, shown, with one trade in its middle."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from system.client.sync_client import RiskClient
from system.clock import SystemClock
from system.contracts.oracle import OracleStatus
from system.errors import UnavailableError
from system.settings import Connections
from system.simulate.progress import PublishSummary
from system.store.redis.latest import LatestStore
from validation.report.shapes import TradeOutcome
from validation.run.child_processes import ObserverProcess, ReplayProcess
from validation.run.console import ReplayProgress, ReplayScreen, show_trade
from validation.run.demo_run import DemoRun, seconds_since_start
from validation.run.open_books import source_arguments
from validation.run.read_back import await_committed, real_closes
from validation.run.timed_trade import sell_largest_contributor
from validation.run.wait import polled

TRADER: Final = "long-equities"
DRAIN_BOUND_S: Final = 60.0
REPLAY_SLACK_S: Final = 60.0
POLL_S: Final = 0.25
ORACLE_BOUND_S: Final = 60.0
SUMMARY_EVERY_POLLS: Final = 4


@dataclass(frozen=True)
class Replayed:
    """Results of the live part of a demo, besides records and rows."""

    summary: PublishSummary
    first_var_s: float | None
    trade: TradeOutcome | None
    days: tuple[dt.date, ...]


def replay(site: DemoRun, connections: Connections) -> Replayed:
    """Replay the plan under observation, with one trade in its middle.

    Raises
    ------
    UnavailableError
        If a process or server fails, or the stream does not keep up within its bound.
    """
    calendar = real_closes(site.settings.wheels_dir)["AAPL"]
    days = tuple(day for day in calendar if site.plan.first_day <= day <= site.plan.last_day)
    progress = ReplayProgress(day_count=len(days))
    with ExitStack() as running:
        client = running.enter_context(RiskClient(connections.api_url, connections.api_token))
        observer = ObserverProcess(
            site.record_path, state_dir=site.settings.state_dir, log=site.log_path
        )
        running.enter_context(observer)
        process = running.enter_context(
            ReplayProcess(
                source_arguments("replay", site.plan, connections),
                log=site.log_path,
                on_day=progress.take_day,
            )
        )
        live = _Live(site, connections, client, progress)
        with ReplayScreen(site.console, progress) as screen:
            live.follow(process, screen)
        process.wait(REPLAY_SLACK_S)
        summary = process.summary
        if not await_committed(connections, timeout_s=DRAIN_BOUND_S):
            raise UnavailableError(
                f"the stream is behind, and has committed nothing for {DRAIN_BOUND_S:.0f} s"
            )
    assert summary is not None, "a replay that ended well has a summary"
    site.say(f"replayed {summary.tick_count:,} ticks and rates of {summary.day_count} days")
    return Replayed(summary, live.first_var_s, live.trade, days)


def last_word(
    connections: Connections, *, timeout_s: float = ORACLE_BOUND_S
) -> OracleStatus | None:
    """Return what the live oracle has found, once it has found something, or at its bound.

    Parameters
    ----------
    connections : Connections
        Of the stack.
    timeout_s : float
        Bound, seconds.
    """
    with LatestStore(connections.redis_url) as store:

        def checked() -> OracleStatus | None:
            oracle = store.status().oracle
            return oracle if oracle is not None and oracle.checked else None

        return polled(checked, bound_s=timeout_s, poll_s=POLL_S) or store.status().oracle


class _Live:
    """Work done while the replay runs: the screen, the first VaR, the trade."""

    def __init__(
        self, site: DemoRun, connections: Connections, client: RiskClient, progress: ReplayProgress
    ) -> None:
        self._site = site
        self._connections = connections
        self._client = client
        self._replay_progress = progress
        self.first_var_s: float | None = None
        self.trade: TradeOutcome | None = None

    def follow(self, process: ReplayProcess, screen: ReplayScreen) -> None:
        """Return when the replay has ended."""
        clock, polls = SystemClock(), 0
        with LatestStore(self._connections.redis_url) as store:
            while process.is_running:
                if self.first_var_s is None:
                    self._look_for_first_var(store)
                if (
                    self.trade is None
                    and self._replay_progress.days_sent * 5 >= 2 * self._day_count
                ):
                    self._send_trade()
                if polls % SUMMARY_EVERY_POLLS == 0:
                    self._replay_progress.portfolios = self._client.portfolios().portfolios
                screen.refresh()
                polls += 1
                clock.sleep(POLL_S)

    @property
    def _day_count(self) -> int:
        return self._replay_progress.day_count

    def _look_for_first_var(self, store: LatestStore) -> None:
        latest = store.latest(TRADER)
        if latest is None or latest.snapshot.var is None:
            return
        offsets = latest.snapshot.offsets
        if any(at for name, at in offsets.items() if name.startswith("market_data:")):
            self.first_var_s = seconds_since_start()
            self._site.say(f"first live VaR: {TRADER} {latest.snapshot.var:,.0f}")

    def _send_trade(self) -> None:
        self.trade = sell_largest_contributor(self._connections, TRADER)
        show_trade(self._site.console, self.trade)
