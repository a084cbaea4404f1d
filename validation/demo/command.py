"""``riskstream demo``: the whole pipeline live on real prices, then judged."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from system.bus.consumer import Record
from system.console import PlainConsole, terminal_json
from system.contracts.messages import Portfolio
from system.contracts.oracle import OracleCheck, OracleStatus
from system.exits import ExitCode
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR, SHARED_DIR
from system.settings import Connections
from validation.checkers.latency import FLOOR, Schedule
from validation.checkers.ledger import Acknowledged
from validation.demo.replay import Replayed, last_word, replay
from validation.measure.machine_speed import MachineSpeed, machine_speed
from validation.measure.record import read_record
from validation.oracle.history_check import check_live, check_recorded
from validation.report.pages import write_demo_page
from validation.report.plots import show_report_place
from validation.report.shapes import DemoReport, write_json
from validation.report.timings import timing_sentence, with_timings_reported
from validation.run.child_processes import AheadProcess
from validation.run.console import open_console, show_report
from validation.run.demo_run import (
    DemoPlan,
    DemoRun,
    demo_settings,
    seconds_since_start,
)
from validation.run.judge import Evidence, judge
from validation.run.open_books import ReferenceAhead, load_books, open_books, show_urls
from validation.run.pipeline import stop_command, temporary_stack
from validation.run.read_back import Stated, expected_of, read_inputs, read_stated, real_closes
from validation.verdict import Verdict, overall

BOOKS: Final = SHARED_DIR / "scenarios" / "books"
REPORT: Final = REPORTS_DIR / "demo"
WHOLE: Final = DemoPlan(dt.date(2020, 2, 3), dt.date(2020, 4, 30))
SHORT: Final = DemoPlan(dt.date(2020, 2, 3), dt.date(2020, 3, 17))
"""31 days: a minute of cold machines, and half a minute of warm ones."""


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running.")] = False,
    short: Annotated[bool, typer.Option("--short", help="31 days instead of 62.")] = False,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of report.json and report.html.")
    ] = REPORT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Replay early 2020 live through the whole pipeline, then judge every number.

    The exit code says whether every number is right, nothing was lost and the stream kept going.
    Timings are reported beside the speed of the machine: `riskstream load` judges them.
    """
    console = open_console(stderr=as_json)
    plan = SHORT if short else WHOLE
    demo = run_demo(plan, report, console, keep=keep)
    if as_json:
        sys.stdout.write(terminal_json(demo) + "\n")
    raise typer.Exit(ExitCode.of_check(passed=demo.verdict is Verdict.PASSED))


def run_demo(plan: DemoPlan, folder: Path, console: PlainConsole, *, keep: bool) -> DemoReport:
    """Run a demo from an empty stack to its report.

    Parameters
    ----------
    plan : DemoPlan
        What to replay.
    folder : Path
        Where reports, record and logs go.
    console : PlainConsole
        Where progress is shown.
    keep : bool
        Whether the stack is left running; an interrupt stops it all the same.

    Raises
    ------
    RiskstreamError
        If a server or process fails; everything is stopped.
    """
    site = DemoRun(plan, demo_settings(), folder.absolute(), console)
    folder.mkdir(parents=True, exist_ok=True)
    for old in (site.record_path, site.log_path, site.verdicts_path):
        old.unlink(missing_ok=True)
    imports = load_books(BOOKS)
    books = [book.portfolio for book in imports]
    speed = machine_speed(folder)
    with (
        ThreadPoolExecutor(1, thread_name_prefix="judging") as pool,
        ReferenceAhead(site) as reference,
    ):
        site.say("starting Kafka, PostgreSQL, Redis, the Spark cluster, the stream, API, dashboard")
        with temporary_stack(
            site.settings, say=site.say, keep=keep, on_ready=reference.on_ready
        ) as connections:
            reference.wait()
            open_books(site, connections, imports)
            show_urls(site, connections)
            with _oracle(site) as oracle:
                replayed = replay(site, connections)
                site.say("judging: every tick, every message, every snapshot, every end of day")
                left = gather(site, connections, oracle)
            judging = pool.submit(judged_report, site, left, books, replayed, speed)
        report = judging.result()  # it went on while the servers were stopped
        site.say("judged")
    write_json(folder / "report.json", report)
    write_demo_page(folder / "report.html", report)
    show_report(console, report)
    show_report_place(console, f"{folder}/report.html, report.json")
    if keep:
        console.print(f"left running; stop it with: {stop_command(site.settings)}", highlight=False)
    return report


@dataclass(frozen=True)
class Gathered:
    """Data of a run, read from the servers before they stop, with its recomputed numbers."""

    records: Sequence[Record]
    stated: Stated
    live: OracleStatus | None
    recomputed: Mapping[str, OracleCheck]


def gather(site: DemoRun, connections: Connections, oracle: AheadProcess) -> Gathered:
    """Return what is judged, of the topics, of PostgreSQL and of both oracles."""
    with site.console.working("reading what the run left"):
        return Gathered(
            read_inputs(connections.kafka_bootstrap_servers),
            read_stated(connections.database_url),
            last_word(connections),
            oracle.verdicts(),
        )


def judged_report(
    site: DemoRun,
    left: Gathered,
    books: Sequence[Portfolio],
    replayed: Replayed,
    speed: MachineSpeed,
) -> DemoReport:
    """Judge what a run left, and return the report; no server is asked.

    Parameters
    ----------
    site : DemoRun
        Where the observer's record is.
    left : Gathered
        Read from the servers.
    books : sequence of Portfolio
        The books that were replayed.
    replayed : Replayed
        The live part of the run.
    speed : MachineSpeed
        Of this machine, when the run began.
    """
    summary, stated = replayed.summary, left.stated
    closes = real_closes(site.settings.wheels_dir)
    schedule = Schedule(
        messages_per_s=summary.ticks_per_second,
        achieved_fraction=summary.achieved_ratio or 0.0,
        slip_ms_p99=summary.slip.ms_p99,
    )
    evidence = Evidence(
        record=list(read_record(site.record_path)),
        records=left.records,
        stated=stated.days,
        expected=expected_of(left.records, closes, calendar=closes["AAPL"], days=replayed.days),
        rejected=stated.rejected,
        counters=stated.counters,
        covered=stated.covered,
        acknowledged=[Acknowledged(topics=("market_data", "fx_rates"), count=summary.tick_count)],
        schedule=schedule,
        portfolios=books,
    )
    judgement = judge(evidence, FLOOR)
    findings = with_timings_reported(
        (
            *judgement.findings,
            check_recorded(left.records, stated.snapshots, left.recomputed),
            check_live(left.live),
        )
    )
    return DemoReport(
        verdict=overall(finding.verdict for finding in findings),
        first_day=site.plan.first_day,
        last_day=site.plan.last_day,
        seconds=seconds_since_start(),
        first_var_s=replayed.first_var_s,
        schedule=schedule,
        portfolios=judgement.portfolios,
        trade=replayed.trade,
        latencies=judgement.latencies,
        latency_over_time=judgement.latency_over_time,
        days=judgement.days,
        findings=findings,
        machine=speed,
        timing=timing_sentence(findings, speed),
        repeat_with="riskstream demo --short" if site.plan == SHORT else "riskstream demo",
    )


def _oracle(site: DemoRun) -> AheadProcess:
    return AheadProcess(site.verdicts_path, state_dir=site.settings.state_dir, log=site.log_path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``riskstream demo`` with arguments, and leave with its exit code."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(demo)
    app(args=None if arguments is None else list(arguments), prog_name="riskstream demo")


if __name__ == "__main__":
    main()
