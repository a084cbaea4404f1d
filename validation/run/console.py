"""Screen of the demo: its progress while it runs, and the table at its end."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TimeElapsedColumn
from rich.table import Table

from system.console import PlainConsole, plain_column, styled
from system.contracts.api.portfolios import PortfolioSummary
from system.simulate.progress import DaySent
from validation.report.shapes import DemoReport, PortfolioRow, TradeOutcome
from validation.verdict import Finding, Verdict

STYLES: Final = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.UNKNOWN: "yellow",
    Verdict.FLAKY: "magenta",
    Verdict.MEASURED: "cyan",
}
LINE_EVERY_DAYS: Final = 10
REFRESHES_PER_S: Final = 4
PLAIN_WIDTH: Final = 150


@dataclass
class ReplayProgress:
    """Days and messages of a replay so far; written by several threads, under its lock."""

    day_count: int
    day: dt.date | None = None
    days_sent: int = 0
    messages_sent: int = 0
    portfolios: Sequence[PortfolioSummary] = ()
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_day(self, sent: DaySent) -> None:
        """Note that a day was sent."""
        with self.lock:
            self.day, self.days_sent = sent.date, sent.index + 1
            self.messages_sent += sent.tick_count


class ReplayScreen:
    """Shows a replay live on a terminal, or as a line now and then elsewhere.

    Parameters
    ----------
    console : PlainConsole
        Where to.
    progress : ReplayProgress
        What to show.
    """

    def __init__(self, console: PlainConsole, progress: ReplayProgress) -> None:
        self._console = console
        self._replay_progress = progress
        self._progress = Progress(
            plain_column("{task.description}"),
            BarColumn(),
            plain_column("{task.completed:.0f} of {task.total:.0f} days"),
            TimeElapsedColumn(),
            console=console,
        )
        self._task: TaskID = self._progress.add_task("replay", total=progress.day_count)
        self._live = Live(
            console=console,
            refresh_per_second=REFRESHES_PER_S,
            get_renderable=self._rendered,
            transient=True,
        )
        self._told_days = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def refresh(self) -> None:
        """Say where it stands; on a terminal the screen does so by itself."""
        progress = self._replay_progress
        if not self._console.is_terminal and progress.days_sent >= self._told_days:
            self._told_days += LINE_EVERY_DAYS
            self._console.print(f"  {_line(progress)}", highlight=False)

    def _rendered(self) -> RenderableType:
        progress = self._replay_progress
        self._progress.update(
            self._task,
            completed=progress.days_sent,
            description=f"{progress.day or 'opening'}  {progress.messages_sent:,} ticks",
        )
        return Group(self._progress, _live_table(progress.portfolios))


def open_console(*, stderr: bool = False) -> PlainConsole:
    """Return a console; where nobody's terminal limits it, wide enough for the tables."""
    console = PlainConsole(stderr=stderr)
    return console if console.is_terminal else PlainConsole(stderr=stderr, width=PLAIN_WIDTH)


def format_number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """Return a number as a table shows it; without one, that there is none."""
    return "n/a" if value is None else f"{value:,.{digits}f}{unit}"


def show_trade(console: PlainConsole, trade: TradeOutcome) -> None:
    """Print what an intraday trade did to VaR."""
    before, after = format_number(trade.var_before), format_number(trade.var_after)
    console.print(
        f"trade: {trade.quantity:+,.0f} {trade.instrument} at {trade.price:,.2f} "
        f"in {trade.portfolio}: VaR {before} -> {after}, "
        f"pushed {trade.accepted_to_pushed_ms:.0f} ms after the API accepted it",
        highlight=False,
    )


def show_report(console: PlainConsole, report: DemoReport) -> None:
    """Print the table at the end, the checks, and the latency by stage."""
    console.print(_portfolio_table(report.portfolios))
    console.print(finding_table(report.findings))
    for part in report.latencies:
        if part.covered.count:
            stages = ", ".join(f"{name} {one.mean_ms:.1f}" for name, one in part.stages.items())
            console.print(
                f"latency, {part.part}: p50 {part.covered.p50_ms:.0f} ms, "
                f"p99 {part.covered.p99_ms:.0f} ms, max {part.covered.max_ms:.0f} ms "
                f"over {part.count:,}; mean by stage, ms: {stages}",
                highlight=False,
            )
    if report.timing:
        console.print(report.timing, highlight=False, markup=False)
    style = STYLES[report.verdict]
    console.print(styled("demo: ", (report.verdict, style), f" in {report.seconds:.0f} s"))


def _line(progress: ReplayProgress) -> str:
    risks = ", ".join(
        f"{portfolio.portfolio} {_percent(portfolio)}" for portfolio in progress.portfolios
    )
    return f"{progress.day or 'opening'}  {progress.messages_sent:,} ticks  VaR: {risks}"


def _live_table(portfolios: Sequence[PortfolioSummary]) -> Table:
    table = Table(box=None)
    for heading in ("portfolio", "NAV", "VaR 95 %", "of NAV", "limit"):
        table.add_column(heading, justify="left" if heading == "portfolio" else "right")
    for portfolio in portfolios:
        style = "red" if portfolio.over_limit else "green"
        table.add_row(
            portfolio.portfolio,
            f"{portfolio.nav:,.0f} {portfolio.base_currency}",
            format_number(portfolio.var),
            styled((_percent(portfolio), style)),
            f"{portfolio.var_limit_fraction:.1%}",
        )
    return table


def _portfolio_table(rows: Sequence[PortfolioRow]) -> Table:
    table = Table(title="portfolios at the end", title_justify="left")
    table.add_column("portfolio")
    for heading in ("VaR 95 %", "ES", "breaches", "ticks in", "covered", "rejected"):
        table.add_column(heading, justify="right")
    for heading in ("p50 ms", "p99 ms", "largest difference"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.portfolio,
            f"{format_number(row.var)} {row.base_currency}",
            format_number(row.expected_shortfall),
            f"{row.breach_count} of {row.day_count}",
            f"{row.messages:,}",
            f"{row.covered:,}",
            f"{row.rejected:,}",
            f"{row.p50_ms:.0f}",
            f"{row.p99_ms:.0f}",
            f"{row.largest_difference:.1e}",
        )
    return table


def finding_table(findings: Sequence[Finding]) -> Table:
    """Return the checks as a table."""
    table = Table(title="checks", title_justify="left")
    for heading in ("check", "verdict", "found"):
        table.add_column(heading)
    for finding in findings:
        style = STYLES[finding.verdict]
        table.add_row(finding.check, styled((finding.verdict, style)), finding.detail)
    return table


def _percent(one: PortfolioSummary) -> str:
    return "n/a" if one.var_fraction is None else f"{one.var_fraction:.2%}"
