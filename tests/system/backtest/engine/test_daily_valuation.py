"""Value of a book at many closes: each kind of position by hand, and P&L of the next day."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from system.backtest.engine.daily_valuation import MarkedDays, worth
from system.backtest.engine.scenarios import FactorHistory
from system.contracts.messages import AssetClass, ReturnType
from system.risk.listing import Listing
from system.risk.scenarios.window import CloseTable, ScenarioWindow

DAYS = tuple(dt.date(2020, 1, day) for day in (1, 2, 3))
SHARE = Listing("A", AssetClass.EQUITY, "USD")
FUTURE = Listing("F", AssetClass.FUTURE, "USD", 50.0)
CASH = Listing("USD", AssetClass.FX, "USD")
SPREAD = Listing("S", AssetClass.FUTURE, "USD", 10.0, return_type=ReturnType.ABSOLUTE)
BOOK = (SHARE, FUTURE, CASH, SPREAD)
PRICES = {"A": [10.0, 11.0, 12.0], "F": [100.0, 90.0, 95.0], "S": [-1.0, 2.0, 0.0]}
RATE = np.array([0.8, 0.9, 1.0])
QUANTITIES = np.array([[5.0, 2.0, 1_000.0, 3.0], [5.0, 2.0, 1_000.0, 3.0]])


@pytest.fixture
def marked() -> MarkedDays:
    closes = np.array([PRICES[name] for name in ("A", "F", "S")])
    table = CloseTable(("A", "F", "S"), DAYS, closes)
    window = ScenarioWindow(table.names, table.dates, table.closes)
    return MarkedDays.of(window, BOOK, np.array([RATE] * len(BOOK)), {})


def test_kinds_and_multipliers_are_of_each_position(marked):
    assert marked.multiplier.tolist() == [1.0, 50.0, 1.0, 10.0]
    assert marked.is_future.tolist() == [False, True, False, True]
    assert marked.is_money.tolist() == [False, False, True, False]
    assert marked.is_absolute.tolist() == [False, False, False, True]


def test_a_share_is_worth_its_price_a_future_nothing_and_money_its_rate(marked):
    value = worth(marked, QUANTITIES, 0).value
    assert value[0].tolist() == pytest.approx([5 * 10 * 0.8, 0.0, 800.0, 0.0])
    assert value[1].tolist() == pytest.approx([5 * 11 * 0.9, 0.0, 900.0, 0.0])


def test_the_day_after_a_future_has_made_its_move_at_the_new_rate(marked):
    after = worth(marked, QUANTITIES, 0).value_after
    assert after[0].tolist() == pytest.approx(
        [5 * 11 * 0.9, 2 * 50 * -10 * 0.9, 900.0, 3 * 10 * 3 * 0.9]
    )


def test_exposure_of_absolute_returns_is_per_point_of_price(marked):
    valuation = worth(marked, QUANTITIES, 0)
    assert valuation.price_exposure[0, 3] == pytest.approx(3 * 10 * 0.8)
    assert valuation.price_exposure[0, 1] == pytest.approx(2 * 50 * 100 * 0.8)
    assert valuation.exposure[0, 3] == pytest.approx(3 * 10 * -1.0 * 0.8)
    assert valuation.units[0].tolist() == pytest.approx([5 * 0.8, 80.0, 1_000.0, 24.0])


def test_a_later_first_day_shifts_everything(marked):
    late = worth(marked, QUANTITIES[1:], 1)
    both = worth(marked, QUANTITIES, 0)
    assert late.value.tolist() == both.value[1:].tolist()
    assert late.value_after.tolist() == both.value_after[1:].tolist()


def test_a_row_of_fx_weighs_the_value_and_one_of_prices_the_exposure(marked):
    factors = FactorHistory(np.zeros((2, 2)), np.array([1, 1]), np.array([False, True]), len(BOOK))
    valuation = worth(marked, QUANTITIES, 0)
    assert valuation.weights(factors)[0].tolist() == pytest.approx([2 * 50 * 100 * 0.8, 0.0])
