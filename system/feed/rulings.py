"""Rulings: the stream's own verdict on each message, without a stream.

Messages are read by the codec and applied by the fold, as the stream does both; no rule is stated
here. The fold counts each verdict in its ledger, and the ledger of this module notes which message
it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from system.book.book import Book
from system.book.ingest.ledger import Ledger
from system.book.ingest.payloads import payload_of
from system.book.state.events import Event
from system.bus.consumer import Record
from system.bus.routing import partition_of
from system.contracts.codec import decode_topic
from system.contracts.kept_values import KeptValue, kept_value
from system.contracts.messages import Mark, RejectReason
from system.contracts.topics import (
    INPUT_TOPICS,
    MARKET_DATA,
    Topic,
    message_key,
    offset_key,
    split_offset_key,
)
from system.errors import MessageError

REJECTED: Final = "rejected"
MARK: Final = "mark"
APPLIED: Final = "applied"
WAITS: Final = "waits"
"""Of a message behind an end-of-day mark that is not in every partition."""
TOPIC_NAMES: Final[Mapping[str, Topic]] = {topic.name: topic for topic in INPUT_TOPICS}
NO_OFFSETS: Final[Mapping[str, int]] = {
    offset_key(topic.name, number): 0
    for topic in INPUT_TOPICS
    for number in range(topic.partition_count)
}
_TAGS: Final[Mapping[str, Topic]] = {
    str(message.__struct_config__.tag): topic
    for topic in INPUT_TOPICS
    for message in topic.messages
    if message is not Mark
}
_MARK_TAG: Final = str(Mark.__struct_config__.tag)


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """Verdict of the stream on a message.

    ``outcome`` is *applied*, *superseded*, *duplicate*, *mark*, *rejected* or *waits*; a rejected
    message has a ``reason`` and a ``detail``.
    """

    place: str
    topic: str
    outcome: str
    reason: RejectReason | None = None
    detail: str = ""


@dataclass(frozen=True)
class Judged:
    """Rulings on all messages, in their order.

    Parameters
    ----------
    rulings : tuple of Ruling
        One per message.
    waiting_for : tuple of str
        Partitions without the end-of-day mark that others wait at.
    """

    rulings: tuple[Ruling, ...]
    waiting_for: tuple[str, ...]

    @property
    def rejected(self) -> tuple[Ruling, ...]:
        """Rulings on the messages that the stream would not apply."""
        return tuple(ruling for ruling in self.rulings if ruling.outcome == REJECTED)

    @property
    def counts(self) -> dict[str, int]:
        """Number of messages by outcome, of rejected ones by reason: ``rejected: late``."""
        counts: dict[str, int] = {}
        for ruling in self.rulings:
            name = ruling.outcome if ruling.reason is None else f"{REJECTED}: {ruling.reason}"
            counts[name] = counts.get(name, 0) + 1
        return dict(sorted(counts.items()))


class Judge:
    """A stream's fold that notes its verdict on each message it is given.

    Parameters
    ----------
    rows : mapping of str to bytes, optional
        State to judge against, as the stream keeps it; None: that of a stream without anything.
    offsets : mapping of str to int, optional
        Where the state ends, by ``topic:partition``; None: every topic has its default number of
        partitions, and nothing on them.
    appended_at_ms : int
        The broker's time at which it would take the messages, milliseconds since 1970.

    Raises
    ------
    MessageError
        If a row of the state cannot be read.
    """

    def __init__(
        self,
        rows: Mapping[str, bytes] | None = None,
        offsets: Mapping[str, int] | None = None,
        appended_at_ms: int = 0,
    ) -> None:
        self._appended_at_ms = appended_at_ms
        self._next = dict(offsets or NO_OFFSETS)
        self._partition_counts = Counter(split_offset_key(place)[0] for place in self._next)
        self._book = Book(self._next, rows)
        self._ledger = _NotingLedger(self._book)
        self._book.ledger = self._ledger
        self._places: list[str] = []
        self._topics: list[str] = []
        self._number_at: dict[tuple[str, int], int] = {}

    def judge(self, place: str, value: bytes, topic: Topic | None = None) -> None:
        """Let the stream take a message, as the next one that comes.

        Parameters
        ----------
        place : str
            Its line, for people.
        value : bytes
            As it would be sent.
        topic : Topic, optional
            Where it would be sent; None: the topic of its type, and every one for a mark.
        """
        goes_to = topic or topic_of_bytes(value)
        number = self._noted(place, "every topic" if goes_to is None else goes_to.name)
        partitions = list(self._next) if goes_to is None else [self._partition(value, goes_to)]
        events: dict[str, Sequence[Event]] = {}
        for partition in partitions:
            offset = self._next[partition]
            self._next[partition] = offset + 1
            self._number_at[partition, offset] = number
            events[partition] = [_event(partition, offset, value, self._appended_at_ms)]
        self._book.absorb(events, fence=0, epoch=0)

    def judge_record(self, record: Record) -> None:
        """Let the stream take a record of an input topic, at its place and its broker's time."""
        partition = offset_key(record.topic, record.partition)
        number = self._noted(f"{partition} offset {record.offset}", record.topic)
        self._number_at[partition, record.offset] = number
        event = _event(partition, record.offset, record.value, record.appended_at_ms)
        self._book.absorb({partition: [event]}, fence=0, epoch=0)

    def _noted(self, place: str, topic: str) -> int:
        self._places.append(place)
        self._topics.append(topic)
        return len(self._places) - 1

    def _partition(self, value: bytes, topic: Topic) -> str:
        try:
            key = message_key(decode_topic(value, topic)).encode()
        except MessageError:
            key = b""
        return offset_key(topic.name, partition_of(key, self._partition_counts[topic.name]))

    def finish(self) -> Judged:
        """Return the rulings on all messages; nothing can be judged after it."""
        fold = self._book.settle()
        outcomes = [WAITS] * len(self._places)
        for at, outcome in self._ledger.outcomes.items():
            number = self._number_at[at]
            if outcomes[number] != REJECTED:
                outcomes[number] = outcome
        reasons: dict[int, tuple[RejectReason, str]] = {}
        for rejected in fold.rejected:
            at = offset_key(rejected.topic, rejected.partition), rejected.offset
            if at in self._number_at:  # a suspect tick of the state may be contradicted too
                number = self._number_at[at]
                outcomes[number] = REJECTED
                reasons[number] = rejected.reason, rejected.detail
        rulings = []
        for number, (place, topic) in enumerate(zip(self._places, self._topics, strict=True)):
            reason, detail = reasons.get(number, (None, ""))
            rulings.append(
                Ruling(
                    place=place,
                    topic=topic,
                    outcome=outcomes[number],
                    reason=reason,
                    detail=detail,
                )
            )
        return Judged(tuple(rulings), fold.waiting_for)


