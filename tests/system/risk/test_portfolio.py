from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.contracts.messages import AssetClass
from system.risk.confidence import Confidence
from system.risk.errors import NonFinitePnlError, TooFewScenariosError
from system.risk.historical import expected_shortfall, historical_var
from system.risk.listing import Listing
from system.risk.portfolio import (
    GroupRisk,
    PortfolioRisk,
    portfolio_risk,
    position_groups,
    scenario_pnl,
)
from system.risk.scenarios.factors import PositionExposures, ScenarioFactors
from system.risk.valuation import Holding
from tests.strategies import Book, books

NINETY_FIVE = Confidence.parse("0.95")


def factors_of(rows: np.ndarray, ids: tuple[str, ...] | None = None) -> ScenarioFactors:
    """Return factors of positions that have a price row each."""
    row_count, scenario_count = rows.shape
    return ScenarioFactors(
        instrument_ids=ids or tuple(f"I{index:04d}" for index in range(row_count)),
        scenario_dates=tuple(
            dt.date(2020, 1, 1) + dt.timedelta(index) for index in range(scenario_count)
        ),
        rows=rows,
        row_position=np.arange(row_count),
        row_is_fx=np.zeros(row_count, dtype=np.bool_),
    )


def risk_of(
    weights: np.ndarray, rows: np.ndarray, labels: list[str] | None = None
) -> PortfolioRisk:
    factors = factors_of(rows)
    return portfolio_risk(
        PositionExposures(factors.instrument_ids, weights, weights),
        factors,
        confidence=NINETY_FIVE,
        groups=position_groups(labels or ["all"] * len(weights)),
    )


def gross(book: Book) -> float:
    value = book.valuation()
    return float(np.abs(value.exposure).sum() + np.abs(value.value).sum())


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(7).normal(0.0, 0.02, size=(12, 30))


@pytest.fixture(scope="module")
def weights() -> np.ndarray:
    return np.random.default_rng(8).normal(0.0, 1e5, size=12)


@given(books())
@settings(max_examples=60, deadline=None)
def test_every_number_equals_the_exact_reference(book: Book) -> None:
    risk, reference, allowed = book.risk(), book.reference(), 1e-12 * gross(book)
    ids = book.arrays.instrument_ids
    assert risk.scenario_dates == reference.scenario_dates
    assert risk.pnl == pytest.approx([float(outcome) for outcome in reference.pnl], abs=allowed)
    assert risk.var == pytest.approx(float(reference.var), rel=1e-12, abs=allowed)
    assert risk.expected_shortfall == pytest.approx(
        float(reference.expected_shortfall), rel=1e-12, abs=allowed
    )
    assert book.valuation().nav == pytest.approx(float(reference.nav), rel=1e-12, abs=allowed)
    for group in risk.groups:
        var, shortfall = reference.classes[group.name]
        assert group.var == pytest.approx(float(var), rel=1e-12, abs=allowed)
        assert group.expected_shortfall == pytest.approx(float(shortfall), rel=1e-12, abs=allowed)
    exact = [float(reference.components[name]) for name in ids]
    if any(exact) and risk.var_scenario_date == reference.scenario_date:
        assert risk.component_var == pytest.approx(exact, rel=1e-12, abs=allowed)


@given(books())
@settings(max_examples=60, deadline=None)
def test_the_tail_days_are_those_of_the_exact_reference_unless_they_all_but_tie(
    book: Book,
) -> None:
    risk, reference = book.risk(), book.reference()
    ranked = sorted(float(outcome) for outcome in reference.pnl)[: risk.tail_rank + 1]
    if np.diff(ranked).min() > 1e-11 * gross(book):
        tail = tuple(risk.scenario_dates[scenario] for scenario in risk.tail)
        assert tail == reference.tail
        assert risk.var_scenario_date == reference.scenario_date
        components = [float(reference.component_es[name]) for name in book.arrays.instrument_ids]
        assert risk.component_es == pytest.approx(components, abs=1e-12 * gross(book))


