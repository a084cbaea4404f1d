"""Options by integration in double precision, against sixty digits and against themselves."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from validation.references.exact import ReferenceInputError
from validation.references.integrals import (
    EuropeanTerms,
    gauss_legendre,
    implied_by_integration,
    integrated_greeks,
    integrated_value,
)
from validation.references.options import (
    ReferenceOption,
    reference_greeks,
    reference_option_value,
)

CASES = [
    (right, spot, years, volatility, rate)
    for right in ("call", "put")
    for spot, years, volatility, rate in (
        (100.0, 0.25, 0.2, 0.03),
        (103.0, 1 / 365, 0.05, 0.01),
        (60.0, 0.1, 0.35, -0.01),
        (185.0, 1 / 365, 0.05, 0.02),
        (55.0, 3.0, 1.5, 0.08),
        (99.0, 10.0, 0.9, 0.0),
        (140.0, 2.0, 0.1, 0.05),
    )
]


def terms_of(right: str, years: float, rate: float) -> EuropeanTerms:
    return EuropeanTerms(right == "call", 100.0, years, rate, 0.02)


def digits_of(
    right: str, spot: float, years: float, volatility: float, rate: float
) -> ReferenceOption:
    return ReferenceOption(right, *map(Decimal, (spot, 100.0, years, rate, volatility, 0.02)))


@pytest.mark.parametrize(("right", "spot", "years", "volatility", "rate"), CASES)
def test_values_and_greeks_are_those_of_sixty_digits(
    right: str, spot: float, years: float, volatility: float, rate: float
) -> None:
    terms, many = terms_of(right, years, rate), digits_of(right, spot, years, volatility, rate)
    value = integrated_value(terms, spot=spot, volatility=volatility)
    assert value == pytest.approx(float(reference_option_value(many)), rel=1e-12, abs=1e-13)
    integrated, wanted = (
        integrated_greeks(terms, spot=spot, volatility=volatility),
        reference_greeks(many),
    )
    level, root = max(spot, 100.0), math.sqrt(years)
    scales = {
        "delta": 1.0,
        "gamma": 0.4 / (spot * volatility * root),
        "vega": 0.4 * level * root,
        "theta": 0.2 * level * volatility / root + level * 0.1,
        "rho": level * years,
    }
    for name, scale in scales.items():
        exact = float(getattr(wanted, name))
        assert getattr(integrated, name) == pytest.approx(exact, rel=1e-12, abs=1e-13 * scale), name


@pytest.mark.parametrize("spot", [20.0, 60.0, 100.0, 185.0, 400.0])
@pytest.mark.parametrize(("years", "volatility"), [(1 / 365, 0.05), (0.5, 0.3), (4.0, 1.2)])
def test_sixty_digits_keep_put_call_parity_however_far_from_the_money(
    spot: float, years: float, volatility: float
) -> None:
    call, put = (
        float(reference_option_value(digits_of(right, spot, years, volatility, 0.03)))
        for right in ("call", "put")
    )
    forward = spot * math.exp(-0.02 * years) - 100.0 * math.exp(-0.03 * years)
    assert call - put == pytest.approx(forward, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize(
    ("right", "spot", "years", "volatility", "rate"),
    [case for case in CASES if 0.2 < case[2] < 5.0 and case[1] < 130.0],
)
def test_the_implied_volatility_is_the_one_that_a_value_was_made_with(
    right: str, spot: float, years: float, volatility: float, rate: float
) -> None:
    terms = terms_of(right, years, rate)
    price = integrated_value(terms, spot=spot, volatility=volatility)
    assert implied_by_integration(terms, price=price, spot=spot) == pytest.approx(
        volatility, rel=1e-10
    )


def test_a_price_that_no_volatility_gives_or_hardly_depends_on_one_is_refused() -> None:
    terms = EuropeanTerms(True, 100.0, 0.5)
    with pytest.raises(ReferenceInputError, match="no volatility gives it"):
        implied_by_integration(terms, price=101.0, spot=100.0)
    deep = EuropeanTerms(True, 100.0, 30 / 365)
    with pytest.raises(ReferenceInputError, match="hardly depends"):
        implied_by_integration(deep, price=100.0 + 1e-9, spot=200.0)


@pytest.mark.parametrize(("right", "delta"), [("call", 1.0), ("put", 0.0)])
def test_on_its_last_day_an_option_is_worth_what_exercise_brings(right: str, delta: float) -> None:
    terms = EuropeanTerms(right == "call", 100.0, 0.0)
    assert integrated_value(terms, spot=107.0, volatility=0.3) == 7.0 * delta
    greeks = integrated_greeks(terms, spot=107.0, volatility=0.3)
    assert (greeks.delta, greeks.gamma, greeks.vega, greeks.theta) == (delta, 0.0, 0.0, 0.0)
    assert abs(integrated_greeks(terms, spot=100.0, volatility=0.3).delta) == 0.5


def test_the_rule_is_exact_for_polynomials_and_symmetric() -> None:
    nodes = gauss_legendre()
    assert math.fsum(weight for _, weight in nodes) == pytest.approx(2.0, rel=1e-15)
    for degree in range(32):
        exact = 2.0 / (degree + 1) if degree % 2 == 0 else 0.0
        got = math.fsum(weight * node**degree for node, weight in nodes)
        assert got == pytest.approx(exact, abs=1e-15)
