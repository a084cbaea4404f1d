"""The peer that one would write in an afternoon: a consumer, NumPy and Redis in one process.

``python -m loadtests.peers.handwritten PLAN --bootstrap HOST:PORT`` (Redis from the state folder).
It polls, takes everything that is there, values all books once and publishes, without a pause.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from loadtests.peers.valuing import PlanBooks, Publisher, now_ns
from loadtests.plan import LoadPlan
from system.contracts.topics import MARKET_DATA
from system.settings import load_settings

READY: Final = "ready"
MAX_MESSAGES: Final = 20_000
WAIT_S: Final = 0.2


class _Tick(msgspec.Struct, tag_field="type", tag="tick"):
    ticker: str
    mid: float


class _Mark(msgspec.Struct, tag_field="type", tag="mark"):
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow the ticks until a signal ends it.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; default this process's.

    Returns
    -------
    int
        Exit code.
    """
    options = _parser().parse_args(arguments)
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))
    books = PlanBooks(msgspec.json.decode(options.plan.read_bytes(), type=LoadPlan))
    publisher = Publisher(load_settings().connections().redis_url, books)
    consumer, offsets = _consumer(options.bootstrap)
    publisher.publish(offsets, started_ns=now_ns(), read_ns=now_ns())
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Tick | _Mark)
    while not ended:
        messages = consumer.consume(1, WAIT_S)
        started_ns = now_ns()
        if messages:
            messages += consumer.consume(MAX_MESSAGES, 0)
            for message in messages:
                tick = decoder.decode(message.value())
                if isinstance(tick, _Tick):
                    books.prices[books.row[tick.ticker]] = tick.mid
                offsets[f"{MARKET_DATA.name}:{message.partition()}"] = message.offset() + 1
            publisher.publish(offsets, started_ns=started_ns, read_ns=now_ns())
    consumer.close()
    return 0


def _consumer(bootstrap_servers: str) -> tuple[Any, dict[str, int]]:
    """Return a consumer at the end of the topic, and the offsets where it stands."""
    library = import_module("confluent_kafka")
    consumer = library.Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "handwritten",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
        }
    )
    places = [
        library.TopicPartition(MARKET_DATA.name, number)
        for number in range(MARKET_DATA.partition_count)
    ]
    offsets = {}
    for place in places:
        place.offset = consumer.get_watermark_offsets(place)[1]
        offsets[f"{place.topic}:{place.partition}"] = place.offset
    consumer.assign(places)
    return consumer, offsets


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.peers.handwritten")
    parser.add_argument("plan", type=Path, help="file with the JSON of a plan")
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT")
    return parser


if __name__ == "__main__":
    sys.exit(main())
