"""``riskstream capacity``: the highest rate at which everything holds, correctness included.

A rate holds when its whole run passes: p99 below 1 s, the backlog does not grow, every tick
is acknowledged, applied and covered, and every sampled VaR equals the exact reference. All
probes of a search go through one stack, each with a market of its own days; the topics grow
with it. The first warms the stack up before it measures: what is sought is what a running
system sustains, and JVMs of a quarter of a minute are judged by ``riskstream load``.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
import psycopg
import typer
from rich.table import Table

from loadtests.run.command import connected, judged_run, mode_of, site_of
from loadtests.run.judge import budgets_of
from loadtests.run.load_run import LoadSite, machine, open_books
from loadtests.run.report import LoadReport
from loadtests.source.plan import LoadPlan, day_count, load_plan
from loadtests.studies.search import (
    RESOLUTION,
    CapacityEstimate,
    Probe,
    SearchResult,
    check_range,
    estimate,
    search,
)
from system.console import PlainConsole
from system.errors import UnavailableError
from system.exits import ExitCode
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from system.settings import Connections
from validation.report.shapes import write_json
from validation.run.console import format_number, open_console
from validation.run.read_back import await_committed
from validation.verdict import EXIT_CODES, Verdict

REPORT: Final = REPORTS_DIR / "capacity"
P99_MS: Final = 1_000.0
DRAIN_BOUND_S: Final = 300.0
"""Longest wait for the backlog of a failed probe before the next probe begins."""


class CapacityReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of a capacity search's ``report.json``; rates in ticks per second.

    ``lost`` says what ended the searches before their time, empty where nothing did; the last
    of ``searches`` then ends where it was.
    """

    mode: str
    machine: str
    instruments: int
    portfolios: int
    seconds: float
    estimate: CapacityEstimate
    searches: tuple[SearchResult, ...]
    lost: str = ""
    load_averages: tuple[float, ...]
    repeat_with: str


def capacity(  # noqa: PLR0913, PLR0917 - one option each
    floor: Annotated[float, typer.Option(help="Lowest rate tried, ticks/s.")] = 2_000.0,
    ceiling: Annotated[float, typer.Option(help="Highest rate tried, ticks/s.")] = 40_000.0,
    duration: Annotated[float, typer.Option(help="Seconds measured per probe.")] = 60.0,
    warm_up: Annotated[float, typer.Option(help="Seconds before each.")] = 15.0,
    stack_warm_up: Annotated[
        float, typer.Option(help="Seconds before the first, whose JVMs are new.")
    ] = 60.0,
    repeats: Annotated[int, typer.Option(min=1, max=9, help="Searches.")] = 3,
    resolution: Annotated[float, typer.Option(help="Ratio of rates told apart.")] = RESOLUTION,
    instruments: Annotated[int, typer.Option(help="Simulated shares.")] = 100,
    portfolios: Annotated[int, typer.Option(help="Books.")] = 10,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of the reports.")
    ] = REPORT,
    local: Annotated[bool, typer.Option("--local", help="Spark in local mode.")] = False,
) -> None:
    """Search the highest rate that holds: latency, lag, delivery and exact VaR together."""
    console = open_console(stderr=False)
    repeat_with = shlex.join(["riskstream", "capacity", *sys.argv[2:]])
    check_range(floor=floor, ceiling=ceiling, resolution=resolution)
    # The highest rate's plan is made so that a bound it breaks is told now, not in mid-search.
    base, first, _ = (
        load_plan(
            rate=rate,
            seconds=duration,
            warm_up_seconds=seconds,
            instruments=instruments,
            portfolios=portfolios,
        )
        for rate, seconds in (
            (floor, warm_up),
            (floor, max(warm_up, stack_warm_up)),
            (ceiling, warm_up),
        )
    )
    site = site_of(report, console, local=local)
    with connected(site, running=False) as connections:
        prober = Prober(base, site, connections, repeat_with, first=first)
        searches: list[SearchResult] = []
        while len(searches) < repeats and not prober.lost:
            outcome = search(prober.probe, floor=floor, ceiling=ceiling, resolution=resolution)
            searches.append(outcome)
    capacity_report = CapacityReport(
        mode=mode_of(local),
        machine=machine(),
        instruments=instruments,
        portfolios=portfolios,
        seconds=duration,
        estimate=estimate(searches),
        searches=tuple(searches),
        lost=prober.lost,
        load_averages=tuple(prober.load_averages),
        repeat_with=repeat_with,
    )
    write_json(site.folder / "report.json", capacity_report)
    show_capacity(console, capacity_report)
    if capacity_report.lost or any(
        outcome.probes[0].holds is None for outcome in capacity_report.searches
    ):
        raise typer.Exit(EXIT_CODES[Verdict.UNKNOWN])
    raise typer.Exit(ExitCode.of_check(passed=capacity_report.estimate.low >= floor))


