"""The same in bytewax: a dataflow from its Kafka source, one worker.

Ticks are gathered for 10 ms, and then value all books once.
"""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from typing import Any, Final

from loadtests.peers.valuing import LINGER_S, TOPIC, now_ns, opened, say_ready

BATCH_SIZE: Final = 5_000
FETCH_WAIT_MS: Final = 10
OFFSET_BEGINNING: Final = -2


def main() -> None:
    """Follow the ticks until a signal ends it."""
    bootstrap, _, reader, publisher = opened(str(__doc__))

    def valued(gathered: tuple[str, list[Any]]) -> list[Any]:
        started_ns = now_ns()
        for message in gathered[1]:
            reader.take(message.value, message.partition, message.offset)
        publisher.publish(reader.offsets, started_ns=started_ns, read_ns=now_ns())
        return []

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
    linger = dt.timedelta(seconds=LINGER_S)
    gathered = operators.collect("gather", keyed, timeout=linger, max_size=BATCH_SIZE)
    nothing = operators.flat_map("value", gathered, valued)
    operators.output("end", nothing, import_module("bytewax.connectors.stdio").StdOutSink())
    say_ready()
    import_module("bytewax.run").cli_main(flow)


if __name__ == "__main__":
    main()
