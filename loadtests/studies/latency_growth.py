"""Growth of the pipeline's latency and CPU: one quantity varied, a fresh stack per point.

``riskstream measure latency-growth``. What ``riskstream load`` measures, over a grid; beside
``riskstream measure growth``, which measures the driver's own work without servers. A point whose
run does not pass its checks is told with what speaks against it, and fits no line.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from loadtests.run.command import STANDALONE, load_on_fresh_stack, site_of
from loadtests.run.load_run import machine
from loadtests.run.repeats import load_command
from loadtests.run.report import LoadReport
from loadtests.source.plan import LoadPlan, load_plan
from loadtests.studies.batch_growth import LinearFit, line_through
from system.console import PlainConsole
from system.contracts.topics import MARKET_DATA
from system.errors import InputError, UnavailableError
from system.exits import ExitCode
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from system.settings import ENVIRONMENT_PREFIX
from validation.report.shapes import write_json
from validation.run.console import format_number, open_console

REPORT: Final = REPORTS_DIR / "latency-growth"
PARTITIONS: Final = "partitions"
POSITIONS: Final = 100
GRID: Final[Mapping[str, tuple[int, ...]]] = {
    PARTITIONS: (1, 2, 4, 8),
    "portfolios": (1, 10, 100, 1_000),
    "instruments": (10, 100, 1_000, 10_000),
    "window": (30, 250, 1_000),
}
"""One is varied, the others stay at 2 partitions, 10 books of at most 100 of 100 instruments, 30
scenarios."""
EXCUSED: Final = ("latency",)
"""Checks that a point may fail and still be a point: how slow it becomes is the question."""


class LatencyPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One run: covered latency of its measured part, and cores used without pump and observer.

    ``problems`` says why a run shows nothing; its figures are None then.
    """

    value: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    cores: float | None = None
    problems: tuple[str, ...] = ()


class LatencyLaw(msgspec.Struct, frozen=True, kw_only=True):
    """Runs along one quantity, and the straight lines through p50 and cores where two stand."""

    quantity: str
    points: tuple[LatencyPoint, ...]
    p50_ms: LinearFit | None
    cores: LinearFit | None


class LatencyGrowthReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of the study's ``report.json``."""

    machine: str
    rate: float
    seconds: float
    laws: tuple[LatencyLaw, ...]


def latency_growth(
    only: Annotated[
        str, typer.Option(help=f"Of {', '.join(GRID)}, separated by commas; or all.")
    ] = "",
    rate: Annotated[float, typer.Option(help="Ticks per second.")] = 1_000.0,
    duration: Annotated[float, typer.Option(help="Seconds measured per run.")] = 20.0,
    warm_up: Annotated[float, typer.Option(help="Seconds of warm-up before.")] = 20.0,
    smallest: Annotated[int, typer.Option(min=1, help="Leave out smaller values.")] = 1,
    largest: Annotated[int, typer.Option(min=1, help="Leave out larger values.")] = 10_000,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of the reports.")
    ] = REPORT,
) -> None:
    """Measure latency and CPU of the pipeline along each quantity, a fresh stack per point."""
    console = open_console(stderr=False)
    laws: list[LatencyLaw] = []
    for quantity in chosen_quantities(only):
        points = []
        for value in GRID[quantity]:
            if smallest <= value <= largest:
                plan = plan_of(quantity, value, rate=rate, seconds=duration, warm_up=warm_up)
                folder = report / quantity / str(value)
                points.append(_measured(quantity, value, plan, folder, console))
        laws.append(law_of(quantity, points))
        growth = LatencyGrowthReport(
            machine=machine(), rate=rate, seconds=duration, laws=tuple(laws)
        )
        write_json(report / "report.json", growth)
    show(console, laws)
    measured = [point for law in laws for point in law.points]
    if not measured:
        raise InputError(f"no value from {smallest} to {largest} is in the grid")
    raise typer.Exit(ExitCode.of_check(passed=all(point.p50_ms is not None for point in measured)))


