"""``riskstream backtest``: one's own prices and positions, day by day, with evidence."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TimeElapsedColumn

from system.backtest.battery import SimulationPlan
from system.backtest.daily import DailyBacktest, daily_backtest
from system.backtest.engine.days import BacktestMarket, DayBounds
from system.backtest.engine.methods import Method
from system.backtest.engine.positions import ALWAYS
from system.backtest.engine.spans import run_opening
from system.backtest.engine.specification import BacktestSettings
from system.backtest.engine.splits import effective_splits, split_adjusted
from system.backtest.errors import FlatBookError
from system.clock import monotonic_ns
from system.console import PlainConsole, plain_column
from system.contracts.currencies import checked_iso_currency
from system.contracts.messages import CARRY_MAX_SESSIONS, CARRY_MAX_SHARE, CARRY_SPAN_DAYS
from system.contracts.text.checked import ruled_text
from system.errors import InputError
from system.exits import ExitCode
from system.outputs import OUTPUT_FOLDER
from system.risk.confidence import Confidence
from system.risk.scenarios.carry import CarryBound
from system.risk.scenarios.window import Missing
from system.tables.dialect import DETECTED, Dialect
from system.tables.options import Decimal, Separator
from validation.backtest.csv_output import write_components, write_daily
from validation.backtest.entries import Summary
from validation.backtest.input_files import BacktestInput, InputPaths, read_input
from validation.backtest.outcomes import Failure, NotTested, Outcomes
from validation.backtest.screen import show
from validation.backtest.summary import (
    Judged,
    input_entries,
    judged,
    named,
    nested,
    write_summary,
)
from validation.report.plots import show_report_place

MIN_WINDOW: Final = 2
MAX_WINDOW: Final = 5_000
MIN_SIMULATIONS: Final = 100
MAX_SIMULATIONS: Final = 100_000
SLOW_SHARE: Final = 4
"""Statistics that take a regression are simulated this many times less often."""
DEFAULT_SEED: Final = SimulationPlan().seed


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a backtest: its input files, settings and output.

    Parameters
    ----------
    paths : InputPaths
        The files.
    base_currency : str
        ISO code.
    settings : tuple of BacktestSettings
        One per method, in the order asked for.
    simulation : SimulationPlan
        Seed and number of samples.
    folder : Path
        Where the output goes.
    with_report : bool
        Whether ``report.html`` is written.
    dialect : Dialect
        Separator and decimal sign of the files, where they were named.
    """

    paths: InputPaths
    base_currency: str
    settings: tuple[BacktestSettings, ...]
    simulation: SimulationPlan
    folder: Path
    with_report: bool
    dialect: Dialect = DETECTED


