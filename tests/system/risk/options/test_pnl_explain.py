"""P&L of an option explained: the parts add up, and the rest is of higher order."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.contracts.messages import OptionRight
from system.risk.options.black_scholes import (
    EuropeanOption,
    OptionArrays,
    option_greeks,
    option_value,
)
from system.risk.options.pnl_explain import ExplainedOptionPnl, OptionState, explained_option_pnl
from tests.strategies import OptionCase, option_cases

PARTS = ("delta", "gamma", "vega", "theta", "fx", "unexplained")
UNITS = -250.0
RATE = 1.1


def premium(option: EuropeanOption, spot: float, volatility: float) -> float:
    value = option_value(
        OptionArrays.of([option]), spot=np.array([spot]), volatility=np.array([volatility])
    )
    return float(value[0])


def explained(
    case: OptionCase, right: OptionRight, *, spot: float, volatility: float, days: int, rate: float
) -> ExplainedOptionPnl:
    """Return the parts of a move by parts of spot, volatility and rate, and by days."""
    before_days = round(case.years * 365)
    option = replace(case.option(right), years=before_days / 365)
    later = replace(option, years=(before_days - days) / 365)
    moved = (case.spot * (1 + spot), case.volatility * (1 + volatility))
    start = OptionState(
        premium(option, case.spot, case.volatility), case.spot, case.volatility, RATE, before_days
    )
    end = OptionState(premium(later, *moved), *moved, RATE * (1 + rate), before_days - days)
    return explained_option_pnl(start, end, option=option, units=UNITS)


rights = st.sampled_from(OptionRight)
moves = st.floats(-0.3, 0.3)


@given(option_cases(), rights, moves, moves, st.integers(0, 6), st.floats(-0.1, 0.1))
@settings(max_examples=100, deadline=None)
def test_the_parts_and_the_unexplained_add_up_to_the_pnl(
    case: OptionCase, right: OptionRight, spot: float, vol: float, days: int, rate: float
) -> None:
    parts = explained(case, right, spot=spot, volatility=vol, days=days, rate=rate)
    values = [getattr(parts, name) for name in PARTS]
    scale = math.fsum(abs(value) for value in values) + abs(parts.actual)
    assert math.fsum(values) == pytest.approx(parts.actual, rel=0, abs=1e-14 * scale)


@given(option_cases(), rights, st.floats(-1e-4, 1e-4).filter(lambda move: abs(move) > 1e-6))
@settings(max_examples=100, deadline=None)
def test_of_a_small_move_of_the_spot_hardly_anything_is_unexplained(
    case: OptionCase, right: OptionRight, move: float
) -> None:
    parts = explained(case, right, spot=move, volatility=0.0, days=0, rate=0.0)
    third_order = abs(UNITS) * case.spot * RATE * abs(move) ** 3
    steepness = 1.0 + 1.0 / (case.volatility**2 * case.years)
    rounding = 1e-12 * abs(UNITS) * RATE * (case.spot + case.strike)
    assert abs(parts.unexplained) <= 3.0 * third_order * steepness + rounding
    assert (parts.vega, parts.theta, parts.fx) == (0.0, 0.0, 0.0)


def test_the_unexplained_vanishes_faster_than_any_part() -> None:
    case = OptionCase(100.0, 125.0, 0.5, 0.02, 0.01, 0.25)
    rests = []
    for size in (0.04, 0.02, 0.01, 0.005):
        parts = explained(case, OptionRight.CALL, spot=size, volatility=0, days=0, rate=0)
        rests.append(abs(parts.unexplained))
    ratios = [large / small for large, small in itertools.pairwise(rests)]
    assert ratios == pytest.approx([8.0] * 3, rel=0.15)


def test_delta_and_gamma_are_the_greeks_at_the_first_moment() -> None:
    case = OptionCase(100.0, 105.0, 0.5, 0.02, 0.01, 0.25)
    parts = explained(case, OptionRight.PUT, spot=0.03, volatility=0.1, days=0, rate=0.05)
    option = replace(case.option(OptionRight.PUT), years=round(case.years * 365) / 365)
    greeks = option_greeks(
        OptionArrays.of([option]), spot=np.array([100.0]), volatility=np.array([0.25])
    )
    assert parts.delta == pytest.approx(UNITS * RATE * greeks.delta[0] * 3.0, rel=1e-12)
    assert parts.gamma == pytest.approx(UNITS * RATE * 0.5 * greeks.gamma[0] * 9.0, rel=1e-12)
    assert parts.vega == pytest.approx(UNITS * RATE * greeks.vega[0] * 2.5, rel=1e-12)
