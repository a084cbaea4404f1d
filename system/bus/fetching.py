"""Fetching single records, where a batch carries only the beginning of their values."""

from __future__ import annotations

from typing import Any, Final

from kafka import TopicPartition

from system.bus.consumer import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    Record,
    connected_consumer,
    record_of,
)
from system.bus.errors import ReadTimeoutError, kafka_errors_as_ours
from system.clock import Clock, SystemClock
from system.contracts.topics import INPUT_TOPICS

POLL_MS: Final = 200


class RecordFetcher:
    """Returns the value at an offset; values one after the other cost one fetch together.

    Connects when first asked: on most days no record is that long.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    clock : Clock, optional
        Measures the bound of each wait.
    """

    def __init__(self, bootstrap_servers: str, *, clock: Clock | None = None) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._clock = clock or SystemClock()
        self._kafka: Any = None
        self._at: TopicPartition | None = None

    def close(self) -> None:
        """Close the connections, if there are any."""
        if self._kafka is not None:
            self._kafka.close()

    def value(self, topic: str, partition: int, offset: int) -> bytes | None:
        """Return the value of one record, as `record` does."""
        record = self.record(topic, partition, offset)
        return None if record is None else record.value

    def record(self, topic: str, partition: int, offset: int) -> Record | None:
        """Return one record, None where the topic no longer has it.

        Parameters
        ----------
        topic : str
            An input topic.
        partition, offset : int
            Of the record, below the end of the partition.

        Raises
        ------
        BusUnavailableError
            If no broker answers in time.
        ReadTimeoutError
            If neither the record nor a later one comes in time.
        """
        place = TopicPartition(topic, partition)
        with kafka_errors_as_ours(
            self._bootstrap_servers, f"fetch {topic}:{partition} at {offset}"
        ):
            kafka = self._connected()
            self._go_to(kafka, place, offset)
            deadline_ns = self._clock.monotonic_ns() + round(READ_TIMEOUT_SECONDS * 1e9)
            while self._clock.monotonic_ns() < deadline_ns:
                polled = kafka.poll(timeout_ms=POLL_MS, max_records=1).get(place)
                if polled:
                    record = record_of(polled[0])
                    return record if record.offset == offset else None
                if kafka.position(place) > offset:
                    return None  # only the end of a transaction, or what was compacted away
        raise ReadTimeoutError(
            f"the record at {topic}:{partition} offset {offset} did not come in "
            f"{READ_TIMEOUT_SECONDS:g} s"
        )

    def _connected(self) -> Any:  # noqa: ANN401 - the client's own type
        if self._kafka is None:
            self._kafka, _ = connected_consumer(
                self._bootstrap_servers,
                INPUT_TOPICS,
                CONNECT_TIMEOUT_SECONDS,
                "connect to fetch single records",
                self._clock,
            )
        return self._kafka

    def _go_to(self, kafka: Any, place: TopicPartition, offset: int) -> None:  # noqa: ANN401
        if place != self._at:
            kafka.assign([place])
            self._at = place
            kafka.seek(place, offset)
        elif kafka.position(place) != offset:
            kafka.seek(place, offset)
