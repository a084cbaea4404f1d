"""Conventions of the daily backtest, each by hand: currencies, futures, gaps, splits, dates."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from system.backtest.daily import DailyBacktest, daily_backtest
from system.backtest.engine.days import BacktestMarket, DayBounds
from system.backtest.engine.positions import BacktestBook, DatedQuantity
from system.backtest.engine.specification import BacktestSettings
from system.backtest.engine.splits import DatedSplit
from system.backtest.errors import (
    NoBacktestDaysError,
    UnknownInstrumentError,
    UnsupportedInstrumentError,
)
from system.contracts.messages import AssetClass, ReturnType
from system.risk.confidence import Confidence
from system.risk.errors import (
    MissingCloseError,
    NonPositiveCloseError,
    TooFewScenariosError,
    UnknownSeriesError,
)
from system.risk.listing import Listing
from system.risk.scenarios.window import CloseTable, Missing

FIRST = dt.date(2021, 1, 1)
WINDOW = 20
DAYS = 40

Series = Mapping[str, Sequence[float]]


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(number)


def walk(seed: int, start: float = 100.0, days: int = DAYS) -> list[float]:
    moves = np.random.default_rng(seed).normal(0.0, 0.02, days - 1)
    return [start, *(start * np.cumprod(1.0 + moves)).tolist()]


def table(series: Series) -> CloseTable:
    dates = tuple(day(number) for number in range(len(next(iter(series.values()), ()))))
    closes = np.array(list(series.values()), dtype=np.float64).reshape(len(series), len(dates))
    return CloseTable(tuple(series), dates, closes)


def run(
    listings: Sequence[Listing],
    quantities: Sequence[DatedQuantity],
    closes: Series,
    rates: Series | None = None,
    *,
    missing: Missing = Missing.REFUSE,
    bounds: DayBounds | None = None,
    splits: Sequence[DatedSplit] = (),
    window: int = WINDOW,
) -> DailyBacktest:
    book = BacktestBook(
        "desk", "USD", {listing.instrument_id: listing for listing in listings}, tuple(quantities)
    )
    settings = BacktestSettings(window=window, missing=missing, bounds=bounds or DayBounds())
    return daily_backtest(
        book, BacktestMarket(table(closes), table(rates or {})), settings, splits=splits
    )


def share(name: str = "A", currency: str = "USD") -> Listing:
    return Listing(name, AssetClass.EQUITY, currency)


def nth_worst(pnl: Sequence[float]) -> float:
    """Return minus the worst P&L: k = 1 at n = 20 and 95 %."""
    return -min(pnl)


def test_the_first_tested_day_is_the_first_with_a_full_window() -> None:
    backtest = run([share()], [DatedQuantity("A", 10.0)], {"A": walk(1)})
    assert backtest.as_of_dates[0] == day(WINDOW)
    assert backtest.pnl_dates[-1] == day(DAYS - 1)
    assert backtest.day_count == DAYS - 1 - WINDOW


def test_start_and_end_bound_the_pnl_date() -> None:
    bounds = DayBounds(day(25), day(30))
    backtest = run([share()], [DatedQuantity("A", 10.0)], {"A": walk(1)}, bounds=bounds)
    assert (backtest.pnl_dates[0], backtest.pnl_dates[-1]) == (day(25), day(30))
    whole = run([share()], [DatedQuantity("A", 10.0)], {"A": walk(1)})
    first = whole.pnl_dates.index(day(25))
    assert np.array_equal(backtest.var, whole.var[first : first + 6])


def test_a_start_before_the_first_full_window_begins_with_that() -> None:
    backtest = run([share()], [DatedQuantity("A", 1.0)], {"A": walk(1)}, bounds=DayBounds(FIRST))
    assert backtest.as_of_dates[0] == day(WINDOW)


def test_no_later_close_is_looked_at() -> None:
    closes = walk(1)
    changed = [*closes[:31], *(2.0 * close for close in closes[31:])]
    before, after = (
        run([share()], [DatedQuantity("A", 10.0)], {"A": series}) for series in (closes, changed)
    )
    kept = before.as_of_dates.index(day(30)) + 1
    assert np.array_equal(before.var[:kept], after.var[:kept])
    assert np.array_equal(before.pnl[: kept - 1], after.pnl[: kept - 1])
    assert before.pnl[kept - 1] != after.pnl[kept - 1]


def test_a_foreign_share_moves_with_price_and_rate_of_the_same_day() -> None:
    prices, euro = walk(1), walk(2, 1.1)
    backtest = run([share("A", "EUR")], [DatedQuantity("A", 10.0)], {"A": prices}, {"EUR": euro})
    now = WINDOW
    value = 10.0 * prices[now] * euro[now]
    pnl = [
        value * (prices[j] * euro[j] / (prices[j - 1] * euro[j - 1]) - 1.0)
        for j in range(1, WINDOW + 1)
    ]
    assert backtest.value[0] == pytest.approx(value)
    assert backtest.var[0] == pytest.approx(nth_worst(pnl))
    assert backtest.pnl[0] == pytest.approx(10.0 * prices[now + 1] * euro[now + 1] - value)


def test_a_share_in_pence_is_worth_a_hundredth() -> None:
    prices, pound = walk(1), walk(2, 1.3)
    pence = run([share("A", "GBp")], [DatedQuantity("A", 100.0)], {"A": prices}, {"GBP": pound})
    pounds = run([share("A", "GBP")], [DatedQuantity("A", 1.0)], {"A": prices}, {"GBP": pound})
    assert pence.value == pytest.approx(pounds.value)
    assert pence.var == pytest.approx(pounds.var)
    assert pence.pnl == pytest.approx(pounds.pnl)


def test_a_foreign_future_is_settled_daily_and_does_not_convert_its_notional() -> None:
    listing = Listing("F", AssetClass.FUTURE, "EUR", 50.0)
    prices, euro = walk(1), walk(2, 1.1)
    backtest = run([listing], [DatedQuantity("F", -2.0)], {"F": prices}, {"EUR": euro})
    now, notional = WINDOW, -2.0 * 50.0 * prices[WINDOW] * euro[WINDOW]
    pnl = [
        notional * (prices[j] / prices[j - 1] - 1.0) * euro[j] / euro[j - 1]
        for j in range(1, WINDOW + 1)
    ]
    assert not backtest.value.any()
    assert backtest.var[0] == pytest.approx(nth_worst(pnl))
    gained = -100.0 * (prices[now + 1] - prices[now]) * euro[now + 1]
    assert backtest.pnl[0] == pytest.approx(gained)


def test_cash_needs_no_price_and_only_its_rate_moves_it() -> None:
    listing = Listing("cash:EUR", AssetClass.CASH, "EUR")
    euro = walk(2, 1.1)
    backtest = run(
        [listing, share()],
        [DatedQuantity("cash:EUR", 500.0), DatedQuantity("A", 1.0)],
        {"A": [100.0] * DAYS},
        {"EUR": euro},
    )
    assert backtest.value[0] == pytest.approx(100.0 + 500.0 * euro[WINDOW])
    assert backtest.pnl[0] == pytest.approx(500.0 * (euro[WINDOW + 1] - euro[WINDOW]))


def test_a_book_of_base_currency_cash_has_no_risk_at_all() -> None:
    listing = Listing("cash:USD", AssetClass.CASH, "USD")
    backtest = run([listing], [DatedQuantity("cash:USD", 500.0)], {"A": walk(1)})
    assert backtest.value.tolist() == [500.0] * backtest.day_count
    assert not backtest.var.any()
    assert backtest.breach_count == 0


def test_a_loss_equal_to_the_var_is_no_breach() -> None:
    closes = [100.0 + (number % 2) for number in range(DAYS)]
    listing = Listing("A", AssetClass.EQUITY, "USD", 1.0, ReturnType.ABSOLUTE)
    backtest = run([listing], [DatedQuantity("A", 1.0)], {"A": closes})
    assert backtest.var.tolist() == [1.0] * backtest.day_count
    assert -1.0 in backtest.pnl
    assert backtest.breach_count == 0


def test_rates_on_days_without_a_price_are_not_looked_at() -> None:
    prices, euro = walk(1), walk(2, 1.1)
    sparse = [math.nan if number % 7 == 6 else close for number, close in enumerate(prices)]
    backtest = run([share("A", "EUR")], [DatedQuantity("A", 1.0)], {"A": sparse}, {"EUR": euro})
    assert not {day(number) for number in range(6, DAYS, 7)} & set(backtest.as_of_dates)


def two_shares(gap: int) -> tuple[list[Listing], list[DatedQuantity], dict[str, list[float]]]:
    second = walk(2)
    second[gap] = math.nan
    return (
        [share("A"), share("B")],
        [DatedQuantity("A", 1.0), DatedQuantity("B", 1.0)],
        {"A": walk(1), "B": second},
    )


def test_a_gap_is_refused_by_name_and_date() -> None:
    with pytest.raises(MissingCloseError) as refused:
        run(*two_shares(30))
    assert (refused.value.name, refused.value.date) == ("B", day(30))


def test_a_gap_can_be_carried_and_is_counted() -> None:
    listings, quantities, closes = two_shares(30)
    backtest = run(listings, quantities, closes, missing=Missing.CARRY)
    filled = [*closes["B"][:30], closes["B"][29], *closes["B"][31:]]
    plain = run(listings, quantities, {"A": closes["A"], "B": filled})
    assert [(carried_close.name, carried_close.date) for carried_close in backtest.carried] == [
        ("B", day(30))
    ]
    assert np.array_equal(backtest.var, plain.var)
    assert np.array_equal(backtest.pnl, plain.pnl)


def test_a_gap_can_be_skipped_and_the_next_return_spans_it() -> None:
    backtest = run(*two_shares(30), missing=Missing.SKIP)
    assert day(30) not in (*backtest.as_of_dates, *backtest.pnl_dates)
    spanning = backtest.as_of_dates.index(day(29))
    assert backtest.pnl_dates[spanning] == day(31)


def test_a_gap_before_the_first_window_that_is_asked_for_does_not_matter() -> None:
    backtest = run(*two_shares(2), bounds=DayBounds(day(30)))
    assert backtest.pnl_dates[0] == day(30)


def test_without_a_start_the_book_begins_where_all_its_series_have_begun() -> None:
    listings, quantities, closes = two_shares(0)
    closes["B"][:5] = [math.nan] * 5
    backtest = run(listings, quantities, closes)
    assert backtest.as_of_dates[0] == day(5 + WINDOW)


def test_with_a_start_a_series_that_has_not_begun_is_a_gap() -> None:
    listings, quantities, closes = two_shares(0)
    closes["B"][:5] = [math.nan] * 5
    with pytest.raises(MissingCloseError) as refused:
        run(listings, quantities, closes, bounds=DayBounds(day(23)))
    assert refused.value.name == "B"


def test_a_missing_rate_is_a_gap_by_the_name_of_its_currency() -> None:
    euro = walk(2, 1.1)
    euro[33] = math.nan
    with pytest.raises(MissingCloseError) as refused:
        run([share("A", "EUR")], [DatedQuantity("A", 1.0)], {"A": walk(1)}, {"EUR": euro})
    assert (refused.value.name, refused.value.date) == ("fx:EUR", day(33))


def test_a_currency_without_a_column_is_named() -> None:
    with pytest.raises(UnknownSeriesError, match="fx:JPY"):
        run([share("A", "JPY")], [DatedQuantity("A", 1.0)], {"A": walk(1)})


def test_an_instrument_without_a_column_is_named() -> None:
    with pytest.raises(UnknownSeriesError, match="B"):
        run([share("B")], [DatedQuantity("B", 1.0)], {"A": walk(1)})


@pytest.mark.parametrize("bad", [0.0, -36.98])
def test_a_relative_return_around_zero_is_refused_and_an_absolute_one_is_not(bad: float) -> None:
    closes = walk(1)
    closes[25] = bad
    held = [DatedQuantity("A", 1.0)]
    with pytest.raises(NonPositiveCloseError) as refused:
        run([share()], held, {"A": closes})
    assert (refused.value.date, refused.value.value) == (day(25), bad)
    listing = Listing("A", AssetClass.FUTURE, "USD", 1.0, ReturnType.ABSOLUTE)
    assert np.isfinite(run([listing], held, {"A": closes}).var).all()


def test_a_rate_at_zero_is_refused() -> None:
    euro = walk(2, 1.1)
    euro[25] = 0.0
    with pytest.raises(NonPositiveCloseError, match=r"fx:EUR on .* is 0.0: a rate is above zero"):
        run([share("A", "EUR")], [DatedQuantity("A", 1.0)], {"A": walk(1)}, {"EUR": euro})


def test_options_without_terms_and_unlisted_instruments_are_refused_by_name() -> None:
    option = Listing("O", AssetClass.OPTION, "USD")
    with pytest.raises(UnsupportedInstrumentError, match=r"O is held.*underlying, right, strike"):
        run([option], [DatedQuantity("O", 1.0)], {"O": walk(1)})
    with pytest.raises(UnknownInstrumentError, match="Z"):
        run([share()], [DatedQuantity("Z", 1.0)], {"A": walk(1)})


def test_too_little_history_is_refused_with_what_is_needed() -> None:
    with pytest.raises(NoBacktestDaysError, match="needs 21 closes"):
        run([share()], [DatedQuantity("A", 1.0)], {"A": walk(1)[:21]})


def test_too_thin_a_tail_is_refused() -> None:
    with pytest.raises(TooFewScenariosError):
        run([share()], [DatedQuantity("A", 1.0)], {"A": walk(1)}, window=19)


def test_a_quantity_is_held_from_its_close_until_the_next() -> None:
    held = [DatedQuantity("A", 1.0), DatedQuantity("A", 3.0, day(30))]
    backtest = run([share()], held, {"A": walk(1)})
    ones, threes = (
        run([share()], [DatedQuantity("A", amount)], {"A": walk(1)}) for amount in (1.0, 3.0)
    )
    cut = backtest.as_of_dates.index(day(30))
    for name in ("value", "var", "pnl"):
        whole = np.concatenate([getattr(ones, name)[:cut], getattr(threes, name)[cut:]])
        assert np.array_equal(getattr(backtest, name), whole), name


def test_instruments_come_and_go() -> None:
    held = [
        DatedQuantity("A", 1.0),
        DatedQuantity("B", 2.0, day(25)),
        DatedQuantity("A", 0.0, day(30)),
    ]
    closes = {"A": walk(1), "B": walk(2)}
    backtest = run([share("A"), share("B")], held, closes)
    ids = [block.instrument_ids for block in backtest.components]
    assert ids == [("A",), ("A", "B"), ("B",)]
    assert [block.as_of_dates[0] for block in backtest.components] == [day(20), day(25), day(30)]
    assert backtest.day_count == DAYS - 1 - WINDOW
    alone = run([share("B")], [DatedQuantity("B", 2.0)], closes)
    assert np.array_equal(backtest.var[10:], alone.var[10:])


def test_days_without_any_holding_are_left_out() -> None:
    held = [DatedQuantity("A", 1.0, day(28)), DatedQuantity("A", 0.0, day(33))]
    backtest = run([share()], held, {"A": walk(1)})
    assert backtest.as_of_dates == tuple(day(number) for number in range(28, 33))


def test_a_split_in_raw_closes_changes_nothing_when_it_is_declared() -> None:
    closes = walk(1)
    raw = [close * 4.0 if number < 30 else close for number, close in enumerate(closes)]
    split = DatedSplit("A", day(30), 4.0)
    backtest = run([share()], [DatedQuantity("A", 25.0)], {"A": raw}, splits=[split])
    plain = run([share()], [DatedQuantity("A", 100.0)], {"A": closes})
    assert backtest.value == pytest.approx(plain.value, rel=1e-14)
    assert backtest.var == pytest.approx(plain.var, rel=1e-13)
    assert backtest.pnl == pytest.approx(plain.pnl, rel=1e-11)
    assert backtest.suspects == ()


def test_a_dated_quantity_is_in_the_shares_of_its_date() -> None:
    closes = walk(1)
    raw = [close * 4.0 if number < 30 else close for number, close in enumerate(closes)]
    held = [DatedQuantity("A", 25.0, day(22)), DatedQuantity("A", 100.0, day(34))]
    backtest = run([share()], held, {"A": raw}, splits=[DatedSplit("A", day(30), 4.0)])
    plain = run([share()], [DatedQuantity("A", 100.0, day(22))], {"A": closes})
    assert backtest.value == pytest.approx(plain.value, rel=1e-14)


def test_an_undeclared_split_is_flagged_and_counted() -> None:
    closes = walk(1)
    raw = [close * 4.0 if number < 30 else close for number, close in enumerate(closes)]
    backtest = run([share()], [DatedQuantity("A", 25.0)], {"A": raw})
    (suspect,) = backtest.suspects
    assert (suspect.instrument_id, suspect.date, suspect.split_ratio) == ("A", day(30), 4)
    assert backtest.breach[backtest.pnl_dates.index(day(30))]


def test_progress_is_told_every_day() -> None:
    told: list[int] = []
    book = BacktestBook("desk", "USD", {"A": share()}, (DatedQuantity("A", 1.0),))
    market = BacktestMarket(table({"A": walk(1)}), table({}))
    settings = BacktestSettings(window=WINDOW, confidence=Confidence.parse("0.95"))
    backtest = daily_backtest(book, market, settings, on_days=told.append)
    assert sum(told) == backtest.day_count
