"""One snapshot, three ways: from the stream, from a what-if without trades, from the backtest."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from system.backtest.daily import daily_backtest
from system.backtest.engine.methods import Method
from system.backtest.engine.specification import BacktestSettings
from system.book.questions.snapshot_book import SnapshotInputs
from system.book.questions.what_if import what_if
from system.book.restore import restored_market, restored_rows
from system.book.state.market import Staleness
from system.contracts.messages import (
    CloseHistory,
    ClosePoint,
    Mark,
    OpeningPosition,
    Portfolio,
    RiskSnapshot,
    Tick,
)
from tests.system.backtest.golden_days import equal_weights, equities, golden, market_since
from tests.system.book.feed import Feed, end_of_day, instrument, live

PERIOD = "2020H1"
DAYS = 4
WINDOW = 30
NOON = dt.time(12, tzinfo=dt.UTC)


def at_ns(date: dt.date, hours: int) -> int:
    return int(dt.datetime.combine(date, NOON).timestamp()) * 10**9 + hours * 3_600 * 10**9


def tick(name: str, price: float, date: dt.date) -> Tick:
    at = at_ns(date, 0)
    return Tick(
        ticker=name, bid=price, mid=price, ask=price, volume=1.0, event_time_ns=at, sequence=at
    )


@pytest.fixture(scope="module")
def days() -> list[dt.date]:
    return list(golden(PERIOD).dates("asof")[:DAYS])


@pytest.fixture(scope="module")
def stated(days: list[dt.date]) -> list[tuple[RiskSnapshot, RiskSnapshot, RiskSnapshot]]:
    """Return of each day: the end of day, and a live one behind it with its what-if."""
    book, table = equal_weights(days[0]), equities()
    first = table.dates.index(days[0])
    names = [quantity.instrument_id for quantity in book.quantities]
    values = dict(zip(table.names, table.closes, strict=True))

    def history(name: str) -> CloseHistory:
        span = range(first - WINDOW - 1, first)
        return CloseHistory(
            series=name,
            closes=tuple(ClosePoint(table.dates[i], float(values[name][i])) for i in span),
        )

    positions = tuple(
        OpeningPosition(
            instrument=quantity.instrument_id, quantity=quantity.quantity, entry_price=1.0
        )
        for quantity in book.quantities
    )
    feed = Feed()
    feed.send(*map(instrument, names), *map(history, names))
    feed.send(Portfolio(portfolio="P", positions=positions))
    digests = []
    for date in days:
        close = table.dates.index(date)
        feed.send(*(tick(name, float(values[name][close]), date) for name in names))
        mark = Mark(date=date, event_time_ns=at_ns(date, 9))
        closed = end_of_day(feed.fold({name: [mark] for name in feed.names}))
        behind = live(feed.book.revalue(fence=1, epoch=feed.epoch))
        recall = SnapshotInputs(restored_market(restored_rows(feed.rows), Staleness(2**62)))
        close_of = feed.book.portfolios["P"].state.close
        digests.append((closed, behind, what_if(behind, (), recall, close=close_of).after))
    return digests


def test_stream_what_if_and_backtest_state_the_same_bits(
    days: list[dt.date], stated: list[tuple[RiskSnapshot, RiskSnapshot, RiskSnapshot]]
) -> None:
    settings = BacktestSettings(Method.HS, bounds=golden(PERIOD).bounds)
    batch = daily_backtest(equal_weights(days[0]), market_since(), settings)
    (block,) = batch.components
    for day, (closed, behind, asked) in enumerate(stated):
        assert batch.as_of_dates[day] == closed.asof == behind.asof == asked.asof == days[day]
        for snapshot in (closed, behind, asked):
            assert snapshot.var == batch.var[day]
            assert snapshot.expected_shortfall == batch.expected_shortfall[day]
            assert snapshot.nav == batch.value[day]
            assert snapshot.scenario_date == batch.scenario_dates[day]
            by_name = {row.instrument: row.component_var for row in snapshot.positions}
            components = [by_name[name] for name in block.instrument_ids]
            assert np.array_equal(np.array(components), block.component_var[day])


def test_the_pnl_of_the_stream_is_the_backtest_s_and_so_are_its_breaches(
    days: list[dt.date], stated: list[tuple[RiskSnapshot, RiskSnapshot, RiskSnapshot]]
) -> None:
    settings = BacktestSettings(Method.HS, bounds=golden(PERIOD).bounds)
    batch = daily_backtest(equal_weights(days[0]), market_since(), settings)
    for day, (closed, *_) in enumerate(stated[1:]):
        assert closed.hypothetical_pnl == batch.pnl[day]
        assert closed.previous_var == batch.var[day]
        assert closed.breach == batch.breach[day]
