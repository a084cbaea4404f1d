"""How long a what-if takes, from the newest snapshot as JSON to both numbers.

Run by ``make bench``. The goal is 10 ms at the 99th percentile for 100 positions; the table
shows the median and the largest. Closes and scenarios are kept from question to question.
"""

from __future__ import annotations

import itertools

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from system.book.questions.snapshot_book import SnapshotInputs
from system.book.questions.what_if import what_if
from system.book.restore import restored_market, restored_rows
from system.book.state.market import Staleness
from system.contracts.codec import decode, encode
from system.contracts.messages import RiskSnapshot
from tests.system.book.feed import (
    Feed,
    history,
    holding,
    instrument,
    live,
    portfolio,
    tick,
    trade,
    walk,
)

pytestmark = pytest.mark.benchmark_suite

HELD = [f"I{index:03d}" for index in range(100)]


@pytest.mark.parametrize("window", [30, 500])
@pytest.mark.parametrize("trade_count", [1, 100])
def test_what_if(benchmark: BenchmarkFixture, window: int, trade_count: int) -> None:
    feed = Feed()
    names = [*HELD, "other"]
    feed.send(*map(instrument, names))
    feed.send(*(history(one, walk(seed, count=window + 1)) for seed, one in enumerate(names)))
    feed.send(portfolio("P", *(holding(position, 10.0) for position in HELD), window=window))
    stored = encode(live(feed.send(*(tick(name, 100.0) for name in names))))
    recall = SnapshotInputs(restored_market(restored_rows(feed.rows), Staleness(2**62)))
    asked = itertools.cycle(names)

    def ask() -> object:
        trades = [trade(f"t{n}", next(asked), 5.0, 100.0) for n in range(trade_count)]
        return what_if(decode(stored, RiskSnapshot), trades, recall).after

    assert benchmark(ask).var is not None  # type: ignore[attr-defined]
