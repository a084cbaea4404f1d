"""VaR taken apart: incremental and marginal by recomputation, books under a desk."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from system.risk.confidence import Confidence
from system.risk.decomposition import desk_risk, incremental_var, marginal_var
from system.risk.historical import expected_shortfall, historical_var
from system.risk.portfolio import portfolio_risk
from system.risk.scenarios.factors import PositionExposures
from system.risk.valuation import Holdings
from tests.strategies import Book, books

DATES = [dt.date(2020, 1, 1) + dt.timedelta(index) for index in range(60)]
NINETY = Confidence.parse("0.9")


def without(book: Book, position: int) -> Book:
    ordered = sorted(book.holdings, key=lambda one: one.listing.instrument_id)
    del ordered[position]
    return replace(book, holdings=tuple(ordered))


@given(book=books())
def test_incremental_var_is_the_recomputed_var_with_each_position_less_without_it(
    book: Book,
) -> None:
    assume(len(book.holdings) > 1)
    parts = incremental_var(book.valuation().exposures, book.factors(), confidence=book.confidence)
    whole = book.risk().var
    for position, incremental in enumerate(parts.tolist()):
        assert incremental == whole - without(book, position).risk().var


def test_marginal_var_is_the_change_of_var_for_one_unit_more() -> None:
    rng = np.random.default_rng(3)
    pnl_per_unit = rng.normal(0.0, 1.0, (4, 60))
    quantity = np.array([10.0, -4.0, 2.5, 7.0])
    whole = quantity @ pnl_per_unit
    scenario = int(np.argsort(whole, kind="stable")[5])
    component = -quantity * pnl_per_unit[:, scenario]
    marginal = marginal_var(component, quantity)
    var = historical_var(whole, confidence=NINETY)
    for position in range(4):
        more = quantity.copy()
        more[position] += 1e-6
        change = historical_var(more @ pnl_per_unit, confidence=NINETY) - var
        assert change / 1e-6 == pytest.approx(marginal[position], rel=1e-6)


members = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5, unique=True).map(
    lambda seeds: {f"B{seed}": np.random.default_rng(seed).normal(0, 1e3, 60) for seed in seeds}
)


@given(pnl=members)
def test_a_desk_is_the_book_of_all_its_books(pnl: dict[str, np.ndarray]) -> None:
    desk = desk_risk(pnl, DATES, confidence=NINETY)
    total = sum(pnl[name] for name in sorted(pnl))
    assert desk.var == pytest.approx(historical_var(total, confidence=NINETY), rel=1e-12)
    assert desk.expected_shortfall == pytest.approx(
        expected_shortfall(total, confidence=NINETY), rel=1e-12
    )
    assert math.fsum(member.component_var for member in desk.members) == pytest.approx(
        desk.var, rel=1e-9
    )
    for book_snapshot in desk.members:
        assert book_snapshot.var == historical_var(pnl[book_snapshot.name], confidence=NINETY)
    assert desk.diversification == pytest.approx(
        math.fsum(member.var for member in desk.members) - desk.var, abs=1e-9
    )


@given(pnl=members)
def test_expected_shortfall_of_a_desk_is_at_most_the_sum_of_its_books(
    pnl: dict[str, np.ndarray],
) -> None:
    desk = desk_risk(pnl, DATES, confidence=NINETY)
    assert (
        desk.expected_shortfall
        <= math.fsum(member.expected_shortfall for member in desk.members) + 1e-9
    )


@given(pnl=members)
def test_a_desk_of_desks_is_the_desk_of_all_their_books(pnl: dict[str, np.ndarray]) -> None:
    names = sorted(pnl)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    floors = {
        f"D{index}": desk_risk({name: pnl[name] for name in half}, DATES, confidence=NINETY).pnl
        for index, half in enumerate(halves)
        if half
    }
    top = desk_risk(floors, DATES, confidence=NINETY)
    flat = desk_risk(pnl, DATES, confidence=NINETY)
    assert top.var == pytest.approx(flat.var, rel=1e-12)
    assert top.scenario_date == flat.scenario_date


def test_one_book_alone_is_not_diversified() -> None:
    pnl = np.random.default_rng(1).normal(0.0, 1.0, 60)
    desk = desk_risk({"only": pnl}, DATES, confidence=NINETY)
    assert desk.diversification == 0.0
    assert desk.members[0].component_var == desk.var


@given(book=books())
def test_splitting_a_book_into_two_under_one_desk_changes_nothing(book: Book) -> None:
    assume(len(book.holdings) > 1)
    factors, worth = book.factors(), book.valuation()
    halves = {}
    for name, kept in (("even", 0), ("odd", 1)):
        own = np.arange(len(worth.instrument_ids)) % 2 == kept
        exposures = PositionExposures(
            worth.instrument_ids,
            np.where(own, worth.price_exposure, 0.0),
            np.where(own, worth.value, 0.0),
        )
        halves[name] = portfolio_risk(
            exposures,
            factors,
            confidence=book.confidence,
            groups=Holdings.of(book.holdings).asset_classes(),
        ).pnl
    desk = desk_risk(halves, factors.scenario_dates, confidence=book.confidence)
    size = max(float(np.abs(halve).max()) for halve in halves.values())
    assert desk.var == pytest.approx(book.risk().var, rel=1e-9, abs=1e-9 * size)
