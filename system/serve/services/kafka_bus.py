"""The bus behind the API: one producer for all requests, connected at the first need."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from system.bus.consumer import end_offsets
from system.bus.producer import MessageProducer, RecordPosition
from system.contracts.messages import Mark, Message
from system.contracts.topics import INPUT_TOPICS, REFERENCE, TRADES

LINGER_MS: Final = 0
"""A trade waits for no other: its latency is the point, its rate is small."""
CONNECT_BOUND_S: Final = 5.0
DELIVERY_BOUND_S: Final = 10.0
LAG_BOUND_S: Final = 2.0


class KafkaBus:
    """Sends for all request threads over one producer.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._lock = threading.Lock()
        self._producer: MessageProducer | None = None

    def deliver(self, message: Message) -> RecordPosition:
        """Send one message and wait until the broker has it.

        Raises
        ------
        BusUnavailableError, TopicMissingError
            If the broker or the topic is not there.
        RecordTooLargeError
            If the message is larger than its topic takes.
        DeliveryError
            If the broker does not acknowledge it in time.
        """
        return self._connected().deliver(message, timeout_seconds=DELIVERY_BOUND_S)

    def deliver_all(self, messages: Sequence[Message]) -> None:
        """Send messages and wait until the broker has all of them.

        Raises
        ------
        BusUnavailableError, TopicMissingError, RecordTooLargeError, DeliveryError
            As ``deliver``.
        """
        producer = self._connected()
        for message in messages:
            producer.send(message)
        if messages:
            producer.flush(DELIVERY_BOUND_S)

    def close_day(self, mark: Mark) -> int:
        """Send a mark to every partition of every input topic; return how many the broker has.

        Raises
        ------
        BusUnavailableError, TopicMissingError, DeliveryError
            As ``deliver``; some partitions may have theirs: send the mark again.
        """
        producer = self._connected()
        count = producer.send_mark_everywhere(mark)
        producer.flush(DELIVERY_BOUND_S)
        return count

    def warm_up(self) -> None:
        """Connect and ask for the topics, so that the first trade need not.

        Raises
        ------
        BusUnavailableError, TopicMissingError
            If the broker or a topic is not there.
        """
        for topic in (TRADES, REFERENCE):
            self._connected().partition_count(topic)

    def end_offsets(self) -> dict[str, int]:
        """Return where the input topics end, by ``topic:partition``.

        Raises
        ------
        BusUnavailableError, TopicMissingError
            If the broker or a topic is not there.
        """
        return end_offsets(self._bootstrap_servers, INPUT_TOPICS, timeout_seconds=LAG_BOUND_S)

    def close(self) -> None:
        """Send what is left and close the connections.

        Raises
        ------
        DeliveryError
            If something is not acknowledged in time.
        """
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(DELIVERY_BOUND_S)

    def _connected(self) -> MessageProducer:
        with self._lock:
            if self._producer is None:
                self._producer = MessageProducer(
                    self._bootstrap_servers,
                    linger_ms=LINGER_MS,
                    timeout_seconds=CONNECT_BOUND_S,
                )
            return self._producer
