"""Reading: between two offset vectors, or following along; no groups, no commits.

An offset vector maps ``topic:partition`` to the first offset that is *not* covered, as in
``RiskSnapshot.offsets``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaConsumer, TopicPartition

from system.bus.errors import ReadTimeoutError, TopicMissingError, kafka_errors_as_ours
from system.bus.reachability import await_broker, link_options
from system.clock import Clock, SystemClock
from system.contracts.codec import decode_topic
from system.contracts.messages import Message
from system.contracts.topics import TOPICS, Topic, offset_key

CONNECT_TIMEOUT_SECONDS: Final = 30.0
READ_TIMEOUT_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.2
MAX_POLL_RECORDS: Final = 5_000
FETCH_WAIT_MS: Final = 50

OffsetVector = Mapping[str, int]
_BY_NAME: Final = {topic.name: topic for topic in TOPICS}


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it lies on a topic.

    ``appended_at_ms`` is the broker's wall clock, milliseconds since 1970-01-01 UTC. A
    record without a value (a tombstone) has the empty one.
    """

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    appended_at_ms: int

    def message(self) -> Message:
        """Return the message in it.

        Raises
        ------
        MessageError
            If the bytes are no message of that topic.
        """
        return decode_topic(self.value, _BY_NAME[self.topic])


class Follower:
    """Reads topics as they grow, every partition from a given offset.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    topics : sequence of Topic
        What to read.
    start : mapping of str to int, optional
        First offset to read, by ``topic:partition``; partitions that are not named are
        read from their beginning.
    clock : Clock, optional
        Measures the bounds of waits.
    timeout_seconds : float
        Bound of the first connection.

    Raises
    ------
    BusUnavailableError
        If no broker answers in time.
    TopicMissingError
        If a topic does not exist.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Sequence[Topic],
        start: OffsetVector | None = None,
        *,
        clock: Clock | None = None,
        timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._clock = clock or SystemClock()
        self._kafka, self._partitions = connected_consumer(
            bootstrap_servers, topics, timeout_seconds, "connect a reader", self._clock
        )
        try:
            with kafka_errors_as_ours(bootstrap_servers, "connect a reader"):
                self._seek(start or {})
        except BaseException:
            self._kafka.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def position(self) -> dict[str, int]:
        """The next offset to be read, by ``topic:partition``."""
        return {offset_key(*at): int(self._kafka.position(at)) for at in self._partitions}

    def poll(self, timeout_seconds: float = POLL_SECONDS) -> list[Record]:
        """Return what has come, in order within each partition; empty when nothing did.

        Parameters
        ----------
        timeout_seconds : float
            How long to wait for the first record.

        Returns
        -------
        list of Record
            At most ``MAX_POLL_RECORDS``.

        Raises
        ------
        BusUnavailableError
            If the broker refuses the read.
        """
        with kafka_errors_as_ours(self._bootstrap_servers, "read"):
            polled = self._kafka.poll(
                timeout_ms=round(timeout_seconds * 1000), max_records=MAX_POLL_RECORDS
            )
        return [record_of(raw) for at in sorted(polled) for raw in polled[at]]

    def until(
        self,
        condition: Callable[[Record], bool],
        timeout_seconds: float = READ_TIMEOUT_SECONDS,
    ) -> list[Record]:
        """Return the records up to and with the first one that meets a condition.

        What was polled with it but lies behind it is dropped: follow on with a new
        follower from its offset.

        Parameters
        ----------
        condition : callable
            Asked of each record once, in the order read.
        timeout_seconds : float
            Bound of the whole wait.

        Returns
        -------
        list of Record
            The last one meets the condition.

        Raises
        ------
        ReadTimeoutError
            If none came in time.
        BusUnavailableError
            If the broker refuses the read.
        """
        seen: list[Record] = []
        deadline_ns = self._clock.monotonic_ns() + round(timeout_seconds * 1e9)
        while self._clock.monotonic_ns() < deadline_ns:
            for record in self.poll():
                seen.append(record)
                if condition(record):
                    return seen
        raise ReadTimeoutError(
            f"no record met the condition within {timeout_seconds} s; read {len(seen)}, "
            f"now at {self.position}"
        )

    def close(self) -> None:
        """Close the connections."""
        self._kafka.close()

    def _seek(self, start: OffsetVector) -> None:
        self._kafka.assign(self._partitions)
        beginnings = self._kafka.beginning_offsets(self._partitions)
        for at in self._partitions:
            self._kafka.seek(at, max(start.get(offset_key(*at), 0), beginnings[at]))


def read_topic(
    bootstrap_servers: str,
    topic: Topic,
    *,
    start: OffsetVector | None = None,
    end: OffsetVector | None = None,
    timeout_seconds: float = READ_TIMEOUT_SECONDS,
    clock: Clock | None = None,
) -> Iterator[Record]:
    """Yield the records of one topic between two offset vectors.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    topic : Topic
        What to read.
    start : mapping of str to int, optional
        First offset to yield, by ``topic:partition``; default the beginning.
    end : mapping of str to int, optional
        First offset *not* to yield; default where the topic ends now.
    timeout_seconds : float
        Bound of the wait for each next record.
    clock : Clock, optional
        Measures that bound.

    Yields
    ------
    Record
        In order within each partition.

    Raises
    ------
    ReadTimeoutError
        If the end is not reached: nothing came for ``timeout_seconds``.
    TopicMissingError, BusUnavailableError
        As ``Follower``.
    """
    clock = clock or SystemClock()
    stop = dict(end) if end is not None else end_offsets(bootstrap_servers, [topic])
    with Follower(bootstrap_servers, [topic], start, clock=clock) as follower:
        deadline_ns = clock.monotonic_ns() + round(timeout_seconds * 1e9)
        while behind := _behind(follower.position, stop):
            records = follower.poll()
            yield from (r for r in records if r.offset < stop.get(_place(r), 0))
            now_ns = clock.monotonic_ns()
            if records:
                deadline_ns = now_ns + round(timeout_seconds * 1e9)
            elif now_ns > deadline_ns:
                raise ReadTimeoutError(f"nothing came for {timeout_seconds} s; behind: {behind}")


class TopicEnds:
    """Asks where topics end, as often as wanted, over a connection that is kept.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    topics : sequence of Topic
        Which ones.
    timeout_seconds : float
        Bound of the first connection.

    Raises
    ------
    TopicMissingError
        If a topic does not exist.
    BusUnavailableError
        If no broker answers in time.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Sequence[Topic],
        *,
        timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._kafka, self._partitions = connected_consumer(
            bootstrap_servers, topics, timeout_seconds, "connect to ask where topics end"
        )

    def ask(self, timeout_seconds: float) -> dict[str, int]:
        """Return where the topics end now: the offset that the next record will get.

        Parameters
        ----------
        timeout_seconds : float
            Bound of the request.

        Returns
        -------
        dict of str to int
            By ``topic:partition``, in order.

        Raises
        ------
        BusUnavailableError
            If the broker does not answer in time.
        """
        with kafka_errors_as_ours(self._bootstrap_servers, "ask where topics end"):
            ends = self._kafka.end_offsets(
                self._partitions, timeout_ms=round(timeout_seconds * 1000)
            )
        return {offset_key(*at): int(ends[at]) for at in self._partitions}

    def close(self) -> None:
        """Close the connections."""
        self._kafka.close()


