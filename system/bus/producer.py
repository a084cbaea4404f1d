"""Sending: idempotent, acknowledged by all replicas, ordered per partition, counted.

Laws of this file: a message is *sent* when the client took it and *acked* when the broker
said so; a failure is kept until somebody is told; what is unacknowledged is bounded.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from system.bus.admin import MAX_OUTPUT_RECORD_BYTES, RECORD_OVERHEAD_BYTES, max_record_bytes
from system.bus.errors import (
    BusUnavailableError,
    DeliveryError,
    RecordTooLargeError,
    TopicMissingError,
    kafka_errors_as_ours,
)
from system.bus.reachability import await_broker, link_options
from system.bus.routing import partition_of, topic_of
from system.contracts.codec import encode
from system.contracts.messages import Mark, Message
from system.contracts.topics import INPUT_TOPICS, Topic, message_key, offset_key

LINGER_MS: Final = 0
BATCH_BYTES: Final = 65_536
CONNECT_TIMEOUT_SECONDS: Final = 30.0
METADATA_TIMEOUT_SECONDS: Final = 10.0
DELIVERY_TIMEOUT_SECONDS: Final = 30.0
CLOSE_AFTER_FAILURE_SECONDS: Final = 5.0
MAX_UNACKED_COUNT: Final = 50_000
MAX_KEPT_FAILURES: Final = 100


@dataclass(frozen=True)
class RecordPosition:
    """Place of one record: topic, partition and offset."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class SendCounts:
    """Messages handed to the client, acknowledged by the broker, and given up."""

    sent: int
    acked: int
    failed: int


