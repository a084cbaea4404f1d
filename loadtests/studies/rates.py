"""Latency at several rates in one run: a fresh stack each time, order rotated, with repeats.

``riskstream measure rates``: the protocol of the goals. What one ``riskstream load`` tells
depends on the quarter of an hour in which it ran; here every rate has each quarter's luck. With
five repeats, the least and the largest of them hold the median of all such runs between them with
a probability of 94 % (1 - 2 / 2^5), whatever their distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from loadtests.run.command import STANDALONE, load_on_fresh_stack, site_of
from loadtests.run.load_run import machine
from loadtests.run.repeats import Spread, load_command, rotated, spread, spread_shown
from loadtests.run.report import LoadReport
from loadtests.source.plan import LoadPlan, load_plan
from system.console import PlainConsole
from system.errors import InputError, UnavailableError
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from validation.measure.latency import LatencySummary
from validation.report.shapes import write_json
from validation.run.console import format_number, open_console
from validation.verdict import EXIT_CODES, Verdict, overall

REPORT: Final = REPORTS_DIR / "rates"
RATES: Final = "1000,5000,20000"


class RateRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one rate, judged like every load.

    ``cold`` is the warm-up, ``warm`` the measured part; None where the run has no timing.
    ``longest_hiccup_ms`` and ``longest_disk_hiccup_ms`` are the longest pause of a core and of
    the disk themselves in the measured part, None where nobody watched. ``problems`` is what did
    not pass, also where it does have one (too slow, a growing backlog).
    """

    rate: float
    repeat: int
    verdict: Verdict
    cold: LatencySummary | None = None
    warm: LatencySummary | None = None
    cores: float | None = None
    load_average: float | None = None
    longest_hiccup_ms: float | None = None
    longest_disk_hiccup_ms: float | None = None
    problems: tuple[str, ...] = ()


class RateRow(msgspec.Struct, frozen=True, kw_only=True):
    """One rate over its runs with a timing; latencies in milliseconds, None where there is none."""

    rate: float
    runs: int
    timed: int
    passed: int
    p50_ms: Spread | None
    p99_ms: Spread | None
    p999_ms: Spread | None
    cold_p99_ms: Spread | None
    cores: Spread | None


class RatesReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of the run's ``report.json``."""

    machine: str
    seconds: float
    warm_up_seconds: float
    rows: tuple[RateRow, ...]
    runs: tuple[RateRun, ...]


def measure_rates(
    rates: Annotated[str, typer.Option(help="Ticks per second, separated by commas.")] = RATES,
    duration: Annotated[float, typer.Option(help="Seconds measured per run.")] = 120.0,
    warm_up: Annotated[float, typer.Option(help="Seconds of warm-up before.")] = 120.0,
    repeats: Annotated[int, typer.Option(min=1, max=9, help="Runs of each rate.")] = 5,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of the reports.")
    ] = REPORT,
) -> None:
    """Measure each rate on a fresh stack, in rotated order, and judge every tick of every run."""
    console = open_console(stderr=False)
    plans = plans_of(rates, seconds=duration, warm_up=warm_up)
    runs: list[RateRun] = []
    for repeat in range(repeats):
        for plan in rotated(plans, repeat):
            folder = report / f"{repeat}" / f"{plan.rate:.0f}"
            runs.append(_measured(plan, repeat, folder, console))
            console.print(line_of(runs[-1]), highlight=False)
            rates_report = RatesReport(
                machine=machine(),
                seconds=duration,
                warm_up_seconds=warm_up,
                rows=rows_of([plan.rate for plan in plans], runs),
                runs=tuple(runs),
            )
            write_json(report / "report.json", rates_report)
    show_rates(console, rates_report.rows)
    raise typer.Exit(EXIT_CODES[overall(run.verdict for run in runs)])