def end_offsets(
    bootstrap_servers: str,
    topics: Sequence[Topic] = TOPICS,
    *,
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
) -> dict[str, int]:
    """Return where topics end now, asked once: as ``TopicEnds``, its connection closed again.

    Parameters
    ----------
    bootstrap_servers, topics
        As ``TopicEnds``.
    timeout_seconds : float
        Bound of the connection and of the request.

    Returns
    -------
    dict of str to int
        By ``topic:partition``, in order.

    Raises
    ------
    TopicMissingError, BusUnavailableError
        As ``TopicEnds``.
    """
    with closing(TopicEnds(bootstrap_servers, topics, timeout_seconds=timeout_seconds)) as ends:
        return ends.ask(timeout_seconds)


def connected_consumer(
    bootstrap_servers: str,
    topics: Sequence[Topic],
    timeout_seconds: float,
    attempt: str,
    clock: Clock | None = None,
) -> tuple[Any, list[TopicPartition]]:
    """Return a client and the partitions of topics; the client is closed where that fails."""
    await_broker(bootstrap_servers, timeout_seconds, clock=clock)
    with kafka_errors_as_ours(bootstrap_servers, attempt):
        consumer = KafkaConsumer(**_options(bootstrap_servers, timeout_seconds))
        try:
            return consumer, _partitions(consumer, topics)
        except BaseException:
            consumer.close()
            raise


def _partitions(consumer: Any, topics: Sequence[Topic]) -> list[TopicPartition]:  # noqa: ANN401
    partitions = []
    for topic in topics:
        indices = consumer.partitions_for_topic(topic.name)
        if not indices:
            raise TopicMissingError(
                f"topic {topic.name} is not in Kafka: create the topics first "
                "(`riskstream up` does)"
            )
        partitions += [TopicPartition(topic.name, index) for index in sorted(indices)]
    return partitions


def record_of(raw: Any) -> Record:  # noqa: ANN401 - the client's own record type
    """Return a record of the client as one of ours."""
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        key=raw.key or b"",
        value=raw.value or b"",
        appended_at_ms=raw.timestamp,
    )


def _place(record: Record) -> str:
    return offset_key(record.topic, record.partition)


def _behind(position: OffsetVector, end: OffsetVector) -> dict[str, str]:
    return {
        place: f"{position[place]} of {offset}"
        for place, offset in end.items()
        if position.get(place, offset) < offset
    }


def _options(bootstrap_servers: str, timeout_seconds: float) -> dict[str, Any]:
    return {
        **link_options(bootstrap_servers, timeout_seconds),
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "fetch_max_wait_ms": FETCH_WAIT_MS,
        "max_poll_records": MAX_POLL_RECORDS,
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }
