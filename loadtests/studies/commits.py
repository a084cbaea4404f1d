"""Time of a commit: the product's own path against psycopg2 with rows in one statement.

``riskstream measure commits``. A PostgreSQL of its own; each way writes the same batches into
a database of its own, and they take turns. The rows and statements are the product's; only the
client library and the way to send differ. Wall time, and CPU time of the client's thread.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
import psycopg
import psycopg2
import typer
from psycopg2.extras import execute_values
from rich.table import Table

from loadtests.run.command import site_of
from loadtests.run.load_run import load_stack, machine
from system.console import PlainConsole
from system.errors import InternalError
from system.exits import ExitCode
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from system.runtime.components.postgres import superuser_url
from system.store.postgres import sql
from system.store.postgres.history import RiskHistory
from system.store.postgres.transactions import commit_place, offset_rows
from system.store.records import BatchCommit
from system.store.sample_snapshots import sample_snapshot
from validation.report.shapes import write_json
from validation.run.console import open_console

REPORT: Final = REPORTS_DIR / "commits"
SIZES: Final = ((10, 100), (300, 30))
"""Snapshots of a batch, positions of each."""
STATE_KEYS: Final = 60
STATE_BYTES: Final = 200
PARTITIONS: Final = 6
ROUNDS: Final = 40
WARM_ROUNDS: Final = 3
ROWS_PER_STATEMENT: Final = 1_000
SLOWER: Final = 1.1
"""Ratio of the least times from which the product's way counts as slower."""
_VALUES: Final = re.compile(r"VALUES\s*(\(.*\))(?=\s*ON CONFLICT|$)", re.DOTALL)
Commit = Callable[[BatchCommit], object]


class CommitPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Committing one batch, milliseconds: least and median wall time, median CPU of the client."""

    way: str
    snapshots: int
    positions: int
    least_ms: float
    median_ms: float
    cpu_ms: float


class CommitsReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``report.json``."""

    machine: str
    points: tuple[CommitPoint, ...]


def multi_row(statement: str) -> tuple[str, str]:
    """Return a one-row insert as psycopg2's ``execute_values`` takes it: statement, template."""
    values = _VALUES.search(statement)
    assert values is not None, f"no VALUES (...) ON CONFLICT in {statement}"
    return f"{statement[: values.start(1)]}%s{statement[values.end(1) :]}", values[1]


def commit_with_psycopg2(connection: Any, batch: BatchCommit) -> None:  # noqa: ANN401 - untyped
    """Write a batch as the product does, by one statement of many rows for each table.

    Raises
    ------
    InternalError
        If another process holds the fence of the benchmark.
    """
    state = [(key, value.decode()) for key, value in batch.state.items() if value is not None]
    rows = [sql.snapshot_row(snapshot, pinned=False) for snapshot in batch.snapshots]
    with connection, connection.cursor() as cursor:
        cursor.execute(sql.ADVANCE_EPOCH, commit_place(batch))
        if cursor.fetchone() is None:
            raise InternalError("the benchmark's own fence is held by somebody else")
        for statement, values in (
            (sql.UPSERT_OFFSETS, offset_rows(batch)),
            (sql.UPSERT_STATE, state),
            (sql.INSERT_SNAPSHOTS, rows),
        ):
            execute_values(cursor, *_arguments(statement, values), page_size=ROWS_PER_STATEMENT)


def _arguments(statement: str, rows: Sequence[sql.Row]) -> tuple[str, Sequence[sql.Row], str]:
    many, template = multi_row(statement)
    return many, rows, template


def batch_of(fence: int, epoch: int, snapshots: int, positions: int) -> BatchCommit:
    """Return a batch like those of a run: snapshots, changed state, an offset per partition."""
    return BatchCommit(
        fence=fence,
        epoch=epoch,
        offsets={f"market_data:{partition}": epoch for partition in range(PARTITIONS)},
        state={f"price:{key}": _state(key, epoch) for key in range(STATE_KEYS)},
        snapshots=[
            sample_snapshot(f"book-{book}", fence=fence, epoch=epoch, position_count=positions)
            for book in range(snapshots)
        ],
    )


def _state(key: int, epoch: int) -> bytes:
    return msgspec.json.encode({"key": key, "epoch": epoch, "filling": "x" * STATE_BYTES})