def plans_of(rates: str, *, seconds: float, warm_up: float) -> list[LoadPlan]:
    """Return one plan per rate.

    Raises
    ------
    InputError
        If a rate is no number, out of bounds, or there twice; names it.
    """
    asked: list[float] = []
    for text in rates.split(","):
        try:
            rate = float(text)
        except ValueError:
            raise InputError(f"--rates {text!r}: a number of ticks per second") from None
        if rate in asked:
            raise InputError(f"--rates {text!r}: there twice")
        asked.append(rate)
    return [load_plan(rate=rate, seconds=seconds, warm_up_seconds=warm_up) for rate in asked]


def run_of(repeat: int, report: LoadReport) -> RateRun:
    """Return what a load shows: a timing only where every tick was covered, in time, and right."""
    timed = report.has_timing
    return RateRun(
        rate=report.plan.rate,
        repeat=repeat,
        verdict=report.verdict,
        cold=next(
            (latency for latency in report.latencies if timed and latency.part == "cold"), None
        ),
        warm=report.part("warm") if timed else None,
        cores=report.system_cores,
        load_average=report.load_average,
        longest_hiccup_ms=report.longest_hiccup_ms,
        longest_disk_hiccup_ms=report.longest_disk_hiccup_ms,
        problems=tuple(f"{finding.check}: {finding.detail}" for finding in report.lacking),
    )


def rows_of(rates: Sequence[float], runs: Sequence[RateRun]) -> tuple[RateRow, ...]:
    """Return one row per rate."""
    return tuple(_row(rate, [run for run in runs if run.rate == rate]) for rate in rates)


def show_rates(console: PlainConsole, rows: Sequence[RateRow]) -> None:
    """Print the table: medians, and in brackets the least and the largest of the runs."""
    columns = ("ticks/s", "passed", "p50 ms", "p99 ms", "p99.9 ms", "warm-up's p99 ms", "cores")
    table = Table(*columns, box=None)
    for row in rows:
        latencies = (row.p50_ms, row.p99_ms, row.p999_ms, row.cold_p99_ms)
        table.add_row(
            f"{row.rate:,.0f}",
            f"{row.passed} of {row.runs}",
            *(spread_shown(latency, 0) for latency in latencies),
            spread_shown(row.cores, 2),
        )
    console.print(table)


def line_of(run: RateRun) -> str:
    """Return a run in one line."""
    percentiles = None if run.warm is None else run.warm.covered
    p50 = format_number(None if percentiles is None else percentiles.p50_ms, unit=" ms")
    p99 = format_number(None if percentiles is None else percentiles.p99_ms, unit=" ms")
    pause = format_number(run.longest_hiccup_ms, unit=" ms")
    of_disk = format_number(run.longest_disk_hiccup_ms, unit=" ms")
    told = "; ".join(run.problems)
    return (
        f"{run.rate:,.0f} ticks/s, repeat {run.repeat + 1}: p50 {p50}, p99 {p99}, "
        f"longest pause of a core {pause}, of the disk {of_disk} {told}"
    ).rstrip()


def _measured(plan: LoadPlan, repeat: int, folder: Path, console: PlainConsole) -> RateRun:
    site = site_of(folder, console, local=False)
    try:
        loaded = load_on_fresh_stack(plan, site, mode=STANDALONE, repeat_with=load_command(plan))
    except UnavailableError as error:
        return RateRun(
            rate=plan.rate, repeat=repeat, verdict=Verdict.UNKNOWN, problems=(str(error),)
        )
    return run_of(repeat, loaded)


def _row(rate: float, runs: Sequence[RateRun]) -> RateRow:
    timed = [run for run in runs if run.warm is not None]
    warm = [run.warm.covered for run in timed if run.warm is not None]
    cold = [run.cold.covered for run in timed if run.cold is not None and run.cold.count]
    return RateRow(
        rate=rate,
        runs=len(runs),
        timed=len(timed),
        passed=sum(run.verdict is Verdict.PASSED for run in runs),
        p50_ms=spread([latency.p50_ms for latency in warm]),
        p99_ms=spread([latency.p99_ms for latency in warm]),
        p999_ms=spread([latency.p999_ms for latency in warm]),
        cold_p99_ms=spread([latency.p99_ms for latency in cold]),
        cores=spread([run.cores for run in timed if run.cores is not None]),
    )