def backtest(  # noqa: PLR0913, PLR0917 - one argument per option
    prices: Annotated[Path, typer.Option(help="Wide CSV, .csv.gz or .parquet.")],
    positions: Annotated[
        Path, typer.Option(help="portfolio,instrument,quantity and optionally date.")
    ],
    out: Annotated[Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder for the results.")],
    more_methods: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    instruments: Annotated[
        Path | None,
        typer.Option(
            help="instrument,asset_class,currency and optionally multiplier,return_type; "
            "without the file all are equities in the base currency."
        ),
    ] = None,
    fx: Annotated[Path | None, typer.Option(help="Wide: base-currency units per unit.")] = None,
    splits: Annotated[
        Path | None,
        typer.Option(help="instrument,date,ratio: first close in new shares, new shares per old."),
    ] = None,
    base_currency: Annotated[str, typer.Option(help="ISO code of every portfolio.")] = "USD",
    start: Annotated[str | None, typer.Option(help="First P&L date, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option(help="Last P&L date, YYYY-MM-DD.")] = None,
    window: Annotated[int, typer.Option(min=MIN_WINDOW, max=MAX_WINDOW, help="Returns.")] = 30,
    confidence: Annotated[str, typer.Option(help="Exact, such as 0.95.")] = "0.95",
    method: Annotated[
        list[str] | None, typer.Option(help=f"{' | '.join(Method)}; more than one is allowed.")
    ] = None,
    missing: Annotated[
        Missing, typer.Option(help="A date on which only some of a book have a close.")
    ] = Missing.REFUSE,
    carry_max_sessions: Annotated[
        int,
        typer.Option(
            min=0,
            max=CARRY_SPAN_DAYS,
            help=f"Weekdays of {CARRY_SPAN_DAYS} days that a series may miss (--missing carry).",
        ),
    ] = CARRY_MAX_SESSIONS,
    carry_max_share: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Part of gross exposure that series which miss more may move."
        ),
    ] = CARRY_MAX_SHARE,
    simulations: Annotated[
        int, typer.Option(min=MIN_SIMULATIONS, max=MAX_SIMULATIONS, help="Samples per law.")
    ] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="Repeats every simulated p-value.")] = (
        DEFAULT_SEED
    ),
    report: Annotated[bool, typer.Option(help="Write report.html.")] = True,
    separator: Separator = None,
    decimal: Decimal = None,
) -> None:
    """Backtest VaR on prices and positions of your own.

    Writes daily.csv, components.csv, summary.json and report.html. Breaches never make it
    fail: the exit code is 0 if every book was tested, 3 if some were not (the others are
    written), and 2 if the input is wrong or none was.
    """
    bounds = DayBounds(_date("--start", start), _date("--end", end))
    level, carry = Confidence.parse(confidence), CarryBound(carry_max_sessions, carry_max_share)
    summary = run(
        Plan(
            paths=InputPaths(prices, positions, instruments, fx, splits),
            base_currency=_currency(base_currency),
            settings=tuple(
                BacktestSettings(name, window, level, missing, bounds, carry)
                for name in _methods([*(method or []), *(more_methods or [])])
            ),
            simulation=SimulationPlan(seed, simulations, max(1, simulations // SLOW_SHARE)),
            folder=out,
            with_report=report,
            dialect=Dialect.named(separator, decimal),
        ),
        PlainConsole(),
    )
    if any(failure.kind == NotTested.REFUSED for failure in summary.not_tested):
        raise typer.Exit(ExitCode.INCOMPLETE)


def run(plan: Plan, console: PlainConsole) -> Summary:
    """Run a backtest, write its files and show its result.

    Parameters
    ----------
    plan : Plan
        What, and how.
    console : PlainConsole
        Where progress and results are shown.

    Raises
    ------
    InputError
        If a file or an option is wrong, or no book can be tested; nothing is written then.
    """
    began_ns = monotonic_ns()
    given = read_input(plan.paths, plan.base_currency, plan.dialect)
    opening = _opening(plan, given)
    outcomes = _valued(plan, given, opening, console)
    outcomes.check_any()
    backtests = outcomes.tested
    plan.folder.mkdir(parents=True, exist_ok=True)
    _write_numbers(plan, backtests)
    valued_ns = monotonic_ns()
    entries = [
        judged(backtest, plan.simulation) for backtest in _shown(backtests, "testing", console)
    ]
    summary = _summary(plan, entries, outcomes, opening)
    write_summary(plan.folder / "summary.json", summary)
    if plan.with_report:
        _write_report(plan, summary, entries)
    show(console, entries, summary.not_tested)
    _show_opening(console, given, opening)
    console.print(
        f"{plan.folder}: valuation and CSV files {_seconds(began_ns, valued_ns)}, "
        f"tests and report {_seconds(valued_ns, monotonic_ns())}",
        highlight=False,
        markup=False,
    )
    if plan.with_report:
        show_report_place(console, f"{plan.folder}/report.html")
    _show_refused(console, outcomes)
    return summary


def _show_opening(console: PlainConsole, given: BacktestInput, opening: dt.date | None) -> None:
    """Show whose shares quantities without a date are in, where a split makes a difference."""
    undated = any(
        quantity.held_from == ALWAYS for book in given.books for quantity in book.quantities
    )
    if given.splits and undated:
        console.print(f"quantities without a date are in the shares of {opening}", highlight=False)


def _show_refused(console: PlainConsole, outcomes: Outcomes) -> None:
    """Show as the last line how much was not tested."""
    refused = outcomes.refused
    if refused:
        books = named(tuple(dict.fromkeys(failure.portfolio for failure in refused)))
        count = len(refused) + len(outcomes.tested)
        console.print(
            f"{len(refused)} of {count} backtests were not made ({books}): not_tested in "
            f"summary.json has the reasons; exit code {ExitCode.INCOMPLETE}",
            style="bold red",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _opening(plan: Plan, given: BacktestInput) -> dt.date | None:
    """Return the first close of the run, whose shares quantities without a date are in."""
    splits = effective_splits(given.market.closes, given.splits)
    adjusted = BacktestMarket(split_adjusted(given.market.closes, splits), given.market.rates)
    return run_opening(given.books, adjusted, plan.settings)


def _valued(
    plan: Plan, given: BacktestInput, opening: dt.date | None, console: PlainConsole
) -> Outcomes:
    """Return every portfolio under every method; one that cannot be tested stops no other."""
    jobs = [(settings, book) for settings in plan.settings for book in given.books]
    missing = plan.settings[0].missing
    day_count = len(given.market.closes.dates)
    results: list[DailyBacktest] = []
    failures = [Failure(name, None, error, missing) for name, error in given.refused.items()]
    with _progress(console) as progress:
        bar = progress.add_task("valuing", total=day_count * len(jobs))
        for number, (settings, book) in enumerate(jobs, 1):
            words = escape(f"valuing {book.portfolio}, {settings.method}")
            progress.update(bar, description=words)
            try:
                results.append(
                    daily_backtest(
                        book,
                        given.market,
                        settings,
                        splits=given.splits,
                        opening=opening,
                        on_days=lambda days: progress.advance(bar, days),
                    )
                )
            except FlatBookError as error:
                if settings is plan.settings[0]:
                    failures.append(Failure(book.portfolio, None, error, missing))
            except InputError as error:
                failures.append(Failure(book.portfolio, settings.method, error, missing))
            progress.update(bar, completed=day_count * number)
    return Outcomes(tuple(results), tuple(failures))


def _shown(
    backtests: Sequence[DailyBacktest], words: str, console: PlainConsole
) -> Iterable[DailyBacktest]:
    with _progress(console) as progress:
        bar = progress.add_task(words, total=len(backtests))
        for backtest in backtests:
            described = escape(f"{words} {backtest.portfolio}, {backtest.settings.method}")
            progress.update(bar, description=described)
            yield backtest
            progress.advance(bar)


def _progress(console: PlainConsole) -> Progress:
    columns = (plain_column("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def _write_numbers(plan: Plan, backtests: Sequence[DailyBacktest]) -> None:
    """Write daily.csv and components.csv of the first method, files by name for others."""
    for settings in plan.settings:
        own = [backtest for backtest in backtests if backtest.settings.method is settings.method]
        suffix = "" if settings is plan.settings[0] else f"-{settings.method}"
        write_daily(plan.folder / f"daily{suffix}.csv", own)
        write_components(plan.folder / f"components{suffix}.csv", own)


def _write_report(plan: Plan, summary: Summary, entries: Sequence[Judged]) -> None:
    from validation.backtest.report import write_report  # noqa: PLC0415 - plotly loads slowly

    write_report(plan.folder / "report.html", summary, entries)


def _summary(
    plan: Plan, entries: Sequence[Judged], outcomes: Outcomes, opening: dt.date | None
) -> Summary:
    settings = plan.settings[0]
    return Summary(
        format=1,
        base_currency=plan.base_currency,
        missing=settings.missing.value,
        carry_max_sessions=settings.carry.max_sessions,
        carry_max_share=settings.carry.max_share,
        start=settings.bounds.start,
        end=settings.bounds.end,
        seed=plan.simulation.seed,
        simulations=plan.simulation.count,
        inputs=input_entries(plan.paths.present()),
        undated_as_of=opening,
        portfolios=nested(entries, outcomes.without_law()),
        not_tested=outcomes.entries(),
    )


def _methods(texts: Sequence[str]) -> tuple[Method, ...]:
    """Return the methods that were named, each once, in order; the official one by default."""
    names = [name for text in texts for name in re.split(r"[\s,|]+", text) if name]
    unknown = [name for name in names if name not in set(Method)]
    if unknown:
        msg = f"--method is {unknown[0]!r}: choose from {', '.join(Method)}"
        raise InputError(msg)
    return tuple(dict.fromkeys(map(Method, names))) or (Method.HS,)


def _currency(text: str) -> str:
    return ruled_text("--base-currency", text, checked_iso_currency)


def _date(option: str, text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        msg = f"{option} is {text!r}: write a date as 2020-12-31"
        raise InputError(msg) from None


def _seconds(began_ns: int, ended_ns: int) -> str:
    return f"{(ended_ns - began_ns) / 1e9:.1f} s"
