"""Input topics in memory, and a book that folds them: what the tests of this folder share."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from system.book.book import Book
from system.book.ingest.fold import Fold
from system.book.state.events import Event, Payload, QuoteRow, Unreadable
from system.book.state.rows import update_rows
from system.contracts.codec import encode
from system.contracts.kept_values import kept_value
from system.contracts.messages import (
    AssetClass,
    CloseHistory,
    ClosePoint,
    FxRate,
    Instrument,
    Mark,
    OpeningPosition,
    Portfolio,
    RejectReason,
    RiskSnapshot,
    SnapshotKind,
    StageTimes,
    Tick,
    Trade,
    by_rows,
)
from system.contracts.topics import INPUT_TOPICS, message_key

DAY = dt.date(2020, 2, 3)
LAST_CLOSE = DAY - dt.timedelta(days=1)
HOUR_NS = 3_600_000_000_000
MIDNIGHT_NS = int(dt.datetime(2020, 2, 3, tzinfo=dt.UTC).timestamp()) * 10**9
WINDOW = 5
CONFIDENCE = "0.8"

Sent = Tick | FxRate | Trade | Instrument | CloseHistory | Portfolio | Mark | Unreadable


def at_ns(day: int = 0, hour: float = 15.0) -> int:
    """Return an hour of the day that lies so many days after the first."""
    return MIDNIGHT_NS + round((24 * day + hour) * HOUR_NS)


def date_of(day: int) -> dt.date:
    return DAY + dt.timedelta(days=day)


def tick(
    ticker: str, price: float, *, day: int = 0, hour: float = 15.0, sequence: int | None = None
) -> Tick:
    """Return a tick; its sequence number follows from its time unless it is given."""
    event_time_ns = at_ns(day, hour)
    return Tick(
        ticker=ticker,
        bid=price,
        mid=price,
        ask=price,
        volume=1.0,
        event_time_ns=event_time_ns,
        sequence=_numbered(event_time_ns) if sequence is None else sequence,
    )


def rate(
    currency: str, value: float, *, day: int = 0, hour: float = 15.0, sequence: int | None = None
) -> FxRate:
    event_time_ns = at_ns(day, hour)
    return FxRate(
        currency=currency,
        rate=value,
        event_time_ns=event_time_ns,
        sequence=_numbered(event_time_ns) if sequence is None else sequence,
    )


def _numbered(event_time_ns: int) -> int:
    return (event_time_ns - MIDNIGHT_NS) // 10**9 + 10_000_000


def mark(day: int = 0, *, hour: float = 21.0) -> Mark:
    return Mark(date=date_of(day), event_time_ns=at_ns(day, hour))


def instrument(
    name: str,
    asset_class: AssetClass = AssetClass.EQUITY,
    currency: str = "USD",
    multiplier: float = 1.0,
) -> Instrument:
    return Instrument(
        instrument=name, asset_class=asset_class, currency=currency, multiplier=multiplier
    )


def history(series: str, values: Iterable[float], *, last: dt.date = LAST_CLOSE) -> CloseHistory:
    """Return closes of consecutive days that end on ``last``."""
    closes = list(values)
    days = [last - dt.timedelta(days=back) for back in range(len(closes))][::-1]
    return CloseHistory(
        series=series, closes=tuple(ClosePoint(*point) for point in zip(days, closes, strict=True))
    )


def walk(seed: int, *, start: float = 100.0, count: int = WINDOW + 3) -> list[float]:
    """Return closes of a random walk."""
    steps = np.random.default_rng(seed).normal(0.0, 0.02, count)
    return (start * np.exp(np.cumsum(steps))).tolist()


def holding(name: str, quantity: float, entry_price: float = 100.0) -> OpeningPosition:
    return OpeningPosition(instrument=name, quantity=quantity, entry_price=entry_price)


def portfolio(
    name: str = "P",
    *positions: OpeningPosition,
    base_currency: str = "USD",
    window: int = WINDOW,
    confidence: str = CONFIDENCE,
) -> Portfolio:
    return Portfolio(
        portfolio=name,
        positions=positions,
        base_currency=base_currency,
        window=window,
        confidence=confidence,
    )


def trade(
    trade_id: str, name: str, quantity: float, price: float, book: str = "P", **other: object
) -> Trade:
    plain = Trade(
        trade_id=trade_id, portfolio=book, instrument=name, quantity=quantity, price=price
    )
    return msgspec.convert({**msgspec.to_builtins(plain), **other}, Trade)


def unreadable() -> Unreadable:
    return Unreadable(RejectReason.NOT_JSON, "JSON is malformed")


def payload(message: Sent) -> Payload:
    """Return a message as the fold gets it."""
    if isinstance(message, Tick):
        price, name = message.mid, message.ticker
    elif isinstance(message, FxRate):
        price, name = message.rate, message.currency
    else:
        return message
    return QuoteRow(
        name,
        price,
        message.event_time_ns,
        message.sequence,
        message.intended_monotonic_ns,
        message.bid if isinstance(message, Tick) else price,
    )


def text_of(message: Sent) -> str:
    return "garbage" if isinstance(message, Unreadable) else encode(message).decode()


def event(offset: int, message: Sent) -> Event:
    return Event(offset, payload(message), [kept_value(text_of(message).encode())], 0)


def partition_names(market_partitions: int = 2) -> tuple[str, ...]:
    markets = [f"market_data:{index}" for index in range(market_partitions)]
    return ("reference:0", "fx_rates:0", *markets, "trades:0")


def home_of(message: Sent, names: Sequence[str]) -> str:
    """Return the partition that a message's key sends it to; garbage goes to the first."""
    if isinstance(message, Unreadable):
        return next(name for name in names if name.startswith("market_data"))
    topic = next(topic.name for topic in INPUT_TOPICS if isinstance(message, topic.messages))
    own = [name for name in names if name.rpartition(":")[0] == topic]
    return own[zlib.crc32(message_key(message).encode()) % len(own)]


