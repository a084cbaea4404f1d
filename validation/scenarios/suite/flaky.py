"""A run that did not pass is repeated once, on a stack of its own: then it is flaky or failed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import msgspec
import psycopg

from system.clock import SystemClock
from system.console import PlainConsole
from system.errors import RiskstreamError
from validation.scenarios.play.play import Run
from validation.scenarios.play.stack import PipelineConfig, ScenarioStack
from validation.scenarios.suite.repeat_command import repeat_line
from validation.scenarios.suite.report import ScenarioReport, commit, write_scenario
from validation.scenarios.suite.suite import RunSite, run_scenario, show_scenario
from validation.verdict import Finding, Verdict, overall, repeated

MAX_REPEATED: Final = 3
"""Runs of a suite that are repeated: more of them are no accident, and take time."""
BROKE_OFF: Final = "run: the scenario was played to its end"
FIRST: Final = "-first"


class Repeater:
    """Runs scenarios on one stack; what does not pass is repeated once on a fresh one.

    Parameters
    ----------
    stack : ScenarioStack
        Where.
    folder : Path
        Of the reports.
    console : PlainConsole
        Where progress is shown.
    """

    def __init__(self, stack: ScenarioStack, folder: Path, console: PlainConsole) -> None:
        self._stack = stack
        self._folder = folder
        self._console = console
        self._left = MAX_REPEATED

    def run(self, run: Run, shape: PipelineConfig, name: str) -> ScenarioReport:
        """Run a scenario, a second time if it did not pass; a run that breaks off has failed.

        Parameters
        ----------
        run, shape : Run, Shape
            What, how, and on what.
        name : str
            Of its report: a folder, kept with ``-first`` where it is repeated.
        """
        first = self._once(run, shape, name)
        if first.verdict is Verdict.PASSED or not self._left:
            return first
        self._left -= 1
        self._console.print(f"{first.verdict}: {name} is repeated on a fresh stack")
        self._stack.stop()
        kept = self._folder / f"{name}{FIRST}"
        shutil.rmtree(kept, ignore_errors=True)
        if (self._folder / name).exists():
            (self._folder / name).rename(kept)
        return self._told(first, self._once(run, shape, name), name)

    def _once(self, run: Run, shape: PipelineConfig, name: str) -> ScenarioReport:
        clock = SystemClock()
        began_ns = clock.monotonic_ns()
        line, folder = repeat_line(run, shape), self._folder / name
        try:
            place = self._stack_place(run, shape, folder)
            report = run_scenario(
                run, shape, place, repeat_with=line, on_gathered=self._stack.release
            )
        except (RiskstreamError, OSError, psycopg.Error) as error:
            self._stack.stop()
            seconds = (clock.monotonic_ns() - began_ns) / 1e9
            report = broken_off(run, shape, error, seconds=seconds, repeat_with=line)
            folder.mkdir(parents=True, exist_ok=True)
            write_scenario(folder, report)
            show_scenario(self._console, report)
        return msgspec.structs.replace(report, name=name)

    def _stack_place(self, run: Run, shape: PipelineConfig, folder: Path) -> RunSite:
        stack = self._stack
        faults = run.story.scenario.file.faults
        connections = stack.fresh(shape, faults, is_hosted=not run.ends_processes)
        return RunSite(connections, stack.running, stack.rig, stack.settings, folder, self._console)

    def _told(self, first: ScenarioReport, second: ScenarioReport, name: str) -> ScenarioReport:
        findings = repeated(first.findings, second.findings)
        if findings == second.findings:
            return second
        report = msgspec.structs.replace(
            second, findings=findings, verdict=overall(finding.verdict for finding in findings)
        )
        write_scenario(self._folder / name, report)
        show_scenario(self._console, report)
        return report


def broken_off(
    run: Run, shape: PipelineConfig, error: Exception, *, seconds: float, repeat_with: str
) -> ScenarioReport:
    """Return the report of a run that could not be played to its end.

    Parameters
    ----------
    run, shape : Run, Shape
        What was run, how, on what.
    error : Exception
        Why it ended.
    seconds : float
        How long it took.
    repeat_with : str
        The line that repeats it.
    """
    scenario = run.story.scenario
    detail = f"{type(error).__name__}: {error}"
    return ScenarioReport(
        name=scenario.name,
        title=scenario.file.title,
        story=scenario.file.story.strip(),
        verdict=Verdict.FAILED,
        repeat_with=repeat_with,
        commit=commit(),
        scenario_hash=scenario.content_hash,
        seed=run.story.seed,
        speed="max" if run.speed is None else f"{run.speed:g}x",
        partitions=shape.partitions,
        seconds=seconds,
        findings=(Finding(check=BROKE_OFF, verdict=Verdict.FAILED, detail=detail),),
        faults=(),
        portfolios=(),
        days={},
        latencies=(),
        latency_over_time=(),
        timeline={},
        fault_seconds=(),
        numbers_hash="",
        day_hashes={},
    )
