"""A product in memory whose input topics can be read as the oracle reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from system.book.fold import Fold
from system.bus.consumer import Record
from system.contracts.codec import encode
from system.contracts.messages import RiskSnapshot
from tests.system.book.feed import MARKET, Feed, Sent, holding, portfolio, text_of

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


def opened_and_recorded(base_currency: str = "USD") -> RecordedFeed:
    feed = RecordedFeed()
    fold = feed.send(*MARKET, portfolio("P", *HELD, base_currency=base_currency))
    assert fold.rejected == ()
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
        Record("risk_snapshots", 0, offset, b"", encode(one), 0)
        for offset, one in enumerate(snapshots)
    ]