class Feed:
    """Partitions that are written to, and the book that reads them batch by batch."""

    def __init__(self, *, market_partitions: int = 2, **options: int) -> None:
        self.names = partition_names(market_partitions)
        self.next_offsets = dict.fromkeys(self.names, 0)
        self.rows: dict[str, bytes] = {}
        self.epoch = 0
        self.now_ms = 0
        """The broker's clock."""
        self._options = options
        self.book = Book(self.next_offsets, **options)

    def fold(self, by_partition: Mapping[str, Iterable[Sent]]) -> Fold:
        """Append messages to partitions, all at ``now_ms``, and fold them as one batch."""
        events: dict[str, list[Event]] = {}
        for name, messages in by_partition.items():
            events[name] = []
            for message in messages:
                made = event(self.next_offsets[name], message)
                events[name].append(made._replace(appended_at_ms=self.now_ms))
                self.next_offsets[name] += 1
        return self.fold_events(events)

    def fold_events(self, events: Mapping[str, Iterable[Event]]) -> Fold:
        self.epoch += 1
        fold = self.book.fold(events, fence=1, epoch=self.epoch)
        update_rows(self.rows, fold.state)
        return fold

    def send(self, *messages: Sent) -> Fold:
        """Send each message where its key belongs, as one batch."""
        return self.fold(self._homes(messages))

    def close(self, day: int = 0, *messages: Sent, hour: float = 21.0) -> Fold:
        """Send messages and then the day's mark to every partition, as one batch."""
        homes = self._homes(messages)
        for name in self.names:
            homes[name].append(mark(day, hour=hour))
        return self.fold(homes)

    def restart(self, offsets: Mapping[str, int]) -> None:
        """Go on with a book that knows nothing but the kept rows."""
        self.book = Book(offsets, self.rows, **self._options)

    def _homes(self, messages: Iterable[Sent]) -> dict[str, list[Sent]]:
        homes: dict[str, list[Sent]] = {name: [] for name in self.names}
        for message in messages:
            homes[home_of(message, self.names)].append(message)
        return homes

    def counts(self, topic: str) -> dict[str, int]:
        """Return what became of a topic's messages, without the zeros."""
        row = self.book.ledger.topics().get(topic)
        counts = {} if row is None else msgspec.to_builtins(row)
        return {outcome: count for outcome, count in counts.items() if count}


MARKET = (
    instrument("A"),
    instrument("B", AssetClass.EQUITY, "EUR"),
    instrument("C", AssetClass.ETF, "GBp"),
    instrument("D", AssetClass.FUTURE, "USD", 50.0),
    instrument("E", AssetClass.FX, "EUR"),
    history("A", walk(1)),
    history("B", walk(2)),
    history("C", walk(3, start=900.0)),
    history("D", walk(4, start=3000.0)),
    history("fx:USD", walk(5, start=1.1)),
    history("fx:GBP", walk(6, start=0.85)),
)


def opened(*positions: OpeningPosition, base_currency: str = "USD", **options: int) -> Feed:
    """Return a feed with the whole market and one portfolio, ``P``."""
    feed = Feed(**options)
    fold = feed.send(*MARKET, portfolio("P", *positions, base_currency=base_currency))
    assert fold.rejected == ()
    return feed


def live(fold: Fold, name: str = "P") -> RiskSnapshot:
    """Return the live snapshot of a portfolio."""
    (found,) = (
        snapshot
        for snapshot in fold.snapshots
        if (snapshot.portfolio, snapshot.kind) == (name, SnapshotKind.LIVE)
    )
    return found


def end_of_day(fold: Fold, name: str = "P") -> RiskSnapshot:
    """Return the end of day of a portfolio; there must be one."""
    (found,) = (
        snapshot
        for snapshot in fold.snapshots
        if (snapshot.portfolio, snapshot.kind) == (name, SnapshotKind.END_OF_DAY)
    )
    return found


def reasons(fold: Fold) -> list[RejectReason]:
    return [rejection.reason for rejection in fold.rejected]


def numbers(snapshot: RiskSnapshot) -> bytes:
    """Return everything that a snapshot states, to the bit, without where it was taken."""
    return encode(
        msgspec.structs.replace(
            by_rows(snapshot),
            snapshot_id="",
            fence=0,
            epoch=0,
            offsets={},
            stages=StageTimes(),
            trade_ids=(),
        )
    )
