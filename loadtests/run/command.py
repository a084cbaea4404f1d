"""``riskstream load``: a rate through the whole pipeline, measured from outside, judged.

Exit code 0: every check passed; 1: one failed; 4: the run shows nothing (the pump did not
keep its schedule), which is not a pass.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from loadtests.run.judge import LoadEvidence, LoadJudgement, budgets_of, judge_load
from loadtests.run.load_run import (
    LoadRun,
    LoadSite,
    load_settings_of_own,
    load_stack,
    machine,
    open_books,
    run_load,
)
from loadtests.run.repeats import load_command
from loadtests.run.report import LoadReport, write_load_report
from loadtests.source.plan import USUAL_CLIENT, LoadPlan, load_plan
from loadtests.source.send_rate import SendRate
from loadtests.source.shapes import SHAPES
from system.bus.consumer import read_topic
from system.console import PlainConsole, terminal_json
from system.contracts.messages import Portfolio
from system.contracts.topics import MARKET_DATA, TRADES
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from system.settings import Connections, load_settings
from validation.checkers.latency import Budget, Schedule
from validation.measure.jitter import read_hiccups
from validation.measure.jvm_pauses import jvm_pauses
from validation.measure.latency import latency_over_time
from validation.measure.record import read_record
from validation.measure.sent_ticks import placed_trades, sent_ticks
from validation.measure.spark_profile import spark_profile
from validation.report.plots import show_report_place
from validation.run import read_postgres
from validation.run.console import format_number, open_console
from validation.run.demo_run import seconds_since_start
from validation.verdict import EXIT_CODES, overall

REPORT: Final = REPORTS_DIR / "load"
LOCAL_MASTER: Final = "local[2]"
STANDALONE: Final = "standalone cluster"
APPLIED: Final = "applied"


def load(  # noqa: PLR0913, PLR0917 - one option each
    rate: Annotated[float, typer.Option(help="Ticks per second, the shape's highest.")] = 1_000.0,
    duration: Annotated[float, typer.Option(help="Seconds measured.")] = 120.0,
    warm_up: Annotated[float, typer.Option(help="Seconds before.")] = 60.0,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of the reports.")
    ] = REPORT,
    shape: Annotated[str, typer.Option(help=f"One of {', '.join(SHAPES)}.")] = "steady",
    instruments: Annotated[int, typer.Option(help="Simulated shares.")] = 100,
    portfolios: Annotated[int, typer.Option(help="Books.")] = 10,
    positions: Annotated[int, typer.Option(help="Per book; 0: every instrument.")] = 0,
    window: Annotated[int, typer.Option(help="Scenarios per book.")] = 30,
    client: Annotated[
        str, typer.Option(help="confluent (extra load) or kafka-python.")
    ] = USUAL_CLIENT,
    seconds_per_day: Annotated[float, typer.Option(help="Length of a simulated day.")] = 30.0,
    p99_ms: Annotated[float, typer.Option(help="Budget, measured part; 0: the floor.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the market.")] = 1,
    local: Annotated[bool, typer.Option("--local", help="Spark in local mode.")] = False,
    running: Annotated[
        bool, typer.Option("--running", help="Use the stack that runs; must be fresh.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Send a rate of ticks through the whole pipeline, and judge every one of them."""
    console = open_console(stderr=as_json)
    plan = load_plan(
        rate=rate,
        seconds=duration,
        warm_up_seconds=warm_up,
        shape=shape,
        instruments=instruments,
        portfolios=portfolios,
        positions=positions,
        window=window,
        client=client,
        seconds_per_day=seconds_per_day,
        seed=seed,
    )
    site = site_of(report, console, local=local, running=running)
    with connected(site, running=running) as connections:
        load = measured_load(
            plan,
            site,
            connections,
            budgets_of(plan, p99_ms=p99_ms or None),
            mode=mode_of(local),
            repeat_with=load_command(plan, p99_ms=p99_ms, local=local, running=running),
        )
    show_load(console, load)
    show_report_place(console, f"{report}/report.html, report.json")
    if as_json:
        sys.stdout.write(terminal_json(load) + "\n")
    raise typer.Exit(EXIT_CODES[load.verdict])


