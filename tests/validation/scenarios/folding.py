"""Topics folded by the product's book in memory: what a run without servers states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from system.book.book import Book
from system.book.ingest.payloads import message_payload
from system.book.state.events import Event, Payload, Unreadable
from system.contracts.kept_values import kept_value
from system.contracts.messages import Message, RiskSnapshot, StageTimes
from system.contracts.topics import INPUT_TOPICS
from system.errors import MessageError
from tests.validation.scenarios.stories import MemoryTopics
from validation.measure.record import Holding, RecordLine, SeenSnapshot
from validation.rules.rulings import read_message

NS_PER_BATCH = 1_000_000_000


def folded(topics: MemoryTopics, *, batch: int = 40) -> list[RiskSnapshot]:
    """Return every snapshot of a run, cut into batches of some records."""
    places = [f"{t.name}:{p}" for t in INPUT_TOPICS for p in range(topics.count(t.name))]
    book = Book(dict.fromkeys(places, 0))
    found: list[RiskSnapshot] = []
    for epoch, first in enumerate(range(0, len(topics.records), batch)):
        events: defaultdict[str, list[Event]] = defaultdict(list)
        rows = topics.records[first : first + batch]
        values = [kept_value(record.value) for record in rows]
        for row, record in enumerate(rows):
            event = Event(record.offset, _payload(read_message(record)), values, row)
            events[f"{record.topic}:{record.partition}"].append(event)
        found += book.fold(events, fence=1, epoch=epoch).snapshots
    return found


def observed(snapshots: Sequence[RiskSnapshot]) -> list[RecordLine]:
    """Return what an observer would have written, one second per batch."""
    holdings: dict[tuple[str, ...], int] = {}
    lines: list[RecordLine] = []
    for snapshot in snapshots:
        keys = tuple(sorted(row.instrument for row in snapshot.positions))
        if keys not in holdings:
            holdings[keys] = len(holdings)
            lines.append(Holding(index=holdings[keys], keys=keys))
        lines.append(
            SeenSnapshot(
                received_ns=(snapshot.epoch + 1) * NS_PER_BATCH,
                entry_id=snapshot.snapshot_id,
                snapshot_id=snapshot.snapshot_id,
                portfolio=snapshot.portfolio,
                kind=snapshot.kind,
                fence=snapshot.fence,
                epoch=snapshot.epoch,
                offsets=snapshot.offsets,
                holding=holdings[keys],
                stages=StageTimes(),
                event_time_ns=snapshot.event_time_ns,
                asof=snapshot.asof,
                var=snapshot.var,
                trade_ids=snapshot.trade_ids,
                stale=snapshot.stale,
            )
        )
    return lines


def _payload(message: Message | MessageError) -> Payload:
    if isinstance(message, MessageError):
        return Unreadable(message.reason, message.detail)
    return message_payload(message)
