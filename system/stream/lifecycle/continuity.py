"""Continuity of state and topics: whether Kafka still holds the messages that follow the state.

The offsets in PostgreSQL mean something only together with the topics that they count. Each law
below is checked before a driver reads; a broken one names what is wrong, and what mends it:

1. The topics are those that the state was made from: same cluster, same topic ids.
2. The record below each offset is the one that the state contains.
3. No partition ends below the state: the broker would have lost what was applied.
4. No partition begins above the state: the messages in between were never applied.
5. A state that is empty starts with the first message of every partition.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from system.bus.consumer import Record
from system.bus.extents import TopicExtents
from system.contracts.digests import record_digest
from system.errors import RiskstreamError
from system.store.postgres.identity import StateIdentity
from system.store.records import StoredState

RECOVER: Final = "riskstream recover"


class BreakKind(StrEnum):
    """Kinds of breaks between state and topics; the value is that of ``recover --case``."""

    TOPICS = "topics"
    """Kafka's topics are not those that the state was made from."""
    GAP = "gap"
    """Kafka has let messages go that the state has not read."""
    DATABASE = "database"
    """The database is empty, and Kafka does not reach back to its first message."""

    @property
    def command(self) -> str:
        """The command that continues without the lost messages."""
        return f"{RECOVER} --case {self}"


@dataclass(frozen=True)
class Break:
    """One break between state and topics.

    Parameters
    ----------
    kind : BreakKind
        Which recovery it needs.
    place : str
        Topic, or ``topic:partition``.
    sentence : str
        What differs, with values.
    """

    kind: BreakKind
    place: str
    sentence: str


class StateMismatchError(RiskstreamError):
    """State and topics do not follow one another; a person has to decide.

    Parameters
    ----------
    breaks : sequence of Break
        At least one.
    """

    def __init__(self, breaks: Sequence[Break]) -> None:
        kinds = sorted({each.kind for each in breaks})
        remedies = " ".join(_REMEDIES[kind] for kind in kinds)
        super().__init__(f"{'; '.join(each.sentence for each in breaks)}. {remedies}")
        self.breaks = tuple(breaks)


_REMEDIES: Final = {
    BreakKind.TOPICS: (
        "Nothing was read. Bring back the Kafka data that belong to this database (or the database "
        f"that belongs to them); if they are lost, `{BreakKind.TOPICS.command}` goes on with the "
        "topics that are there, and names the books whose positions must be stated again."
    ),
    BreakKind.GAP: (
        f"Nothing was read. `{BreakKind.GAP.command}` goes on without these messages, and names "
        "the books whose positions must be stated again."
    ),
    BreakKind.DATABASE: (
        "Nothing was read: positions would be computed from a part of their trades. Restore a "
        f"backup of the database; if there is none, `{BreakKind.DATABASE.command}` starts with "
        "what Kafka still has, and names the books whose positions must be stated again."
    ),
}


def last_offsets(stored: StoredState) -> dict[str, int]:
    """Return the offset of the last record that the state contains, where its digest is kept."""
    return {place: stored.offsets[place] - 1 for place in stored.last_records}


def breaks(stored: StoredState, identity: StateIdentity, topics: TopicExtents) -> tuple[Break, ...]:
    """Return every break between a state and the topics; none: it can go on.

    Parameters
    ----------
    stored : StoredState
        As PostgreSQL keeps it.
    identity : StateIdentity
        Of that database.
    topics : TopicExtents
        The input topics as they are, with the records at ``last_offsets``.
    """
    if not stored.offsets:
        return tuple(_without_state(topics))
    replaced = tuple(_replaced(stored, identity, topics))
    if replaced:
        return replaced
    return (*_lost_tails(stored, topics), *_gaps(stored, identity, topics))


def check_continuity(stored: StoredState, identity: StateIdentity, topics: TopicExtents) -> None:
    """Return if a driver may go on where the state ends.

    Parameters
    ----------
    stored, identity, topics
        As ``breaks``.

    Raises
    ------
    StateMismatchError
        If it may not; says what differs and what to do.
    """
    if mismatches := breaks(stored, identity, topics):
        raise StateMismatchError(mismatches)


def _replaced(
    stored: StoredState, identity: StateIdentity, topics: TopicExtents
) -> Iterator[Break]:
    if identity.cluster_id not in {None, topics.cluster_id}:
        yield Break(
            BreakKind.TOPICS,
            "cluster",
            f"the state was made from Kafka cluster {identity.cluster_id}, and the brokers are of "
            f"cluster {topics.cluster_id}",
        )
        return
    for topic, known in sorted(identity.topic_ids.items()):
        there = topics.topic_ids.get(topic, "none")
        if there != known:
            yield Break(
                BreakKind.TOPICS,
                topic,
                f"topic {topic} is not the one that the state was made from: its id was {known} "
                f"and is {there}, so that it was deleted and made again",
            )
    for place in sorted(stored.offsets.keys() - topics.ends.keys()):
        yield Break(
            BreakKind.TOPICS,
            place,
            f"the state has read partition {place} up to offset {stored.offsets[place]}, and Kafka "
            "has no such partition",
        )


def _lost_tails(stored: StoredState, topics: TopicExtents) -> Iterator[Break]:
    for place, end in topics.ends.items():
        offset = stored.offsets.get(place, 0)
        record, known = topics.records.get(place), stored.last_records.get(place)
        if offset > end:
            yield Break(
                BreakKind.TOPICS,
                place,
                f"the state has read {place} up to offset {offset}, and the partition ends at "
                f"{end}: Kafka has lost messages that the state contains",
            )
        elif known is not None and record is not None and _digest(record) != known.digest:
            yield Break(
                BreakKind.TOPICS,
                place,
                f"{place} holds another record at offset {offset - 1} (appended "
                f"{_moment(record.appended_at_ms)}) than the one that the state contains (appended "
                f"{_moment(known.appended_at_ms)}): Kafka has lost messages, and others have taken "
                "their offsets",
            )


def _gaps(stored: StoredState, identity: StateIdentity, topics: TopicExtents) -> Iterator[Break]:
    since = identity.committed_at
    stopped = f", committed {since.isoformat(' ', 'seconds')}" if since else ""
    for place, beginning in topics.beginnings.items():
        offset = stored.offsets.get(place, 0)
        if beginning > offset:
            yield Break(
                BreakKind.GAP,
                place,
                f"{place} begins at offset {beginning}, and the state ends at {offset}{stopped}: "
                f"{_messages(offset, beginning)} of the topic's retention "
                f"{'is' if beginning - offset == 1 else 'are'} lost, unread",
            )


def _without_state(topics: TopicExtents) -> Iterator[Break]:
    for place, beginning in topics.beginnings.items():
        if beginning > 0:
            yield Break(
                BreakKind.DATABASE,
                place,
                f"the database holds no state, and {place} begins at offset {beginning}: "
                f"{_messages(0, beginning)} {'was' if beginning == 1 else 'were'} let go by the "
                "topic's retention",
            )


def _messages(first: int, end: int) -> str:
    """Return a range of offsets in words."""
    if end - first == 1:
        return f"the message at offset {first}"
    return f"the {end - first} messages from offset {first} to {end - 1}"


def _digest(record: Record) -> str:
    return record_digest(record.value, record.appended_at_ms)


def _moment(at_ms: int) -> str:
    moment = dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC)
    return moment.isoformat(" ", "milliseconds").replace("+00:00", " UTC")