def site_of(folder: Path, console: PlainConsole, *, local: bool, running: bool = False) -> LoadSite:
    """Return where a load runs: a stack of its own, or the one that runs already."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    settings = load_settings()
    if not running:
        settings = load_settings_of_own(spark_master=LOCAL_MASTER if local else None)

    def say(text: str) -> None:
        console.print(f"{seconds_since_start():6.1f} s  {text}", highlight=False)

    return LoadSite(settings, folder, say)


@contextmanager
def connected(site: LoadSite, *, running: bool) -> Iterator[Connections]:
    """Give the connections of the stack that runs, or of one that is started for the load."""
    if running:
        yield site.settings.connections()
    else:
        with load_stack(site) as connections:
            yield connections


def measured_load(
    plan: LoadPlan,
    site: LoadSite,
    connections: Connections,
    budgets: tuple[Budget, ...],
    *,
    mode: str,
    repeat_with: str,
) -> LoadReport:
    """Open a plan's market on a fresh stack, run the load, judge it and write its reports.

    ``mode`` says what ran, in words, and ``repeat_with`` the command that repeats it.

    Raises
    ------
    UnavailableError
        If a process or server fails.
    """
    books = open_books(plan, connections, site)
    site.say(f"pumping {plan.rate:,.0f} ticks/s ({plan.shape})")
    return judged_run(
        plan,
        site,
        connections,
        books,
        budgets,
        mode=mode,
        repeat_with=repeat_with,
        on_pulse=_EveryTenth(site),
    )


def judged_run(
    plan: LoadPlan,
    site: LoadSite,
    connections: Connections,
    books: tuple[Portfolio, ...],
    budgets: tuple[Budget, ...],
    *,
    mode: str = STANDALONE,
    repeat_with: str,
    on_pulse: Callable[[SendRate], None],
) -> LoadReport:
    """Pump a plan through a stack whose market is open, judge it and write its reports.

    Raises
    ------
    UnavailableError
        If a process or server fails.
    """
    before = _applied(connections)
    run = run_load(plan, connections, site, on_pulse=on_pulse)
    site.say("judging every tick")
    applied = _applied(connections) - before
    evidence = evidence_of(plan, site, connections, books, run, applied)
    judgement = judge_load(evidence, budgets)
    report = report_of(evidence, judgement, run, site, mode=mode, repeat_with=repeat_with)
    write_load_report(site.folder, report, judgement.ticks)
    return report


def load_on_fresh_stack(
    plan: LoadPlan, site: LoadSite, *, mode: str, repeat_with: str
) -> LoadReport:
    """Start a stack, run a load through it, judged by the floors of its rate, and end the stack.

    ``mode`` says what ran, in words, and ``repeat_with`` the command that repeats it.

    Raises
    ------
    UnavailableError
        If a process or server fails.
    """
    with load_stack(site) as connections:
        return measured_load(
            plan, site, connections, budgets_of(plan), mode=mode, repeat_with=repeat_with
        )


def show_load(console: PlainConsole, report: LoadReport) -> None:
    """Print latency by part, the lag, and every check."""
    table = Table("part", "ticks", "p50 ms", "p99 ms", "p99.9 ms", "max ms", box=None)
    for part in report.latencies:
        figures = (part.covered.p50_ms, part.covered.p99_ms, part.covered.p999_ms)
        numbers = [f"{value:.1f}" for value in (*figures, part.covered.max_ms)]
        table.add_row(part.part, f"{part.count:,}", *numbers)
    console.print(table)
    for finding in report.findings:
        console.print(f"{finding.verdict:>8}  {finding.check}: {finding.detail}", highlight=False)
    pause = format_number(report.longest_hiccup_ms, unit=" ms")
    of_disk = format_number(report.longest_disk_hiccup_ms, unit=" ms")
    console.print(
        f"the machine's own longest pause: of a core {pause}, of the disk {of_disk}",
        highlight=False,
    )
    console.print(f"{report.verdict}", highlight=False)


def evidence_of(
    plan: LoadPlan,
    site: LoadSite,
    connections: Connections,
    books: tuple[Portfolio, ...],
    run: LoadRun,
    applied: int | None,
) -> LoadEvidence:
    """Gather what a run left.

    Parameters
    ----------
    plan, site, connections, books
        Of the run.
    run : LoadRun
        What its processes said.
    applied : int or None
        Ticks that were counted as applied; None where nobody counts.

    Raises
    ------
    UnavailableError
        If the broker does not answer.
    """
    summary = run.summary
    bootstrap = connections.kafka_bootstrap_servers
    return LoadEvidence(
        plan=plan,
        books=books,
        sent=sent_ticks(read_topic(bootstrap, MARKET_DATA, start=run.first_offsets)),
        trades=placed_trades(read_topic(bootstrap, TRADES)),
        record=list(read_record(site.record_path)),
        schedule=Schedule(
            messages_per_s=summary.ticks_per_second,
            achieved_fraction=summary.achieved_ratio or 0.0,
            slip_ms_p99=summary.slip.ms_p99,
        ),
        acknowledged=summary.tick_count - summary.failed,
        applied=applied,
        drained=run.drained,
        memory=run.memory,
        usage=run.usage,
    )


def report_of(
    evidence: LoadEvidence,
    judgement: LoadJudgement,
    run: LoadRun,
    site: LoadSite,
    *,
    mode: str,
    repeat_with: str,
) -> LoadReport:
    """Return the report of a run that is judged.

    ``mode`` says what ran, in words, and ``repeat_with`` the command that repeats it.
    """
    plan, due_ns = evidence.plan, evidence.sent.inputs.intended_ns
    begin_ns, last_ns = int(due_ns.min()), int(due_ns.max())
    first_ns = begin_ns + round(plan.warm_up_seconds * 1e9)
    return LoadReport(
        verdict=overall(finding.verdict for finding in judgement.findings),
        plan=plan,
        mode=mode,
        machine=machine(),
        load_average=run.load_average,
        schedule=evidence.schedule,
        slip_ms_max=run.summary.slip.ms_max,
        latencies=judgement.latencies,
        latency_over_time=tuple(latency_over_time(judgement.ticks)),
        lag=judgement.lag,
        oracle=judgement.oracle,
        usage=run.usage,
        memory=judgement.memory,
        pauses=jvm_pauses(site.gc_dir, first_ns=first_ns, last_ns=last_ns),
        spark=spark_profile(site.gc_dir, first_ns=first_ns, last_ns=last_ns),
        hiccups=read_hiccups(
            site.hiccups_path, begin_ns=begin_ns, first_ns=first_ns, last_ns=last_ns
        ),
        findings=judgement.findings,
        repeat_with=repeat_with,
    )


def mode_of(local: bool) -> str:
    """Return how Spark runs, in words."""
    return "local mode" if local else STANDALONE


def _applied(connections: Connections) -> int:
    with read_postgres.reading(connections.database_url) as cursor:
        counters = read_postgres.counters(cursor)
    return counters.get(MARKET_DATA.name, {}).get(APPLIED, 0)


class _EveryTenth:
    """Says how the pump goes, once in ten pulses."""

    def __init__(self, site: LoadSite) -> None:
        self._site = site
        self._count = self._sent = 0

    def __call__(self, pulse: SendRate) -> None:
        self._count, self._sent = self._count + 1, self._sent + pulse.sent
        if self._count % 10 == 0:
            self._site.say(f"{self._sent:,} ticks sent, slip p99 {pulse.slip_ms_p99:.1f} ms")
