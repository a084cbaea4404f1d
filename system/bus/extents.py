"""Extents of topics: identity, beginnings and ends of partitions, records at given offsets.

The stream compares them with its state before it reads on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaAdminClient, TopicPartition

from system.bus.consumer import CONNECT_TIMEOUT_SECONDS, Record, connected_consumer, record_of
from system.bus.errors import ReadTimeoutError, kafka_errors_as_ours
from system.bus.reachability import link_options
from system.clock import Clock, SystemClock
from system.contracts.topics import INPUT_TOPICS, Topic, offset_key, split_offset_key

READ_BOUND_S: Final = 30.0
POLL_MS: Final = 200


@dataclass(frozen=True)
class TopicExtents:
    """Topics of one cluster at one moment; partitions are named ``topic:partition``.

    Parameters
    ----------
    cluster_id : str
        Drawn by Kafka when the cluster was formatted.
    topic_ids : dict of str to str
        UUID of each topic by its name; a topic that is deleted and made again gets another.
    beginnings : dict of str to int
        Offset of the oldest record that is kept, or would be if there were one.
    ends : dict of str to int
        Offset that the next record will get.
    records : dict of str to Record or None
        The record at the offset that was asked for; None where the broker does not keep it.
    """

    cluster_id: str
    topic_ids: dict[str, str]
    beginnings: dict[str, int]
    ends: dict[str, int]
    records: dict[str, Record | None] = field(default_factory=dict)


def topic_extents(
    bootstrap_servers: str,
    offsets: Mapping[str, int],
    *,
    topics: Sequence[Topic] = INPUT_TOPICS,
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    clock: Clock | None = None,
) -> TopicExtents:
    """Return the extents of topics, and their records at some offsets.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    offsets : mapping of str to int
        ``topic:partition`` to the offset of the record to read.
    topics : sequence of Topic
        Their extents are returned.
    timeout_seconds : float
        Bound of the connection and of each request.
    clock : Clock, optional
        Measures the bounds.

    Raises
    ------
    TopicMissingError
        If a topic does not exist.
    ReadTimeoutError
        If a record that the broker keeps does not come in time.
    BusUnavailableError
        If no broker answers in time.
    """
    clock = clock or SystemClock()
    consumer, partitions = connected_consumer(
        bootstrap_servers,
        topics,
        timeout_seconds,
        "connect to ask for the extents of topics",
        clock,
    )
    with (
        closing(consumer),
        kafka_errors_as_ours(bootstrap_servers, "ask for the extents of topics"),
    ):
        beginnings, ends = _spans(consumer, partitions, timeout_seconds)
        kept = {
            place: offset
            for place, offset in offsets.items()
            if beginnings.get(place, 0) <= offset < ends.get(place, 0)
        }
        records = _read(consumer, kept, clock)
    cluster_id, topic_ids = _identities(bootstrap_servers, topics, timeout_seconds)
    return TopicExtents(
        cluster_id, topic_ids, beginnings, ends, {place: records.get(place) for place in offsets}
    )


def newest_records(
    bootstrap_servers: str,
    topic: Topic,
    *,
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    clock: Clock | None = None,
) -> list[Record]:
    """Return the newest record of each partition of a topic that holds one.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    topic : Topic
        To read.
    timeout_seconds : float
        Bound of the connection and of each request.
    clock : Clock, optional
        Measures the bounds.

    Raises
    ------
    TopicMissingError, ReadTimeoutError, BusUnavailableError
        As ``topic_extents``.
    """
    clock = clock or SystemClock()
    attempt = f"connect to read the newest records of {topic.name}"
    consumer, partitions = connected_consumer(
        bootstrap_servers, [topic], timeout_seconds, attempt, clock
    )
    with (
        closing(consumer),
        kafka_errors_as_ours(bootstrap_servers, f"read the newest records of {topic.name}"),
    ):
        beginnings, ends = _spans(consumer, partitions, timeout_seconds)
        last = {place: end - 1 for place, end in ends.items() if end > beginnings[place]}
        return list(_read(consumer, last, clock).values())


def offsets_since(
    bootstrap_servers: str,
    appended_at_ms: Mapping[str, int],
    *,
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
) -> dict[str, int | None]:
    """Return the first offset of each partition whose record was appended at a time or later.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    appended_at_ms : mapping of str to int
        ``topic:partition`` to the broker's append time, milliseconds since 1970-01-01 UTC.
    timeout_seconds : float
        Bound of the connection and of the request.

    Returns
    -------
    dict of str to int or None
        None where no record is as young.

    Raises
    ------
    TopicMissingError, BusUnavailableError
        As ``topic_extents``.
    """
    consumer, _ = connected_consumer(
        bootstrap_servers, INPUT_TOPICS, timeout_seconds, "connect to ask for times of records"
    )
    with closing(consumer), kafka_errors_as_ours(bootstrap_servers, "ask for times of records"):
        places = {_partition(place): moment for place, moment in appended_at_ms.items()}
        answers = consumer.offsets_for_times(places)
    return {
        offset_key(*at): None if answer is None else int(answer.offset)
        for at, answer in answers.items()
    }


def _identities(
    bootstrap_servers: str, topics: Sequence[Topic], timeout_seconds: float
) -> tuple[str, dict[str, str]]:
    with kafka_errors_as_ours(bootstrap_servers, "ask which topics these are"):
        admin = KafkaAdminClient(
            **link_options(bootstrap_servers, timeout_seconds, request_seconds=timeout_seconds)
        )
        with closing(admin):
            cluster_id = str(admin.describe_cluster()["cluster_id"])
            described = admin.describe_topics([topic.name for topic in topics])
    return cluster_id, {topic["name"]: str(topic["topic_id"]) for topic in described}


def _read(consumer: Any, offsets: Mapping[str, int], clock: Clock) -> dict[str, Record]:  # noqa: ANN401
    """Return the records at some offsets; a partition whose record is compacted away is missing."""
    records: dict[str, Record] = {}
    waiting = {_partition(place): offset for place, offset in offsets.items()}
    consumer.assign(list(waiting))
    for at, offset in waiting.items():
        consumer.seek(at, offset)
    deadline_ns = clock.monotonic_ns() + round(READ_BOUND_S * 1e9)
    while waiting:
        for at, polled in consumer.poll(timeout_ms=POLL_MS).items():
            if at in waiting and polled[0].offset == waiting[at]:
                records[offset_key(*at)] = record_of(polled[0])
            if at in waiting:
                del waiting[at]
                consumer.pause(at)
        # The tail of a compacted partition may hold no record from the offset on.
        waiting = {at: offset for at, offset in waiting.items() if consumer.position(at) <= offset}
        if waiting and clock.monotonic_ns() > deadline_ns:
            places = ", ".join(offset_key(*at) for at in waiting)
            raise ReadTimeoutError(f"no record of {places} came within {READ_BOUND_S:g} s")
    return records


def _spans(
    consumer: Any,  # noqa: ANN401 - the client's own type
    partitions: Sequence[TopicPartition],
    timeout_seconds: float,
) -> tuple[dict[str, int], dict[str, int]]:
    """Return where partitions begin and end."""
    bound_ms = round(timeout_seconds * 1000)
    beginnings = consumer.beginning_offsets(partitions, timeout_ms=bound_ms)
    ends = consumer.end_offsets(partitions, timeout_ms=bound_ms)
    return _by_name(beginnings), _by_name(ends)


def _by_name(offsets: Mapping[TopicPartition, int]) -> dict[str, int]:
    return {offset_key(*at): int(offset) for at, offset in sorted(offsets.items())}


def _partition(place: str) -> TopicPartition:
    return TopicPartition(*split_offset_key(place))
