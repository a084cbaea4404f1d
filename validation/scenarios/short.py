"""The scenarios of verify: a few stories and points of the determinism grid.

All on one stack. ``--whole`` runs the whole library and the whole grid (``make
verify-full``). Verdicts do not hang on how fast the machine is: latency is reported.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console

from system.clock import SystemClock
from system.settings import load_settings
from validation.checkers.verdict import Finding, Verdict, judged, unknown
from validation.running import heed_interrupts
from validation.scenarios.commands import found_path, scenario_paths
from validation.scenarios.played import Run
from validation.scenarios.reading import SUFFIX, read_scenario
from validation.scenarios.report import ScenarioReport, suite_report, write_suite
from validation.scenarios.stack import ScenarioStack, Shape, replay_settings
from validation.scenarios.story import Story, read_story
from validation.scenarios.suite import WAITING, Place, run_scenario
from validation.screen import open_console
from validation.site import stop_signals_as_interrupt

STORIES: Final = ("dirty-feed", "intraday-trades")
"""What verify plays, each with the shape and speed of the file."""
GRID_STORY: Final = "dirty-feed"
CUT_RECORDS: Final = (None, 400, 150)
PARTITIONS: Final = (1, 2, 4)
SPEEDS: Final = (1.0, None)
RESTART_DAYS: Final = (None, 2)
GRID: Final = "determinism: ends of day hash alike over partitions, cuts, speeds, restarts"


@dataclass(frozen=True)
class Point:
    """One point of the determinism grid.

    Parameters
    ----------
    partitions : int
        Of market data.
    cut_records : int or None
        Most records in a batch; None: the default.
    speed : float or None
        Times the file's; None: as fast as it goes.
    restart_day : int or None
        Behind whose mark the stream is restarted.
    """

    partitions: int = 2
    cut_records: int | None = None
    speed: float | None = 1.0
    restart_day: int | None = None

    @property
    def name(self) -> str:
        """Of its folder."""
        cut = "all" if self.cut_records is None else str(self.cut_records)
        speed = "max" if self.speed is None else f"{self.speed:g}x"
        restart = "" if self.restart_day is None else f"-restart{self.restart_day}"
        return f"p{self.partitions}-cut{cut}-{speed}{restart}"


BASE: Final = Point()
SHORT_GRID: Final = (
    Point(partitions=1, cut_records=150, speed=None),
    Point(partitions=4, cut_records=400, speed=1.0),
)
"""Beside the story itself: every number of partitions, cut and speed."""
WHOLE_GRID: Final = tuple(
    point
    for point in itertools.starmap(
        Point, itertools.product(PARTITIONS, CUT_RECORDS, SPEEDS, RESTART_DAYS)
    )
    if point != BASE
)


class Suite:
    """Runs stories and grid points on one stack.

    Parameters
    ----------
    stack : ScenarioStack
        Where.
    folder : Path
        Of the reports.
    console : Console
        Where progress is shown.
    """

    def __init__(self, stack: ScenarioStack, folder: Path, console: Console) -> None:
        self._stack = stack
        self._folder = folder
        self._console = console

    def story(self, name: str) -> ScenarioReport:
        """Run a scenario of the library as its file says."""
        story = _story(name)
        return self._run(Run(story), Shape(), name, f"riskstream replay {name}")

    def point(self, point: Point) -> ScenarioReport:
        """Run one point of the grid."""
        run = Run(_story(GRID_STORY), point.speed, restart_after=point.restart_day)
        shape = Shape(point.partitions, point.cut_records)
        name = f"{GRID_STORY}-{point.name}"
        report = self._run(run, shape, name, "python -m validation.scenarios.short --whole")
        return _renamed(report, name)

    def _run(self, run: Run, shape: Shape, name: str, repeat_with: str) -> ScenarioReport:
        connections = self._stack.fresh(shape)
        place = Place(
            connections,
            self._stack.running,
            self._stack.settings,
            self._folder / name,
            self._console,
        )
        return run_scenario(run, shape, place, repeat_with=repeat_with)


def check_grid(reports: Sequence[ScenarioReport]) -> Finding:
    """Return whether every run of one story has the same numbers at every end of day."""
    if len(reports) < 2:
        return unknown(GRID, "two runs at least are needed")
    first = reports[0]
    problems = [
        f"{other.name} differs on {_differing(first.day_hashes, other.day_hashes)}"
        for other in reports[1:]
        if other.day_hashes != first.day_hashes
    ]
    told = f"{len(reports)} runs, {len(first.day_hashes)} ends of day, {first.numbers_hash}"
    figures = {one.name: one.numbers_hash for one in reports}
    return judged(GRID, problems, passed=told, figures={**figures})


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def run_suite(
    report: Annotated[Path, typer.Option(help="Folder of the reports.")],
    whole: Annotated[bool, typer.Option("--whole", help="All stories, the whole grid.")] = False,
) -> None:
    """Run the scenarios of verify on one stack and write one report."""
    heed_interrupts()
    clock, console = SystemClock(), open_console()
    began_ns = clock.monotonic_ns()
    names = _library() if whole else list(STORIES)
    points = WHOLE_GRID if whole else SHORT_GRID
    with (
        stop_signals_as_interrupt(),
        ScenarioStack(replay_settings(), say=console.print) as stack,
    ):
        suite = Suite(stack, report, console)
        reports = [suite.story(name) for name in names]
        grid = [one for one in reports if one.name == GRID_STORY]
        grid += [suite.point(point) for point in points]
    reports += grid[1:]
    found = suite_report(
        reports,
        seconds=(clock.monotonic_ns() - began_ns) / 1e9,
        not_run={**not_run(names, whole=whole), **WAITING},
        extra=[check_grid(grid)],
    )
    write_suite(report, found)
    console.print(f"{found.verdict} in {found.seconds:.0f} s; report: {report}/report.html")
    raise typer.Exit(0 if found.verdict is Verdict.PASSED else 1)


def _story(name: str) -> Story:
    return read_story(read_scenario(found_path(name)), load_settings().wheels_dir)


def _renamed(report: ScenarioReport, name: str) -> ScenarioReport:
    return msgspec.structs.replace(report, name=name)


def _library() -> list[str]:
    """Return every scenario; the one that the grid compares with is among them."""
    return [path.name.removesuffix(SUFFIX) for path in scenario_paths()]


def not_run(names: Sequence[str], *, whole: bool) -> dict[str, str]:
    """Return what a suite of some stories leaves out, with the reason."""
    others = {name: "run by make verify-full" for name in _library() if name not in names}
    if not whole:
        count = len(WHOLE_GRID) - len(SHORT_GRID)
        others["determinism grid"] = f"{count} more points are run by make verify-full"
    return others


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the suite with arguments, and leave with its exit code."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(run_suite)
    app(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="scenarios")


if __name__ == "__main__":
    main()