def chosen_quantities(only: str) -> list[str]:
    """Return the quantities to vary.

    Raises
    ------
    InputError
        If one is not known; says which there are.
    """
    asked = [name.strip() for name in only.split(",") if name.strip()]
    for name in asked:
        if name not in GRID:
            raise InputError(f"--only {name!r}: one of {', '.join(GRID)}")
    return asked or list(GRID)


def plan_of(quantity: str, value: int, *, rate: float, seconds: float, warm_up: float) -> LoadPlan:
    """Return the load of one point; a book holds at most ``POSITIONS`` instruments."""
    sizes = {} if quantity == PARTITIONS else {quantity: value}
    instruments = sizes.get("instruments", POSITIONS)
    return load_plan(
        rate=rate,
        seconds=seconds,
        warm_up_seconds=warm_up,
        positions=min(POSITIONS, instruments),
        **sizes,
    )


def point_of(value: int, loaded: LoadReport) -> LatencyPoint:
    """Return what a run shows; nothing where more than time speaks against it."""
    problems = tuple(
        f"{finding.check}: {finding.detail}"
        for finding in loaded.lacking
        if not finding.check.startswith(EXCUSED)
    )
    warm = loaded.part("warm")
    if problems or not warm.is_whole:
        told = f"{warm.uncovered} of {warm.count} ticks not covered, {warm.negative} negative"
        return LatencyPoint(value=value, problems=problems or (told,))
    covered = warm.covered
    return LatencyPoint(
        value=value, p50_ms=covered.p50_ms, p99_ms=covered.p99_ms, cores=loaded.system_cores
    )


def law_of(quantity: str, points: Sequence[LatencyPoint]) -> LatencyLaw:
    """Return the lines through the points that stand."""
    timed = [(point.value, point.p50_ms) for point in points if point.p50_ms is not None]
    used = [(point.value, point.cores) for point in points if point.cores is not None]
    return LatencyLaw(
        quantity=quantity,
        points=tuple(points),
        p50_ms=line_through(timed) if len(timed) > 1 else None,
        cores=line_through(used) if len(used) > 1 else None,
    )


def show(console: PlainConsole, laws: Sequence[LatencyLaw]) -> None:
    """Print every point and each line."""
    table = Table("quantity", "value", "p50 ms", "p99 ms", "cores", "", box=None)
    for law in laws:
        for point in law.points:
            milliseconds = (format_number(value, 0) for value in (point.p50_ms, point.p99_ms))
            figures = (*milliseconds, format_number(point.cores, 2))
            table.add_row(law.quantity, f"{point.value:,}", *figures, "; ".join(point.problems))
    console.print(table)
    for law in laws:
        for name, line in (("p50 ms", law.p50_ms), ("cores", law.cores)):
            if line is not None:
                console.print(f"{name} = {line.equation(law.quantity)}", highlight=False)


def repeat_of(plan: LoadPlan, partitions: Mapping[str, int]) -> str:
    """Return the command that runs a point again, with the partitions of its topics."""
    if not partitions:
        return load_command(plan)
    value = msgspec.json.encode(partitions).decode()
    return f"{ENVIRONMENT_PREFIX}PARTITIONS={shlex.quote(value)} {load_command(plan)}"


def _measured(
    quantity: str, value: int, plan: LoadPlan, folder: Path, console: PlainConsole
) -> LatencyPoint:
    site = site_of(folder, console, local=False)
    if quantity == PARTITIONS:
        changed = {**site.settings.partitions, MARKET_DATA.name: value}
        site = replace(site, settings=site.settings.model_copy(update={"partitions": changed}))
    repeat_with = repeat_of(plan, site.settings.partitions)
    site.say(f"{quantity}: {value:,}")
    try:
        loaded = load_on_fresh_stack(plan, site, mode=STANDALONE, repeat_with=repeat_with)
    except UnavailableError as error:
        return LatencyPoint(value=value, problems=(str(error),))
    return point_of(value, loaded)
