"""Adapter kit: a protocol for sources of prices, the loop that sends them, and a contract check.

A source of your own is a class with one method::

    class MyAdapter:
        def quotes(self) -> Iterator[Quote]: ...

`send_quotes` sends what it yields. `contract_problems` says what the stream would not apply of
it; `docs/examples/adapter.py` is a whole one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol

from system.contracts.codec import decode_topic, encode
from system.contracts.messages import AssetClass, Instrument, Message
from system.errors import MessageError
from system.feed.prices import PriceMaker, Quote
from system.feed.rulings import APPLIED, Judge
from system.tables.closes import FX_PREFIX

MAX_KEPT_PROBLEMS: Final = 20
CHECKED_QUOTES: Final = 10_000


class FeedAdapter(Protocol):
    """Source of prices.

    Laws: prices of one instrument come in the order of their times, or with growing sequence
    numbers; a name is always the same instrument; a price has a mid, or bid and ask. The iterator
    ends where the source does, and closes what it has opened when it is closed.
    """

    def quotes(self) -> Iterator[Quote]:
        """Yield prices as they come."""
        ...


class QuoteSink(Protocol):
    """Part of ``system.bus.producer.MessageProducer`` that a feed needs."""

    def send(self, message: Message) -> None:
        """Take one message; do not wait for the broker."""
        ...


@dataclass
class FeedCounts:
    """Prices of a feed so far.

    Parameters
    ----------
    sent : int
        Handed to the broker's client.
    refused : int
        No message that the codec takes: not sent.
    problems : deque of str
        Newest sentences about those, at most ``MAX_KEPT_PROBLEMS``.
    """

    sent: int = 0
    refused: int = 0
    problems: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_KEPT_PROBLEMS))

    def refuse(self, problem: str) -> None:
        """Count a price that is not sent, and keep its sentence."""
        self.refused += 1
        self.problems.append(problem)


def send_quotes(
    adapter: FeedAdapter,
    sink: QuoteSink,
    maker: PriceMaker,
    counts: FeedCounts,
    *,
    after_each: Callable[[FeedCounts], bool] = lambda _: True,
) -> None:
    """Send the prices of an adapter, each checked by the codec, until they end.

    Parameters
    ----------
    adapter : FeedAdapter
        Source.
    sink : QuoteSink
        Where messages go.
    maker : PriceMaker
        Makes and numbers messages.
    counts : FeedCounts
        Counted on.
    after_each : callable
        Asked after each price; False ends the feed.
    """
    for quote in adapter.quotes():
        price = maker.message(quote.ticker, quote)
        assert price.topic is not None, "a price is no mark"
        try:
            message = decode_topic(price.value, price.topic)
        except MessageError as error:
            counts.refuse(f"{quote.ticker}: {error}")
        else:
            sink.send(message)
            counts.sent += 1
        if not after_each(counts):
            return


def contract_problems(
    adapter: FeedAdapter, maker: PriceMaker, *, limit: int = CHECKED_QUOTES
) -> list[str]:
    """Return what the stream would not apply of an adapter's prices; empty if it keeps the laws.

    Judged by the stream's own fold. Every name is taken for a share in USD.

    Parameters
    ----------
    adapter : FeedAdapter
        To be checked.
    maker : PriceMaker
        With the adapter's map.
    limit : int
        Most prices to look at.
    """
    judge, known = Judge(), set[str]()
    for number, quote in enumerate(islice(adapter.quotes(), limit), start=1):
        name = maker.name_of(quote.ticker)
        if name not in known and not name.startswith(FX_PREFIX):
            known.add(name)
            share = Instrument(instrument=name, asset_class=AssetClass.EQUITY, currency="USD")
            judge.judge(f"reference of {name}", encode(share))
        judge.judge(f"price {number}, {name}", maker.message(name, quote).value)
    return [
        f"{ruling.place}: {ruling.reason or ruling.outcome} {ruling.detail}".rstrip()
        for ruling in judge.finish().rulings
        if ruling.outcome != APPLIED
    ]