@contextmanager
def ways(server_url: str, name: str) -> Iterator[dict[str, tuple[int, Commit]]]:
    """Give each way's fence and commit, each on an empty database of its own."""
    ours, theirs = (_new_database(server_url, f"{name}_{way}") for way in ("product", "psycopg2"))
    with (
        RiskHistory(ours) as history,
        RiskHistory(theirs) as fences,
        closing(psycopg2.connect(theirs)) as connection,
    ):
        history.migrate()
        fences.migrate()
        yield {
            "product": (history.acquire_fence(), history.commit),
            "psycopg2": (
                fences.acquire_fence(),
                lambda batch: commit_with_psycopg2(connection, batch),
            ),
        }


def _new_database(server_url: str, name: str) -> str:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


def measured(server_url: str, snapshots: int, positions: int, rounds: int) -> list[CommitPoint]:
    """Return the times of both ways at one size of batch; they take turns to go first."""
    taken: dict[str, list[tuple[float, float]]] = {}
    with ways(server_url, f"of_{snapshots}") as both:
        for epoch in range(WARM_ROUNDS + rounds):
            order = list(both) if epoch % 2 else list(reversed(both))
            for way in order:
                fence, commit = both[way]
                batch = batch_of(fence, epoch, snapshots, positions)
                began_cpu, began = time.thread_time(), time.perf_counter()
                commit(batch)
                times = (time.perf_counter() - began, time.thread_time() - began_cpu)
                if epoch >= WARM_ROUNDS:
                    taken.setdefault(way, []).append(times)
    return [_point(way, taken[way], snapshots, positions) for way in sorted(taken)]


def _point(
    way: str, times: Sequence[tuple[float, float]], snapshots: int, positions: int
) -> CommitPoint:
    wall = [1e3 * seconds for seconds, _ in times]
    return CommitPoint(
        way=way,
        snapshots=snapshots,
        positions=positions,
        least_ms=min(wall),
        median_ms=median(wall),
        cpu_ms=median(1e3 * cpu for _, cpu in times),
    )


def ratios(points: Sequence[CommitPoint]) -> dict[int, tuple[float, float, float]]:
    """Return product over psycopg2 by size of batch: least wall, median wall, CPU."""
    by_way = {(point.snapshots, point.way): point for point in points}
    return {
        size: (
            by_way[size, "product"].least_ms / by_way[size, "psycopg2"].least_ms,
            by_way[size, "product"].median_ms / by_way[size, "psycopg2"].median_ms,
            by_way[size, "product"].cpu_ms / by_way[size, "psycopg2"].cpu_ms,
        )
        for size in sorted({point.snapshots for point in points})
    }


def compare(
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of report.json.")
    ] = REPORT,
    rounds: Annotated[int, typer.Option(min=3, max=1_000, help="Commits of each way.")] = ROUNDS,
) -> None:
    """Compare the product's commit with psycopg2's; 1 as exit code where it is slower."""
    console = open_console()
    site = site_of(report, console, local=False)
    points: list[CommitPoint] = []
    with load_stack(site, ("postgres",)) as connections:
        for snapshots, positions in SIZES:
            points += measured(superuser_url(connections), snapshots, positions, rounds)
    write_json(report / "report.json", CommitsReport(machine=machine(), points=tuple(points)))
    _show(console, points)
    slower = any(least > SLOWER for least, _, _ in ratios(points).values())
    raise typer.Exit(ExitCode.of_check(passed=not slower))


def _show(console: PlainConsole, points: Sequence[CommitPoint]) -> None:
    table = Table(title=f"commits, {machine()}", title_justify="left")
    for heading in ("snapshots", "way", "least ms", "median ms", "client CPU ms"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for point in points:
        times = (point.least_ms, point.median_ms, point.cpu_ms)
        table.add_row(str(point.snapshots), point.way, *(f"{value:.1f}" for value in times))
    console.print(table)
    for size, (least, middle, cpu) in ratios(points).items():
        console.print(
            f"{size} snapshots, product over psycopg2: least {least:.2f}, median {middle:.2f}, "
            f"client CPU {cpu:.2f}",
            highlight=False,
        )
