"""``riskstream replay``: scenarios through the real pipeline, then judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from system.clock import SystemClock
from system.contracts.topics import MARKET_DATA
from system.errors import InputError
from system.exits import ExitCode
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from system.runtime.interrupts import heed_interrupts, stop_signals_as_interrupt
from system.runtime.running import RunningStack
from system.settings import load_settings
from validation.report.plots import show_report_place
from validation.run.console import open_console
from validation.scenarios.faults.fault_points import FaultPoints, require_possible
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.play.play import Run
from validation.scenarios.play.stack import (
    PipelineConfig,
    ScenarioStack,
    replay_settings,
    require_empty,
)
from validation.scenarios.story.story import Story, read_story
from validation.scenarios.story.timeline import MAX_SPEED, Moment
from validation.scenarios.suite.file_commands import found_path, scenario_paths
from validation.scenarios.suite.repeat_command import repeat_line
from validation.scenarios.suite.report import ScenarioReport, suite_report, write_suite
from validation.scenarios.suite.suite import EXCLUDED, RunSite, run_scenario
from validation.verdict import Verdict

REPORT: Final = REPORTS_DIR / "replay"
MAX: Final = "max"


def replay(  # noqa: PLR0913, PLR0917 - one option each
    names: Annotated[list[str], typer.Argument(help="Files, or names of the library.")],
    speed: Annotated[str, typer.Option(help="1x, 20x ... of the file's schedule, or max.")] = "1x",
    partitions: Annotated[
        int, typer.Option(min=1, max=16, help="Of market data.")
    ] = MARKET_DATA.partition_count,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the file's.")] = None,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of the reports.")
    ] = REPORT,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running.")] = False,
    data: Annotated[Path | None, typer.Option(help="A price file of your own.")] = None,
    cut: Annotated[
        int | None, typer.Option(min=1, help="Most records in a batch of the stream.")
    ] = None,
    sharded: Annotated[
        bool, typer.Option("--sharded", help="Value every batch on the executors.")
    ] = False,
    restart_at: Annotated[
        str | None, typer.Option(help="Restart the stream then: 2.37 is in the second day.")
    ] = None,
    running: Annotated[
        bool, typer.Option("--running", help="Use the stack that runs; it must be empty.")
    ] = False,
) -> None:
    """Replay scenarios through the whole pipeline, judge every number, write reports."""
    heed_interrupts()
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    settings = load_settings()
    stories = [
        read_story(read_scenario(found_path(name)), settings.wheels_dir, data=data, seed=seed)
        for name in names
    ]
    for story in stories:
        require_possible(story.scenario.name, story.scenario.file.faults)
    if running:
        refuse_for_running(stories)
    shape, factor = PipelineConfig(partitions, cut, sharded), speed_factor(speed)
    moment = None if restart_at is None else moment_of(restart_at, stories)
    reports: list[ScenarioReport] = []
    watched = keep or (len(stories) == 1 and open_console().is_terminal)
    with _pipelines(shape, running=running, keep=keep, dashboard=watched) as pipelines:
        for story in stories:
            run = Run(story, factor, data, moment)
            place = pipelines.place(report / story.scenario.name, story)
            line = repeat_line(run, shape)
            reports.append(run_scenario(run, shape, place, repeat_with=line))
    whole = suite_report(
        reports,
        seconds=(clock.monotonic_ns() - began_ns) / 1e9,
        not_run={**_left_out(names), **EXCLUDED},
    )
    write_suite(report, whole)
    show_report_place(open_console(), f"{report}/report.html, report.json, junit.xml")
    raise typer.Exit(ExitCode.of_check(passed=whole.verdict is Verdict.PASSED))


def refuse_for_running(stories: Sequence[Story]) -> None:
    """Refuse what a stack that somebody else runs must not be used for.

    Raises
    ------
    InputError
        If there are several scenarios, or one breaks processes.
    """
    if len(stories) > 1:
        raise InputError("--running takes one scenario: it needs an empty stack")
    if stories[0].scenario.file.faults:
        name = stories[0].scenario.name
        raise InputError(f"{name} has faults: they are for a stack of the run's own only")


def speed_factor(text: str) -> float | None:
    """Return how many times as fast as the file says; None for ``max``.

    Raises
    ------
    InputError
        If it is neither ``max`` nor a number with an x.
    """
    if text == MAX:
        return None
    try:
        factor = float(text.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor <= MAX_SPEED:
        raise InputError(f"--speed {text}: a factor like 1x or 20x, at most {MAX_SPEED:g}x, or max")
    return factor


def moment_of(text: str, stories: Sequence[Story]) -> Moment:
    """Return the moment that ``--restart-at`` names.

    Raises
    ------
    InputError
        If it is none, or not within every story.
    """
    shortest = min(len(story.days) for story in stories)
    with suppress(ValueError):
        if (moment := Moment.read(text)).day <= shortest:
            return moment
    raise InputError(
        f"--restart-at {text}: a day and a fraction of it, like 2.37, in days 1 to {shortest}"
    )


class _OwnPipelines:
    """Empty pipelines on a stack of the run's own."""

    def __init__(self, stack: ScenarioStack, shape: PipelineConfig) -> None:
        self._stack = stack
        self._shape = shape

    def place(self, folder: Path, story: Story) -> RunSite:
        connections = self._stack.fresh(self._shape, story.scenario.file.faults)
        where = self._stack.running, self._stack.rig, self._stack.settings
        return RunSite(connections, *where, folder, open_console())


class _RunningPipeline:
    """The pipeline that runs already, as long as it is empty."""

    def place(self, folder: Path, story: Story) -> RunSite:
        settings = load_settings()
        connections, running = settings.connections(), RunningStack(settings)
        require_empty(connections)
        rig = FaultPoints(story.scenario.file.faults, running, connections)
        assert not rig.is_wanted, "a story with faults is refused for a stack that runs"
        return RunSite(connections, running, rig, settings, folder, open_console())


@contextmanager
def _pipelines(
    shape: PipelineConfig, *, running: bool, keep: bool, dashboard: bool
) -> Iterator[_OwnPipelines | _RunningPipeline]:
    if running:
        yield _RunningPipeline()
        return
    say = open_console().print
    with (
        stop_signals_as_interrupt(),
        ScenarioStack(replay_settings(), dashboard=dashboard, keep=keep, say=say) as stack,
    ):
        yield _OwnPipelines(stack, shape)


def _left_out(names: Sequence[str]) -> dict[str, str]:
    run = {found_path(name).resolve() for name in names}
    return {
        path.name.removesuffix(".toml"): "not asked for"
        for path in scenario_paths()
        if path.resolve() not in run
    }
