"""Was the VaR right while it was fast? Sampled snapshots against the exact reference.

An exact valuation takes tens of milliseconds, too long to follow the stream; so snapshots
are sampled evenly from the recorded history and judged after the run. What a snapshot must
state follows from its offsets alone: the prices are the last ticks below them, the window
ends at the last mark below them. The arithmetic is that of ``validation.references``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from system.contracts.messages import CloseHistory, Portfolio, SnapshotKind
from validation.measure.coverage import Int64Array
from validation.measure.record import SeenSnapshot
from validation.measure.sent_ticks import Float64Array, PlacedTrade, SentTicks
from validation.references.carrying import Carrying
from validation.references.revaluation import CurrentMarket, ReferencePosition
from validation.references.snapshot import reference_snapshot
from validation.verdict import Finding, judged, unknown

TOLERANCE: Final = 1e-9
SAMPLE_COUNT: Final = 40


class OracleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Count of recomputed snapshots, and the largest relative difference of a VaR."""

    sampled: int
    of: int
    largest_difference: float


@dataclass(frozen=True)
class _Prices:
    """The ticks of one instrument in offset order."""

    partition: str
    offsets: Int64Array
    mids: Float64Array

    def below(self, offset: int) -> float | None:
        """Return the newest price below an offset, None before the first."""
        row = int(np.searchsorted(self.offsets, offset)) - 1
        return float(self.mids[row]) if row >= 0 else None


class PriceOracle:
    """Expected VaR of each snapshot of a run.

    Parameters
    ----------
    sent : SentTicks
        Everything that the run sent.
    histories : iterable of CloseHistory
        Closes before the run, as they were sent.
    books : sequence of Portfolio
        In instruments of their base currency.
    trades : sequence of PlacedTrade
        New trades in shares of those instruments. What they cost is cash of the base
        currency, which moves no VaR.
    """

    def __init__(
        self,
        sent: SentTicks,
        histories: Iterable[CloseHistory],
        books: Sequence[Portfolio],
        trades: Sequence[PlacedTrade] = (),
    ) -> None:
        self._sent = sent
        self._books = {book.portfolio: book for book in books}
        self._trades = trades
        self._prices = _by_instrument(sent)
        self._closes = {
            history.series: {point.date: point.value for point in history.closes}
            for history in histories
        }
        for date, places in sorted(sent.marks.items()):
            self._close_day(date, places)

    def var(self, snapshot: SeenSnapshot) -> float:
        """Return the VaR that a snapshot must state, base currency, loss positive.

        Raises
        ------
        ReferenceInputError
            If the reference refuses the inputs.
        """
        book = self._books[snapshot.portfolio]
        day = self._last_day(snapshot.offsets)
        held = self._held(book, snapshot.offsets)
        prices = {name: self._price(name, snapshot.offsets, day) for name in held}
        risk = reference_snapshot(
            [_reference(name, quantity, book) for name, quantity in held.items()],
            {name: self._closes[name] for name in held},
            as_of=day,
            window=book.window,
            confidence=book.confidence,
            base_currency=book.base_currency,
            now=CurrentMarket(prices),
            carrying=Carrying(book.carry_max_sessions, book.carry_max_share),
        )
        return float(risk.var)

    def _held(self, book: Portfolio, offsets: Mapping[str, int]) -> dict[str, float]:
        held = {position.instrument: position.quantity for position in book.positions}
        for trade in self._trades:
            if trade.portfolio == book.portfolio and trade.offset < offsets.get(trade.place, 0):
                held[trade.instrument] = held.get(trade.instrument, 0.0) + trade.quantity
        return {name: quantity for name, quantity in held.items() if quantity}

    def _price(self, name: str, offsets: Mapping[str, int], day: dt.date) -> float:
        prices = self._prices.get(name)
        price = prices.below(offsets.get(prices.partition, 0)) if prices else None
        return self._closes[name][day] if price is None else price

    def _last_day(self, offsets: Mapping[str, int]) -> dt.date:
        closed = [
            date
            for date, places in self._sent.marks.items()
            if all(at < offsets.get(place, 0) for place, at in places.items())
        ]
        return max(closed) if closed else self._first_day

    def _close_day(self, date: dt.date, places: Mapping[str, int]) -> None:
        for name, prices in self._prices.items():
            close = prices.below(places[prices.partition])
            if close is not None:
                self._closes[name][date] = close

    @property
    def _first_day(self) -> dt.date:
        """The last day before the run."""
        first = min(self._sent.marks)
        return max(day for closes in self._closes.values() for day in closes if day < first)


def sampled(snapshots: Sequence[SeenSnapshot], count: int = SAMPLE_COUNT) -> list[SeenSnapshot]:
    """Return ``count`` live snapshots, spread evenly over the run; all when there are fewer."""
    live = [
        snapshot
        for snapshot in snapshots
        if snapshot.kind is SnapshotKind.LIVE and snapshot.var is not None
    ]
    rows = np.unique(np.linspace(0, len(live) - 1, min(count, len(live))).astype(int))
    return [live[row] for row in rows]


def check_oracle(
    check: str, oracle: PriceOracle, snapshots: Sequence[SeenSnapshot]
) -> tuple[Finding, OracleSummary]:
    """Return whether each sampled VaR equals the exact reference.

    Parameters
    ----------
    check : str
        Name of the check.
    oracle : PriceOracle
        Of the run.
    snapshots : sequence of SeenSnapshot
        Of the run; a sample of them is recomputed.
    """
    chosen = sampled(snapshots)
    differences = {snapshot.snapshot_id: _difference(snapshot, oracle) for snapshot in chosen}
    largest = max(differences.values(), default=0.0)
    summary = OracleSummary(sampled=len(chosen), of=len(snapshots), largest_difference=largest)
    if not chosen:
        return unknown(check, "no snapshot with a VaR was seen"), summary
    problems = [
        f"{name}: VaR differs by {difference:.1e} of itself"
        for name, difference in differences.items()
        if not difference <= TOLERANCE
    ]
    passed = f"{len(chosen)} of {len(snapshots)} snapshots, largest difference {largest:.1e}"
    return judged(check, problems, passed=passed, figures={"largest_difference": largest}), summary


def _difference(snapshot: SeenSnapshot, oracle: PriceOracle) -> float:
    expected = oracle.var(snapshot)
    assert snapshot.var is not None, "only snapshots with a VaR are sampled"
    return abs(snapshot.var - expected) / max(abs(expected), 1.0)


def _by_instrument(sent: SentTicks) -> dict[str, _Prices]:
    inputs = sent.inputs
    order = np.lexsort((inputs.offset, inputs.key))
    bounds = np.searchsorted(inputs.key[order], np.arange(len(sent.keys) + 1))
    prices = {}
    for index, name in enumerate(sent.keys):
        rows = order[bounds[index] : bounds[index + 1]]
        place = sent.partitions[int(inputs.partition[rows[0]])]
        prices[name] = _Prices(place, inputs.offset[rows], sent.mid[rows])
    return prices


def _reference(name: str, quantity: float, book: Portfolio) -> ReferencePosition:
    return ReferencePosition(name, "equity", book.base_currency, quantity)
