"""A sink on confluent-kafka, for rates beyond kafka-python: `produce()` and `poll(0)` only.

A blocking poll would stall the schedule (and everything, under gevent); the library's own
threads send, and acknowledgements are picked up between messages. Extra `load`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import Any, Final, Self

from loadtests.source.plan import LINGER_MS
from system.bus.errors import DeliveryError
from system.bus.producer import SendCounts
from system.bus.routing import partition_of, topic_of
from system.contracts.codec import encode
from system.contracts.messages import Mark, Message
from system.contracts.topics import INPUT_TOPICS, Topic, message_key, offset_key
from system.errors import InputError

QUEUE_BOUND: Final = 500_000
DELIVERY_TIMEOUT_S: Final = 30.0
POLL_EVERY: Final = 64


class ConfluentSink:
    """Sends contract messages; idempotent, acknowledged by all replicas, counted.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.

    Raises
    ------
    InputError
        If confluent-kafka is not installed.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._kafka = _library().Producer(_options(bootstrap_servers))
        self._sent = self._acked = self._failed = 0
        self._offsets: Counter[tuple[str, int]] = Counter()
        self._first_failure = ""
        self._partition_counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kafka.flush(DELIVERY_TIMEOUT_S)

    @property
    def counts(self) -> SendCounts:
        """Counts of messages sent, acknowledged and given up so far."""
        return SendCounts(self._sent, self._acked, self._failed)

    @property
    def offsets(self) -> dict[str, int]:
        """The first offset after the last acknowledged record, by ``topic:partition``."""
        return {offset_key(*at): offset for at, offset in sorted(self._offsets.items())}

    def prepare(self) -> None:
        """Learn the partitions of the topics, which otherwise delays the first message."""
        for topic in INPUT_TOPICS:
            metadata = self._kafka.list_topics(topic.name, timeout=DELIVERY_TIMEOUT_S)
            self._partition_counts[topic.name] = len(metadata.topics[topic.name].partitions)

    def send(self, message: Message) -> None:
        """Take one message; does not wait.

        Raises
        ------
        DeliveryError
            If earlier messages were given up, or more wait than ``QUEUE_BOUND``.
        """
        topic, key = topic_of(message), message_key(message).encode()
        self._produce(topic, key, encode(message), partition_of(key, self.partition_count(topic)))

    def partition_count(self, topic: Topic) -> int:
        """Return how many partitions a topic has; after ``prepare``."""
        return self._partition_counts[topic.name]

    def send_batch(
        self, topic: Topic, partition: int, keys: Sequence[bytes], values: Sequence[bytes]
    ) -> None:
        """Take messages of one partition, at least one; does not wait.

        The producer is idempotent and keeps their order: with the last of them all are
        acknowledged, and the library reports that one alone.

        Raises
        ------
        DeliveryError
            As ``send``.
        """
        messages: list[dict[str, object]] = [
            {"value": value, "key": key} for key, value in zip(keys, values, strict=True)
        ]
        messages[-1]["callback"] = partial(self._on_batch, len(messages))
        queued = self._kafka.produce_batch(topic.name, messages, partition)
        self._sent += queued
        if queued < len(messages):
            raise DeliveryError(f"{QUEUE_BOUND} messages wait for the broker")
        self._kafka.poll(0)
        self._raise_failures()

    def send_mark_everywhere(self, mark: Mark) -> int:
        """Send a mark to every partition, once everything before is acknowledged.

        Returns
        -------
        int
            How many were sent.

        Raises
        ------
        DeliveryError
            As ``flush``.
        """
        self.flush()
        key, value = message_key(mark).encode(), encode(mark)
        places = [
            (topic, at) for topic in INPUT_TOPICS for at in range(self.partition_count(topic))
        ]
        for topic, partition in places:
            self._produce(topic, key, value, partition)
        return len(places)

    def flush(self) -> None:
        """Wait until everything is acknowledged.

        Raises
        ------
        DeliveryError
            If that takes longer than its bound, or messages were given up.
        """
        waiting = self._kafka.flush(DELIVERY_TIMEOUT_S)
        if waiting:
            raise DeliveryError(f"{waiting} messages wait after {DELIVERY_TIMEOUT_S:.0f} s")
        self._raise_failures()

    def _produce(self, topic: Topic, key: bytes, value: bytes, partition: int) -> None:
        try:
            self._kafka.produce(topic.name, value, key, partition, on_delivery=self._on_delivery)
        except BufferError as error:
            raise DeliveryError(f"{QUEUE_BOUND} messages wait for the broker: {error}") from error
        self._sent += 1
        if self._sent % POLL_EVERY == 0:
            self._kafka.poll(0)
            self._raise_failures()

    def _on_delivery(self, error: Any, message: Any) -> None:  # noqa: ANN401 - untyped library
        self._on_batch(1, error, message)

    def _on_batch(self, count: int, error: Any, message: Any) -> None:  # noqa: ANN401 - untyped
        if error is not None:
            self._failed += count
            self._first_failure = self._first_failure or str(error)
            return
        self._acked += count
        at = (message.topic(), message.partition())
        self._offsets[at] = max(self._offsets[at], message.offset() + 1)

    def _raise_failures(self) -> None:
        if self._failed:
            raise DeliveryError(
                f"{self._failed} messages were given up; the first because of: "
                f"{self._first_failure}"
            )


def _library() -> Any:  # noqa: ANN401 - untyped library
    try:
        return import_module("confluent_kafka")
    except ImportError:
        raise InputError(
            "confluent-kafka is not installed: `make setup-verify`, or pip install "
            "'riskstream[load]'; or use --client kafka-python"
        ) from None


def _options(bootstrap_servers: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap_servers,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": LINGER_MS,
        "queue.buffering.max.messages": QUEUE_BOUND,
        "delivery.timeout.ms": round(DELIVERY_TIMEOUT_S * 1000),
        "allow.auto.create.topics": False,
    }