@given(books())
@settings(max_examples=40, deadline=None)
def test_components_add_up(book: Book) -> None:
    risk = book.risk()
    scale = float(np.abs(risk.component_var).sum())
    assert risk.component_var.sum() == pytest.approx(risk.var, abs=1e-12 * scale)
    scale = float(np.abs(risk.component_es).sum())
    assert risk.component_es.sum() == pytest.approx(risk.expected_shortfall, abs=1e-12 * scale)
    if risk.smoothed_share is not None:
        assert risk.smoothed_share.sum() == pytest.approx(
            1.0, abs=1e-12 * (1.0 + float(np.abs(risk.smoothed_share).sum()))
        )


@given(books())
@settings(max_examples=40, deadline=None)
def test_shortfall_is_at_least_var(book: Book) -> None:
    risk = book.risk()
    assert risk.expected_shortfall >= risk.var - 1e-12 * gross(book)


@given(books(), st.integers(-6, 6))
@settings(max_examples=30, deadline=None)
def test_a_book_that_is_scaled_has_scaled_risk(book: Book, power: int) -> None:
    scaled = tuple(
        dataclasses.replace(holding, quantity=holding.quantity * 2.0**power)
        for holding in book.holdings
    )
    risk, other = book.risk(), dataclasses.replace(book, holdings=scaled).risk()
    assert other.var == risk.var * 2.0**power
    assert other.pnl.tobytes() == (risk.pnl * 2.0**power).tobytes()
    assert other.component_var.tobytes() == (risk.component_var * 2.0**power).tobytes()


@given(books(), st.data())
@settings(max_examples=30, deadline=None)
def test_splitting_a_position_in_two_changes_nothing(book: Book, data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(book.holdings))
    name = whole.listing.instrument_id
    part = data.draw(st.integers(1, 7)) / 8 * whole.quantity
    twin = dataclasses.replace(whole.listing, instrument_id=f"{name}2")
    halves = [
        dataclasses.replace(whole, quantity=part),
        Holding(twin, whole.quantity - part, whole.average_cost),
    ]
    rest = [holding for holding in book.holdings if holding is not whole]
    closes, prices = dict(book.closes), dict(book.prices_now)
    if name in closes:
        closes[f"{name}2"], prices[f"{name}2"] = closes[name], prices[name]
    split = dataclasses.replace(book, holdings=(*rest, *halves), closes=closes, prices_now=prices)
    allowed = 1e-12 * gross(book)
    assert split.risk().pnl == pytest.approx(book.risk().pnl, abs=allowed)
    assert split.risk().var == pytest.approx(book.risk().var, abs=allowed)


@given(books(), st.integers(-(10**7), 10**7))
@settings(max_examples=30, deadline=None)
def test_cash_in_the_base_currency_moves_nav_and_not_one_bit_of_risk(
    book: Book, amount: int
) -> None:
    money = Holding(Listing("ZZZ", AssetClass.CASH, book.base_currency), float(amount), 1.0)
    richer = dataclasses.replace(book, holdings=(*book.holdings, money))
    assert richer.risk().pnl.tobytes() == book.risk().pnl.tobytes()
    assert richer.risk().var == book.risk().var
    assert richer.valuation().nav == pytest.approx(
        book.valuation().nav + amount, abs=1e-9 * (1 + abs(amount)) + 1e-12 * gross(book)
    )


@given(books(base_currencies=("USD",)), st.sampled_from(["EUR", "GBP", "JPY"]))
@settings(max_examples=40, deadline=None)
def test_changing_the_base_currency_converts_pnl_scenario_by_scenario(
    book: Book, base: str
) -> None:
    """(V + PnL) X' - V X in each scenario, X the rate from dollars to the other currency."""
    other = dataclasses.replace(book, base_currency=base)
    quotes = {**book.quotes, "EUR": dict.fromkeys(book.quotes["USD"], 1.0)}
    now = {**book.quotes_now, "EUR": 1.0}
    past = np.array([quotes[base][day] / quotes["USD"][day] for day in sorted(quotes["USD"])])
    rate = now[base] / now["USD"]
    moved = rate * past[1:] / past[:-1]
    nav = book.valuation().nav
    converted = (nav + book.risk().pnl) * moved - nav * rate
    assert other.risk().pnl == pytest.approx(converted, abs=1e-12 * rate * gross(book))
    assert other.valuation().nav == pytest.approx(nav * rate, abs=1e-12 * rate * gross(book))


