"""Code that every peer shares: the arithmetic, vectorised over all books, and writing to Redis.

Written for speed, as somebody would who needs nothing but VaR: no components, no exposure, no
history, no exactly-once, one day without an end-of-day mark.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import redis

from loadtests.source.plan import LoadPlan, load_books, load_replay
from system.contracts.messages import CloseHistory

SNAPSHOTS_KEY: Final = "riskstream:snapshots"
LATEST_KEY: Final = "riskstream:latest:"
ENTRIES_KEPT: Final = 10_000
TAIL: Final = 20
"""1 / (1 - 95 %): the VaR is the ceil(n / 20)-th worst outcome."""
EQUITY: Final = "equity"
TOPIC: Final = "market_data"
PARTITION_COUNT: Final = 2
READY: Final = "ready"
LINGER_S: Final = 0.01
"""Time that a peer gathers ticks for one valuation: without it, each poll of a few ticks makes a
snapshot of every book, and Redis and its readers are what is measured."""
REDIS_VARIABLE: Final = "PEER_REDIS_URL"
"""Variable with the URL of Redis: its password must not appear on a command line."""

Float64Array = npt.NDArray[np.float64]


class PlanBooks:
    """The books of a plan as matrices: VaR of all of them in one product.

    Parameters
    ----------
    plan : LoadPlan
        Its books hold shares in one currency.
    """

    def __init__(self, plan: LoadPlan) -> None:
        books, replay = load_books(plan), load_replay(plan)
        self.names = [book.portfolio for book in books]
        self.tickers = list(replay.market.instruments)
        self.row = {ticker: row for row, ticker in enumerate(self.tickers)}
        self._quantity = np.zeros((len(books), len(self.tickers)))
        for number, book in enumerate(books):
            for position in book.positions:
                self._quantity[number, self.row[position.instrument]] = position.quantity
        closes = _closes(replay.reference_messages(), self.tickers, plan.window)
        self._returns = closes[1:] / closes[:-1] - 1.0
        self.prices = closes[-1].copy()
        self._rank = -(-len(self._returns) // TAIL) - 1

    def values_at_risk(self) -> list[float]:
        """Return the VaR of each book at the present prices, loss positive."""
        pnl = (self._quantity * self.prices) @ self._returns.T
        tail = np.partition(pnl, self._rank, axis=1)[:, self._rank]
        return [-float(pnl) for pnl in tail]

    def holdings(self, number: int) -> list[dict[str, Any]]:
        """Return what the observer must know of a book's positions."""
        return [
            {
                "instrument": ticker,
                "asset_class": EQUITY,
                "currency": "USD",
                "quantity": float(self._quantity[number, row]),
            }
            for row, ticker in enumerate(self.tickers)
        ]


class _Tick(msgspec.Struct, tag_field="type", tag="tick"):
    ticker: str
    mid: float


class _Mark(msgspec.Struct, tag_field="type", tag="mark"):
    pass


class TickReader:
    """Takes messages of the market data topic: the newest price of each share, and how far.

    Parameters
    ----------
    books : PlanBooks
        Whose prices.
    offsets : mapping of str to int
        First offset of each ``topic:partition`` that is not taken.
    """

    def __init__(self, books: PlanBooks, offsets: Mapping[str, int]) -> None:
        self._books = books
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Tick | _Mark)
        self.offsets = dict(offsets)

    def take(self, value: bytes, partition: int, offset: int) -> None:
        """Take one message; the mark at the end of the only day is not covered by a peer."""
        message = self._decoder.decode(value)
        if isinstance(message, _Tick):
            self._books.prices[self._books.row[message.ticker]] = message.mid
            self.offsets[f"{TOPIC}:{partition}"] = offset + 1


class Publisher:
    """Writes VaR by book into Redis in one round trip, and counts the batches.

    Parameters
    ----------
    redis_url : str
        Password included.
    books : PlanBooks
        Whose VaR.
    """

    def __init__(self, redis_url: str, books: PlanBooks) -> None:
        self._redis = redis.Redis.from_url(redis_url)
        self._books = books
        self._positions = [
            msgspec.json.encode(books.holdings(number)) for number in range(len(books.names))
        ]
        self._epoch = 0

    def publish(self, offsets: Mapping[str, int], *, started_ns: int, read_ns: int) -> None:
        """Value every book and write it with the offsets that it covers.

        Parameters
        ----------
        offsets : mapping of str to int
            ``topic:partition`` to the first offset that is not covered.
        started_ns, read_ns : int
            When the batch began and when it was read, CLOCK_MONOTONIC.
        """
        values = self._books.values_at_risk()
        valued_ns = now_ns()
        self._epoch += 1
        pipeline = self._redis.pipeline(transaction=True)
        for number, (name, var) in enumerate(zip(self._books.names, values, strict=True)):
            body = self._body(number, name, var, offsets, (started_ns, read_ns, valued_ns))
            fields: dict[Any, Any] = {
                "portfolio": name,
                "kind": "live",
                "fence": 1,
                "epoch": self._epoch,
                "snapshot": body,
                "current": b"{}",
            }
            pipeline.xadd(SNAPSHOTS_KEY, fields, maxlen=ENTRIES_KEPT, approximate=True)
            pipeline.hset(LATEST_KEY + name, mapping={"snapshot": body})
        pipeline.execute()

    def _body(
        self,
        number: int,
        name: str,
        var: float,
        offsets: Mapping[str, int],
        stamps: Sequence[int],
    ) -> bytes:
        started_ns, read_ns, valued_ns = stamps
        head = msgspec.json.encode(
            {
                "snapshot_id": f"{name}-1-{self._epoch}",
                "base_currency": "USD",
                "offsets": offsets,
                "event_time_ns": 0,
                "asof": None,
                "var": var,
                "trade_ids": [],
                "stages": {
                    "batch_started_ns": started_ns,
                    "read_ns": read_ns,
                    "folded_ns": read_ns,
                    "valued_ns": valued_ns,
                    "published_ns": now_ns(),
                },
            }
        )
        return head[:-1] + b',"positions":' + self._positions[number] + b"}"


def opened(description: str) -> tuple[str, PlanBooks, TickReader, Publisher]:
    """Return what a peer's command line and environment name; VaR of the start is published.

    Parameters
    ----------
    description : str
        Of the peer, for its help.

    Returns
    -------
    tuple
        The broker, the books, a reader at the beginning of the topic, and the way out.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("plan", type=Path, help="file with the JSON of a plan")
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT")
    options = parser.parse_args()
    books = PlanBooks(msgspec.json.decode(options.plan.read_bytes(), type=LoadPlan))
    reader = TickReader(books, {f"{TOPIC}:{number}": 0 for number in range(PARTITION_COUNT)})
    publisher = Publisher(os.environ[REDIS_VARIABLE], books)
    publisher.publish(reader.offsets, started_ns=now_ns(), read_ns=now_ns())
    return options.bootstrap, books, reader, publisher


def say_ready() -> None:
    """Tell whoever started this process that it follows the topic from its beginning."""
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()


def now_ns() -> int:
    """Return CLOCK_MONOTONIC in nanoseconds."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def _closes(messages: Any, tickers: Sequence[str], window: int) -> Float64Array:  # noqa: ANN401
    histories = {
        message.series: message for message in messages if isinstance(message, CloseHistory)
    }
    columns = [
        [point.value for point in histories[ticker].closes[-window - 1 :]] for ticker in tickers
    ]
    return np.array(columns).T
