"""The scenarios of verify: every story compressed, and points of the grid.

All on one stack. ``--whole`` plays faults with a second seed, every story on its own schedule and
the whole grid besides (``make verify-full``). Verdicts do not hang on how fast the machine is:
latency is reported.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from system.clock import SystemClock
from system.console import PlainConsole
from system.exits import ExitCode
from system.outputs import OUTPUT_FOLDER
from system.runtime.interrupts import heed_interrupts, stop_signals_as_interrupt
from system.settings import load_settings
from validation.report.plots import show_report_place
from validation.run.console import open_console
from validation.run.java import compile_little
from validation.scenarios.faults.fault_points import refused_here
from validation.scenarios.file.fault_tables import LetGo, RecreateTopic, RetentionGap, StrayMark
from validation.scenarios.file.format import ScenarioFile
from validation.scenarios.file.parser import SUFFIX, read_scenario
from validation.scenarios.play.play import Run
from validation.scenarios.play.stack import PipelineConfig, ScenarioStack, replay_settings
from validation.scenarios.story.story import Story, read_story
from validation.scenarios.suite.file_commands import found_path, scenario_paths
from validation.scenarios.suite.flaky import Repeater
from validation.scenarios.suite.grid import (
    GRID_STORY,
    SHORT_GRID,
    WHOLE_GRID,
    Point,
    check_faults_alike,
    check_grid,
)
from validation.scenarios.suite.report import ScenarioReport, SuiteReport, suite_report, write_suite
from validation.scenarios.suite.suite import EXCLUDED, show_suite
from validation.verdict import Finding, Verdict

GRID_POINTS: Final = "grid"
FAULT_SEEDS: Final = (1, 2)
LONG: Final = frozenset(
    {
        "fault-backup",
        "fault-black-holes",
        "fault-disk",
        "fault-flood",
        "fault-links",
        "fault-lost-beginning",
        "fault-lost-database",
        "fault-master",
        "fault-pauses",
        "fault-retention",
        "fault-second-driver",
        "fault-stray-mark",
        "fault-topics",
        "fault-two-drivers",
        "fault-undo",
    }
)
"""Stories that take minutes even compressed, or whose fault another step of verify makes on real
servers as well: played by `make verify-full` alone."""
KEEPS_SCHEDULE: Final = (LetGo, RecreateTopic, RetentionGap, StrayMark)
"""Faults that mean something only within a day."""
COMPRESSED_S: Final = 3.0
"""Longest schedule of a story without faults, seconds; a longer one is compressed."""
WARM_UP_S: Final = 0.0
"""Latency is not what these runs are for."""


@dataclass(frozen=True)
class Play:
    """A story as the suite plays it.

    Parameters
    ----------
    name : str
        In the library.
    seed : int or None
        In place of the file's.
    is_compressed : bool
        Whether it is made shorter: with faults as fast as they are recovered from, else to
        ``COMPRESSED_S``.
    """

    name: str
    seed: int | None = None
    is_compressed: bool = True

    @property
    def folder(self) -> str:
        """Of its report."""
        speed = "" if self.is_compressed else "-paced"
        return f"{self.name}{speed}" + (f"-seed{self.seed}" if self.seed is not None else "")

    @property
    def ends_processes(self) -> bool:
        """True where a fault ends processes of the product on the way."""
        return _has_faults(self.name)

    def run(self) -> Run:
        """Return how it is run."""
        story = _story(self.name, self.seed)
        return Run(story, compressed_speed(story) if self.is_compressed else 1.0)


def compressed_speed(story: Story) -> float | None:
    """Return the speed of a story in the short suite; None where it waits at its faults.

    What is to be seen as stale or suspect, or between a barrier and the first tick behind it,
    must last for a few batches: such a story is not made shorter. Nor is one whose fault must
    lie within a day.
    """
    expect, faults = story.scenario.file.expect, story.scenario.file.faults
    if faults:
        return 1.0 if any(isinstance(fault, KEEPS_SCHEDULE) for fault in faults) else None
    if expect.stale or expect.suspect_ticks or expect.adjusted:
        return 1.0
    seconds = len(story.days) * story.scenario.file.market.seconds_per_day
    return max(1.0, round(seconds / COMPRESSED_S, 1))


def short_plays(
    names: Sequence[str], *, seeds: Sequence[int] = FAULT_SEEDS[:1]
) -> tuple[Play, ...]:
    """Return every story compressed, those with faults with each seed."""
    return tuple(
        Play(name, seed) for name in names for seed in (seeds if _has_faults(name) else (None,))
    )


def whole_plays(names: Sequence[str]) -> tuple[Play, ...]:
    """Return every story compressed, with both seeds, and on its own schedule besides."""
    compressed = short_plays(names, seeds=FAULT_SEEDS)
    return (*compressed, *(Play(name, is_compressed=False) for name in names))


def run_suite(
    report: Annotated[Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of the reports.")],
    only: Annotated[
        list[str] | None, typer.Option(help="This story alone, or `grid`; repeatable.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Every story also at its own speed; the whole grid.")
    ] = False,
    minutes: Annotated[
        float | None, typer.Option(min=1, help="Begin nothing more when they are over.")
    ] = None,
) -> None:
    """Run the scenarios of verify on one stack and write one report."""
    heed_interrupts()
    compile_little()
    console = open_console()
    names = [name for name in library() if is_chosen(name, only, whole=whole)]
    plays = whole_plays(names) if whole else short_plays(names)
    points = WHOLE_GRID if whole else SHORT_GRID
    if only and GRID_POINTS not in only:
        points = ()
    suite = suite_of(in_order(plays, points), report, console, minutes=minutes)
    write_suite(report, suite)
    show_suite(console, suite)
    console.print(f"{suite.verdict} in {suite.seconds:.0f} s")
    show_report_place(console, f"{report}/report.html")
    raise typer.Exit(ExitCode.of_check(passed=suite.verdict is Verdict.PASSED))


def suite_of(
    jobs: Sequence[Play | Point],
    folder: Path,
    console: PlainConsole,
    *,
    minutes: float | None = None,
) -> SuiteReport:
    """Return what stories and points of the grid have shown, on one stack.

    Parameters
    ----------
    jobs : sequence of Play or Point
        In this order; the first play of ``GRID_STORY`` is what points are compared with.
    folder : Path
        Of the reports.
    console : PlainConsole
        Where progress is shown.
    minutes : float, optional
        When they are over nothing more is begun; what is left is told as not run.
    """
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    settings = replay_settings(warm_up_seconds=WARM_UP_S)
    played: dict[Play | Point, ScenarioReport] = {}
    with (
        stop_signals_as_interrupt(),
        ScenarioStack(settings, say=console.print) as stack,
    ):
        repeater = Repeater(stack, folder, console)
        for job in jobs:
            if minutes is None or clock.monotonic_ns() - began_ns < minutes * 60e9:
                played[job] = _run(job, repeater)
    return suite_report(
        list(played.values()),
        seconds=(clock.monotonic_ns() - began_ns) / 1e9,
        not_run={**out_of_time(jobs, played, minutes), **not_run(jobs), **EXCLUDED},
        extra=list(_compared(played)),
    )


def in_order(plays: Sequence[Play], points: Sequence[Point]) -> tuple[Play | Point, ...]:
    """Return what a suite does in its order: further seeds last, where time may run out.

    Runs that end processes of the product come first, so that the others share one Spark session.
    """
    again = [play for play in plays if play.seed not in {None, FAULT_SEEDS[0]}]
    first = [play for play in plays if play not in again]
    jobs: list[Play | Point] = [*first, *points]
    return (*sorted(jobs, key=lambda job: not job.ends_processes), *again)


def out_of_time(
    jobs: Sequence[Play | Point], done: Collection[Play | Point], minutes: float | None
) -> dict[str, str]:
    """Return what was left when the minutes were over, with the reason."""
    left = [job for job in jobs if job not in done]
    why = f"{minutes:g} minutes were over; run by make verify-full" if minutes else ""
    return {job.folder: why for job in left}


def not_run(jobs: Sequence[Play | Point]) -> dict[str, str]:
    """Return what a suite leaves out, with the reason."""
    plays = [job for job in jobs if isinstance(job, Play)]
    played = {play.name for play in plays}
    others = {
        name: _impossible(name) or "run by make verify-full"
        for name in library()
        if name not in played
    }
    if all(play.is_compressed for play in plays):
        others["stories on their own schedule"] = "run by make verify-full"
    if plays and all(play.seed in {None, FAULT_SEEDS[0]} for play in plays):
        others["faults with a second seed"] = "run by make verify-full"
    if left := len(WHOLE_GRID) - (len(jobs) - len(plays)):
        others["determinism grid"] = f"{left} more points are run by make verify-full"
    return others


def library() -> list[str]:
    """Return every scenario; the one that the grid compares with is among them."""
    return [path.name.removesuffix(SUFFIX) for path in scenario_paths()]


def is_chosen(name: str, only: Sequence[str] | None, *, whole: bool) -> bool:
    """Return whether a story is played; a long one where it is named or everything is played."""
    wanted = name in only if only else whole or name not in LONG
    return wanted and not _impossible(name)


def _compared(found: Mapping[Play | Point, ScenarioReport]) -> Iterator[Finding]:
    base = [one for job, one in found.items() if isinstance(job, Play) and job.name == GRID_STORY]
    grid = [one for job, one in found.items() if isinstance(job, Point)]
    worlds: defaultdict[bytes, list[ScenarioReport]] = defaultdict(list)
    for job, one in found.items():
        if isinstance(job, Play) and _has_faults(job.name):
            worlds[world_of(read_scenario(found_path(job.name)).file)].append(one)
    if grid:
        yield check_grid([*base[:1], *grid])
    if any(len({report.title for report in reports}) > 1 for reports in worlds.values()):
        yield check_faults_alike(worlds.values())


def world_of(file: ScenarioFile) -> bytes:
    """Return all that ends of day depend on: not faults, length and speed of a story."""
    table = msgspec.to_builtins(file)
    free = {"days", "last_day", "seconds_per_day"}
    market = {name: value for name, value in table["market"].items() if name not in free}
    parts = ("instrument", "option", "portfolio", "timeline")
    return msgspec.json.encode([market, *(table[part] for part in parts)])


def _run(job: Play | Point, repeater: Repeater) -> ScenarioReport:
    if isinstance(job, Play):
        return repeater.run(job.run(), PipelineConfig(), job.folder)
    run = Run(_story(GRID_STORY), job.speed, restart_at=job.restart_at)
    return repeater.run(run, job.shape, job.folder)


def _story(name: str, seed: int | None = None) -> Story:
    return read_story(read_scenario(found_path(name)), load_settings().wheels_dir, seed=seed)


def _impossible(name: str) -> str:
    return refused_here(read_scenario(found_path(name)).file.faults)


def _has_faults(name: str) -> bool:
    return bool(read_scenario(found_path(name)).file.faults)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the suite with arguments, and leave with its exit code."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(run_suite)
    app(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="scenarios")


if __name__ == "__main__":
    main()
