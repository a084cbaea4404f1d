"""The stream's own work on a made-up market: what its warm-up runs, and what leaves no trace.

Rows of the private topic go through the codec, the fold, the valuation, Redis, the output topics'
producer and PostgreSQL as those of the input topics do, by the same `MicroBatch`. The book is one
of its own, Redis keys are private and removed, transactions are rolled back, and snapshots are
announced on a private topic.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

import pyarrow as pa

from system.book.book import Book
from system.book.state.events import Event
from system.book.valuation.limits import LimitAlerts
from system.bus.producer import MessageProducer
from system.clock import Clock
from system.contracts.codec import encode
from system.contracts.messages import (
    AssetClass,
    CloseHistory,
    ClosePoint,
    Instrument,
    Message,
    OpeningPosition,
    Portfolio,
    RiskSnapshot,
    Tick,
)
from system.contracts.topics import (
    MARKET_DATA,
    REFERENCE,
    REHEARSED_SNAPSHOTS,
    WARM_UP,
    message_key,
    offset_key,
)
from system.settings import Connections
from system.store.postgres.history import RiskHistory
from system.store.rehearsal import RehearsedHistory, RehearsedLatest
from system.stream.batch.decode import MessageBytes
from system.stream.batch.durable import DurableWriter
from system.stream.batch.micro_batch import MicroBatch
from system.stream.spark.fetched_rows import Read

NAMES: Final = tuple(f"WARM{number}" for number in range(50))
BOOKS: Final = tuple(f"warm-up-{number}" for number in range(5))
POSITIONS_PER_BOOK: Final = 20
WINDOW: Final = 30
LAST_CLOSE: Final = dt.date(2020, 1, 31)
FIRST_TICK_NS: Final = 1_580_742_000_000_000_000
"""2020-02-03 15:00 UTC, the trading day after the last close."""
TICK_STEP_NS: Final = 50_000_000
PRICE: Final = 100.0


class Rehearsal:
    """Micro-batches of the private topic, worked on as those of the stream; a context manager.

    Parameters
    ----------
    connections : Connections
        Of the servers.
    history : RiskHistory
        Of the driver, whose fence is held.
    producer : MessageProducer
        Of the driver.
    fence : int
        Of the driver.
    ends : mapping of str to int
        Where the private topic ends now, ``topic:partition``.
    stale_after_ns : int
        As the book's own.
    clock : Clock
        Stamps the stages.
    """

    def __init__(
        self,
        connections: Connections,
        history: RiskHistory,
        producer: MessageProducer,
        *,
        fence: int,
        ends: Mapping[str, int],
        stale_after_ns: int,
        clock: Clock,
    ) -> None:
        self._open = ExitStack()
        latest = self._open.enter_context(RehearsedLatest(connections.redis_url))
        announcer = _PrivateAnnouncer(producer)
        durable = DurableWriter(RehearsedHistory(history), latest, announcer)
        self._open.callback(durable.close)
        offsets = {_market_data_place(name): offset for name, offset in ends.items()}
        book = Book({REFERENCE_PLACE: 0, **offsets}, stale_after_ns=stale_after_ns)
        book.fold({REFERENCE_PLACE: list(opening())}, fence=fence, epoch=0)
        self._batch = MicroBatch(
            book,
            latest,
            durable,
            clock=clock,
            fence=fence,
            published={},
            alerts=LimitAlerts(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def run(self, read: Read) -> None:
        """Work on one batch.

        Parameters
        ----------
        read : callable
            Runs the query's one action and returns rows of the private topic.
        """
        self._batch.run(lambda: as_market_data(read()))


class _PrivateAnnouncer:
    """Sends snapshots to the private topic instead of the one that others read."""

    def __init__(self, producer: MessageProducer) -> None:
        self._producer = producer

    def send(self, message: Message) -> None:
        """Send a snapshot; what others wrote to the topic is rejected and not announced."""
        if not isinstance(message, RiskSnapshot):
            return
        key = message_key(message).encode()
        self._producer.send_bytes(REHEARSED_SNAPSHOTS, key, encode(message))

    def flush(self) -> None:
        """Wait until all is acknowledged."""
        self._producer.flush()


def round_of_ticks(number: int) -> list[Tick]:
    """Return a tick of each name, later and with another price than in the round before."""
    price = PRICE * (1 + 0.002 * math.sin(number))
    return [
        Tick(
            ticker=name,
            bid=price,
            mid=price,
            ask=price,
            volume=1.0,
            event_time_ns=FIRST_TICK_NS + number * TICK_STEP_NS,
            sequence=number,
        )
        for name in NAMES
    ]


REFERENCE_PLACE: Final = offset_key(REFERENCE.name, 0)
_APPENDED: Final = pa.chunked_array([pa.array([0], pa.timestamp("us", "UTC"))])
"""A commit keeps the time of the last record of a partition; any will do here."""


def opening() -> Iterator[Event]:
    """Yield instruments, closes and books, as they would lie on the reference topic."""
    messages: list[Instrument | CloseHistory | Portfolio] = [
        Instrument(instrument=name, asset_class=AssetClass.EQUITY, currency="USD") for name in NAMES
    ]
    messages += [_closes(name, number) for number, name in enumerate(NAMES)]
    messages += [_book(name, number) for number, name in enumerate(BOOKS)]
    for offset, message in enumerate(messages):
        yield Event(offset, message, MessageBytes([encode(message)], _APPENDED), 0)


def _closes(name: str, number: int) -> CloseHistory:
    days = [LAST_CLOSE - dt.timedelta(days=back) for back in range(WINDOW + 1)][::-1]
    values = (PRICE * (1 + 0.01 * math.sin(number + index)) for index in range(len(days)))
    return CloseHistory(series=name, closes=tuple(map(ClosePoint, days, values)))


def _book(name: str, number: int) -> Portfolio:
    first = number * (len(NAMES) - POSITIONS_PER_BOOK) // max(len(BOOKS) - 1, 1)
    held = NAMES[first : first + POSITIONS_PER_BOOK]
    return Portfolio(
        portfolio=name,
        base_currency="USD",
        window=WINDOW,
        positions=tuple(
            OpeningPosition(instrument=each, quantity=10.0, entry_price=PRICE) for each in held
        ),
    )


def as_market_data(rows: pa.Table) -> pa.Table:
    """Return rows as if they came from the topic of market data."""
    names = pa.array([MARKET_DATA.name] * rows.num_rows, pa.string())
    return rows.set_column(rows.schema.get_field_index("topic"), "topic", names)


def _market_data_place(name: str) -> str:
    return name.replace(WARM_UP.name, MARKET_DATA.name)
