"""A loss against the VaR before it: rounding decides nothing."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.risk.breach import RELATIVE_TOLERANCE, exceeds, is_breach
from validation.references.exact import exact_breach

AMOUNTS = st.floats(-1e15, 1e15, allow_subnormal=False)


@pytest.mark.parametrize(
    ("loss", "var", "breach"),
    [
        (10_000.0, 9999.999999999998, False),
        (9999.999999999998, 10_000.0, False),
        (10_000.01, 10_000.0, True),
        (9_999.0, 10_000.0, False),
        (0.0, 0.0, False),
        (-0.0, 0.0, False),
        (0.0, -0.0, False),
        (1.0, 0.0, True),
        (1e-6, 0.0, True),
        (-1.0, 0.0, False),
        (0.0, -1.0, True),
        (-4.0, -5.0, True),
        (-5.0, -5.0 - 1e-15, False),
        (-5.0, -4.0, False),
        (1.0, -1.0, True),
        (-1.0, 1.0, False),
        (1e15 + 1.0, 1e15, False),
        (1e15 * 1.001, 1e15, True),
        (1.7e308, -1.7e308, True),
        (-1.7e308, 1.7e308, False),
        (math.nan, 1.0, False),
        (1.0, math.nan, False),
    ],
)
def test_a_loss_breaches_a_var_only_beyond_rounding(loss: float, var: float, breach: bool) -> None:
    assert is_breach(loss, var) is breach
    with np.errstate(over="ignore"):
        assert exceeds(np.array([loss]), np.array([var])).tolist() == [breach]


@given(AMOUNTS, st.floats(-2 * RELATIVE_TOLERANCE, 2 * RELATIVE_TOLERANCE))
def test_the_tolerance_is_relative_and_the_exact_reference_agrees(var: float, off: float) -> None:
    loss = var * (1.0 + off)
    distance = abs(Fraction(loss) - Fraction(var))
    edge = Fraction(1, 10**9) * max(abs(Fraction(loss)), abs(Fraction(var)))
    if abs(distance - edge) > edge / 10**4:
        assert is_breach(loss, var) is exact_breach(-Fraction(loss), Fraction(var))


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1))
def test_many_losses_are_judged_like_one(pairs: list[tuple[float, float]]) -> None:
    loss, var = np.array(pairs).T
    assert exceeds(loss, var).tolist() == [is_breach(*pair) for pair in pairs]


@given(AMOUNTS, AMOUNTS)
def test_at_most_one_of_two_amounts_exceeds_the_other(first: float, second: float) -> None:
    assert not (is_breach(first, second) and is_breach(second, first))
