"""Options by integration: the published numbers, parity, and the product's closed formula."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest

from system.contracts.messages import OptionRight
from system.risk.options.black_scholes import (
    EuropeanOption,
    OptionArrays,
    option_greeks,
    option_value,
)
from validation.references.exact import ReferenceInputError
from validation.references.options import (
    ReferenceOption,
    reference_greeks,
    reference_option_value,
)


def option(
    right: str, spot: str, strike: str, rate: str, years: str, volatility: str, dividend: str = "0"
) -> ReferenceOption:
    numbers = map(Decimal, (spot, strike, years, rate, volatility, dividend))
    return ReferenceOption(right, *numbers)


INDEX_CALL = option("call", "305", "300", "0.08", "0.33", "0.25")
STOCK_PUT = option("put", "55", "60", "0.1", "0.7", "0.3")
HULL_CALL = option("call", "49", "50", "0.05", "0.3846", "0.2")


@pytest.mark.parametrize(
    ("priced", "value", "greeks", "digits"),
    [
        (INDEX_CALL, None, (0.6446, 0.0085, 65.2563, -38.5054, 56.8720), 5e-5),
        (STOCK_PUT, 6.0245, (-0.4770, 0.0289, 18.3273, -0.7014, -22.5811), 6e-5),
        (HULL_CALL, 2.4005, (0.5216, 0.0655, 12.105, -4.305, 8.907), 6e-4),
    ],
)
def test_published_values_and_greeks(
    priced: ReferenceOption, value: float | None, greeks: tuple[float, ...], digits: float
) -> None:
    stated = reference_greeks(priced)
    numbers = (stated.delta, stated.gamma, stated.vega, stated.theta, stated.rho)
    assert [float(number) for number in numbers] == pytest.approx(greeks, abs=digits)
    if value is not None:
        assert float(reference_option_value(priced)) == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize(("right", "delta"), [("call", 0.5955), ("put", -0.4045)])
def test_published_deltas_at_the_money(right: str, delta: float) -> None:
    stated = reference_greeks(option(right, "50", "50", "0.1", "0.25", "0.3"))
    assert float(stated.delta) == pytest.approx(delta, abs=5e-5)


def test_a_call_less_a_put_is_a_forward_to_twenty_digits() -> None:
    terms = ("100", "110", "0.03", "1.5", "0.4", "0.02")
    call, put = (reference_option_value(option(right, *terms)) for right in ("call", "put"))
    with localcontext() as context:
        context.prec = 50
        forward = 100 * Decimal("-0.03").exp() - 110 * Decimal("-0.045").exp()
        assert abs(call - put - forward) < Decimal("1e-22")


@pytest.mark.parametrize("right", ["call", "put"])
def test_without_time_or_volatility_the_outcome_is_certain(right: str) -> None:
    sign = 1 if right == "call" else -1
    expired = option(right, "105", "100", "0.05", "0", "0.2")
    assert reference_option_value(expired) == max(sign * 5, 0)
    certain = reference_option_value(option(right, "105", "100", "0.05", "1", "0"))
    wanted = max(sign * (105 - 100 * Decimal("-0.05").exp()), Decimal(0))
    assert abs(certain - wanted) < Decimal("1e-25")
    with pytest.raises(ReferenceInputError, match="no Greeks"):
        reference_greeks(expired)


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("right", ("straddle", "1", "1", "0", "1", "0.2")),
        ("spot", ("call", "0", "1", "0", "1", "0.2")),
        ("strike", ("call", "1", "-1", "0", "1", "0.2")),
        ("years", ("call", "1", "1", "0", "-1", "0.2")),
        ("volatility", ("call", "1", "1", "0", "1", "-0.2")),
    ],
)
def test_bad_terms_are_refused_by_name(field: str, terms: tuple[str, ...]) -> None:
    with pytest.raises(ReferenceInputError, match=field):
        option(*terms)


GRID = [
    option(right, spot, "100", rate, years, volatility, "0.02")
    for right in ("call", "put")
    for spot, years, rate, volatility in (
        ("100", "0.5", "0.03", "0.2"),
        ("70", "0.1", "-0.01", "0.35"),
        ("160", "2", "0.05", "0.5"),
        ("99", "0.0027", "0", "0.8"),
    )
]


@pytest.mark.parametrize("priced", GRID)
def test_the_products_formula_has_the_integrals_value_and_greeks(priced: ReferenceOption) -> None:
    contract = EuropeanOption(
        OptionRight(priced.right),
        float(priced.strike),
        float(priced.years),
        float(priced.rate),
        float(priced.dividend_yield),
    )
    arrays = OptionArrays.of([contract])
    spot, volatility = np.array([float(priced.spot)]), np.array([float(priced.volatility)])
    value = float(option_value(arrays, spot=spot, volatility=volatility)[0])
    scale = float(priced.strike)
    assert value == pytest.approx(
        float(reference_option_value(priced)), rel=1e-9, abs=1e-13 * scale
    )
    stated, wanted = (
        option_greeks(arrays, spot=spot, volatility=volatility),
        reference_greeks(priced),
    )
    shown = (stated.delta, stated.gamma, stated.vega, stated.theta, stated.rho)
    units = (1.0, 1.0, 0.01, 1.0 / 365.0, 0.01)  # per point, per calendar day, per 1 %
    exact = (wanted.delta, wanted.gamma, wanted.vega, wanted.theta, wanted.rho)
    for mine, unit, theirs in zip(shown, units, exact, strict=True):
        assert float(mine[0]) == pytest.approx(unit * float(theirs), rel=1e-9, abs=1e-12)
