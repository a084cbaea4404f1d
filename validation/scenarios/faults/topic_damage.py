"""Damage to the topics of a run's own stack: records that retention takes, topics made again.

A topic that was made again counts its offsets from zero. For the judges it goes on where the topic
that is gone ended: offsets of drivers behind the recovery are moved by that end, so that each
record of the run has one place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import UnknownTopicOrPartitionError

from system.bus.admin import create_topics
from system.bus.consumer import Record, end_offsets
from system.bus.errors import kafka_errors_as_ours
from system.clock import Clock, SystemClock
from system.contracts.messages import Mark
from system.contracts.topics import (
    INPUT_TOPICS,
    MARKET_DATA,
    REFERENCE,
    TRADES,
    offset_key,
    split_offset_key,
)
from system.errors import UnavailableError
from system.runtime.running import RunningStack
from system.runtime.state import StateDir
from system.runtime.supervision.supervisord import Supervisor
from system.settings import Connections
from validation.measure.record import Holding, RecordLine
from validation.rules.rulings import read_message
from validation.run import read_postgres
from validation.run.read_back import Stated, read_inputs

STREAM: Final = "stream"
DELETED_WITHIN_S: Final = 60.0
POLL_S: Final = 0.2
POSITIONS_COME_FROM: Final = frozenset({TRADES.name, REFERENCE.name})
TOPIC_NAMES: Final = tuple(topic.name for topic in INPUT_TOPICS)


@dataclass(frozen=True)
class RetainedRecords:
    """Records that were read before retention took them, and the places that no driver has read."""

    records: Sequence[Record]
    lost: frozenset[tuple[str, int, int]]

    def lost_with_the_database(self, there: Sequence[Record]) -> RetainedRecords:
        """Return the records once the state that contains them is gone as well.

        Parameters
        ----------
        there : sequence of Record
            On the input topics now.
        """
        kept = {_place(record) for record in there}
        gone = {_place(record) for record in self.records} - kept
        return replace(self, lost=self.lost | gone)

    def lost_messages(self) -> Iterator[str]:
        """Yield the topic of each lost record that is no mark."""
        for record in self.records:
            if _place(record) in self.lost and not isinstance(read_message(record), Mark):
                yield record.topic


@dataclass(frozen=True)
class RecreatedTopic:
    """A topic that was deleted and made again.

    Parameters
    ----------
    name : str
        Of the topic.
    ends : mapping of str to int
        Where its partitions had ended, by ``topic:partition``.
    fence : int
        The highest that was given out before: no driver with a higher one has read what is gone.
    """

    name: str
    ends: Mapping[str, int]
    fence: int

    def continued(self, records: Sequence[Record]) -> list[Record]:
        """Return records that lie on the topics, those of the new topic behind the old one."""
        return [
            replace(record, offset=record.offset + self.ends.get(_partition(record), 0))
            for record in records
        ]

    def moved(self, offsets: Mapping[str, int]) -> dict[str, int]:
        """Return offsets that count the new topic, as offsets behind the old one."""
        return {place: offset + self.ends.get(place, 0) for place, offset in offsets.items()}

    def seen(self, lines: Sequence[RecordLine]) -> list[RecordLine]:
        """Return what the observer saw, with the offsets of later drivers moved."""
        return [line if isinstance(line, Holding) else self._later(line) for line in lines]

    def stated(self, stated: Stated) -> Stated:
        """Return what PostgreSQL states, with the offsets of later drivers moved."""
        snapshots = [self._later(snapshot) for snapshot in stated.snapshots]
        return replace(stated, covered=self.moved(stated.covered), snapshots=snapshots)

    def _later(self, line: Any) -> Any:  # noqa: ANN401 - a snapshot or a watermark
        if line.fence <= self.fence:
            return line
        return msgspec.structs.replace(line, offsets=self.moved(line.offsets))


def retention_gap(
    running: RunningStack, connections: Connections, *, seconds: float, clock: Clock
) -> tuple[RetainedRecords, str]:
    """Let market data go that the stream, which is down meanwhile, has not read.

    Parameters
    ----------
    running, connections : RunningStack, Connections
        The stack; something must be sent meanwhile.
    seconds : float
        How long the stream is down before the records go.
    clock : Clock
        Measures it.
    """
    with without_stream(running, connections):
        clock.sleep(seconds)
        with read_postgres.reading(connections.database_url) as cursor:
            covered = read_postgres.covered_offsets(cursor)
        # Ends first: what comes while records are read is not deleted.
        ends = end_offsets(connections.kafka_bootstrap_servers, (MARKET_DATA,))
        records = read_inputs(connections.kafka_bootstrap_servers)
        delete_below(connections.kafka_bootstrap_servers, ends)
    lost = frozenset(
        _place(record)
        for record in records
        if covered.get(place := offset_key(record.topic, record.partition), 0)
        <= record.offset
        < ends.get(place, 0)
    )
    return RetainedRecords(records, lost), f"{len(lost)} records deleted that nobody had read"


def let_go(connections: Connections, *, name: str) -> tuple[RetainedRecords, str]:
    """Delete every record of a topic that is in the state.

    Parameters
    ----------
    connections : Connections
        Of the stack.
    name : str
        Of the topic.
    """
    bootstrap = connections.kafka_bootstrap_servers
    with read_postgres.reading(connections.database_url) as cursor:
        covered = read_postgres.covered_offsets(cursor)
    read = {place: end for place, end in covered.items() if split_offset_key(place)[0] == name}
    records = [
        record
        for record in read_inputs(bootstrap)
        if record.offset < read.get(_partition(record), 0)
    ]
    delete_below(bootstrap, read)
    return RetainedRecords(records, frozenset()), f"{len(records)} records of {name} deleted"


def recreate_topic(
    running: RunningStack, connections: Connections, *, name: str, seconds: float, clock: Clock
) -> tuple[RetainedRecords, RecreatedTopic, str]:
    """Delete a topic and make it again, empty, while the stream is down.

    Parameters
    ----------
    running, connections : RunningStack, Connections
        The stack; nothing may be sent to the topic meanwhile.
    name : str
        Of the topic.
    seconds : float
        How long the stream is down before.
    clock : Clock
        Measures it.
    """
    bootstrap = connections.kafka_bootstrap_servers
    topic = next(topic for topic in INPUT_TOPICS if topic.name == name)
    with without_stream(running, connections):
        clock.sleep(seconds)
        with read_postgres.reading(connections.database_url) as cursor:
            covered, fence = read_postgres.covered_offsets(cursor), read_postgres.fence(cursor)
        ends = end_offsets(bootstrap, (topic,))
        records = [record for record in read_inputs(bootstrap) if record.topic == name]
        delete_topics(bootstrap, {name}, clock)
        create_topics(bootstrap, {name: len(ends)}, topics=(topic,))
    lost = frozenset(
        _place(record) for record in records if record.offset >= covered.get(_partition(record), 0)
    )
    witness = f"{len(records)} records of {name} deleted, {len(lost)} of them unread"
    return RetainedRecords(records, lost), RecreatedTopic(name, ends, fence), witness


def with_retained(
    retained: RetainedRecords | None, records: Sequence[Record], *, with_lost: bool = False
) -> list[Record]:
    """Return what lies on the topics with what lay there, but for what the state lacks.

    Parameters
    ----------
    retained : RetainedRecords or None
        What lay there.
    records : sequence of Record
        What lies there.
    with_lost : bool
        Whether what the state lacks is returned as well.
    """
    if retained is None:
        return list(records)
    by_place = {_place(record): record for record in (*retained.records, *records)}
    gone = frozenset() if with_lost else retained.lost
    kept = (record for place, record in by_place.items() if place not in gone)
    return sorted(kept, key=lambda record: (TOPIC_NAMES.index(record.topic), *_place(record)[1:]))


def _partition(record: Record) -> str:
    return offset_key(record.topic, record.partition)


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


@contextmanager
def without_stream(running: RunningStack, connections: Connections) -> Iterator[None]:
    """Stop the stream, and start it again afterwards without waiting for it."""
    running.stop_component(STREAM)
    try:
        yield
    finally:
        Supervisor(StateDir(connections.state_dir)).start(STREAM)


def delete_below(bootstrap_servers: str, ends: Mapping[str, int]) -> None:
    """Delete every record below some offsets, as retention does; by ``topic:partition``."""
    wanted = {}
    for place, offset in ends.items():
        topic, _, partition = place.rpartition(":")
        wanted[TopicPartition(topic, int(partition))] = offset
    with (
        kafka_errors_as_ours(bootstrap_servers, "delete records"),
        closing(KafkaAdminClient(bootstrap_servers=bootstrap_servers.split(","))) as admin,
    ):
        admin.delete_records(wanted)


def delete_topics(
    bootstrap_servers: str, names: Collection[str], clock: Clock | None = None
) -> None:
    """Delete topics and return when the broker has let them go.

    Raises
    ------
    UnavailableError
        If the broker does not answer, or topics are still there after their bound.
    """
    clock = clock or SystemClock()
    deadline_ns = clock.monotonic_ns() + round(DELETED_WITHIN_S * 1e9)
    with kafka_errors_as_ours(bootstrap_servers, "delete topics"):
        admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers.split(","))
        try:
            while there := sorted(set(names) & set(admin.list_topics())):
                if clock.monotonic_ns() > deadline_ns:
                    raise UnavailableError(f"topics {', '.join(there)} are not deleted")
                _ask_to_delete(admin, there)
                clock.sleep(POLL_S)
        finally:
            admin.close()


def _ask_to_delete(admin: KafkaAdminClient, names: list[str]) -> None:
    try:
        admin.delete_topics(names)
    except UnknownTopicOrPartitionError:
        return  # deleted between the list and the request