class Prober:
    """Runs rates one after the other through one stack.

    Parameters
    ----------
    base : LoadPlan
        What every probe has but its rate.
    site : LoadSite
        Where records go, each probe's over the one before; its ``report.json`` is kept as
        ``probes/NN-RATE.json``, where those of an earlier search are removed.
    connections : Connections
        Of a fresh stack.
    repeat_with : str
        The command of the search, of which each probe is a part.
    first : LoadPlan
        What the first probe has in place of ``base``: its warm-up is that of the stack.
    """

    def __init__(
        self,
        base: LoadPlan,
        site: LoadSite,
        connections: Connections,
        repeat_with: str,
        *,
        first: LoadPlan,
    ) -> None:
        self._base = base
        self._site = site
        self._connections = connections
        self._repeat_with = repeat_with
        self._first = first
        self._kept = site.folder / "probes"
        self._kept.mkdir(exist_ok=True)
        for old in self._kept.glob("*.json"):
            old.unlink()
        self._books = open_books(base, connections, site)
        self._days_sent = 0
        self.load_averages: list[float] = []
        self.lost = ""
        """Failure that made this stack useless for further probes; empty while there is none."""

    def probe(self, rate: float) -> Probe:
        """Run one rate, and return whether it held.

        Where a process or server failed this one and all after it show nothing, where the
        stream did not drain before the next probe all after it; ``lost`` says why.
        """
        if self.lost:
            return Probe(rate=rate, holds=None, why=self.lost, p99_ms=None)
        try:
            probe = self._measured(rate)
        except (UnavailableError, psycopg.Error) as error:
            self.lost = f"at {rate:,.0f} ticks/s: {error}"
            self._site.say(f"lost {self.lost}")
            return Probe(rate=rate, holds=None, why=self.lost, p99_ms=None)
        said = {True: "holds", False: "does not hold", None: "shows nothing"}[probe.holds]
        p99 = format_number(probe.p99_ms, unit=" ms")
        self._site.say(f"{rate:,.0f} ticks/s {said}, p99 {p99} {probe.why}")
        return probe

    def _measured(self, rate: float) -> Probe:
        plan = msgspec.structs.replace(
            self._base if self._days_sent else self._first,
            rate=rate,
            skipped_days=self._days_sent,
        )
        self._days_sent += day_count(plan)
        report = judged_run(
            plan,
            self._site,
            self._connections,
            self._books,
            budgets_of(plan, p99_ms=P99_MS),
            repeat_with=self._repeat_with,
            on_pulse=lambda pulse: None,
        )
        self.load_averages.append(report.load_average)
        write_json(self._kept / f"{len(self.load_averages):02d}-{rate:.0f}.json", report)
        if not await_committed(self._connections, timeout_s=DRAIN_BOUND_S, patient=False):
            self.lost = f"after {rate:,.0f} ticks/s: still behind after {DRAIN_BOUND_S:.0f} s"
        return probe_of(report)


def probe_of(report: LoadReport) -> Probe:
    """Return what a load shows about its rate; the warm-up's latency is not asked of it."""
    covered = report.part("warm").covered
    asked = [
        finding for finding in report.findings if not finding.check.startswith("latency: cold")
    ]
    lacking = [finding for finding in asked if finding.verdict is not Verdict.PASSED]
    failed = any(finding.verdict is Verdict.FAILED for finding in lacking)
    return Probe(
        rate=report.plan.rate,
        holds=False if failed else None if lacking else True,
        why="; ".join(
            f"{finding.check.partition(':')[0]}: {finding.detail}" for finding in lacking
        ),
        p99_ms=covered.p99_ms if covered.count else None,
    )


def show_capacity(console: PlainConsole, report: CapacityReport) -> None:
    """Print every probe and the estimate with its interval."""
    table = Table("search", "ticks/s", "holds", "p99", "why not", box=None)
    for number, outcome in enumerate(report.searches, 1):
        for probe in outcome.probes:
            holds = {True: "yes", False: "no", None: "unknown"}[probe.holds]
            p99 = format_number(probe.p99_ms, unit=" ms")
            table.add_row(str(number), f"{probe.rate:,.0f}", holds, p99, probe.why)
    console.print(table)
    if report.lost:
        console.print(f"ended before its time, {report.lost}", highlight=False)
    estimate = report.estimate
    above = "none failed" if estimate.high is None else f"{estimate.high:,.0f} failed"
    console.print(
        f"capacity, {report.mode}: {estimate.rate:,.0f} ticks/s "
        f"(held in every search: {estimate.low:,.0f}; {above}; {estimate.repeats} searches)",
        highlight=False,
    )
