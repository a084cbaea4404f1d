"""A product in memory whose input topics can be read as the oracle reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from system.book.ingest.fold import Fold
from system.bus.consumer import Record
from system.contracts.codec import encode
from system.contracts.messages import (
    AssetClass,
    ClosePoint,
    Instrument,
    OptionRight,
    OptionTerms,
    RiskSnapshot,
    SnapshotKind,
    StressedHistory,
    VolatilityShift,
)
from tests.system.book.feed import (
    MARKET,
    Feed,
    Sent,
    date_of,
    history,
    holding,
    instrument,
    portfolio,
    rate,
    text_of,
    tick,
    trade,
    walk,
)

HELD = (
    holding("A", 10.0),
    holding("B", -3.0),
    holding("C", 40.0),
    holding("D", 1.0, 3_000.0),
    holding("E", 500.0, 1.1),
    holding("cash:USD", 250.0),
)


class RecordedFeed(Feed):
    """A feed that keeps what lies on its topics, and what was announced."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Record] = []
        self.announced: list[RiskSnapshot] = []

    def fold(self, by_partition: Mapping[str, Iterable[Sent]]) -> Fold:
        kept = {name: list(messages) for name, messages in by_partition.items()}
        for name, messages in kept.items():
            topic, _, number = name.rpartition(":")
            for offset, message in enumerate(messages, self.next_offsets[name]):
                value = text_of(message).encode()
                self.records.append(Record(topic, int(number), offset, b"", value, 0))
        fold = super().fold(kept)
        self.announced += fold.snapshots
        return fold

    def ends_of_day(self, since: int = 0) -> list[RiskSnapshot]:
        """Return the end-of-day snapshots among those announced from an index on."""
        later = self.announced[since:]
        return [snapshot for snapshot in later if snapshot.kind is SnapshotKind.END_OF_DAY]


def opened_and_recorded(base_currency: str = "USD") -> RecordedFeed:
    feed = RecordedFeed()
    fold = feed.send(*MARKET, portfolio("P", *HELD, base_currency=base_currency))
    assert fold.rejected == ()
    return feed


def option(
    name: str, underlying: str, currency: str, right: OptionRight, expires_in: int, **terms: object
) -> Instrument:
    """Return an option that expires so many days after the first of the feed."""
    return Instrument(
        instrument=name,
        asset_class=AssetClass.OPTION,
        currency=currency,
        multiplier=10.0,
        option=OptionTerms(
            underlying=underlying,
            right=right,
            expiry=date_of(expires_in),
            **{"volatility": 0.25, "rate": 0.01, **terms},
        ),
    )


OPTIONS = (
    option(
        "Y.CALL",
        "Y",
        "JPY",
        OptionRight.CALL,
        40,
        strike=2_000.0,
        volatility_series="VOL",
        dividend_yield=0.02,
    ),
    option(
        "B.PUT",
        "B",
        "EUR",
        OptionRight.PUT,
        90,
        strike=105.0,
        volatility_series="VOL",
        volatility_shift=VolatilityShift.ABSOLUTE,
        rate=-0.005,
    ),
    option("A.STEADY", "A", "USD", OptionRight.PUT, 10, strike=95.0, volatility_series="SHORT"),
    option("A.OVER", "A", "USD", OptionRight.CALL, 1, strike=90.0),
)
FOREIGN = (
    instrument("Y", currency="JPY"),
    Instrument(instrument="N", asset_class=AssetClass.EQUITY, currency="GBp", proxy="C"),
    history("Y", walk(11, start=2_000.0)),
    history("N", [40.0, 41.0]),
    history("fx:JPY", walk(12, start=130.0)),
    history("VOL", [0.2, 0.21, 0.2, 0.23, 0.25, 0.22, 0.24, 0.23]),
    history("SHORT", [0.2, 0.3]),
)
CRISIS = {
    "Y": 2_000.0,
    "A": 100.0,
    "B": 100.0,
    "C": 900.0,
    "D": 3_000.0,
    "fx:USD": 1.1,
    "fx:GBP": 0.85,
    "fx:JPY": 130.0,
}


def crisis(series: str, start: float) -> StressedHistory:
    first = dt.date(2008, 9, 1)
    closes = walk(sum(map(ord, series)) + 100, start=start, count=30)
    return StressedHistory(
        window="2008",
        first=first,
        last=first + dt.timedelta(days=28),
        version="test",
        series=series,
        closes=tuple(
            ClosePoint(first + dt.timedelta(days=day - 1), close)
            for day, close in enumerate(closes)
        ),
    )


def foreign_and_optional(base_currency: str = "EUR") -> RecordedFeed:
    """Return three days of a book of options, a yen among them, pence, a future and cash.

    An option is quoted, one expires, one has a volatility without a history, and a share has
    too few closes and a proxy.
    """
    feed = RecordedFeed()
    held = (
        holding("Y.CALL", -3.0, 60.0),
        holding("B.PUT", 12.0, 5.0),
        holding("A.STEADY", 4.0, 2.0),
        holding("A.OVER", 2.0, 9.0),
        holding("Y", 40.0, 1_900.0),
        holding("C", 70.0, 880.0),
        holding("N", 90.0, 40.0),
        holding("D", -0.2, 3_000.0),
        holding("cash:JPY", 90_000.0),
    )
    book = portfolio("O", *held, base_currency=base_currency)
    stressed = [crisis(name, start) for name, start in CRISIS.items()]
    fold = feed.send(*MARKET, *FOREIGN, *stressed, *OPTIONS, book)
    assert fold.rejected == ()
    feed.send(tick("Y", 2_033.0), rate("JPY", 131.0), rate("USD", 1.12), tick("C", 905.0))
    feed.send(tick("B", 96.5, hour=16.0), tick("Y.CALL", 95.0, hour=16.0))
    feed.close(0, tick("A", 101.0, hour=16.0))
    feed.send(tick("Y", 1_990.0, day=1), trade("t-1", "B.PUT", -2.0, 6.0, "O"))
    feed.close(1, tick("A", 103.0, day=1), tick("D", 2_960.0, day=1))
    feed.send(tick("A", 99.0, day=2), tick("Y.CALL", 70.0, day=2))
    feed.close(2, tick("B", 99.0, day=2))
    return feed


class MemoryReader:
    """A reader of records in memory; gives a bounded number at a time."""

    def __init__(self, records: Iterable[Record], per_poll: int = 50) -> None:
        self._left = list(records)
        self._per_poll = per_poll
        self.position: dict[str, int] = {}

    def add(self, records: Iterable[Record]) -> None:
        self._left += records

    def poll(self, timeout_seconds: float = 0.0) -> list[Record]:
        taken, self._left = self._left[: self._per_poll], self._left[self._per_poll :]
        for record in taken:
            self.position[f"{record.topic}:{record.partition}"] = record.offset + 1
        return taken


def announced(snapshots: Iterable[RiskSnapshot]) -> list[Record]:
    """Return snapshots as they lie on their topic."""
    return [
        Record("risk_snapshots", 0, offset, b"", encode(snapshot), 0)
        for offset, snapshot in enumerate(snapshots)
    ]