@given(st.permutations(range(30)))
def test_the_order_of_scenarios_changes_no_value(order: list[int]) -> None:
    rng = np.random.default_rng(3)
    rows, weights = rng.normal(0.0, 0.02, size=(5, 30)), rng.normal(0.0, 1e5, size=5)
    risk = risk_of(weights, rows)
    other = risk_of(weights, np.ascontiguousarray(rows[:, order]))
    assert other.var == risk.var
    assert other.expected_shortfall == risk.expected_shortfall
    assert order[other.var_scenario] == risk.var_scenario
    assert other.component_var.tobytes() == risk.component_var.tobytes()


@given(books(), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_in_which_positions_arrive_changes_no_bit(book: Book, random: object) -> None:
    shuffled = list(book.holdings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other = dataclasses.replace(book, holdings=tuple(shuffled)).risk()
    assert other.pnl.tobytes() == book.risk().pnl.tobytes()
    assert other.groups == book.risk().groups


def test_numbers_are_those_of_the_single_measures(weights: np.ndarray, rows: np.ndarray) -> None:
    risk = risk_of(weights, rows)
    pnl = scenario_pnl(
        PositionExposures(factors_of(rows).instrument_ids, weights, weights), factors_of(rows)
    )
    assert risk.pnl.tobytes() == pnl.tobytes()
    assert risk.var == historical_var(pnl, confidence=NINETY_FIVE)
    assert risk.expected_shortfall == expected_shortfall(pnl, confidence=NINETY_FIVE)
    assert risk.tail_rank == 2
    assert risk.var == -pnl[risk.var_scenario]


def test_components_are_the_losses_of_the_var_scenario(
    weights: np.ndarray, rows: np.ndarray
) -> None:
    risk = risk_of(weights, rows)
    assert risk.component_var.tobytes() == (0.0 - weights * rows[:, risk.var_scenario]).tobytes()


def test_component_es_weighs_the_two_worst_of_thirty_with_one_and_a_half(
    weights: np.ndarray, rows: np.ndarray
) -> None:
    risk = risk_of(weights, rows)
    worst, second = risk.tail.tolist()
    by_hand = -(weights * rows[:, worst] + 0.5 * weights * rows[:, second]) / 1.5
    assert risk.component_es == pytest.approx(by_hand, rel=1e-14)
    assert risk.es_share == pytest.approx(by_hand / by_hand.sum(), rel=1e-13)


def test_the_smoothed_share_looks_at_ranks_one_to_five_of_thirty(
    weights: np.ndarray, rows: np.ndarray
) -> None:
    risk = risk_of(weights, rows)
    worst = np.argsort(risk.pnl)[:5]
    losses = -(weights[:, None] * rows[:, worst]).sum(axis=1)
    assert risk.smoothed_share == pytest.approx(losses / losses.sum(), rel=1e-12)


def test_the_smoothed_share_looks_three_ranks_to_each_side_where_there_are_as_many() -> None:
    rng = np.random.default_rng(5)
    rows, weights = rng.normal(0.0, 0.02, size=(4, 100)), rng.normal(0.0, 1e5, size=4)
    risk = risk_of(weights, rows)
    ranked = np.argsort(risk.pnl)[1:8]  # k = 5: ranks 2 to 8
    losses = -(weights[:, None] * rows[:, ranked]).sum(axis=1)
    assert risk.smoothed_share == pytest.approx(losses / losses.sum(), rel=1e-12)


def test_shares_of_a_book_that_cannot_lose_are_not_meaningful() -> None:
    risk = risk_of(np.ones(2), np.abs(np.random.default_rng(1).normal(size=(2, 30))) + 1.0)
    assert risk.var < 0.0
    assert risk.smoothed_share is None
    assert risk.es_share is None


def test_groups_stand_alone(weights: np.ndarray, rows: np.ndarray) -> None:
    labels = ["etf", "equity", "etf", "equity"] * 3
    risk = risk_of(weights, rows, labels)
    assert [group.name for group in risk.groups] == ["equity", "etf"]
    for group, members in zip(risk.groups, (slice(1, None, 2), slice(0, None, 2)), strict=True):
        alone = risk_of(weights[members], np.ascontiguousarray(rows[members]))
        assert group.var == alone.var
        assert group.expected_shortfall == alone.expected_shortfall
    assert risk.diversification == pytest.approx(sum(g.var for g in risk.groups) - risk.var)


def test_one_group_is_the_portfolio_and_diversifies_nothing(
    weights: np.ndarray, rows: np.ndarray
) -> None:
    risk = risk_of(weights, rows)
    assert risk.groups[0].var == risk.var
    assert risk.groups[0].expected_shortfall == risk.expected_shortfall
    assert risk.diversification == 0.0


def test_grouping_changes_no_bit_of_the_portfolio(weights: np.ndarray, rows: np.ndarray) -> None:
    one, many = risk_of(weights, rows), risk_of(weights, rows, [f"g{i}" for i in range(12)])
    assert one.pnl.tobytes() == many.pnl.tobytes()
    assert (one.var, one.expected_shortfall) == (many.var, many.expected_shortfall)


def test_var_can_exceed_the_sum_of_the_groups() -> None:
    """Each group loses on one day of thirty, not on the same one: VaR is not subadditive."""
    rows = np.zeros((2, 30))
    rows[0, 3] = rows[1, 5] = -1.0
    risk = risk_of(np.array([100.0, 100.0]), rows, ["a", "b"])
    assert risk.var == 100.0
    assert [group.var for group in risk.groups] == [0.0, 0.0]
    assert risk.diversification == -100.0


def test_an_empty_book_risks_nothing() -> None:
    risk = risk_of(np.zeros(0), np.zeros((0, 30)))
    assert (risk.var, risk.expected_shortfall, risk.diversification) == (0.0, 0.0, 0.0)
    assert risk.groups == ()
    assert len(risk.component_var) == 0


def test_too_few_scenarios_are_an_error() -> None:
    with pytest.raises(TooFewScenariosError):
        risk_of(np.ones(2), np.zeros((2, 19)))


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_pnl_that_overflows_is_an_error_and_not_a_number() -> None:
    with pytest.raises(NonFinitePnlError, match="scenario 0 is inf"):
        risk_of(np.array([1e308]), np.full((1, 30), 1e10))


def test_a_risk_says_whether_all_that_it_states_is_a_number() -> None:
    risk = risk_of(np.ones(2), np.full((2, 30), -0.01))
    assert risk.is_finite
    endless = np.array([1.0, np.inf])
    for changes in (
        {"var": math.nan},
        {"component_var": endless},
        {"component_es": -endless},
        {"groups": (GroupRisk("equity", 1.0, math.inf),)},
    ):
        assert not dataclasses.replace(risk, **changes).is_finite


@pytest.mark.parametrize("seed", range(20))
def test_price_and_currency_may_cancel_to_rounding_errors(seed: int) -> None:
    """Funds that hold euros and are quoted in dollars, in a euro book: nothing moves."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 12))
    dollar = rng.normal(0.0, 0.01, size=30)
    euro = 1.0 / (1.0 + dollar) - 1.0
    rows = np.vstack([row for _ in range(count) for row in (dollar * (1.0 + euro), euro)])
    ids = tuple(f"I{index:04d}" for index in range(count))
    factors = dataclasses.replace(
        factors_of(rows, ids),
        row_position=np.repeat(np.arange(count), 2),
        row_is_fx=np.tile([False, True], count),
    )
    amounts = rng.uniform(-1e8, 1e8, count)
    risk = portfolio_risk(
        PositionExposures(ids, amounts, amounts),
        factors,
        confidence=NINETY_FIVE,
        groups=position_groups(["all"] * count),
    )
    assert abs(risk.var) < 1e-6
    assert np.abs(risk.component_var).max() < 1e-6
