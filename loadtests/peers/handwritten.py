"""The peer that one would write in an afternoon: a consumer, NumPy and Redis in one process.

It waits for a tick, gathers for 10 ms, values all books once and publishes.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import Any, Final

from loadtests.peers.valuing import LINGER_S, PARTITION_COUNT, TOPIC, now_ns, opened, say_ready

MAX_MESSAGES: Final = 20_000
WAIT_S: Final = 0.2
FETCH_WAIT_MS: Final = 10


def main() -> int:
    """Follow the ticks until a signal ends it; return the exit code."""
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: ended.append(received))
    bootstrap, _, reader, publisher = opened(str(__doc__))
    consumer = _consumer(bootstrap)
    say_ready()
    while not ended:
        messages = consumer.consume(1, WAIT_S)
        if messages:
            messages += consumer.consume(MAX_MESSAGES, LINGER_S)
            started_ns = now_ns()
            for message in messages:
                reader.take(message.value(), message.partition(), message.offset())
            publisher.publish(reader.offsets, started_ns=started_ns, read_ns=now_ns())
    consumer.close()
    return 0


def _consumer(bootstrap_servers: str) -> Any:  # noqa: ANN401 - untyped library
    library = import_module("confluent_kafka")
    consumer = library.Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "handwritten",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": FETCH_WAIT_MS,
        }
    )
    numbers = range(PARTITION_COUNT)
    consumer.assign([library.TopicPartition(TOPIC, number, 0) for number in numbers])
    return consumer


if __name__ == "__main__":
    sys.exit(main())