def topic_of_bytes(value: bytes) -> Topic | None:
    """Return the topic of a message by its ``type``; None for a mark, which goes to all.

    What has no known type is taken for market data, where the stream would reject it.
    """
    try:
        tag = msgspec.json.decode(value, type=_Typed).type
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return MARKET_DATA
    return None if tag == _MARK_TAG else _TAGS.get(tag, MARKET_DATA)


def _event(partition: str, offset: int, value: bytes, appended_at_ms: int) -> Event:
    payload = payload_of(value, TOPIC_NAMES[split_offset_key(partition)[0]])
    return Event(offset, payload, _OneValue(value), 0, appended_at_ms)


class _Typed(msgspec.Struct):
    type: str = ""


class _OneValue:
    """Bytes of a batch of one message."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __getitem__(self, _: int) -> KeptValue:
        return kept_value(self._value)


class _NotingLedger(Ledger):
    """Ledger that notes which message each verdict is on: the one taken out just before."""

    def __init__(self, book: Book) -> None:
        super().__init__(book.ledger.topics())
        self._book = book
        self._offsets = book.offsets
        self._is_noting = True
        self.outcomes: dict[tuple[str, int], str] = {}
        """By partition and offset."""

    def count(self, topic: str, outcome: str) -> None:
        """Count one message of a topic, and note which."""
        super().count(topic, outcome)
        if not self._is_noting:
            return
        offsets = self._book.offsets
        (place,) = (place for place, offset in offsets.items() if offset != self._offsets[place])
        self._offsets = offsets
        self.outcomes[place, offsets[place] - 1] = outcome

    def reject_applied(self, topic: str) -> None:
        """Count as rejected a message from before; the one just taken has its own verdict."""
        self._is_noting = False
        super().reject_applied(topic)
        self._is_noting = True
