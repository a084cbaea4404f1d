"""European options: published numbers, identities that no implementation may break, bumps."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from system.contracts.messages import OptionRight
from system.risk.errors import NoImpliedVolatilityError
from system.risk.options.black_scholes import (
    DAYS_PER_YEAR,
    MAX_VOLATILITY,
    RATE_POINT,
    VOLATILITY_POINT,
    EuropeanOption,
    OptionArrays,
    PriceStanding,
    implied_volatility,
    normal_cdf,
    option_greeks,
    option_value,
    price_standing,
    value_bounds,
)
from tests.strategies import OptionCase, option_cases

CALL, PUT = OptionRight.CALL, OptionRight.PUT


def value_of(option: EuropeanOption, spot: float, volatility: float) -> float:
    arrays = OptionArrays.of([option])
    return float(option_value(arrays, spot=np.array([spot]), volatility=np.array([volatility]))[0])


def greeks_of(option: EuropeanOption, spot: float, volatility: float) -> dict[str, float]:
    arrays = OptionArrays.of([option])
    greeks = option_greeks(arrays, spot=np.array([spot]), volatility=np.array([volatility]))
    return {
        name: float(getattr(greeks, name)[0]) for name in ("delta", "gamma", "vega", "theta", "rho")
    }


def published_units(greeks: dict[str, float]) -> dict[str, float]:
    """Textbooks state vega and rho per 1.0 and theta per year."""
    return {
        **greeks,
        "vega": greeks["vega"] / VOLATILITY_POINT,
        "rho": greeks["rho"] / RATE_POINT,
        "theta": greeks["theta"] * DAYS_PER_YEAR,
    }


# -- published numbers ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "spot", "volatility", "published"),
    [
        (
            EuropeanOption(CALL, 300.0, 0.33, rate=0.08),
            305.0,
            0.25,
            (0.6446, 0.0085, 65.2563, -38.5054, 56.8720),
        ),
        (
            EuropeanOption(PUT, 60.0, 0.7, rate=0.1),
            55.0,
            0.3,
            (-0.4770, 0.0289, 18.3273, -0.7014, -22.5811),
        ),
        (
            EuropeanOption(CALL, 50.0, 0.3846, rate=0.05),
            49.0,
            0.2,
            (0.5216, 0.0655, 12.105, -4.305, 8.907),
        ),
    ],
    ids=["call-305", "put-55", "call-49"],
)
def test_greeks_are_the_published_ones(
    option: EuropeanOption, spot: float, volatility: float, published: tuple[float, ...]
) -> None:
    greeks = published_units(greeks_of(option, spot, volatility))
    delta, gamma, vega, theta, rho = published
    assert greeks["delta"] == pytest.approx(delta, abs=5e-5)
    assert greeks["gamma"] == pytest.approx(gamma, abs=5e-5)
    assert greeks["vega"] == pytest.approx(vega, abs=5e-4)
    assert greeks["theta"] == pytest.approx(theta, abs=5e-4)
    assert greeks["rho"] == pytest.approx(rho, abs=5e-4)


def test_values_are_the_published_ones() -> None:
    put = EuropeanOption(PUT, 60.0, 0.7, rate=0.1)
    call = EuropeanOption(CALL, 50.0, 0.3846, rate=0.05)
    assert value_of(put, 55.0, 0.3) == pytest.approx(6.0245, abs=5e-5)
    assert value_of(call, 49.0, 0.2) == pytest.approx(2.4005, abs=5e-5)


def test_deltas_of_a_call_and_a_put_are_the_published_ones() -> None:
    call, put = (EuropeanOption(right, 50.0, 0.25, rate=0.1) for right in (CALL, PUT))
    assert greeks_of(call, 50.0, 0.3)["delta"] == pytest.approx(0.5955, abs=5e-5)
    assert greeks_of(put, 50.0, 0.3)["delta"] == pytest.approx(-0.4045, abs=5e-5)


# -- the normal distribution ------------------------------------------------------------


def exact_normal_cdf(value: float) -> Decimal:
    """Return the distribution function by its Taylor series, 80 digits."""
    with localcontext() as context:
        context.prec = 80
        x = Decimal(value)
        term = total = x
        for index in range(1, 400):
            term *= -x * x / (2 * index)
            total += term / (2 * index + 1)
        pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781641")
        return Decimal("0.5") + total / (2 * pi).sqrt()


def test_the_normal_distribution_is_exact_to_rounding() -> None:
    values = np.linspace(-8.0, 8.0, 161)
    ours = normal_cdf(values)
    for value, cdf in zip(values.tolist(), ours.tolist(), strict=True):
        exact = exact_normal_cdf(value)
        assert abs(Decimal(cdf) - exact) <= Decimal("2e-16"), value
        assert abs(Decimal(cdf) - exact) <= exact * Decimal("2e-14"), value


def test_the_normal_distribution_keeps_the_shape_and_knows_its_ends() -> None:
    ends = normal_cdf(np.array([[-np.inf, 0.0, np.inf]]))
    assert ends.tolist() == [[0.0, 0.5, 1.0]]


# -- identities -------------------------------------------------------------------------


@given(case=option_cases())
def test_call_less_put_is_the_forward(case: OptionCase) -> None:
    call, put = case.option(CALL), case.option(PUT)
    forward = case.spot * math.exp(-call.dividend_yield * call.years)
    present = call.strike * math.exp(-call.rate * call.years)
    parity = value_of(call, case.spot, case.volatility) - value_of(put, case.spot, case.volatility)
    assert parity == pytest.approx(forward - present, abs=1e-13 * (forward + present))


@given(case=option_cases(), right=st.sampled_from(OptionRight))
def test_a_value_lies_within_its_bounds(case: OptionCase, right: OptionRight) -> None:
    option = case.option(right)
    lowest, highest = value_bounds(option, spot=case.spot)
    rounding = 1e-14 * (case.spot + option.strike)
    value = value_of(option, case.spot, case.volatility)
    assert lowest - rounding <= value <= highest + rounding


@given(case=option_cases(), right=st.sampled_from(OptionRight), scale=st.floats(0.01, 100.0))
def test_a_value_is_homogeneous_in_spot_and_strike(
    case: OptionCase, right: OptionRight, scale: float
) -> None:
    option = case.option(right)
    scaled = EuropeanOption(
        right, option.strike * scale, option.years, option.rate, option.dividend_yield
    )
    value = value_of(option, case.spot, case.volatility)
    assert value_of(scaled, case.spot * scale, case.volatility) == pytest.approx(
        value * scale, rel=1e-9, abs=1e-12 * scale * (case.spot + option.strike)
    )


@given(case=option_cases(), right=st.sampled_from(OptionRight))
def test_every_greek_is_the_slope_of_the_value(case: OptionCase, right: OptionRight) -> None:
    option, spot, volatility = case.option(right), case.spot, case.volatility
    assume(abs(math.log(spot / option.strike)) < 5.0 * volatility * math.sqrt(option.years))
    greeks = greeks_of(option, spot, volatility)
    size = spot + option.strike

    def bumped(**change: float) -> float:
        moved = {"spot": spot, "volatility": volatility} | change
        kept = EuropeanOption(
            right,
            option.strike,
            change.get("years", option.years),
            change.get("rate", option.rate),
            option.dividend_yield,
        )
        return value_of(kept, moved["spot"], moved["volatility"])

    def slope(name: str, at: float, step: float) -> float:
        return (bumped(**{name: at + step}) - bumped(**{name: at - step})) / (2.0 * step)

    def near(unit: float) -> dict[str, float]:
        return {"rel": 2e-4, "abs": 2e-6 * size * unit}

    assert greeks["delta"] == pytest.approx(slope("spot", spot, 1e-4 * spot), abs=1e-4)
    assert greeks["vega"] == pytest.approx(
        slope("volatility", volatility, 1e-4 * volatility) * 0.01, **near(0.01)
    )
    assert greeks["rho"] == pytest.approx(slope("rate", option.rate, 1e-5) * 0.01, **near(0.01))
    assert greeks["theta"] == pytest.approx(
        -slope("years", option.years, 1e-4 * option.years) / 365.0, **near(1.0)
    )
    step = 1e-3 * volatility * math.sqrt(option.years) * spot
    up, down = (greeks_of(option, spot + side * step, volatility)["delta"] for side in (1.0, -1.0))
    assert greeks["gamma"] == pytest.approx((up - down) / (2.0 * step), rel=1e-4, abs=1e-9 / spot)


def test_at_expiry_an_option_is_worth_its_intrinsic_value() -> None:
    options = OptionArrays.of([EuropeanOption(CALL, 50.0, 0.0), EuropeanOption(PUT, 50.0, 0.0)])
    spots = np.array([[40.0, 50.0, 60.0]] * 2)
    values = option_value(options.as_columns(), spot=spots, volatility=np.full((2, 1), 0.3))
    assert values.tolist() == [[0.0, 0.0, 10.0], [10.0, 0.0, 0.0]]
    greeks = option_greeks(options.as_columns(), spot=spots, volatility=np.full((2, 1), 0.3))
    assert greeks.delta.tolist() == [[0.0, 0.5, 1.0], [-1.0, -0.5, 0.0]]
    for name in ("gamma", "vega", "theta", "rho"):
        assert not getattr(greeks, name).any()


def test_without_volatility_the_forward_is_certain() -> None:
    option = EuropeanOption(CALL, 50.0, 1.0, rate=0.05)
    assert value_of(option, 60.0, 0.0) == pytest.approx(60.0 - 50.0 * math.exp(-0.05), rel=1e-15)
    assert value_of(option, 40.0, 0.0) == 0.0
    assert greeks_of(option, 60.0, 0.0)["delta"] == 1.0


def test_many_options_over_many_scenarios_are_each_valued_alone() -> None:
    rng = np.random.default_rng(7)
    options = [
        EuropeanOption(right, float(strike), float(years), rate=0.03, dividend_yield=0.01)
        for right, strike, years in zip(
            [CALL, PUT, PUT], rng.uniform(80, 120, 3), rng.uniform(0.1, 2, 3), strict=True
        )
    ]
    spots, vols = rng.uniform(60, 140, (3, 50)), rng.uniform(0.1, 0.6, (3, 50))
    together = option_value(OptionArrays.of(options).as_columns(), spot=spots, volatility=vols)
    alone = [
        [value_of(option, spot, vol) for spot, vol in zip(own_spots, own_vols, strict=True)]
        for option, own_spots, own_vols in zip(options, spots.tolist(), vols.tolist(), strict=True)
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-13)


# -- implied volatility -----------------------------------------------------------------


@given(case=option_cases(), right=st.sampled_from(OptionRight))
def test_implied_volatility_gives_the_price_again(case: OptionCase, right: OptionRight) -> None:
    option = case.option(right)
    price = value_of(option, case.spot, case.volatility)
    lowest, highest = value_bounds(option, spot=case.spot)
    rounding = 1e-13 * (case.spot + option.strike)
    assume(lowest + rounding < price < highest - rounding)
    implied = implied_volatility(option, price=price, spot=case.spot)
    assert 0.0 < implied <= MAX_VOLATILITY
    assert value_of(option, case.spot, implied) == pytest.approx(price, abs=rounding)
    slope = greeks_of(option, case.spot, case.volatility)["vega"] / VOLATILITY_POINT
    if slope > 0.01 * case.spot:
        assert implied == pytest.approx(case.volatility, rel=1e-9)


@pytest.mark.parametrize("price", [2.0, 100.0, 101.0, -1.0, math.nan])
def test_a_price_that_no_volatility_gives_is_refused_with_what_would_do(price: float) -> None:
    option = EuropeanOption(CALL, 98.0, 0.5)
    with pytest.raises(NoImpliedVolatilityError, match=r"above 2\.0 and up to 9"):
        implied_volatility(option, price=price, spot=100.0)


@pytest.mark.parametrize(
    ("right", "strike", "spot", "price", "standing"),
    [
        (CALL, 98.0, 100.0, 2.5, PriceStanding.INSIDE),
        (CALL, 98.0, 100.0, 2.0, PriceStanding.AT_BOUND),
        (CALL, 98.0, 100.0, 2.0 + 1e-12, PriceStanding.AT_BOUND),
        (CALL, 98.0, 100.0, 2.0 - 1e-12, PriceStanding.AT_BOUND),
        (CALL, 98.0, 100.0, 2.0 - 1e-3, PriceStanding.OUTSIDE),
        (CALL, 98.0, 100.0, 0.0, PriceStanding.OUTSIDE),
        (CALL, 6_000.0, 100.0, 0.0, PriceStanding.AT_BOUND),
        (CALL, 6_000.0, 100.0, -0.0, PriceStanding.AT_BOUND),
        (CALL, 6_000.0, 100.0, -0.01, PriceStanding.OUTSIDE),
        (CALL, 98.0, 100.0, 101.0, PriceStanding.OUTSIDE),
        (PUT, 6_000.0, 100.0, 5_900.0, PriceStanding.AT_BOUND),
        (PUT, 6_000.0, 100.0, 5_895.0, PriceStanding.OUTSIDE),
        (PUT, 10.0, 100.0, 0.0, PriceStanding.AT_BOUND),
    ],
)
def test_a_price_is_inside_at_or_outside_what_volatilities_give(
    right: OptionRight, strike: float, spot: float, price: float, standing: PriceStanding
) -> None:
    option = EuropeanOption(right, strike, 0.5)
    assert price_standing(option, price=price, spot=spot) is standing


def test_an_expired_option_has_no_implied_volatility() -> None:
    with pytest.raises(NoImpliedVolatilityError):
        implied_volatility(EuropeanOption(CALL, 98.0, 0.0), price=2.0, spot=100.0)
