"""Scenario P&L of one position each, against V'X' - VX written out by hand."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from system.contracts.messages import AssetClass, ReturnType
from system.risk.errors import (
    NonFiniteExposureError,
    NonPositiveCloseError,
    UnknownSeriesError,
)
from system.risk.listing import Listing
from system.risk.portfolio import scenario_pnl
from system.risk.scenarios.factors import (
    PositionExposures,
    price_moves,
    scenario_factors,
    series_of,
)
from system.risk.scenarios.window import CloseTable, ScenarioWindow, fx_series, scenario_window
from system.risk.valuation import Holding, Holdings, valuation

DAYS = tuple(dt.date(2020, 4, 20) + dt.timedelta(number) for number in range(3))
CLOSES = {
    "STOCK": [100.0, 104.0, 98.8],
    "INDEX": [3000.0, 2900.0, 2950.0],
    "OIL": [5.0, -37.0, 10.0],
}
QUOTES = {"USD": [1.10, 1.12, 1.08], "GBP": [0.88, 0.87, 0.90], "JPY": [118.0, 121.0, 117.5]}
NOW = {"USD": 1.09, "GBP": 0.89, "JPY": 119.0}


def window_of(closes: dict[str, list[float]]) -> ScenarioWindow:
    series = {**closes, **{fx_series(name): quotes for name, quotes in QUOTES.items()}}
    table = CloseTable.of(
        {name: dict(zip(DAYS, values, strict=True)) for name, values in series.items()}
    )
    return scenario_window(table, as_of=DAYS[-1], scenario_count=2)


def pnl_of(holding: Holding, *, price: float, base: str) -> np.ndarray:
    holdings = Holdings.of([holding])
    value = valuation(holdings, prices=np.array([price]), quotes=NOW, base_currency=base)
    factors = scenario_factors(window_of(CLOSES), holdings.listings, base_currency=base)
    return scenario_pnl(value.exposures, factors)


def rates(currency: str, base: str) -> tuple[float, list[float]]:
    """Return X now, and X' in both scenarios."""
    quotes = {**QUOTES, "EUR": [1.0, 1.0, 1.0]}
    now = {**NOW, "EUR": 1.0}[base] / {**NOW, "EUR": 1.0}[currency]
    past = [quotes[base][index] / quotes[currency][index] for index in range(3)]
    return now, [now * past[1] / past[0], now * past[2] / past[1]]


def test_a_share_in_the_base_currency_moves_by_its_simple_return() -> None:
    share = Holding(Listing("STOCK", AssetClass.EQUITY, "USD"), 10.0, 80.0)
    expected = [1100.0 * 0.04, 1100.0 * (98.8 / 104.0 - 1)]
    assert pnl_of(share, price=110.0, base="USD") == pytest.approx(expected, rel=1e-14)


def test_a_short_position_gains_where_the_price_falls() -> None:
    long, short = (Holding(Listing("STOCK", AssetClass.EQUITY, "USD"), q, 80.0) for q in (7, -7))
    gains = pnl_of(long, price=110.0, base="USD") + pnl_of(short, price=110.0, base="USD")
    assert gains.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("base", ["USD", "EUR", "GBP"])
def test_a_foreign_share_moves_with_price_and_currency_at_once(base: str) -> None:
    share = Holding(Listing("STOCK", AssetClass.EQUITY, "JPY"), 1000.0, 1.0)
    now, moved = rates("JPY", base)
    expected = [
        1000.0 * 110.0 * (CLOSES["STOCK"][i + 1] / CLOSES["STOCK"][i]) * moved[i]
        - 1000.0 * 110.0 * now
        for i in range(2)
    ]
    assert pnl_of(share, price=110.0, base=base) == pytest.approx(expected, rel=1e-12)


def test_a_share_in_pence_is_worth_a_hundredth_of_one_in_pounds() -> None:
    pence = Holding(Listing("STOCK", AssetClass.EQUITY, "GBp"), 300.0, 1.0)
    pounds = Holding(Listing("STOCK", AssetClass.EQUITY, "GBP"), 300.0, 1.0)
    in_pence = pnl_of(pence, price=110.0, base="USD")
    assert in_pence * 100.0 == pytest.approx(pnl_of(pounds, price=110.0, base="USD"), rel=1e-14)


def test_a_share_in_pence_of_a_pound_book_has_no_currency_risk() -> None:
    pence = Listing("STOCK", AssetClass.EQUITY, "GBp")
    factors = scenario_factors(window_of(CLOSES), [pence], base_currency="GBP")
    assert factors.row_is_fx.tolist() == [False]
    assert factors.rows[0].tolist() == [104.0 / 100.0 - 1.0, 98.8 / 104.0 - 1.0]


def test_a_foreign_future_converts_its_unrealised_pnl_and_not_its_notional() -> None:
    future = Holding(Listing("INDEX", AssetClass.FUTURE, "USD", multiplier=50.0), -4.0, 3050.0)
    now, moved = rates("USD", "EUR")
    unrealised = -4.0 * 50.0 * (2980.0 - 3050.0)
    expected = [
        -4.0 * 50.0 * (2980.0 * CLOSES["INDEX"][i + 1] / CLOSES["INDEX"][i] - 3050.0) * moved[i]
        - unrealised * now
        for i in range(2)
    ]
    assert pnl_of(future, price=2980.0, base="EUR") == pytest.approx(expected, rel=1e-12)
    as_security = Holding(Listing("INDEX", AssetClass.ETF, "USD", multiplier=50.0), -4.0, 3050.0)
    assert abs(pnl_of(as_security, price=2980.0, base="EUR") - expected).max() > 1_000.0


