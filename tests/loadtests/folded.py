"""A load folded by the product's own book, without servers: records and snapshots of a run."""

from __future__ import annotations

from loadtests.plan import load_books, load_plan, load_replay, scheduled_days
from loadtests.record import SeenSnapshot
from system.book.book import Book
from system.book.events import Event, QuoteRow
from system.bus.consumer import Record
from system.bus.routing import partition_of
from system.contracts.codec import encode
from system.contracts.messages import Mark, StageTimes
from system.contracts.topics import INPUT_TOPICS, offset_key

PLAN = load_plan(
    rate=40, seconds=4, warm_up_seconds=0, instruments=6, portfolios=2, seconds_per_day=2
)
BATCH = 7


class NoBytes:
    """A load has nothing to reject, so nobody asks for a message's bytes."""

    def bytes_of(self, row: int) -> bytes:
        raise AssertionError(row)

    def __getitem__(self, row: int) -> str:
        raise AssertionError(row)


class Feed:
    """Hands messages to the product's own fold, and keeps them as the topic would."""

    def __init__(self) -> None:
        places = [offset_key(t.name, p) for t in INPUT_TOPICS for p in range(t.partition_count)]
        self.book = Book(dict.fromkeys(places, 0), {}, stale_after_ns=10**15)
        self.next = dict.fromkeys(places, 0)
        self.records: list[Record] = []
        self.snapshots: list = []
        self.waiting: dict[str, list[Event]] = {}

    def put(self, place: str, payload, message) -> None:
        offset = self.next[place]
        self.next[place] += 1
        self.waiting.setdefault(place, []).append(Event(offset, payload, NoBytes(), 0))
        topic, _, partition = place.partition(":")
        if topic == "market_data":
            key, value = b"", encode(message)
            self.records.append(Record(topic, int(partition), offset, key, value, 0))

    def fold(self) -> None:
        fold = self.book.fold(self.waiting, fence=1, epoch=len(self.snapshots))
        self.waiting = {}
        self.snapshots += fold.snapshots


def folded_run() -> Feed:
    """Return a plan's whole load, folded in batches of ``BATCH`` ticks."""
    feed, replay = Feed(), load_replay(PLAN)
    for message in (*replay.reference_messages(), *load_books(PLAN)):
        feed.put("reference:0", message, message)
    feed.fold()
    feed.snapshots.clear()
    count = 0
    for day in scheduled_days(PLAN, replay):
        for _, message in day.slots():
            if isinstance(message, Mark):
                for place in feed.next:
                    feed.put(place, message, message)
            else:
                row = QuoteRow(
                    message.ticker, message.mid, message.event_time_ns, message.sequence, 0
                )
                partition = partition_of(message.ticker.encode(), 2)
                feed.put(f"market_data:{partition}", row, message)
            count += 1
            if count % BATCH == 0:
                feed.fold()
    feed.fold()
    return feed


def seen(snapshot) -> SeenSnapshot:
    return SeenSnapshot(
        received_ns=1,
        entry_id="1-0",
        snapshot_id=snapshot.snapshot_id,
        portfolio=snapshot.portfolio,
        kind=snapshot.kind,
        fence=1,
        epoch=snapshot.epoch,
        offsets=snapshot.offsets,
        holding=0,
        stages=StageTimes(),
        event_time_ns=0,
        asof=snapshot.asof,
        var=snapshot.var,
    )
