"""Listings: kinds of instrument as the risk core distinguishes them."""

from __future__ import annotations

import datetime as dt

import pytest

from system.contracts.messages import MONEY, AssetClass, OptionRight, ReturnType, VolatilityShift
from system.risk.listing import Listing, OptionTerms

SHARE = Listing("A", AssetClass.EQUITY, "USD")
TERMS = OptionTerms(SHARE, OptionRight.CALL, 100.0, dt.date(2020, 6, 19), 0.2)


@pytest.mark.parametrize("asset_class", AssetClass)
def test_a_kind_is_told_by_the_asset_class(asset_class):
    listing = Listing("A", asset_class, "USD")
    assert listing.is_money is (asset_class in MONEY)
    assert listing.is_future is (asset_class is AssetClass.FUTURE)
    assert not listing.is_absolute


def test_a_price_that_may_be_negative_and_a_premium_move_by_changes():
    spread = Listing("S", AssetClass.FUTURE, "USD", return_type=ReturnType.ABSOLUTE)
    option = Listing("O", AssetClass.OPTION, "USD", 100.0, option=TERMS)
    assert spread.is_absolute
    assert option.is_absolute


def test_what_is_not_stated_is_neutral():
    assert (SHARE.multiplier, SHARE.proxy, SHARE.exchange) == (1.0, "", "")
    assert (TERMS.rate, TERMS.dividend_yield, TERMS.volatility_series) == (0.0, 0.0, "")
    assert TERMS.volatility_shift is VolatilityShift.RELATIVE


def test_a_listing_is_a_value():
    assert Listing("A", AssetClass.EQUITY, "USD") == SHARE
    assert (
        len({SHARE, Listing("A", AssetClass.EQUITY, "USD"), Listing("A", AssetClass.ETF, "USD")})
        == 2
    )
