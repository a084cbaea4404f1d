"""``riskstream replay-backtest``: six months of history through the whole pipeline, then the batch.

The same book over the same closes, computed twice: day by day by the stream, from ticks through
Kafka and Spark into PostgreSQL, and at once by the batch backtest from the closes' table. Breaches
are counted from the stored snapshots, and every day is compared.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
import typer

from system.backtest.daily import DailyBacktest, daily_backtest
from system.backtest.engine.days import BacktestMarket, DayBounds
from system.backtest.engine.positions import BacktestBook, DatedQuantity
from system.backtest.engine.specification import BacktestSettings
from system.bus.producer import MessageProducer
from system.clock import SystemClock
from system.console import PlainConsole, styled
from system.contracts.messages import AssetClass
from system.errors import UnavailableError
from system.exits import ExitCode
from system.outputs import OUTPUT_FILE
from system.risk.listing import Listing
from system.risk.scenarios.window import CloseTable
from system.runtime.components.registry import SERVERS
from system.settings import Connections, Settings
from system.simulate.datasets import load_market
from system.simulate.publisher import OpenLoopPublisher
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from validation.checkers.end_of_day import EndOfDay, check_end_of_day
from validation.published.golden import CASES, GoldenCase, golden_case
from validation.report.shapes import write_json
from validation.rules.second_reader import EQUITIES, Closes, read_closes, wheel_in
from validation.run.console import STYLES, open_console
from validation.run.own_settings import settings_of_own
from validation.run.pipeline import open_market, temporary_stack
from validation.run.read_back import await_committed, read_stated
from validation.verdict import Finding, Verdict

REPORT: Final = Path("build") / "replay-backtest.json"
CHECK: Final = "replay backtest: stored snapshots equal the batch backtest, day by day"
TICKS_PER_NAME_AND_DAY: Final = 3
DRAIN_BOUND_S: Final = 180.0
ALL: Final = "all"

Days = Mapping[tuple[str, dt.date], EndOfDay]


class ReplayBacktests(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``build/replay-backtest.json``."""

    spans: tuple[ReplayBacktest, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return those of all spans."""
        return tuple(finding for span in self.spans for finding in span.findings)


class ReplayBacktest(msgspec.Struct, frozen=True, kw_only=True):
    """Breach counts of the replay and of the batch, and the comparison of every day."""

    span: str
    day_count: int
    stored_breaches: int
    batch_breaches: int
    findings: tuple[Finding, ...]


def replay_span(case: GoldenCase, settings: Settings, connections: Connections) -> None:
    """Send a span's closes as ticks, up to the P&L date of its last day, and wait for all of it.

    Parameters
    ----------
    case : GoldenCase
        Book and days.
    settings : Settings
        Where the data wheels are.
    connections : Connections
        Of a fresh stack.

    Raises
    ------
    UnavailableError
        If the stream is behind for longer than its bound.
    """
    names = tuple(position.instrument for position in case.portfolio.positions)
    market = replayed_market(load_market(settings.wheels_dir), instruments=names)
    spec = ReplaySpec(
        first_day=case.days[0],
        last_day=last_pnl_date(case, real_equities(settings)),
        ticks_per_day=TICKS_PER_NAME_AND_DAY * len(names),
    )
    replay = Replay(market, spec)
    open_market((*replay.reference_messages(), case.portfolio), connections)
    with MessageProducer(connections.kafka_bootstrap_servers) as producer:
        publisher = OpenLoopPublisher(producer, SystemClock())
        publisher.publish(replay.day_plans(), day_count=len(replay.days))
    if not await_committed(connections, timeout_s=DRAIN_BOUND_S):
        raise UnavailableError(f"the stream is still behind after {DRAIN_BOUND_S:.0f} s")


def real_equities(settings: Settings) -> Closes:
    """Return the closes of the equities, by the second reader."""
    return read_closes(EQUITIES, wheel_in(settings.wheels_dir, "skfolio"))


def last_pnl_date(case: GoldenCase, closes: Closes) -> dt.date:
    """Return the day after the last that a VaR is stated for."""
    return _day_after(case.days[-1], closes)


def batch_backtest(case: GoldenCase, closes: Closes) -> DailyBacktest:
    """Return the batch backtest of the same book over the same days, and one day more.

    The day more lets it state a VaR at the last P&L date, as the stream does.

    Parameters
    ----------
    case : GoldenCase
        Book and days.
    closes : mapping
        Per instrument, its close per date.
    """
    nothing = CloseTable((), (), np.zeros((0, 0)))
    book = BacktestBook(
        case.portfolio.portfolio,
        case.portfolio.base_currency,
        {name: Listing(name, AssetClass.EQUITY, "USD") for name in closes},
        tuple(
            DatedQuantity(position.instrument, position.quantity)
            for position in case.portfolio.positions
        ),
    )
    last = _day_after(last_pnl_date(case, closes), closes)
    bounds = DayBounds(_day_after(case.days[0], closes), last)
    return daily_backtest(
        book, BacktestMarket(CloseTable.of(closes), nothing), BacktestSettings(bounds=bounds)
    )


def compared(span: str, stored: Days, batch: DailyBacktest) -> ReplayBacktest:
    """Return whether stored ends of day and a batch backtest are the same, day by day.

    Parameters
    ----------
    span : str
        Its name.
    stored : mapping
        Ends of day in PostgreSQL, from the first as-of close to the last P&L date.
    batch : DailyBacktest
        From `batch_backtest`.
    """
    wanted = dict(_as_ends_of_day(batch))
    own = {key: stored[key] for key in stored if key in wanted}
    finding = check_end_of_day(CHECK, own, wanted)
    breaches = sum(bool(day.breach) for day in own.values())
    in_batch, days = int(batch.breach[:-1].sum()), batch.day_count - 1
    counts = Finding(
        check="replay backtest: breaches counted from the stored snapshots",
        verdict=Verdict.PASSED if breaches == in_batch else Verdict.FAILED,
        detail=f"{breaches} of {days} stored, {in_batch} of {days} in the batch",
        figures={"stored": breaches, "batch": in_batch, "days": days},
    )
    return ReplayBacktest(
        span=span,
        day_count=days,
        stored_breaches=breaches,
        batch_breaches=in_batch,
        findings=(finding, counts),
    )


def replay_backtest(
    span: Annotated[str, typer.Option(help=f"One of {', '.join(CASES)}, or all.")] = "2020H1",
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FILE, help="Where the result is written.")
    ] = REPORT,
) -> None:
    """Replay six months of real history and compare with the batch backtest, day by day."""
    if span not in (*CASES, ALL):
        raise typer.BadParameter(f"--span is {span!r}: choose from {', '.join((*CASES, ALL))}")
    console = open_console()
    names = CASES if span == ALL else (span,)
    backtests = ReplayBacktests(spans=tuple(_replayed(name, console) for name in names))
    report.parent.mkdir(parents=True, exist_ok=True)
    write_json(report, backtests)
    passed = all(finding.verdict is Verdict.PASSED for finding in backtests.findings)
    raise typer.Exit(ExitCode.of_check(passed=passed))


def _replayed(name: str, console: PlainConsole) -> ReplayBacktest:
    """Replay one span on a stack of its own, and show what was found."""
    settings = settings_of_own("replay-backtest", warm_up_seconds=0.0)
    closes = real_equities(settings)
    case = golden_case(name, closes)
    with console.working(f"{name}: {len(case.days)} days through Kafka, Spark and PostgreSQL"):
        stored = _stored(case, settings)
    replayed = compared(name, stored, batch_backtest(case, closes))
    replayed = msgspec.structs.replace(
        replayed, findings=(*replayed.findings, published_count(case, replayed.stored_breaches))
    )
    for finding in replayed.findings:
        style = STYLES[finding.verdict]
        console.print(
            styled((finding.verdict, style), f" {name} {finding.check}: {finding.detail}")
        )
    return replayed


def published_count(case: GoldenCase, stored_breaches: int) -> Finding:
    """Return whether the breaches counted from stored snapshots are the published ones.

    Parameters
    ----------
    case : GoldenCase
        The span.
    stored_breaches : int
        Counted from the snapshots in PostgreSQL.
    """
    return Finding(
        check="replay backtest: the count is the published one",
        verdict=Verdict.PASSED if stored_breaches == case.breach_count else Verdict.FAILED,
        detail=f"{stored_breaches} of {len(case.days)}, published {case.breach_count}",
        figures={"stored": stored_breaches, "published": case.breach_count},
    )


def _stored(case: GoldenCase, settings: Settings) -> Days:
    components = (*SERVERS, "stream")
    with temporary_stack(settings, components=components) as connections:
        replay_span(case, settings, connections)
        return read_stated(connections.database_url).days


def _day_after(day: dt.date, closes: Closes) -> dt.date:
    series = next(iter(closes.values()))
    return min(date for date in series if date > day)


def _as_ends_of_day(batch: DailyBacktest) -> Iterator[tuple[tuple[str, dt.date], EndOfDay]]:
    """Yield what each close must state: VaR of that day, and P&L since the one before."""
    before: tuple[float, bool] | None = None
    [block] = batch.components
    for index, day in enumerate(batch.as_of_dates):
        parts = dict(zip(block.instrument_ids, block.component_var[index].tolist(), strict=True))
        yield (
            (batch.portfolio, day),
            EndOfDay(
                var=float(batch.var[index]),
                nav=float(batch.value[index]),
                expected_shortfall=float(batch.expected_shortfall[index]),
                hypothetical_pnl=None if before is None else before[0],
                breach=None if before is None else before[1],
                scenario_date=batch.scenario_dates[index],
                components=parts,
            ),
        )
        before = float(batch.pnl[index]), bool(batch.breach[index])
