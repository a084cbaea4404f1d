"""Ten thousand options against QuantLib's analytic engine: value, five Greeks, implied vol."""

from __future__ import annotations

import itertools
from types import ModuleType

import numpy as np
import pytest

from system.contracts.messages import OptionRight
from system.risk.options.black_scholes import (
    DAYS_PER_YEAR,
    RATE_POINT,
    VOLATILITY_POINT,
    EuropeanOption,
    OptionArrays,
    implied_volatility,
    option_greeks,
    option_value,
)

pytestmark = pytest.mark.libraries

SPOT = 100.0
RIGHTS = tuple(OptionRight)
STRIKES = np.linspace(50.0, 180.0, 25)
DAYS = (1, 7, 30, 91, 182, 365, 730, 1825)
RATES = (-0.01, 0.0, 0.02, 0.05, 0.09)
YIELDS = (0.0, 0.03)
VOLATILITIES = (0.08, 0.2, 0.65)
GRID = list(itertools.product(RIGHTS, STRIKES, DAYS, RATES, YIELDS, VOLATILITIES))
GREEKS = ("delta", "gamma", "vega", "theta", "rho")


@pytest.fixture(scope="module")
def quantlib() -> ModuleType:
    return pytest.importorskip("QuantLib", reason="install the extra 'verify'")


@pytest.fixture(scope="module")
def theirs(quantlib: ModuleType) -> np.ndarray:
    """Return value, delta, gamma, vega, theta and rho of the grid, per 1.0 and per year."""
    ql = quantlib
    today = ql.Date(15, 3, 2022)
    ql.Settings.instance().evaluationDate = today
    day_count, calendar = ql.Actual365Fixed(), ql.NullCalendar()
    spot, rate, dividend, vol = (ql.SimpleQuote(value) for value in (SPOT, 0.0, 0.0, 0.2))
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(spot),
        ql.YieldTermStructureHandle(ql.FlatForward(today, ql.QuoteHandle(dividend), day_count)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, ql.QuoteHandle(rate), day_count)),
        ql.BlackVolTermStructureHandle(
            ql.BlackConstantVol(today, calendar, ql.QuoteHandle(vol), day_count)
        ),
    )
    engine = ql.AnalyticEuropeanEngine(process)
    rows = []
    for right, strike, days, own_rate, own_yield, own_vol in GRID:
        for quote, value in ((rate, own_rate), (dividend, own_yield), (vol, own_vol)):
            quote.setValue(value)
        side = ql.Option.Call if right is OptionRight.CALL else ql.Option.Put
        payoff = ql.PlainVanillaPayoff(side, float(strike))
        option = ql.VanillaOption(payoff, ql.EuropeanExercise(today + days))
        option.setPricingEngine(engine)
        rows.append([option.NPV(), *(getattr(option, name)() for name in GREEKS)])
    return np.array(rows)


@pytest.fixture(scope="module")
def options() -> list[EuropeanOption]:
    return [
        EuropeanOption(right, float(strike), days / DAYS_PER_YEAR, rate, dividend)
        for right, strike, days, rate, dividend, _ in GRID
    ]


def test_the_grid_has_ten_thousand_options_and_more() -> None:
    assert len(GRID) >= 10_000


def test_values_and_greeks_are_those_of_quantlib(
    options: list[EuropeanOption], theirs: np.ndarray
) -> None:
    arrays = OptionArrays.of(options)
    spot, vol = np.full(len(GRID), SPOT), np.array([case[-1] for case in GRID])
    greeks = option_greeks(arrays, spot=spot, volatility=vol)
    ours = {
        "value": option_value(arrays, spot=spot, volatility=vol),
        "delta": greeks.delta,
        "gamma": greeks.gamma,
        "vega": greeks.vega / VOLATILITY_POINT,
        "theta": greeks.theta * DAYS_PER_YEAR,
        "rho": greeks.rho / RATE_POINT,
    }
    for column, (name, values) in enumerate(ours.items()):
        np.testing.assert_allclose(
            values, theirs[:, column], rtol=1e-9, atol=1e-9, err_msg=f"{name} differs"
        )


def test_implied_volatility_finds_the_volatility_that_quantlib_priced_with(
    options: list[EuropeanOption], theirs: np.ndarray
) -> None:
    solved = 0
    for option, case, row in list(zip(options, GRID, theirs, strict=True))[::7]:
        price, vega = float(row[0]), float(row[3])
        if vega > 1.0:
            implied = implied_volatility(option, price=price, spot=SPOT)
            assert implied == pytest.approx(case[-1], rel=1e-10)
            solved += 1
    assert solved > 800
