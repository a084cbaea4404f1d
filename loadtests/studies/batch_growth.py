"""Growth of the driver's work: CPU of one batch against instruments, books and scenarios.

``riskstream measure growth``. The product's own fold and valuation, without servers: one tick of
every instrument is folded, every book is valued, every snapshot is encoded as it goes to Redis.
CPU time of this process, the least of several rounds; a straight line is fitted to each row.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
import numpy as np
import typer
from rich.table import Table

from loadtests.run.load_run import machine
from loadtests.source.plan import LoadPlan, load_books, load_plan, load_replay
from loadtests.studies.random_books import random_book
from system.book.book import Book
from system.book.replica import Valuer
from system.book.state.events import Event, QuoteRow
from system.bus.routing import partition_of
from system.console import PlainConsole
from system.contracts.codec import encode
from system.contracts.kept_values import KeptValue
from system.contracts.topics import INPUT_TOPICS, MARKET_DATA, offset_key
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from system.risk.confidence import Confidence
from system.risk.portfolio import portfolio_risk
from system.simulate.replay import Replay
from system.simulate.timeline import session_ns
from validation.report.shapes import write_json
from validation.run.console import open_console

REPORT: Final = REPORTS_DIR / "growth"
ROUNDS: Final = 5
REPEATS: Final = 20
GRID: Final = {
    "instruments": (10, 100, 1_000, 3_000, 10_000),
    "positions": (10, 100, 1_000, 5_000),
    "portfolios": (1, 10, 100, 1_000, 10_000),
    "window": (30, 100, 300, 1_000),
}
"""One is varied, the others stay at 100 instruments, 100 positions, 10 books, 30 scenarios."""
SCENARIOS: Final = "scenarios, risk of one book alone"
SCENARIO_COUNTS: Final = (30, 300, 1_000, 5_000)
"""More than the closes that a message brings: of these only the arithmetic is measured."""
POSITIONS: Final = 100
STEP_NS: Final = 1_000_000
STALE_NEVER_NS: Final = 10**15
T = TypeVar("T")


class GrowthPoint(msgspec.Struct, frozen=True, kw_only=True):
    """CPU of one batch, milliseconds: folding, valuing all books, encoding all snapshots.

    Of ``SCENARIOS`` only the valuing, of one book; the others are 0.
    """

    value: int
    fold_ms: float
    value_ms: float
    encode_ms: float

    @property
    def total_ms(self) -> float:
        """Everything of it."""
        return self.fold_ms + self.value_ms + self.encode_ms


class LinearFit(msgspec.Struct, frozen=True, kw_only=True):
    """A straight line, ``fixed + each * value``.

    ``largest_error`` is the largest relative difference of a point to it.
    """

    fixed: float
    each: float
    largest_error: float

    def equation(self, quantity: str) -> str:
        """Return it as a person reads it."""
        return (
            f"{self.fixed:.2f} + {self.each:.5f} x {quantity} "
            f"(largest error {self.largest_error:.0%})"
        )


class GrowthLaw(msgspec.Struct, frozen=True, kw_only=True):
    """CPU of a batch against one quantity, and the line through its milliseconds."""

    quantity: str
    points: tuple[GrowthPoint, ...]
    line: LinearFit


class GrowthReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of a growth study's ``report.json``."""

    machine: str
    laws: tuple[GrowthLaw, ...]


class _NoBytes:
    """A growth study rejects nothing, so nobody asks for a message's bytes."""

    def __getitem__(self, row: int) -> KeptValue:
        raise AssertionError(row)


def growth(
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of report.json.")
    ] = REPORT,
) -> None:
    """Measure the driver's work of one batch, and how it grows."""
    report.mkdir(parents=True, exist_ok=True)
    laws = tuple(
        fitted(quantity, [measured(quantity, value) for value in values])
        for quantity, values in GRID.items()
    )
    laws += (fitted(SCENARIOS, [risk_alone(count) for count in SCENARIO_COUNTS]),)
    growth = GrowthReport(machine=machine(), laws=laws)
    write_json(report / "report.json", growth)
    show_growth(open_console(stderr=False), growth)


def measured(quantity: str, value: int) -> GrowthPoint:
    """Return the CPU of one batch with one quantity set.

    Parameters
    ----------
    quantity : str
        A field of ``LoadPlan`` in ``GRID``.
    value : int
        Of it.
    """
    plan = load_plan(rate=1.0, seconds=1.0, warm_up_seconds=0.0, **_sizes(quantity, value))
    book, replay = opened_book(plan), load_replay(plan)
    gc.collect()
    rounds = [_round(book, round_ticks(replay, number), number) for number in range(1, ROUNDS + 1)]
    fold_ms, value_ms, encode_ms = (min(column) for column in zip(*rounds, strict=True))
    return GrowthPoint(value=value, fold_ms=fold_ms, value_ms=value_ms, encode_ms=encode_ms)


