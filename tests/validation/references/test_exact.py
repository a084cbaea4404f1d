from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.references.exact import (
    ReferenceInputError,
    exact,
    exact_breach,
    exact_quantile,
    exact_tail_mean,
)

TWENTIETH = Fraction(1, 20)
WORKED = [
    Fraction(mille, 1000)
    for mille in (
        *(-50, -40, -31, -25, -21, -18, -15, -12, -10, -8, -6, -4, -2, -1, 0),
        *(1, 3, 4, 6, 7, 9, 10, 12, 14, 16, 18, 21, 24, 27, 30),
    )
]


@pytest.mark.parametrize("value", [0.5, "0.5", "1/2", Decimal("0.5"), Fraction(1, 2)])
def test_every_kind_of_number_has_its_exact_value(value: object) -> None:
    assert exact(value) == Fraction(1, 2)  # type: ignore[arg-type]


def test_a_float_is_the_binary_number_that_it_stores() -> None:
    assert exact(0.1) == Fraction(3602879701896397, 36028797018963968)
    assert exact("0.1") == Fraction(1, 10)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "nan", "", "x", "1/0", Decimal("NaN"), Decimal("inf")]
)
def test_what_is_not_finite_is_refused(value: object) -> None:
    with pytest.raises(ReferenceInputError, match="not a finite number"):
        exact(value)  # type: ignore[arg-type]


def test_the_worked_vector_has_its_published_numbers_exactly() -> None:
    assert -exact_quantile(WORKED, TWENTIETH) == Fraction(4, 100)
    assert -exact_tail_mean(WORKED, TWENTIETH) == Fraction(7, 150)


def test_a_tail_of_less_than_one_outcome_is_refused() -> None:
    for measure in (exact_quantile, exact_tail_mean):
        with pytest.raises(ReferenceInputError, match="19 outcomes have no tail"):
            measure(WORKED[:19], TWENTIETH)


@given(st.lists(st.integers(-20, 20), min_size=20, max_size=200))
def test_the_quantile_is_the_outcome_of_rank_ceil_of_n_a(outcomes: list[int]) -> None:
    rank = (5 * len(outcomes) + 99) // 100
    exactly = [Fraction(outcome) for outcome in outcomes]
    assert exact_quantile(exactly, TWENTIETH) == sorted(outcomes)[rank - 1]


@given(st.lists(st.integers(-20, 20), min_size=20, max_size=200))
def test_the_tail_mean_is_the_formula_of_acerbi_and_tasche(outcomes: list[int]) -> None:
    mass = Fraction(len(outcomes), 20)
    whole = int(mass)
    ranked = [Fraction(outcome) for outcome in sorted(outcomes)]
    rest = (mass - whole) * ranked[whole] if whole < len(ranked) else Fraction(0)
    expected = (sum(ranked[:whole]) + rest) / mass
    assert exact_tail_mean([Fraction(outcome) for outcome in outcomes], TWENTIETH) == expected


def test_a_loss_within_a_billionth_of_the_var_is_no_breach() -> None:
    var = exact(9999.999999999998)
    assert not exact_breach(Fraction(-10_000), var)
    assert not exact_breach(-var, Fraction(10_000))
    assert exact_breach(Fraction(-1_000_001, 100), Fraction(10_000))
    assert not exact_breach(Fraction(0), Fraction(0))
    assert exact_breach(Fraction(4), Fraction(-5))
    assert not exact_breach(Fraction(5), Fraction(-5))
    assert not exact_breach(Fraction(-1), Fraction(2))
