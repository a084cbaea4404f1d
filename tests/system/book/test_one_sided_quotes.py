"""Quotes without a bid: an option far out of the money is marked at half of its ask."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from system.contracts.messages import (
    AssetClass,
    Instrument,
    OptionRight,
    OptionTerms,
    RejectReason,
    ReturnType,
    Tick,
)
from tests.system.book.feed import (
    Feed,
    at_ns,
    holding,
    instrument,
    live,
    opened,
    portfolio,
    reasons,
    tick,
)

PUT = Instrument(
    instrument="AAA.P60",
    asset_class=AssetClass.OPTION,
    currency="USD",
    multiplier=100.0,
    option=OptionTerms(
        underlying="AAA",
        right=OptionRight.PUT,
        strike=60.0,
        expiry=dt.date(2020, 6, 19),
        volatility=0.3,
    ),
)


def optioned() -> Feed:
    feed = Feed()
    book = portfolio("P", holding("AAA.P60", 2.0, 1.0))
    assert feed.send(instrument("AAA"), PUT, book, tick("AAA", 100.0)).rejected == ()
    return feed


def quoted(bid: float, mid: float, ask: float, *, ticker: str = "AAA.P60") -> Tick:
    return Tick(
        ticker=ticker, bid=bid, mid=mid, ask=ask, volume=1.0, event_time_ns=at_ns(), sequence=1
    )


@pytest.mark.parametrize("bid", [0.0, -0.0, 1e-12])
def test_an_option_without_a_bid_is_marked_at_its_mid(bid: float) -> None:
    feed = optioned()
    fold = feed.send(quoted(bid, 0.025, 0.05))
    assert reasons(fold) == []
    assert feed.counts("market_data") == {"applied": 2}
    (put,) = live(fold).positions
    assert (put.price, put.value) == (0.025, 2.0 * 100.0 * 0.025)


@pytest.mark.parametrize(
    ("quote", "detail"),
    [
        (quoted(0.0, 0.0, 0.05), "mid of AAA.P60 is 0: an option is worth 1e-09 or more"),
        (quoted(0.0, 0.0, 0.0), "mid of AAA.P60 is 0: an option is worth 1e-09 or more"),
        (quoted(-0.05, 0.025, 0.05), "bid of AAA.P60 is -0.05: an option is worth"),
        (quoted(-0.05, -0.02, 0.0), "mid of AAA.P60 is -0.02: an option is worth"),
        (quoted(0.0, 0.025, 0.05, ticker="AAA"), "bid of AAA is 0: below 1e-09 only an instrument"),
    ],
    ids=["mid 0", "all 0", "negative bid", "negative mid", "a share"],
)
def test_other_quotes_below_the_least_price_are_refused_by_name(quote: Tick, detail: str) -> None:
    feed = optioned()
    fold = feed.send(quote)
    assert reasons(fold) == [RejectReason.INVALID]
    assert detail in fold.rejected[0].detail


@pytest.mark.parametrize("asset_class", [AssetClass.EQUITY, AssetClass.ETF, AssetClass.FUTURE])
def test_what_has_no_bid_and_is_no_option_has_no_price(asset_class: AssetClass) -> None:
    feed = opened()
    feed.send(instrument("N", asset_class))
    assert reasons(feed.send(quoted(0.0, 2.5, 5.0, ticker="N"))) == [RejectReason.INVALID]


def test_a_spread_of_absolute_returns_may_have_a_bid_of_zero() -> None:
    feed = opened()
    spread = msgspec.structs.replace(
        instrument("N", AssetClass.FUTURE), return_type=ReturnType.ABSOLUTE
    )
    assert reasons(feed.send(spread, quoted(0.0, 0.0, 5.0, ticker="N"))) == []
