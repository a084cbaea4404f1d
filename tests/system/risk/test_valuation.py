from __future__ import annotations

import numpy as np
import pytest

from system.contracts.messages import AssetClass, ReturnType
from system.risk.errors import MissingRateError, NonFiniteExposureError
from system.risk.listing import Listing
from system.risk.valuation import (
    GroupExposure,
    Holding,
    Holdings,
    Valuation,
    exposure_by_group,
    valuation,
    var_fraction,
)

QUOTES = {"USD": 1.25, "GBP": 0.80, "JPY": 125.0}


@pytest.fixture
def holdings() -> Holdings:
    return Holdings.of(
        [
            Holding(Listing("SHORT", AssetClass.EQUITY, "USD"), -10.0, 60.0),
            Holding(Listing("PENCE", AssetClass.EQUITY, "GBp"), 1000.0, 200.0),
            Holding(Listing("FUT", AssetClass.FUTURE, "USD", 50.0), 2.0, 3000.0),
            Holding(Listing("cash:JPY", AssetClass.CASH, "JPY"), 1e6, 0.009),
            Holding(Listing("cash:USD", AssetClass.CASH, "USD"), -5000.0, 1.0),
        ]
    )


@pytest.fixture
def book(holdings: Holdings) -> Valuation:
    # Canonical order: FUT, PENCE, SHORT, cash:JPY, cash:USD.
    prices = np.array([2990.0, 250.0, 50.0, np.nan, np.nan])
    return valuation(holdings, prices=prices, quotes=QUOTES, base_currency="USD")


def test_positions_stand_in_canonical_order(holdings: Holdings) -> None:
    assert holdings.instrument_ids == ("FUT", "PENCE", "SHORT", "cash:JPY", "cash:USD")
    assert holdings.asset_classes().names == ("cash", "equity", "future")


def test_a_future_counts_with_its_unrealised_pnl_and_is_exposed_with_its_notional(
    book: Valuation,
) -> None:
    assert book.value[0] == -1000.0
    assert book.unrealised_pnl[0] == -1000.0
    assert book.exposure[0] == book.price_exposure[0] == 299_000.0
    assert book.delta[0] == 100.0


def test_a_share_in_pence_counts_in_pounds(book: Valuation) -> None:
    assert book.value[1] == pytest.approx(1000 * 2.50 * 1.25 / 0.80, rel=1e-15)
    assert book.unrealised_pnl[1] == pytest.approx(1000 * 0.50 * 1.25 / 0.80, rel=1e-15)
    assert book.rate[1] == pytest.approx(0.015625, rel=1e-15)


def test_a_short_share_has_a_negative_value_and_gains_below_its_cost(book: Valuation) -> None:
    assert (book.value[2], book.exposure[2], book.unrealised_pnl[2]) == (-500.0, -500.0, 100.0)


def test_money_is_marked_at_its_rate_against_what_it_cost_in_base_currency(
    book: Valuation,
) -> None:
    assert book.price[3] == pytest.approx(0.01, rel=1e-15)
    assert book.value[3] == pytest.approx(10_000.0, rel=1e-15)
    assert book.unrealised_pnl[3] == pytest.approx(1_000.0, rel=1e-12)
    assert (book.price[4], book.value[4], book.unrealised_pnl[4]) == (1.0, -5000.0, 0.0)


def test_nav_is_the_sum_of_what_counts(book: Valuation) -> None:
    assert book.nav == pytest.approx(-1000.0 + 3906.25 - 500.0 + 10_000.0 - 5000.0, rel=1e-14)


def test_exposure_is_long_short_gross_and_net_by_asset_class(
    holdings: Holdings, book: Valuation
) -> None:
    cash, equity, future = exposure_by_group(book.exposure, holdings.asset_classes())
    assert (cash.name, cash.long, cash.short) == ("cash", pytest.approx(10_000.0), -5000.0)
    assert (equity.long, equity.short) == (pytest.approx(3906.25), -500.0)
    assert equity.gross == pytest.approx(4406.25)
    assert equity.net == pytest.approx(3406.25)
    assert future == GroupExposure("future", 299_000.0, 0.0)


def test_an_absolute_instrument_is_exposed_per_point_of_its_price() -> None:
    oil = Holding(Listing("OIL", AssetClass.FUTURE, "USD", 10.0, ReturnType.ABSOLUTE), 3.0, -5.0)
    book = valuation(
        Holdings.of([oil]), prices=np.array([-20.0]), quotes=QUOTES, base_currency="EUR"
    )
    assert book.price_exposure[0] == pytest.approx(30.0 / 1.25)
    assert book.exposure[0] == pytest.approx(-600.0 / 1.25)
    assert book.value[0] == pytest.approx(30.0 * -15.0 / 1.25)


def test_a_price_that_is_not_there_is_an_error_once_risk_is_asked_for(holdings: Holdings) -> None:
    prices = np.array([2990.0, np.nan, 50.0, np.nan, np.nan])
    book = valuation(holdings, prices=prices, quotes=QUOTES, base_currency="USD")
    with pytest.raises(NonFiniteExposureError, match="PENCE"):
        _ = book.exposures


def test_a_currency_without_a_quote_is_an_error_that_names_it(holdings: Holdings) -> None:
    with pytest.raises(MissingRateError, match="JPY"):
        valuation(holdings, prices=np.ones(5), quotes={"USD": 1.1, "GBP": 0.9}, base_currency="USD")


def test_an_instrument_that_is_held_twice_is_our_mistake() -> None:
    share = Holding(Listing("A", AssetClass.EQUITY, "USD"), 1.0, 1.0)
    with pytest.raises(AssertionError, match="canonical order"):
        Holdings.of([share, share])


def test_an_empty_book_is_worth_nothing() -> None:
    book = valuation(Holdings.of([]), prices=np.zeros(0), quotes={}, base_currency="USD")
    assert book.nav == 0.0
    assert exposure_by_group(book.exposure, Holdings.of([]).asset_classes()) == ()


@pytest.mark.parametrize(
    ("var", "nav", "fraction"),
    [(20.0, 1000.0, 0.02), (-20.0, 1000.0, -0.02), (20.0, 0.0, None), (20.0, -5.0, None)],
)
def test_var_is_a_fraction_of_a_positive_nav_only(
    var: float, nav: float, fraction: float | None
) -> None:
    assert var_fraction(var, nav) == fraction
