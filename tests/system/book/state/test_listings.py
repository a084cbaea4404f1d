"""Reference data as the risk core sees it: options on what can be an underlying, restruck."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from system.book.state.listings import (
    is_same_instrument,
    listing_of,
    options_on,
    restruck,
    series_behind,
)
from system.contracts.messages import (
    AssetClass,
    Instrument,
    OptionRight,
    OptionTerms,
    RejectReason,
    ReturnType,
)
from system.errors import MessageError

SHARE = Instrument(instrument="A", asset_class=AssetClass.EQUITY, currency="USD", proxy="INDEX")
CALL = Instrument(
    instrument="A-C100",
    asset_class=AssetClass.OPTION,
    currency="USD",
    multiplier=100.0,
    option=OptionTerms(
        underlying="A",
        right=OptionRight.CALL,
        strike=100.0,
        expiry=dt.date(2020, 6, 19),
        volatility=0.2,
        volatility_series="VIX",
    ),
)


def test_an_instrument_keeps_what_it_states_and_lacks_what_it_does_not():
    listing = listing_of(SHARE, {})
    assert (listing.instrument_id, listing.currency, listing.proxy) == ("A", "USD", "INDEX")
    assert (listing.exchange, listing.option) == ("", None)


def test_an_option_holds_its_underlying_and_terms():
    share = listing_of(SHARE, {})
    terms = listing_of(CALL, {"A": share}).option
    assert terms is not None
    assert (terms.underlying, terms.strike, terms.volatility) == (share, 100.0, 0.2)
    assert (terms.volatility_series, terms.right) == ("VIX", OptionRight.CALL)


@pytest.mark.parametrize(
    ("underlying", "reason", "told"),
    [
        (None, RejectReason.UNKNOWN_INSTRUMENT, "send its reference first"),
        ({"asset_class": AssetClass.FX, "proxy": None}, RejectReason.INVALID, "price of its own"),
        ({"return_type": ReturnType.ABSOLUTE}, RejectReason.INVALID, "can be negative"),
        ({"currency": "EUR"}, RejectReason.INVALID, "in EUR, not in USD"),
    ],
)
def test_an_option_on_what_none_can_be_on_is_refused(underlying, reason, told):
    known = {}
    if underlying is not None:
        known = {"A": listing_of(msgspec.structs.replace(SHARE, **underlying), {})}
    with pytest.raises(MessageError, match=told) as refused:
        listing_of(CALL, known)
    assert refused.value.reason == reason


def test_options_on_an_instrument_are_sorted_and_no_others():
    share = listing_of(SHARE, {})
    listings = {"A": share}
    for name in ("Z", "B"):
        listings[name] = listing_of(msgspec.structs.replace(CALL, instrument=name), {"A": share})
    assert options_on("A", listings) == ("B", "Z")
    assert options_on("B", listings) == ()


def test_series_behind_an_instrument_are_its_proxy_and_those_of_its_terms():
    assert series_behind(SHARE) == ("INDEX",)
    assert series_behind(CALL) == ("A", "VIX")
    assert series_behind(msgspec.structs.replace(SHARE, proxy=None)) == ()


def test_descriptions_agree_but_for_the_spelling_of_a_minor_unit():
    pence = msgspec.structs.replace(SHARE, currency="GBp")
    assert is_same_instrument(pence, msgspec.structs.replace(SHARE, currency="GBX"))
    assert not is_same_instrument(pence, msgspec.structs.replace(SHARE, currency="GBP"))
    assert not is_same_instrument(SHARE, msgspec.structs.replace(SHARE, name="Other"))


def test_a_strike_is_stated_in_the_shares_of_today():
    class Taken:
        """Split of four for one."""

        options = ("A-C100", "unknown")
        divisor = 4.0

    listings = restruck({"A": SHARE, "A-C100": CALL}, [Taken()])
    assert listings["A-C100"].option.strike == 25.0
    assert listings["A"] == listing_of(SHARE, {})
