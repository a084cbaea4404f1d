"""CPU of one book of 100 positions in a batch: valued, encoded, handed to three stores.

``riskstream measure book-cost``. The product's own valuation and writers, without servers: one
tick of every instrument is folded, every book is valued, and the values are made that the clients
of Redis, Kafka and PostgreSQL are called with. CPU time of this process in microseconds per book,
the median of several rounds. 24 books stay in the processor's caches, 300 do not. A unit is a
thousandth of ``machine_speed.fixed_piece``, so that figures of slow and fast machines compare.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Final, TypeVar

import msgspec
import typer
from rich.table import Table

from loadtests.run.load_run import machine
from loadtests.source.plan import load_plan, load_replay
from loadtests.studies.batch_growth import opened_book, round_ticks
from system.book.book import Book
from system.book.state.events import Event
from system.console import PlainConsole
from system.contracts.codec import encode
from system.contracts.messages import RiskSnapshot
from system.contracts.topics import message_key
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from system.store.postgres.sql import snapshot_row
from system.store.redis.latest import snapshot_values
from system.stream.running import GC_THRESHOLDS
from validation.measure.machine_speed import fixed_piece
from validation.report.shapes import write_json
from validation.run.console import open_console

REPORT: Final = REPORTS_DIR / "book-cost"
BOOKS: Final = (24, 300)
INSTRUMENTS: Final = 100
POSITIONS: Final = 100
ROUNDS: Final = 15
T = TypeVar("T")


class BookCost(msgspec.Struct, frozen=True, kw_only=True):
    """CPU of one book, microseconds, where a batch values ``books`` of them.

    ``valued``: its snapshot is made. ``encoded``: its JSON, once. ``handed``: everything that
    the clients of Redis, Kafka and PostgreSQL are given, ``encoded`` included. ``bytes`` is the
    length of the JSON.
    """

    books: int
    valued: float
    encoded: float
    handed: float
    bytes: int
    fixed: float
    """CPU of the fixed piece, microseconds, the least between the batches."""

    @property
    def units(self) -> float:
        """The total in thousandths of the fixed piece."""
        return 1e3 * self.total / self.fixed

    @property
    def total(self) -> float:
        """Valued and handed to all three stores."""
        return self.valued + self.handed


class BookCostReport(msgspec.Struct, frozen=True, kw_only=True):
    """Content of ``report.json``."""

    machine: str
    costs: tuple[BookCost, ...]


def book_cost(
    rounds: Annotated[int, typer.Option(min=1, max=1_000, help="Batches of each size.")] = ROUNDS,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of report.json.")
    ] = REPORT,
) -> None:
    """Measure the driver's CPU per book: valued, encoded, handed to three stores."""
    report.mkdir(parents=True, exist_ok=True)
    costs = tuple(measured_cost(books, rounds) for books in BOOKS)
    write_json(report / "report.json", BookCostReport(machine=machine(), costs=costs))
    show_costs(open_console(stderr=False), costs)


def measured_cost(books: int, rounds: int = ROUNDS, *, positions: int = POSITIONS) -> BookCost:
    """Return the CPU of one book.

    Parameters
    ----------
    books : int
        Books that each batch touches.
    rounds : int
        Batches; the median of each part counts.
    positions : int
        Of each book.
    """
    plan = load_plan(
        rate=1.0,
        seconds=1.0,
        warm_up_seconds=0.0,
        instruments=INSTRUMENTS,
        positions=positions,
        portfolios=books,
    )
    book, replay = opened_book(plan), load_replay(plan)
    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        batches = [
            _batch(book, round_ticks(replay, number), number) for number in range(1, rounds + 1)
        ]
    finally:
        gc.set_threshold(*before)
    valued, encoded, handed, sizes, fixed = zip(*batches, strict=True)
    return BookCost(
        books=books,
        valued=median(valued),
        encoded=median(encoded),
        handed=median(handed),
        bytes=round(median(sizes)),
        fixed=min(fixed),
    )


def handed_over(snapshot: RiskSnapshot) -> tuple[object, ...]:
    """Return all that the clients of Redis, Kafka and PostgreSQL are given of a snapshot."""
    return (
        snapshot_values(snapshot),
        message_key(snapshot).encode(),
        encode(snapshot),
        snapshot_row(snapshot, pinned=False),
    )


def show_costs(console: PlainConsole, costs: Sequence[BookCost]) -> None:
    """Print one line per size of a batch."""
    columns = ("books", "valued us", "encoded us", "handed us", "total us", "in units", "bytes")
    table = Table(*columns, box=None)
    for cost in costs:
        parts = (cost.valued, cost.encoded, cost.handed, cost.total, cost.units)
        table.add_row(str(cost.books), *(f"{part:.0f}" for part in parts), f"{cost.bytes:,}")
    console.print(table)


def _batch(book: Book, events: dict[str, list[Event]], number: int) -> tuple[float, ...]:
    book.absorb(events, fence=1, epoch=number)
    valued, fold = _cpu_us(book.settle)
    count = len(fold.snapshots)
    # A snapshot keeps its JSON, a copy has none yet.
    copies = [msgspec.structs.replace(snapshot) for snapshot in fold.snapshots]
    encoded, values = _cpu_us(lambda: [encode(snapshot) for snapshot in fold.snapshots])
    handed, _ = _cpu_us(lambda: [handed_over(snapshot) for snapshot in copies])
    fixed, _ = _cpu_us(fixed_piece)
    return valued / count, encoded / count, handed / count, sum(map(len, values)) / count, fixed


def _cpu_us(work: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time_ns()
    result = work()
    return (time.process_time_ns() - began) / 1e3, result
