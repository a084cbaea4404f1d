"""The same in bytewax: a dataflow from its Kafka source, one worker.

Ticks are gathered for 10 ms from the first one on, and then value all books once. The library's own
``collect`` begins its time anew with each item: under a steady stream it waits until it is full.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
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

BATCH_SIZE: Final = 5_000
FETCH_WAIT_MS: Final = 10
OFFSET_BEGINNING: Final = -2
LINGER: Final = dt.timedelta(seconds=LINGER_S)


def main() -> None:
    """Follow the ticks until a signal ends it."""
    bootstrap, _, reader, publisher = opened(str(__doc__))
    operators = import_module("bytewax.operators")
    flow = import_module("bytewax.dataflow").Dataflow("var")
    source = import_module("bytewax.connectors.kafka").KafkaSource(
        [bootstrap],
        [TOPIC],
        starting_offset=OFFSET_BEGINNING,
        add_config={"fetch.wait.max.ms": str(FETCH_WAIT_MS)},
        batch_size=BATCH_SIZE,
    )
    ticks = operators.input("ticks", flow, source)
    keyed = operators.key_on("all", ticks, lambda message: "all")
    valued = operators.stateful_batch("value", keyed, _logic(operators, reader, publisher))
    operators.output("end", valued, import_module("bytewax.connectors.stdio").StdOutSink())
    say_ready()
    import_module("bytewax.run").cli_main(flow)


def _logic(operators: Any, reader: TickReader, publisher: Publisher) -> Any:  # noqa: ANN401
    """Return what makes the logic of the one key: an untyped library's own class."""
    base: Any = operators.StatefulBatchLogic

    class Gathering(base):  # type: ignore[misc]
        """Takes each batch at once, and publishes ``LINGER_S`` after the first of them."""

        def __init__(self) -> None:
            self._due: dt.datetime | None = None

        def on_batch(self, values: Sequence[Any]) -> tuple[tuple[()], bool]:
            """Take messages."""
            if self._due is None:
                self._due = dt.datetime.now(dt.UTC) + LINGER
            for message in values:
                reader.take(message.value, message.partition, message.offset)
            return (), False

        def notify_at(self) -> dt.datetime | None:
            """Return when to publish."""
            return self._due

        def on_notify(self) -> tuple[tuple[()], bool]:
            """Publish what has come."""
            now = now_ns()
            publisher.publish(reader.offsets, started_ns=now, read_ns=now)
            self._due = None
            return (), False

        def on_eof(self) -> tuple[tuple[()], bool]:
            """Never happens: the topic has no end."""
            return (), False

        def snapshot(self) -> None:
            """Keep nothing: a peer begins anew."""

    return lambda state: Gathering()


if __name__ == "__main__":
    main()