class MessageProducer:
    """Sends contract messages to their topics; may be shared by threads.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    linger_ms : int
        How long a record may wait for others to share its request. The default of 0 has
        the lowest latency; who sends much sends in bursts (docs/market-data.md).
    timeout_seconds : float
        Bound of the first connection.
    delivery_seconds : float
        A message that the broker has not acknowledged for so long is given up.

    Raises
    ------
    BusUnavailableError
        If no broker answers in time.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        linger_ms: int = LINGER_MS,
        timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
        delivery_seconds: float = DELIVERY_TIMEOUT_SECONDS,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._delivery_seconds = delivery_seconds
        self._lock = threading.Lock()
        self._sent = self._acked = self._failed = 0
        self._failures: deque[Exception] = deque(maxlen=MAX_KEPT_FAILURES)
        self._unreported = 0
        self._offsets: dict[tuple[str, int], int] = {}
        self._partition_counts: dict[str, int] = {}
        await_broker(bootstrap_servers, timeout_seconds)
        with kafka_errors_as_ours(bootstrap_servers, "connect a producer"):
            self._kafka = KafkaProducer(
                **_options(bootstrap_servers, linger_ms, timeout_seconds, delivery_seconds)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        with suppress(DeliveryError):  # the error that is on its way says why
            self._close_client(CLOSE_AFTER_FAILURE_SECONDS)

    @property
    def counts(self) -> SendCounts:
        """Counts of messages sent, acknowledged and given up since the producer was made."""
        return SendCounts(self._sent, self._acked, self._failed)

    @property
    def offsets(self) -> dict[str, int]:
        """The first offset after the last acknowledged record, by ``topic:partition``."""
        with self._lock:
            return {offset_key(*at): offset for at, offset in sorted(self._offsets.items())}

    def send(self, message: Message) -> None:
        """Send one message to its topic, by its key; does not wait.

        Parameters
        ----------
        message : Message
            Anything but a mark.

        Raises
        ------
        UnroutableMessageError
            If it has no single topic.
        DeliveryError
            If earlier messages were given up; tells of each once.
        TopicMissingError
            If its topic does not exist.
        RecordTooLargeError
            If it is larger than its topic takes.
        BusUnavailableError
            If the client cannot take it.
        """
        self.send_bytes(topic_of(message), message_key(message).encode(), encode(message))

    def send_bytes(
        self, topic: Topic, key: bytes, value: bytes, *, partition: int | None = None
    ) -> None:
        """Send bytes as they are: messages encoded before, or garbage on purpose.

        Parameters
        ----------
        topic : Topic
            Where to.
        key, value : bytes
            The record.
        partition : int, optional
            Chosen from the key when not given.

        Raises
        ------
        DeliveryError, TopicMissingError, RecordTooLargeError, BusUnavailableError
            As ``send``.
        """
        self._raise_failures()
        if self._sent - self._acked - self._failed >= MAX_UNACKED_COUNT:
            self.flush()
        future = self._hand_over(topic, key, value, partition)
        future.add_callback(self._on_ack)
        future.add_errback(self._on_failure)

    def deliver(
        self, message: Message, *, timeout_seconds: float = DELIVERY_TIMEOUT_SECONDS
    ) -> RecordPosition:
        """Send one message and wait until the broker has it.

        Parameters
        ----------
        message : Message
            Anything but a mark.
        timeout_seconds : float
            Bound of the wait.

        Returns
        -------
        RecordPosition
            Where it lies.

        Raises
        ------
        UnroutableMessageError, TopicMissingError, RecordTooLargeError, BusUnavailableError
            As ``send``.
        DeliveryError
            If this message was not acknowledged in time: it may or may not be there.
        """
        topic = topic_of(message)
        future = self._hand_over(topic, message_key(message).encode(), encode(message), None)
        future.add_callback(self._on_ack)
        future.add_errback(self._count_failure)
        try:
            record = future.get(timeout_seconds)
        except KafkaError as error:
            raise DeliveryError(
                f"{type(message).__name__} for topic {topic.name} was not acknowledged by "
                f"{self._bootstrap_servers} within {timeout_seconds} s: {error}"
            ) from error
        return RecordPosition(record.topic, record.partition, record.offset)

    def send_mark_everywhere(self, mark: Mark) -> int:
        """Send a mark to every partition of every input topic, behind all sent before.

        Waits first until everything sent so far is acknowledged, so that a lost message
        is known before its day is closed; does not wait for the marks themselves.

        Parameters
        ----------
        mark : Mark
            The end of a day.

        Returns
        -------
        int
            Number of marks sent.

        Raises
        ------
        DeliveryError, TopicMissingError, BusUnavailableError
            As ``flush`` and ``send``.
        """
        self.flush()
        key, value = message_key(mark).encode(), encode(mark)
        places = [(topic, p) for topic in INPUT_TOPICS for p in range(self.partition_count(topic))]
        for topic, partition in places:
            self.send_bytes(topic, key, value, partition=partition)
        return len(places)

    def flush(self, timeout_seconds: float | None = None) -> None:
        """Wait until everything sent so far is acknowledged.

        Parameters
        ----------
        timeout_seconds : float, optional
            Bound of the wait; ``delivery_seconds`` when not given.

        Raises
        ------
        DeliveryError
            If the wait ran out, or messages were given up.
        """
        timeout_seconds = self._delivery_seconds if timeout_seconds is None else timeout_seconds
        try:
            self._kafka.flush(timeout_seconds)
        except KafkaTimeoutError as error:
            waiting = self._sent - self._acked - self._failed
            raise DeliveryError(
                f"{waiting} messages are not acknowledged by {self._bootstrap_servers} "
                f"after {timeout_seconds} s"
            ) from error
        self._raise_failures()

    def prepare(self, topics: Sequence[Topic] = INPUT_TOPICS) -> None:
        """Learn the partitions of topics now, which otherwise delays the first message.

        Parameters
        ----------
        topics : sequence of Topic
            What will be sent to.

        Raises
        ------
        TopicMissingError, BusUnavailableError
            As ``partition_count``.
        """
        for topic in topics:
            self.partition_count(topic)

    def partition_count(self, topic: Topic) -> int:
        """Return the number of partitions of a topic in the broker; asked once.

        Raises
        ------
        TopicMissingError
            If the topic does not exist.
        BusUnavailableError
            If the broker does not say.
        """
        count = self._partition_counts.get(topic.name)
        if count is None:
            count = self._partition_counts[topic.name] = self._ask_partition_count(topic.name)
        return count

    def close(self, timeout_seconds: float | None = None) -> None:
        """Send what is left and close the connections.

        Parameters
        ----------
        timeout_seconds : float, optional
            Bound of the wait for what is left; ``delivery_seconds`` when not given.

        Raises
        ------
        DeliveryError
            If messages were given up or are still not acknowledged.
        """
        timeout_seconds = self._delivery_seconds if timeout_seconds is None else timeout_seconds
        try:
            self.flush(timeout_seconds)
        except DeliveryError:
            with suppress(DeliveryError):  # the first error says more than that of closing
                self._close_client(CLOSE_AFTER_FAILURE_SECONDS)
            raise
        self._close_client(timeout_seconds)

    def _close_client(self, timeout_seconds: float) -> None:
        try:
            self._kafka.close(timeout_seconds)
        except KafkaTimeoutError as error:
            raise DeliveryError(
                f"the producer did not close within {timeout_seconds} s: {error}"
            ) from error

    def _hand_over(self, topic: Topic, key: bytes, value: bytes, partition: int | None) -> Any:  # noqa: ANN401
        _check_size(topic, value)
        if partition is None:
            partition = partition_of(key, self.partition_count(topic))
        with kafka_errors_as_ours(self._bootstrap_servers, f"send to {topic.name}"):
            future = self._kafka.send(topic.name, key=key, value=value, partition=partition)
        with self._lock:
            self._sent += 1
        return future

    def _ask_partition_count(self, name: str) -> int:
        try:
            return len(self._kafka.partitions_for(name))
        except (KafkaTimeoutError, UnknownTopicOrPartitionError) as error:
            raise TopicMissingError(
                f"topic {name} is not in Kafka at {self._bootstrap_servers}: create the topics "
                f"first (`riskstream up` does): {error}"
            ) from error
        except KafkaError as error:
            raise BusUnavailableError(f"partitions of {name} are not known: {error}") from error

    def _on_ack(self, record: Any) -> None:  # noqa: ANN401 - the client's own record type
        at = (record.topic, record.partition)
        with self._lock:
            self._acked += 1
            self._offsets[at] = max(self._offsets.get(at, 0), record.offset + 1)

    def _on_failure(self, error: Exception) -> None:
        self._count_failure(error)
        with self._lock:
            self._unreported += 1
            self._failures.append(error)

    def _count_failure(self, _error: Exception) -> None:
        with self._lock:
            self._failed += 1

    def _raise_failures(self) -> None:
        if not self._unreported:
            return
        with self._lock:
            count, self._unreported = self._unreported, 0
            first = self._failures[0]
            self._failures.clear()
        raise DeliveryError(
            f"{count} messages were given up; the first because of: {first!r}"
        ) from first


def _check_size(topic: Topic, value: bytes) -> None:
    limit = max_record_bytes(topic) - RECORD_OVERHEAD_BYTES
    if len(value) > limit:
        raise RecordTooLargeError(
            f"a message of {len(value)} bytes for topic {topic.name}: {limit} are allowed"
        )


def _options(
    bootstrap_servers: str, linger_ms: int, timeout_seconds: float, delivery_seconds: float
) -> dict[str, Any]:
    return {
        **link_options(bootstrap_servers, timeout_seconds),
        "enable_idempotence": True,
        "acks": "all",
        "linger_ms": linger_ms,
        "batch_size": BATCH_BYTES,
        "max_request_size": MAX_OUTPUT_RECORD_BYTES,
        "max_block_ms": round(METADATA_TIMEOUT_SECONDS * 1000),
        "delivery_timeout_ms": round(delivery_seconds * 1000),
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }
