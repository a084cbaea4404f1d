"""Scenarios on one stack, one after the other: run, judged, reported."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.table import Table

from system.clock import SystemClock
from system.console import PlainConsole, styled
from system.runtime.running import RunningStack
from system.settings import Connections, Settings
from validation.measure.record import SeenSnapshot
from validation.rules.rulings import rulings_of
from validation.run.console import STYLES, finding_table
from validation.run.read_back import real_closes
from validation.scenarios.faults.fault_points import FaultPoints
from validation.scenarios.file.format import RealMarket
from validation.scenarios.judge.judge import ScenarioJudgement, judge_run
from validation.scenarios.judge.number_hash import day_hashes, numbers_hash
from validation.scenarios.play.history import write_history
from validation.scenarios.play.play import Recording, Run, play
from validation.scenarios.play.stack import PipelineConfig
from validation.scenarios.suite.report import (
    ScenarioReport,
    SuiteReport,
    commit,
    write_scenario,
)
from validation.verdict import Verdict, overall

EXCLUDED: Final[Mapping[str, str]] = {"soak": "two hours: run by make soak"}
"""Stories that no suite plays, and why."""


@dataclass(frozen=True)
class RunSite:
    """Pipeline, fault points, report folder and terminal of scenario runs."""

    connections: Connections
    running: RunningStack
    rig: FaultPoints
    settings: Settings
    folder: Path
    console: PlainConsole


def run_scenario(
    run: Run,
    shape: PipelineConfig,
    place: RunSite,
    *,
    repeat_with: str,
    on_gathered: Callable[[], None] = lambda: None,
) -> ScenarioReport:
    """Run one scenario on an empty pipeline, judge it and write its report.

    Parameters
    ----------
    run : Run
        What and how.
    shape : PipelineConfig
        What the pipeline was started with.
    place : RunSite
        Where.
    repeat_with : str
        The line that repeats it.
    on_gathered : callable
        Called when nothing is wanted of the pipeline any more: judging needs no server.

    Raises
    ------
    RiskstreamError
        If a process or server fails in a way that is not part of the story.
    """
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    folder = place.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    left = play(run, place.connections, place.running, folder, place.console, place.rig)
    on_gathered()
    real = None
    if isinstance(run.story.scenario.file.market, RealMarket):
        real = real_closes(place.settings.wheels_dir)
    judged = judge_run(run.story, left, real)
    write_history(folder, left, rulings_of(left.records))
    seconds = (clock.monotonic_ns() - began_ns) / 1e9
    report = scenario_report(run, shape, left, judged, seconds=seconds, repeat_with=repeat_with)
    write_scenario(folder, report)
    show_scenario(place.console, report)
    return report


def show_scenario(console: PlainConsole, report: ScenarioReport) -> None:
    """Print a scenario's verdict; its checks too unless all passed."""
    style = STYLES[report.verdict]
    if report.verdict is not Verdict.PASSED:
        console.print(finding_table(report.findings))
    latency = next((part for part in report.latencies if part.covered.count), None)
    told = "" if latency is None else f", {latency.part} p99 {latency.covered.p99_ms:.0f} ms"
    console.print(
        styled(
            (f"{report.verdict:<8}", style),
            f" {report.name} in {report.seconds:.0f} s, {len(report.findings)} checks{told}, "
            f"numbers {report.numbers_hash}",
        )
    )
    for fault in report.faults:
        recovered = "not" if fault.recovered_s is None else f"{fault.recovered_s:.1f} s"
        console.print(
            f"  {fault.do} {fault.what}: {fault.witness}; recovered: {recovered}", highlight=False
        )
    console.print(f"  repeat it: {report.repeat_with}", highlight=False, soft_wrap=True)


def show_suite(console: PlainConsole, report: SuiteReport) -> None:
    """Print every run's verdict and every fault with its recovery, and what was not run."""
    runs = Table(title="scenarios", title_justify="left")
    for heading in ("run", "verdict", "seconds", "numbers"):
        runs.add_column(heading, justify="right" if heading == "seconds" else "left")
    for row in report.scenarios:
        style = STYLES[row.verdict]
        verdict = styled((row.verdict, style))
        runs.add_row(row.name, verdict, f"{row.seconds:.0f}", row.numbers_hash)
    console.print(runs)
    faults = Table(title="faults", title_justify="left")
    for heading in ("run", "fault", "recovered after s", "witness"):
        faults.add_column(heading)
    for row in report.scenarios:
        for fault in row.faults:
            recovered = "not" if fault.recovered_s is None else f"{fault.recovered_s:.1f}"
            faults.add_row(row.name, f"{fault.do} {fault.what}", recovered, fault.witness)
    if faults.row_count:
        console.print(faults)
    for name, why in report.not_run.items():
        console.print(f"not run: {name}: {why}", highlight=False)


def scenario_report(
    run: Run,
    shape: PipelineConfig,
    left: Recording,
    judged: ScenarioJudgement,
    *,
    seconds: float,
    repeat_with: str,
) -> ScenarioReport:
    """Return what a run is reported as.

    Parameters
    ----------
    run, shape : Run, Shape
        What was run, how, on what.
    left, judged : Left, Judged
        What it left, and what that shows.
    seconds : float
        How long it took.
    repeat_with : str
        The line that repeats it.
    """
    scenario, hashes = run.story.scenario, day_hashes(left.stated.snapshots)
    snapshots = [line for line in left.record if isinstance(line, SeenSnapshot)]
    origin_ns = snapshots[0].received_ns if snapshots else 0
    return ScenarioReport(
        name=scenario.name,
        title=scenario.file.title,
        story=scenario.file.story.strip(),
        verdict=overall(finding.verdict for finding in judged.findings),
        repeat_with=repeat_with,
        commit=commit(),
        scenario_hash=scenario.content_hash,
        seed=run.story.seed,
        speed="max" if run.speed is None else f"{run.speed:g}x",
        partitions=shape.partitions,
        seconds=seconds,
        findings=judged.findings,
        faults=left.faults,
        portfolios=judged.judgement.portfolios,
        days=judged.judgement.days,
        latencies=judged.judgement.latencies,
        latency_over_time=judged.judgement.latency_over_time,
        timeline=_timeline(snapshots, origin_ns),
        fault_seconds=tuple(
            (
                f"{fault.do} {fault.what}",
                (fault.began_ns - origin_ns) / 1e9,
                (fault.ended_ns - origin_ns) / 1e9,
            )
            for fault in left.faults
            if fault.began_ns
        ),
        numbers_hash=numbers_hash(hashes),
        day_hashes=hashes,
    )


def _timeline(
    snapshots: list[SeenSnapshot], origin_ns: int
) -> dict[str, tuple[tuple[float, float | None], ...]]:
    return {
        name: tuple(
            (round((snapshot.received_ns - origin_ns) / 1e9, 3), snapshot.var)
            for snapshot in snapshots
            if snapshot.portfolio == name
        )
        for name in sorted({snapshot.portfolio for snapshot in snapshots})
    }
