"""Batch size from which valuing on the executors is faster: both ways on the same cluster.

``riskstream measure crossover``. The product's own fold, driver and shards on a standalone
cluster of its own; no broker, no stores. Every book is touched by each batch. Wall time, for here
it counts that two processes work at once; both ways take turns, and must state the same bits.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Final

import msgspec
import typer
from pyspark import SparkContext
from rich.table import Table

from loadtests.run.command import site_of
from loadtests.run.load_run import load_stack, machine
from loadtests.source.plan import load_plan, load_replay
from loadtests.studies.batch_growth import STALE_NEVER_NS, opened_book, round_ticks
from system.book.book import Book
from system.console import PlainConsole
from system.contracts.codec import encode
from system.contracts.messages import RiskSnapshot
from system.errors import InputError, InternalError
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from system.runtime.components.java import find_java
from system.runtime.components.spark import spark_environment
from system.stream.batch.shards import ShardedValuation
from system.stream.spark.session import start_session
from validation.report.shapes import write_json
from validation.run.console import open_console

REPORT: Final = REPORTS_DIR / "crossover"
PORTFOLIOS: Final = "10,100,300,1000,2000"
WARM_ROUNDS: Final = 3
CLUSTER: Final = ("spark-master", "spark-worker")


class CrossoverPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Valuing one batch, wall time in milliseconds: median, least and largest of the rounds."""

    portfolios: int
    driver_ms: tuple[float, float, float]
    sharded_ms: tuple[float, float, float]

    @property
    def ratio(self) -> float:
        """Shards over driver, of the medians; below 1 the shards pay."""
        return self.sharded_ms[0] / self.driver_ms[0]


class CrossoverReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``report.json``; ``crossover`` is None where the shards were never faster."""

    machine: str
    cores: int
    instruments: int
    window: int
    points: tuple[CrossoverPoint, ...]
    crossover: float | None


def crossover(
    portfolios: Annotated[
        str, typer.Option(help="Counts of portfolios, separated by commas.")
    ] = PORTFOLIOS,
    instruments: Annotated[int, typer.Option(help="Positions per portfolio.")] = 100,
    window: Annotated[int, typer.Option(help="Scenarios per portfolio.")] = 30,
    rounds: Annotated[int, typer.Option(min=1, help="Batches measured each way.")] = 7,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of report.json.")
    ] = REPORT,
) -> None:
    """Value batches in the driver and on the executors, and say from where the shards pay."""
    console = open_console(stderr=False)
    site = site_of(report, console, local=False)
    counts = counts_of(portfolios)
    with load_stack(site, CLUSTER) as connections:
        cores = site.settings.executor_cores
        java = find_java(site.settings.java_home, site.settings.search_path)
        os.environ.update(spark_environment(site.settings, java.home))
        spark = start_session(site.settings, connections.spark_master, cores=cores)
        try:
            points = tuple(
                _point(spark.sparkContext, count, instruments, window, rounds, cores)
                for count in counts
            )
        finally:
            spark.stop()
    crossover_report = CrossoverReport(
        machine=machine(),
        cores=cores,
        instruments=instruments,
        window=window,
        points=points,
        crossover=crossing(points),
    )
    write_json(report / "report.json", crossover_report)
    show_crossover(console, crossover_report)


def counts_of(portfolios: str) -> list[int]:
    """Return the counts of portfolios to measure, in the order of the option.

    Raises
    ------
    InputError
        If a count is not a positive whole number; names it.
    """
    counts = []
    for text in portfolios.split(","):
        if not text.strip().isdecimal() or int(text) == 0:
            raise InputError(f"--portfolios {text!r}: a whole number of portfolios, 1 or more")
        counts.append(int(text))
    return counts


def crossing(points: Sequence[CrossoverPoint]) -> float | None:
    """Return the number of portfolios from which shards pay, on a line between two points.

    Parameters
    ----------
    points : sequence of CrossoverPoint
        By rising number.

    Returns
    -------
    float or None
        None where they do not pay at the last point.
    """
    if points[-1].ratio >= 1:
        return None
    paying = next(at for at in range(len(points)) if all(point.ratio < 1 for point in points[at:]))
    if paying == 0:
        return float(points[0].portfolios)
    below, above = points[paying - 1], points[paying]
    part = (below.ratio - 1) / (below.ratio - above.ratio)
    return below.portfolios + part * (above.portfolios - below.portfolios)


def show_crossover(console: PlainConsole, report: CrossoverReport) -> None:
    """Print each point and where the two ways meet."""
    table = Table("portfolios", "driver ms", "sharded ms", "sharded / driver", box=None)
    for point in report.points:
        shown = [
            f"{m:.0f} ({low:.0f} to {high:.0f})"
            for m, low, high in (point.driver_ms, point.sharded_ms)
        ]
        table.add_row(f"{point.portfolios:,}", *shown, f"{point.ratio:.2f}")
    console.print(table)
    end = report.points[-1].portfolios
    where = (
        f"not up to {end:,} portfolios a batch"
        if report.crossover is None
        else f"from {report.crossover:,.0f} portfolios a batch"
    )
    console.print(f"on {report.cores} cores the shards pay {where}", highlight=False)


def _point(
    context: SparkContext, count: int, instruments: int, window: int, rounds: int, cores: int
) -> CrossoverPoint:
    plan = load_plan(
        rate=1.0,
        seconds=1.0,
        warm_up_seconds=0.0,
        portfolios=count,
        instruments=instruments,
        window=window,
    )
    replay = load_replay(plan)
    books = [opened_book(plan), opened_book(plan, sharding(context, cores))]
    gc.collect()
    gc.freeze()
    took_ms: tuple[list[float], list[float]] = ([], [])
    for number in range(1, WARM_ROUNDS + rounds + 1):
        events = round_ticks(replay, number)
        stated = []
        for book, taken in zip(books, took_ms, strict=True):
            book.absorb(events, fence=1, epoch=number)
            elapsed_ms, snapshots = _settled(book)
            stated.append([encode(snapshot) for snapshot in snapshots])
            if number > WARM_ROUNDS:
                taken.append(elapsed_ms)
        if stated[0] != stated[1]:
            raise InternalError(f"{count} portfolios: driver and shards state other bits")
    gc.unfreeze()
    driver, sharded = (_spread(taken) for taken in took_ms)
    return CrossoverPoint(portfolios=count, driver_ms=driver, sharded_ms=sharded)


def sharding(context: SparkContext, cores: int) -> ShardedValuation:
    """Return what values every batch on the executors."""
    return ShardedValuation(
        lambda: context, {}, from_portfolios=1, shard_count=cores, stale_after_ns=STALE_NEVER_NS
    )


def _settled(book: Book) -> tuple[float, tuple[RiskSnapshot, ...]]:
    began = time.perf_counter()
    fold = book.settle()
    return (time.perf_counter() - began) * 1e3, fold.snapshots


def _spread(taken: Sequence[float]) -> tuple[float, float, float]:
    return median(taken), min(taken), max(taken)