def test_money_moves_with_its_currency_alone() -> None:
    money = Holding(Listing("cash:JPY", AssetClass.CASH, "JPY"), 1e6, 0.01)
    now, moved = rates("JPY", "USD")
    expected = [1e6 * (rate - now) for rate in moved]
    assert pnl_of(money, price=np.nan, base="USD") == pytest.approx(expected, rel=1e-12)


def test_money_in_the_base_currency_has_no_factor_row_and_no_pnl() -> None:
    money = Holding(Listing("cash:USD", AssetClass.CASH, "USD"), 1e6, 1.0)
    factors = scenario_factors(window_of(CLOSES), [money.listing], base_currency="USD")
    assert factors.rows.shape == (0, 2)
    assert pnl_of(money, price=np.nan, base="USD").tolist() == [0.0, 0.0]


@pytest.mark.parametrize("asset_class", [AssetClass.FUTURE, AssetClass.ETF])
def test_an_absolute_instrument_is_moved_by_the_change_and_may_be_negative(
    asset_class: AssetClass,
) -> None:
    oil = Listing("OIL", asset_class, "USD", 10.0, ReturnType.ABSOLUTE)
    now, moved = rates("USD", "EUR")
    entry = 12.0 if asset_class is AssetClass.FUTURE else 0.0
    expected = [
        3.0 * 10.0 * (20.0 + CLOSES["OIL"][i + 1] - CLOSES["OIL"][i] - entry) * moved[i]
        - 3.0 * 10.0 * (20.0 - entry) * now
        for i in range(2)
    ]
    assert pnl_of(Holding(oil, 3.0, 12.0), price=20.0, base="EUR") == pytest.approx(
        expected, rel=1e-12
    )


def test_a_relative_return_around_a_negative_price_is_refused_by_name_and_date() -> None:
    oil = Listing("OIL", AssetClass.FUTURE, "USD")
    with pytest.raises(NonPositiveCloseError, match=r"OIL on 2020-04-21 is -37\.0.*absolute"):
        scenario_factors(window_of(CLOSES), [oil], base_currency="USD")
    with pytest.raises(NonPositiveCloseError, match="OIL"):
        price_moves(window_of(CLOSES), oil)


def test_a_price_of_zero_is_refused_too() -> None:
    stock = Listing("STOCK", AssetClass.EQUITY, "USD")
    with pytest.raises(NonPositiveCloseError, match=r"STOCK on 2020-04-22 is 0\.0"):
        scenario_factors(window_of({"STOCK": [1.0, 2.0, 0.0]}), [stock], base_currency="USD")


def test_a_missing_series_is_refused_by_name() -> None:
    listings = [Listing("STOCK", AssetClass.EQUITY, "CHF")]
    with pytest.raises(UnknownSeriesError, match="fx:CHF"):
        scenario_factors(window_of(CLOSES), listings, base_currency="USD")
    with pytest.raises(UnknownSeriesError, match="BOND"):
        scenario_factors(
            window_of(CLOSES), [Listing("BOND", AssetClass.ETF, "USD")], base_currency="USD"
        )


def test_factor_rows_follow_the_positions_price_before_currency() -> None:
    listings = [
        Listing("INDEX", AssetClass.FUTURE, "USD"),
        Listing("STOCK", AssetClass.EQUITY, "EUR"),
        Listing("cash:GBP", AssetClass.CASH, "GBP"),
    ]
    factors = scenario_factors(window_of(CLOSES), listings, base_currency="EUR")
    assert factors.row_position.tolist() == [0, 0, 1, 2]
    assert factors.row_is_fx.tolist() == [False, True, False, True]
    assert factors.scenario_dates == DAYS[1:]
    assert factors.rows.flags.c_contiguous
    assert not factors.rows.flags.writeable


def test_positions_out_of_order_are_our_mistake() -> None:
    listings = [Listing(name, AssetClass.EQUITY, "USD") for name in ("STOCK", "INDEX")]
    with pytest.raises(AssertionError, match="canonical order"):
        scenario_factors(window_of(CLOSES), listings, base_currency="USD")


def test_exposures_of_another_book_are_our_mistake() -> None:
    stock = Listing("STOCK", AssetClass.EQUITY, "USD")
    factors = scenario_factors(window_of(CLOSES), [stock], base_currency="USD")
    with pytest.raises(AssertionError, match="another book"):
        PositionExposures(("OIL",), np.ones(1), np.ones(1)).weights(factors)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_exposure_that_is_not_finite_is_refused_by_name(value: float) -> None:
    with pytest.raises(NonFiniteExposureError, match=f"value of B is {value}"):
        PositionExposures(("A", "B"), np.ones(2), np.array([1.0, value]))
    with pytest.raises(NonFiniteExposureError, match="price_exposure of A"):
        PositionExposures(("A", "B"), np.array([value, value]), np.ones(2))


@pytest.mark.parametrize(
    ("currencies", "base", "fx"),
    [
        (["USD", "USD"], "USD", []),
        (["EUR", "EUR"], "EUR", []),
        (["GBp", "USD"], "GBP", ["fx:GBP", "fx:USD"]),
        (["GBp", "GBP"], "GBP", []),
        (["JPY", "EUR"], "EUR", ["fx:JPY"]),
        (["EUR", "USD"], "USD", ["fx:USD"]),
    ],
)
def test_a_book_needs_its_prices_and_the_quotes_of_its_foreign_currencies(
    currencies: list[str], base: str, fx: list[str]
) -> None:
    book = [
        Listing(name, AssetClass.EQUITY, currency)
        for name, currency in zip("BA", currencies, strict=True)
    ]
    money = Listing("cash:X", AssetClass.CASH, currencies[0])
    assert series_of([*book, money], base) == ("A", "B", *fx)
