"""Proxies: a series moves as another only where its own closes do not suffice."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from system.contracts.messages import AssetClass, OptionRight
from system.risk.errors import UnknownSeriesError
from system.risk.listing import Listing, OptionTerms
from system.risk.scenarios.proxies import (
    Proxied,
    proxies_of,
    steady_listings,
    volatility_series,
    with_proxies,
    with_steady_volatility,
)
from system.risk.scenarios.window import CloseTable

DAYS = tuple(dt.date(2020, 1, day) for day in (1, 2, 3))
NONE = float("nan")
TABLE = CloseTable(
    ("A", "NEW", "INDEX", "SHORT"),
    DAYS,
    np.array([[1.0, 2.0, 3.0], [NONE, NONE, 5.0], [7.0, 8.0, 9.0], [NONE, 1.0, 1.0]]),
)
SHARE = Listing("NEW", AssetClass.EQUITY, "USD", proxy="INDEX")
TERMS = OptionTerms(SHARE, OptionRight.CALL, 5.0, DAYS[-1], 0.2, volatility_series="SHORT")
OPTION = Listing("O", AssetClass.OPTION, "USD", option=TERMS)


def every(dates: np.ndarray) -> bool:
    return bool(dates.all())


def test_an_option_names_the_proxy_of_its_underlying():
    assert proxies_of([SHARE, Listing("A", AssetClass.EQUITY, "USD")]) == {"NEW": "INDEX"}
    assert proxies_of([OPTION]) == {"NEW": "INDEX"}


def test_a_proxy_stands_in_under_the_name_of_the_series_and_is_named():
    chosen = with_proxies(TABLE, ["NEW", "A"], {"NEW": "INDEX"}, suffices=every)
    assert chosen.proxied == (Proxied("NEW", "INDEX"),)
    assert chosen.table.names == ("NEW", "A")
    assert chosen.table.closes.tolist() == [[7.0, 8.0, 9.0], [1.0, 2.0, 3.0]]


def test_closes_that_suffice_are_used_whatever_proxy_is_named():
    chosen = with_proxies(TABLE, ["A"], {"A": "INDEX"}, suffices=every)
    assert chosen.proxied == ()
    assert chosen.table.closes.tolist() == [[1.0, 2.0, 3.0]]


def test_a_proxy_that_does_not_suffice_either_leaves_the_series_its_own():
    chosen = with_proxies(TABLE, ["NEW"], {"NEW": "SHORT"}, suffices=every)
    assert chosen.proxied == ()
    assert np.isnan(chosen.table.closes[0, 0])


@pytest.mark.parametrize("proxies", [{}, {"GONE": "SHORT"}])
def test_a_series_with_neither_is_an_error_that_names_it(proxies):
    with pytest.raises(UnknownSeriesError, match="GONE"):
        with_proxies(TABLE, ["GONE"], proxies, suffices=every)
    chosen = with_proxies(TABLE, ["GONE"], {"GONE": "INDEX"}, suffices=every)
    assert chosen.proxied == (Proxied("GONE", "INDEX"),)


def test_a_volatility_without_history_is_held_and_named():
    book = with_steady_volatility(TABLE, [SHARE, OPTION], suffices=every)
    assert book.steady == ("O",)
    held = replace(OPTION, option=replace(TERMS, volatility_series=""))
    assert book.listings == (SHARE, held)


def test_a_volatility_with_history_moves():
    option = replace(OPTION, option=replace(TERMS, volatility_series="INDEX"))
    book = with_steady_volatility(TABLE, [option], suffices=every)
    assert (book.listings, book.steady) == ((option,), ())
    assert volatility_series([SHARE, option]) == {"INDEX"}


def test_a_series_that_is_not_in_the_table_lacks_history():
    option = replace(OPTION, option=replace(TERMS, volatility_series="GONE"))
    assert with_steady_volatility(TABLE, [option], suffices=every).steady == ("O",)
    assert steady_listings([option], ()).steady == ()
