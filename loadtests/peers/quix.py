"""The same in quixstreams: its application, its consumer group, its checkpoints.

The sink is flushed at each checkpoint; the interval is 10 ms instead of the default of 5 s,
and the fetch waits 10 ms at most.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from loadtests.peers.valuing import (
    LINGER_S,
    TOPIC,
    Publisher,
    TickReader,
    now_ns,
    opened,
    say_ready,
)

FETCH_WAIT_MS: Final = 10
POLL_S: Final = 0.02


def main() -> None:
    """Follow the ticks until a signal ends it."""
    bootstrap, _, reader, publisher = opened(str(__doc__))
    application = import_module("quixstreams").Application(
        broker_address=bootstrap,
        consumer_group="quix",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_interval=LINGER_S,
        consumer_poll_timeout=POLL_S,
        consumer_extra_config={"fetch.wait.max.ms": FETCH_WAIT_MS},
        loglevel="WARNING",
    )
    topic = application.topic(TOPIC, value_deserializer="bytes", key_deserializer="bytes")
    application.dataframe(topic).sink(_sink(reader, publisher))
    say_ready()
    application.run()


def _sink(reader: TickReader, publisher: Publisher) -> Any:  # noqa: ANN401 - untyped library
    base: Any = import_module("quixstreams.sinks").BaseSink

    class VarSink(base):  # type: ignore[misc]
        """Takes each message at once, and publishes what has come at each checkpoint."""

        def __init__(self) -> None:
            super().__init__()
            self._waiting = False

        def setup(self) -> None:
            """Need nothing."""

        def add(
            self,
            value: bytes,
            key: Any,  # noqa: ANN401
            timestamp: int,
            headers: Any,  # noqa: ANN401
            topic: str,
            partition: int,
            offset: int,
        ) -> None:
            """Take one message."""
            self._waiting = True
            reader.take(value, partition, offset)

        def flush(self) -> None:
            """Publish, if anything came."""
            if self._waiting:
                now = now_ns()
                publisher.publish(reader.offsets, started_ns=now, read_ns=now)
                self._waiting = False

    return VarSink()


if __name__ == "__main__":
    main()
