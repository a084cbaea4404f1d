"""The screen: progress on a terminal and elsewhere, and the table at the end."""

from __future__ import annotations

import datetime as dt
import io

from system.console import PlainConsole
from system.contracts.api.portfolios import PortfolioSummary
from system.simulate.progress import DaySent, Slip
from validation.report.shapes import DemoReport, PortfolioRow, TradeOutcome
from validation.run.console import ReplayProgress, ReplayScreen, show_report, show_trade
from validation.verdict import Finding, Verdict

SUMMARY = PortfolioSummary(
    portfolio="long",
    snapshot_id="long-1-1",
    event_time_ns=0,
    base_currency="USD",
    nav=1_000_000.0,
    var=28_191.2,
    var_fraction=0.0281912,
    var_limit_fraction=0.02,
    over_limit=True,
    complete=True,
    durable=True,
)


def sent(index: int) -> DaySent:
    return DaySent(
        date=dt.date(2020, 2, 3) + dt.timedelta(days=index),
        index=index,
        day_count=40,
        tick_count=3_600,
        slip=Slip(ms_p50=0, ms_p99=0, ms_max=0),
    )


def console(*, terminal: bool = False) -> tuple[PlainConsole, io.StringIO]:
    out = io.StringIO()
    return PlainConsole(file=out, width=150, force_terminal=terminal), out


def test_elsewhere_a_line_now_and_then_says_where_the_replay_stands() -> None:
    screen_console, out = console()
    progress = ReplayProgress(day_count=40, portfolios=[SUMMARY])
    with ReplayScreen(screen_console, progress) as screen:
        for index in range(25):
            progress.take_day(sent(index))
            screen.refresh()
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[-1].strip() == "2020-02-22  72,000 ticks  VaR: long 2.82%"


def test_on_a_terminal_the_day_the_ticks_and_each_var_are_shown() -> None:
    screen_console, out = console(terminal=True)
    progress = ReplayProgress(day_count=40, portfolios=[SUMMARY])
    progress.take_day(sent(0))
    with ReplayScreen(screen_console, progress) as screen:
        screen.refresh()
    shown = out.getvalue()
    for text in ("2020-02-03", "3,600 ticks", "1 of 40 days", "28,191", "2.82%"):
        assert text in shown


def test_a_trade_is_shown_with_the_var_before_and_after() -> None:
    screen_console, out = console()
    show_trade(
        screen_console,
        TradeOutcome(
            portfolio="long",
            instrument="XOM",
            quantity=-500.0,
            price=61.5,
            var_before=28_191.2,
            var_after=27_003.5,
            accepted_to_pushed_ms=93.4,
            sent_to_pushed_ms=99.9,
        ),
    )
    assert out.getvalue().strip() == (
        "trade: -500 XOM at 61.50 in long: VaR 28,191 -> 27,004, "
        "pushed 93 ms after the API accepted it"
    )


def test_the_report_says_every_verdict_and_every_portfolio() -> None:
    screen_console, out = console()
    row = PortfolioRow(
        portfolio="long",
        base_currency="USD",
        nav=1e6,
        var=None,
        expected_shortfall=None,
        breach_count=2,
        day_count=31,
        messages=120,
        covered=119,
        rejected=1,
        p50_ms=80.0,
        p99_ms=160.0,
        largest_difference=2.5e-14,
    )
    report = DemoReport(
        verdict=Verdict.FAILED,
        first_day=dt.date(2020, 2, 3),
        last_day=dt.date(2020, 2, 4),
        seconds=12.0,
        first_var_s=None,
        schedule=None,
        portfolios=(row,),
        trade=None,
        latencies=(),
        latency_over_time=(),
        days={},
        findings=(Finding(check="ledger", verdict=Verdict.FAILED, detail="one lost"),),
        repeat_with="riskstream demo",
    )
    show_report(screen_console, report)
    shown = out.getvalue()
    for text in ("n/a", "2 of 31", "119", "2.5e-14", "one lost", "demo: failed in 12 s"):
        assert text in shown
