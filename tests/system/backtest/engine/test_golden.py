"""Every day of real history: against the golden files, and to the bit against the risk core."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings

from system.backtest.daily import DailyBacktest, daily_backtest
from system.backtest.engine.days import BacktestMarket
from system.backtest.engine.methods import Method
from system.backtest.engine.positions import BacktestBook, DatedQuantity
from system.backtest.engine.specification import BacktestSettings
from system.contracts.messages import AssetClass
from system.risk.currency import major_currency
from system.risk.portfolio import portfolio_risk
from system.risk.scenarios.factors import scenario_factors, series_of
from system.risk.scenarios.window import CloseTable, scenario_window
from system.risk.valuation import Holding, Holdings, Valuation, valuation
from tests.strategies import Book, books
from tests.system.backtest.golden_days import (
    PERIODS,
    equal_weights,
    equities,
    golden,
    market_since,
)


def agreed(numbers: np.ndarray) -> object:
    return pytest.approx(numbers, rel=1e-9, abs=5e-7)


def backtest_of(period: str, method: Method = Method.HS) -> DailyBacktest:
    days = golden(period)
    book = equal_weights(days.dates("asof")[0])
    return daily_backtest(book, market_since(), BacktestSettings(method, bounds=days.bounds))


@pytest.mark.parametrize("period", PERIODS)
def test_every_day_equals_the_golden_file(period: str) -> None:
    days, backtest = golden(period), backtest_of(period)
    assert backtest.as_of_dates == days.dates("asof")
    assert backtest.pnl_dates == days.dates("pnl_date")
    assert backtest.scenario_dates == days.dates("scenario_date")
    assert backtest.value == agreed(days.numbers("value"))
    assert backtest.var == agreed(days.numbers("var_k2"))
    assert backtest.expected_shortfall == agreed(days.numbers("es_acerbi_tasche"))
    assert backtest.pnl == agreed(days.numbers("pnl"))
    (block,) = backtest.components
    for column, name in enumerate(block.instrument_ids):
        assert block.component_var[:, column] == agreed(days.numbers(f"cvar_{name}")), name
    assert backtest.breach.tolist() == days.flags("breach_k2").tolist()
    assert (backtest.day_count, backtest.breach_count) == PERIODS[period][:2]


@pytest.mark.parametrize("period", PERIODS)
def test_every_day_has_the_bits_of_the_risk_core(period: str) -> None:
    backtest, table = backtest_of(period), equities()
    quantities = equal_weights(backtest.as_of_dates[0])
    holdings = Holdings.of(
        Holding(quantities.listings[quantity.instrument_id], quantity.quantity, 1.0)
        for quantity in quantities.quantities
    )
    closes = table.select(holdings.instrument_ids)
    (block,) = backtest.components
    for day, as_of in enumerate(backtest.as_of_dates):
        window = scenario_window(closes, as_of=as_of, scenario_count=30)
        worth = _worth(holdings, closes, as_of)
        risk = portfolio_risk(
            worth.exposures,
            scenario_factors(window, holdings.listings, base_currency="USD"),
            confidence=backtest.settings.confidence,
            groups=holdings.asset_classes(),
        )
        after = _worth(holdings, closes, backtest.pnl_dates[day])
        assert backtest.value[day] == worth.nav
        assert backtest.pnl[day] == after.nav - worth.nav
        assert backtest.var[day] == risk.var
        assert backtest.expected_shortfall[day] == risk.expected_shortfall
        assert backtest.scenario_dates[day] == risk.var_scenario_date
        assert np.array_equal(block.component_var[day], risk.component_var)


def _worth(holdings: Holdings, closes: CloseTable, date: dt.date) -> Valuation:
    prices = closes.closes[:, closes.dates.index(date)]
    return valuation(holdings, prices=prices, quotes={}, base_currency="USD")


@given(books())
@settings(max_examples=60, deadline=None)
def test_books_in_any_currency_have_the_bits_of_the_risk_core(book: Book) -> None:
    book_now = _at_last_close(book)
    risk, worth = book_now.risk(), book_now.valuation()
    backtest = daily_backtest(
        _as_backtest_book(book_now), _market(book_now), _settings_of(book_now)
    )
    assert backtest.as_of_dates == (book_now.as_of,)
    assert backtest.value[0] == worth.nav
    assert backtest.var[0] == risk.var
    assert backtest.expected_shortfall[0] == risk.expected_shortfall
    if series_of(book_now.arrays.listings, book_now.base_currency):
        assert backtest.scenario_dates[0] == risk.var_scenario_date
    assert np.array_equal(backtest.components[0].component_var[0], risk.component_var)


def _at_last_close(book: Book) -> Book:
    """Return the book valued at its last close, futures settled there."""
    last = {name: series[book.as_of] for name, series in book.closes.items()}
    settled = tuple(
        Holding(holding.listing, holding.quantity, last[holding.listing.instrument_id])
        if holding.listing.asset_class is AssetClass.FUTURE
        else holding
        for holding in book.holdings
    )
    quotes = {name: series[book.as_of] for name, series in book.quotes.items()}
    return Book(
        settled,
        book.closes,
        book.quotes,
        last,
        quotes,
        book.base_currency,
        book.scenario_count,
        book.confidence,
        book.as_of,
    )


def _as_backtest_book(book: Book) -> BacktestBook:
    return BacktestBook(
        "random",
        book.base_currency,
        {holding.listing.instrument_id: holding.listing for holding in book.holdings},
        tuple(
            DatedQuantity(holding.listing.instrument_id, holding.quantity)
            for holding in book.holdings
        ),
    )


def _market(book: Book) -> BacktestMarket:
    """Return closes and base-currency rates, with one more day that has a P&L only."""
    days = sorted(next(iter(book.quotes.values())))
    more = book.as_of + dt.timedelta(1)
    euro = dict.fromkeys(days, 1.0)
    quotes = {"EUR": euro, **book.quotes}
    base = quotes[book.base_currency]
    currencies = {major_currency(holding.listing.currency) for holding in book.holdings}
    rates = {
        currency: {day: base[day] / quotes[currency][day] for day in days}
        for currency in currencies - {book.base_currency}
    }
    priced = {
        holding.listing.instrument_id: book.closes[holding.listing.instrument_id]
        for holding in book.holdings
        if not holding.listing.is_money
    } or {"unused": euro}
    return BacktestMarket(
        CloseTable.of(
            {name: {**series, more: series[days[-1]]} for name, series in priced.items()}
        ),
        CloseTable.of({name: {**series, more: series[days[-1]]} for name, series in rates.items()}),
    )


def _settings_of(book: Book) -> BacktestSettings:
    return BacktestSettings(window=book.scenario_count, confidence=book.confidence)


def test_seventeen_years_have_the_published_number_of_breaches() -> None:
    market = market_since(dt.date(2006, 1, 1))
    backtest = daily_backtest(equal_weights(market.closes.dates[0]), market, BacktestSettings())
    assert (backtest.breach_count, backtest.day_count) == (288, 4_246)
    assert len(backtest.kernel_checked) == 20
    assert backtest.theoretical_pnl == pytest.approx(backtest.pnl, abs=1e-6)


def test_an_interpolated_quantile_would_count_351() -> None:
    market = market_since(dt.date(2006, 1, 1))
    backtest = daily_backtest(equal_weights(market.closes.dates[0]), market, BacktestSettings())
    closes = market.closes
    returns = closes.closes[:, 1:] / closes.closes[:, :-1] - 1.0
    book = equal_weights(closes.dates[0])
    units = np.array([quantity.quantity for quantity in book.quantities])
    exposures = (closes.closes * units[:, None]).T
    interpolated = np.array(
        [
            -np.quantile(exposures[day] @ returns[:, day - 30 : day], 0.05)
            for day in range(30, len(closes.dates) - 1)
        ]
    )
    assert int((-backtest.pnl > interpolated).sum()) == 351
