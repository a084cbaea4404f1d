"""Options inside scenarios: V'X' - VX by hand, approximations, and the shapes of a book."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.messages import AssetClass, OptionRight, ReturnType, VolatilityShift
from system.risk.confidence import Confidence
from system.risk.errors import NoScenarioValueError
from system.risk.historical import historical_var
from system.risk.listing import Listing, OptionTerms
from system.risk.options.moves import option_moves
from system.risk.options.revaluation import (
    OptionMark,
    delta_gamma_vega,
    option_marks,
    revalued,
)
from system.risk.portfolio import portfolio_risk, scenario_pnl
from system.risk.scenarios.factors import scenario_factors, series_of
from system.risk.scenarios.window import CloseTable, ScenarioWindow, scenario_window
from system.risk.valuation import Holding, Holdings, valuation, with_option_deltas
from tests.strategies import OptionBook, option_books

DAYS = [dt.date(2022, 3, day) for day in (1, 2, 3, 4, 7)]
TODAY = dt.date(2022, 3, 8)
QUOTES = {"USD": 1.10, "GBP": 0.85, "JPY": 130.0}
NINETY_FIVE = Confidence.parse("0.95")

FUTURE = Listing("FUT", AssetClass.FUTURE, "JPY", 1000.0)
PENCE = Listing("PENCE", AssetClass.EQUITY, "GBp")
TOYOTA = Listing("TOYOTA", AssetClass.EQUITY, "JPY")
CASH = Listing("cash:GBP", AssetClass.CASH, "GBP")
OPTION = Listing(
    "TOYOTA.PUT",
    AssetClass.OPTION,
    "JPY",
    100.0,
    option=OptionTerms(
        underlying=TOYOTA,
        right=OptionRight.PUT,
        strike=2000.0,
        expiry=dt.date(2022, 6, 6),
        volatility=0.30,
        rate=-0.001,
        dividend_yield=0.02,
        volatility_series="JPVOL",
        volatility_shift=VolatilityShift.ABSOLUTE,
    ),
)
SERIES = {
    "FUT": [26_000.0, 26_500.0, 25_800.0, 26_100.0, 25_000.0],
    "PENCE": [500.0, 510.0, 495.0, 480.0, 484.0],
    "TOYOTA": [2050.0, 2000.0, 1980.0, 1990.0, 1900.0],
    "JPVOL": [0.25, 0.26, 0.28, 0.27, 0.33],
    "fx:USD": [1.12, 1.11, 1.105, 1.10, 1.09],
    "fx:GBP": [0.84, 0.835, 0.83, 0.84, 0.82],
    "fx:JPY": [129.0, 128.0, 127.5, 127.0, 125.0],
}
PRICES = {"FUT": 25_100.0, "PENCE": 486.0, "TOYOTA": 1910.0}
HELD = (
    Holding(FUTURE, 3.0, 25_500.0),
    Holding(PENCE, 10_000.0, 450.0),
    Holding(OPTION, -20.0, 150.0),
    Holding(CASH, -25_000.0, 0.0),
)


def window_of(**changed: list[float]) -> ScenarioWindow:
    table = CloseTable.of(
        {
            name: dict(zip(DAYS, closes, strict=True))
            for name, closes in {**SERIES, **changed}.items()
        }
    )
    names = series_of([position.listing for position in HELD], "USD")
    return scenario_window(table.select(names), as_of=DAYS[-1], scenario_count=4)


def black_scholes(spot: float, volatility: float) -> float:
    """Return the put by its textbook formula, from the standard library."""
    terms, years = OPTION.option, 90 / 365
    assert terms is not None
    root = volatility * math.sqrt(years)
    d1 = (
        math.log(spot / terms.strike)
        + (terms.rate - terms.dividend_yield + volatility**2 / 2) * years
    ) / root
    cdf = NormalDist().cdf
    return terms.strike * math.exp(-terms.rate * years) * cdf(root - d1) - spot * math.exp(
        -terms.dividend_yield * years
    ) * cdf(-d1)


def rates(quotes: dict[str, float]) -> dict[str, float]:
    return {
        "JPY": quotes["USD"] / quotes["JPY"],
        "GBP": quotes["USD"] / quotes["GBP"],
        "GBp": quotes["USD"] / quotes["GBP"] / 100.0,
    }


def book():
    holdings = Holdings.of(HELD)
    window = window_of()
    factors = scenario_factors(window, holdings.listings, base_currency="USD")
    moves = option_moves(window, holdings.listings, factors, base_currency="USD")
    marks = option_marks([OptionMark(OPTION, 90, PRICES["TOYOTA"])])
    prices = [
        float(marks.premium[0]) if listing is OPTION else PRICES.get(listing.instrument_id, np.nan)
        for listing in holdings.listings
    ]
    worth = valuation(holdings, prices=np.array(prices), quotes=QUOTES, base_currency="USD")
    return holdings, worth, factors, moves, marks


def test_scenario_pnl_of_each_position_is_what_it_is_worth_then_less_what_it_is_worth_now() -> None:
    holdings, worth, factors, moves, marks = book()
    assert holdings.instrument_ids == ("FUT", "PENCE", "TOYOTA.PUT", "cash:GBP")
    risen = revalued(factors, moves, marks)
    weights = worth.exposures.weights(risen)
    now = rates(QUOTES)
    for scenario in range(4):
        moved = {name: closes[scenario + 1] / closes[scenario] for name, closes in SERIES.items()}
        then = {
            code: rate * moved["fx:USD"] / moved[f"fx:{code.upper()}"] for code, rate in now.items()
        }
        vol = 0.30 + SERIES["JPVOL"][scenario + 1] - SERIES["JPVOL"][scenario]
        unrealised = 3.0 * 1000.0 * (25_100.0 - 25_500.0)
        unrealised_then = 3.0 * 1000.0 * (25_100.0 * moved["FUT"] - 25_500.0)
        shares, shares_then = 10_000.0 * 486.0, 10_000.0 * 486.0 * moved["PENCE"]
        option = -20.0 * 100.0 * black_scholes(1910.0, 0.30)
        option_then = -20.0 * 100.0 * black_scholes(1910.0 * moved["TOYOTA"], vol)
        by_hand = [
            unrealised_then * then["JPY"] - unrealised * now["JPY"],
            shares_then * then["GBp"] - shares * now["GBp"],
            option_then * then["JPY"] - option * now["JPY"],
            -25_000.0 * then["GBP"] + 25_000.0 * now["GBP"],
        ]
        for position, expected in enumerate(by_hand):
            rows = risen.row_position == position
            pnl = float(weights[rows] @ risen.rows[rows, scenario])
            assert pnl == pytest.approx(expected, rel=1e-9), (position, scenario)
        total = float(scenario_pnl(worth.exposures, risen)[scenario])
        assert total == pytest.approx(math.fsum(by_hand), rel=1e-9)


def test_an_option_needs_the_closes_of_its_underlying_and_its_volatility_but_not_its_own() -> None:
    assert series_of([OPTION], "JPY") == ("JPVOL", "TOYOTA")
    assert series_of([OPTION], "USD") == ("JPVOL", "TOYOTA", "fx:JPY", "fx:USD")


def test_a_book_without_options_keeps_its_factors_themselves() -> None:
    holdings = Holdings.of([Holding(PENCE, 1.0, 1.0)])
    window = window_of()
    factors = scenario_factors(window, holdings.listings, base_currency="USD")
    moves = option_moves(window, holdings.listings, factors, base_currency="USD")
    assert moves is None
    assert revalued(factors, moves, option_marks([])) is factors


def test_a_scenario_without_any_move_changes_no_option_by_a_bit() -> None:
    holdings = Holdings.of(HELD)
    still = {name: [closes[0]] * 5 for name, closes in SERIES.items()}
    window = window_of(**still)
    factors = scenario_factors(window, holdings.listings, base_currency="USD")
    moves = option_moves(window, holdings.listings, factors, base_currency="USD")
    marks = option_marks([OptionMark(OPTION, 90, 1910.0)])
    assert moves is not None
    assert not revalued(factors, moves, marks).rows.any()


def test_a_volatility_that_a_scenario_takes_below_zero_is_refused_by_name_and_date() -> None:
    holdings = Holdings.of(HELD)
    window = window_of(JPVOL=[0.9, 0.5, 0.5, 0.5, 0.5])
    factors = scenario_factors(window, holdings.listings, base_currency="USD")
    moves = option_moves(window, holdings.listings, factors, base_currency="USD")
    marks = option_marks([OptionMark(OPTION, 90, 1910.0)])
    with pytest.raises(NoScenarioValueError, match=r"volatility of TOYOTA\.PUT .* 2022-03-02"):
        revalued(factors, moves, marks)


def test_a_spot_that_a_scenario_takes_below_zero_is_refused_by_name_and_date() -> None:
    absolute = replace(TOYOTA, return_type=ReturnType.ABSOLUTE)
    assert OPTION.option is not None
    listing = replace(OPTION, option=replace(OPTION.option, underlying=absolute))
    window = window_of()
    factors = scenario_factors(window, [listing], base_currency="USD")
    moves = option_moves(window, [listing], factors, base_currency="USD")
    with pytest.raises(NoScenarioValueError, match=r"spot of TOYOTA\.PUT is -20"):
        revalued(factors, moves, option_marks([OptionMark(listing, 90, 30.0)]))


def test_on_its_last_day_an_option_moves_as_its_intrinsic_value() -> None:
    _, _, factors, moves, _ = book()
    marks = option_marks([OptionMark(OPTION, 0, 1910.0, price=300.0)])
    assert marks.premium.tolist() == [90.0]
    assert moves is not None
    change = revalued(factors, moves, marks).rows[moves.row[0]] / moves.fx[0]
    spots = 1910.0 * (1.0 + moves.spot_move[0])
    np.testing.assert_allclose(change, np.maximum(0.0, 2000.0 - spots) - 90.0, rtol=1e-9)


def test_an_expired_option_keeps_what_it_was_worth_and_moves_with_its_currency_alone() -> None:
    _, _, factors, moves, _ = book()
    marks = option_marks([OptionMark(OPTION, -3, 1950.0)])
    assert marks.premium.tolist() == [50.0]
    assert moves is not None
    assert not revalued(factors, moves, marks).rows[moves.row[0]].any()
    assert not any(column.any() for column in (marks.greeks().delta, marks.greeks().vega))


def test_an_option_with_a_price_is_marked_at_it_and_its_volatility_gives_it_again() -> None:
    price = black_scholes(1910.0, 0.41)
    marks = option_marks([OptionMark(OPTION, 90, 1910.0, price)])
    assert marks.premium.tolist() == [price]
    assert marks.volatility[0] == pytest.approx(0.41, rel=1e-10)
    assert marks.is_implied.all()
    assert not marks.is_outside_model.any()


@pytest.mark.parametrize("price", [0.0, 1.0, -3.0, 1e9])
@pytest.mark.parametrize("stated", [None, 0.33])
def test_a_price_that_no_volatility_gives_is_what_the_option_is_worth_and_another_moves_it(
    price: float, stated: float | None
) -> None:
    terms = OPTION.option
    assert terms is not None
    marks = option_marks([OptionMark(OPTION, 90, 1910.0, price, stated)])
    plain = option_marks([OptionMark(OPTION, 90, 1910.0, volatility=stated)])
    assert marks.is_outside_model.all()
    assert marks.is_implied.tolist() == [stated is not None]
    assert marks.premium.tolist() == [price]
    assert marks.volatility.tolist() == [terms.volatility if stated is None else stated]
    assert marks.greeks().delta.tolist() == plain.greeks().delta.tolist()


def test_on_its_last_day_no_price_is_outside_the_model() -> None:
    for days in (0, -1):
        marks = option_marks([OptionMark(OPTION, days, 1910.0, -5.0)])
        assert not marks.is_outside_model.any()
        assert marks.premium.tolist() == option_marks([OptionMark(OPTION, days, 1910.0)]).premium


# -- delta, gamma, vega -----------------------------------------------------------------


def test_delta_gamma_and_vega_are_near_for_small_moves_and_show_a_gap_for_large_ones() -> None:
    holdings, *_ = book()
    gaps = {}
    for scale in (0.01, 1.0):
        calm = {
            name: [closes[0] + scale * (close - closes[0]) for close in closes]
            for name, closes in SERIES.items()
        }
        window = window_of(**calm)
        factors = scenario_factors(window, holdings.listings, base_currency="USD")
        moves = option_moves(window, holdings.listings, factors, base_currency="USD")
        marks = option_marks([OptionMark(OPTION, 90, 1910.0)])
        assert moves is not None
        full = revalued(factors, moves, marks).rows[moves.row[0]]
        near = delta_gamma_vega(factors, moves, marks).rows[moves.row[0]]
        gaps[scale] = float(np.abs(near / full - 1.0).max())
    assert gaps[0.01] < 1e-3
    assert 10.0 * gaps[0.01] < gaps[1.0] < 0.2


def test_options_are_exposed_by_their_deltas() -> None:
    _, worth, _, _, marks = book()
    exposed = with_option_deltas(
        worth, positions=np.array([2]), delta=marks.greeks().delta, spot=marks.spot
    )
    delta = -20.0 * 100.0 * float(marks.greeks().delta[0]) * rates(QUOTES)["JPY"]
    assert exposed.delta[2] == pytest.approx(delta, rel=1e-12)
    assert exposed.exposure[2] == pytest.approx(delta * 1910.0, rel=1e-12)
    assert exposed.exposure[2] > 0.0  # short puts are long the underlying
    assert exposed.value.tolist() == worth.value.tolist()
    others = [0, 1, 3]
    assert exposed.delta[others].tolist() == worth.delta[others].tolist()


# -- any book ---------------------------------------------------------------------------


@given(one=option_books())
def test_components_of_a_book_with_options_add_up(one: OptionBook) -> None:
    risk = one.risk()
    size = math.fsum(np.abs(risk.component_var).tolist())
    assert math.fsum(risk.component_var.tolist()) == pytest.approx(risk.var, abs=1e-9 * size + 1e-6)
    assert risk.expected_shortfall >= risk.var - 1e-9 * size


@given(one=option_books(), scale=st.sampled_from([0.5, 2.0, 4.0]))
def test_a_book_with_options_scales_to_the_bit_by_powers_of_two(
    one: OptionBook, scale: float
) -> None:
    larger = one.scaled(scale)
    assert larger.risk().pnl.tolist() == (one.risk().pnl * scale).tolist()


@given(one=option_books())
def test_a_put_and_the_share_less_a_call_and_the_strike_move_as_one(one: OptionBook) -> None:
    """Put-call parity in every scenario: call - put = share e^(-qT) - cash."""
    call = one.pnl_of(OptionRight.CALL)
    put = one.pnl_of(OptionRight.PUT)
    forward = one.forward_pnl()
    size = np.abs(forward).max() + np.abs(call).max() + 1.0
    np.testing.assert_allclose(call - put, forward, atol=1e-9 * size)


def test_var_of_a_long_option_is_never_more_than_its_premium() -> None:
    window = window_of()
    factors = scenario_factors(window, [OPTION], base_currency="JPY")
    moves = option_moves(window, [OPTION], factors, base_currency="JPY")
    marks = option_marks([OptionMark(OPTION, 90, 1910.0)])
    holdings = Holdings.of([Holding(OPTION, 1.0, 0.0)])
    worth = valuation(holdings, prices=marks.premium, quotes=QUOTES, base_currency="JPY")
    pnl = scenario_pnl(worth.exposures, revalued(factors, moves, marks))
    var = historical_var(np.tile(pnl, 5), confidence=NINETY_FIVE)
    assert 0.0 < var < worth.nav


def test_groups_of_a_book_with_options_have_one_of_their_own() -> None:
    holdings, worth, factors, moves, marks = book()
    risk = portfolio_risk(
        worth.exposures,
        revalued(factors, moves, marks),
        confidence=Confidence.parse("0.7"),
        groups=holdings.asset_classes(),
    )
    assert [group.name for group in risk.groups] == ["cash", "equity", "future", "option"]
