"""Damage to the topics of a run's own stack: records that retention takes, topics made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final

from kafka import KafkaAdminClient, TopicPartition

from system.bus.consumer import Record, end_offsets
from system.bus.errors import kafka_errors_as_ours
from system.clock import Clock
from system.contracts.topics import INPUT_TOPICS, MARKET_DATA, offset_key
from system.runtime.running import RunningStack
from system.runtime.state import StateDir
from system.runtime.supervision.supervisord import Supervisor
from system.settings import Connections
from validation.run import read_postgres
from validation.run.read_back import read_inputs

STREAM: Final = "stream"
TOPIC_NAMES: Final = tuple(topic.name for topic in INPUT_TOPICS)


@dataclass(frozen=True)
class RetainedRecords:
    """Records that were read before retention took them, and the places that no driver has read."""

    records: Sequence[Record]
    lost: frozenset[tuple[str, int, int]]


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


def with_retained(retained: RetainedRecords | None, records: Sequence[Record]) -> list[Record]:
    """Return what lies on the topics with what lay there, but for what no driver has read."""
    if retained is None:
        return list(records)
    by_place = {_place(record): record for record in (*retained.records, *records)}
    kept = (record for place, record in by_place.items() if place not in retained.lost)
    return sorted(kept, key=lambda record: (TOPIC_NAMES.index(record.topic), *_place(record)[1:]))


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