def risk_alone(scenario_count: int) -> GrowthPoint:
    """Return the CPU of VaR, expected shortfall, components and groups of one book.

    Parameters
    ----------
    scenario_count : int
        Of ``POSITIONS`` positions with random exposures and moves; the same for each count.
    """
    book = random_book(POSITIONS, scenario_count)
    confidence = Confidence.parse("0.95")

    def repeated() -> None:
        for _ in range(REPEATS):
            portfolio_risk(book.exposures, book.factors, confidence=confidence, groups=book.groups)

    least = min(_timed(repeated)[0] for _ in range(ROUNDS))
    return GrowthPoint(value=scenario_count, fold_ms=0.0, value_ms=least / REPEATS, encode_ms=0.0)


def _sizes(quantity: str, value: int) -> dict[str, int]:
    """Return the plan's fields; a book holds at most what there is, and all where it must."""
    sizes = {"instruments": POSITIONS, "positions": POSITIONS, quantity: value}
    if quantity == "positions":
        sizes["instruments"] = value
    return {**sizes, "positions": min(sizes["positions"], sizes["instruments"])}


def opened_book(plan: LoadPlan, valuer: Valuer | None = None) -> Book:
    """Return the product's state with a plan's market and books, before any tick."""
    places = [offset_key(t.name, p) for t in INPUT_TOPICS for p in range(t.partition_count)]
    book = Book(dict.fromkeys(places, 0), {}, stale_after_ns=STALE_NEVER_NS, valuer=valuer)
    messages = [*load_replay(plan).reference_messages(), *load_books(plan)]
    events = [Event(at, message, _NoBytes(), at) for at, message in enumerate(messages)]
    book.fold({"reference:0": events}, fence=1, epoch=0)
    return book


def fitted(quantity: str, points: Sequence[GrowthPoint]) -> GrowthLaw:
    """Return points with the straight line through them."""
    line = line_through([(point.value, point.total_ms) for point in points])
    return GrowthLaw(quantity=quantity, points=tuple(points), line=line)


def line_through(points: Sequence[tuple[float, float]]) -> LinearFit:
    """Return the straight line through points, by least squares of the relative errors.

    Parameters
    ----------
    points : sequence of (float, float)
        Value of the quantity, and what was measured there, above 0; two at least.
    """
    value, total = np.array(points, dtype=np.float64).T
    terms = np.column_stack([1 / total, value / total])
    (fixed, each), *_ = np.linalg.lstsq(terms, np.ones(len(points)), rcond=None)
    return LinearFit(
        fixed=float(fixed),
        each=float(each),
        largest_error=float(np.max(np.abs((fixed + each * value) / total - 1))),
    )


def show_growth(console: PlainConsole, report: GrowthReport) -> None:
    """Print every point and each law."""
    table = Table("quantity", "value", "fold ms", "value ms", "encode ms", "batch ms", box=None)
    for law in report.laws:
        for point in law.points:
            parts = (point.fold_ms, point.value_ms, point.encode_ms, point.total_ms)
            table.add_row(law.quantity, f"{point.value:,}", *(f"{part:.2f}" for part in parts))
    console.print(table)
    for law in report.laws:
        console.print(f"batch ms = {law.line.equation(law.quantity)}", highlight=False)


def _round(book: Book, events: Mapping[str, list[Event]], number: int) -> tuple[float, ...]:
    fold_ms, _ = _timed(lambda: book.absorb(events, fence=1, epoch=number))
    value_ms, fold = _timed(book.settle)
    assert fold.snapshots, "every book holds what has ticked"
    encode_ms, _ = _timed(lambda: [encode(snapshot) for snapshot in fold.snapshots])
    return fold_ms, value_ms, encode_ms


def round_ticks(replay: Replay, number: int) -> dict[str, list[Event]]:
    """Return one tick of every instrument: its last close, and 0.1 % more in each round."""
    market, first_day = replay.market, replay.days[0]
    tickers, opened_ns = list(market.instruments), session_ns(first_day)[0]
    events: dict[str, list[Event]] = {}
    for row, ticker in enumerate(tickers):
        partition = partition_of(ticker.encode(), MARKET_DATA.partition_count)
        # Near to the last close: a far one would be suspect, and its bytes would be kept.
        close = market.history_before(ticker, first_day, 1).closes[-1].value
        price = close * (1.0 + number / 1000.0)
        quote = QuoteRow(ticker, price, opened_ns + number * STEP_NS, number, 0)
        event = Event(number * len(tickers) + row, quote, _NoBytes(), row)
        events.setdefault(offset_key(MARKET_DATA.name, partition), []).append(event)
    return events


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    result = work()
    return (time.process_time() - began) * 1e3, result
