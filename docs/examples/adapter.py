"""Adapter of a feed of text lines: `SYMBOL TIME BID ASK`, from standard input, to the stream.

    nc feed.example.com 9000 | python docs/examples/adapter.py

A line such as `VOD.L 1583422200123 122.34 122.38` is a quote; its time counts milliseconds. What is
no quote is left out, and said on standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from system.bus.producer import MessageProducer
from system.feed.adapter import FeedCounts, send_quotes
from system.feed.field_map import FieldMap
from system.feed.prices import PriceMaker, Quote, TimeError, time_ns_of
from system.settings import load_settings

NAMES = {"VOD.L": "VOD", "BP.L": "BP"}
MAP = FieldMap(time_unit="ms", zone="Europe/London", close="16:30", tickers=NAMES)


class LineAdapter:
    """Quotes of text lines."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines

    def quotes(self) -> Iterator[Quote]:
        """Yield the quote of each line that is one."""
        for line in self._lines:
            try:
                symbol, time, bid, ask = line.split()
                yield Quote(symbol, time_ns_of(time, MAP), bid=float(bid), ask=float(ask))
            except (ValueError, TimeError) as error:
                sys.stderr.write(f"left out {line.strip()!r}: {error}\n")


def main() -> None:
    """Send quotes until the lines end."""
    counts = FeedCounts()
    servers = load_settings().connections().kafka_bootstrap_servers
    with MessageProducer(servers) as producer:
        send_quotes(LineAdapter(sys.stdin), producer, PriceMaker(MAP), counts)
    sys.stderr.write(f"sent {counts.sent} prices, left out {counts.refused}\n")


if __name__ == "__main__":
    main()
