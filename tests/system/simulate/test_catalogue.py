"""Reference data of the shipped histories: names, currencies, proxies, the future's multiplier."""

from __future__ import annotations

import pytest

from system.contracts.messages import AssetClass
from system.simulate.catalogue import (
    EQUITY_NAMES,
    ETF_NAMES,
    INDEX_FUTURE,
    fx_series,
    index_future,
    money,
    us_equity,
    us_etf,
)


@pytest.mark.parametrize("ticker", EQUITY_NAMES)
def test_a_share_is_in_dollars_by_its_name(ticker):
    share = us_equity(ticker)
    assert (share.instrument, share.name) == (ticker, EQUITY_NAMES[ticker])
    assert (share.asset_class, share.currency) == (AssetClass.EQUITY, "USD")
    assert (share.multiplier, share.proxy) == (1.0, None)


@pytest.mark.parametrize("ticker", ETF_NAMES)
def test_a_fund_moves_as_the_index_where_it_has_no_history(ticker):
    fund = us_etf(ticker)
    assert (fund.name, fund.asset_class) == (ETF_NAMES[ticker], AssetClass.ETF)
    assert fund.proxy == INDEX_FUTURE == index_future().instrument


def test_an_unknown_ticker_is_its_own_name():
    assert us_equity("NEW").name == us_etf("NEW").name == "NEW"


def test_the_future_is_worth_fifty_dollars_a_point():
    future = index_future()
    assert (future.multiplier, future.currency) == (50.0, "USD")
    assert future.asset_class is AssetClass.FUTURE


def test_an_amount_of_money_is_named_by_its_currency_and_its_rate_by_a_prefix():
    yen = money("JPY")
    assert (yen.instrument, yen.currency, yen.asset_class) == ("JPY", "JPY", AssetClass.FX)
    assert fx_series("JPY") == "fx:JPY"


def test_no_ticker_is_a_share_and_a_fund():
    assert not EQUITY_NAMES.keys() & ETF_NAMES.keys()
