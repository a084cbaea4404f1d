"""Several methods in one run: the same book on the same close."""

from __future__ import annotations

import pytest

from system.backtest.daily import DailyBacktest, daily_backtest
from system.backtest.engine.days import BacktestMarket
from system.backtest.engine.methods import Method
from system.backtest.engine.positions import BacktestBook, DatedQuantity
from system.backtest.engine.spans import run_opening
from system.backtest.engine.specification import BacktestSettings
from system.backtest.engine.splits import DatedSplit, split_adjusted
from tests.system.backtest.engine.test_splits import raw_closes
from tests.system.backtest.test_daily import WINDOW, day, share, table, walk


def both_methods(splits: list[DatedSplit], *, opening: bool) -> tuple[DailyBacktest, DailyBacktest]:
    """Return an undated book under a short and a long window."""
    book = BacktestBook("b", "USD", {"A": share()}, (DatedQuantity("A", 100.0),))
    raw = BacktestMarket(table({"A": raw_closes(splits)}), table({}))
    ways = [BacktestSettings(Method.HS, window) for window in (WINDOW, WINDOW + 10)]
    adjusted = BacktestMarket(split_adjusted(raw.closes, splits), raw.rates)
    first = run_opening([book], adjusted, ways) if opening else None
    short, long = (daily_backtest(book, raw, way, splits=splits, opening=first) for way in ways)
    return short, long


def test_all_methods_of_a_run_hold_the_same_book_on_the_same_close() -> None:
    splits = [DatedSplit("A", day(25), 4.0)]
    short, long = both_methods(splits, opening=True)
    assert short.as_of_dates[0] == day(WINDOW)
    assert long.as_of_dates[0] == day(WINDOW + 10)
    assert short.value[10:].tolist() == long.value.tolist()
    assert short.value[0] == 100.0 * raw_closes(splits)[WINDOW]
    alone, other = both_methods(splits, opening=False)
    assert alone.value.tolist() == short.value.tolist()
    assert other.value.tolist() == pytest.approx((long.value / 4.0).tolist())


def test_the_opening_of_a_run_passes_over_books_that_cannot_be_tested() -> None:
    good = BacktestBook("g", "USD", {"A": share()}, (DatedQuantity("A", 1.0),))
    bad = BacktestBook("x", "USD", {"B": share("B")}, (DatedQuantity("B", 1.0),))
    flat = BacktestBook("f", "USD", {"A": share()}, (DatedQuantity("A", 0.0),))
    market = BacktestMarket(table({"A": walk(1)}), table({}))
    way = BacktestSettings(window=WINDOW)
    assert run_opening([bad, flat, good], market, [way]) == day(WINDOW)
    assert run_opening([bad, flat], market, [way]) is None
    thin = BacktestSettings(window=WINDOW - 1)
    assert run_opening([good], market, [thin, way]) == day(WINDOW)
    assert run_opening([good], market, [thin]) is None
