"""Laws of questions about books with options, quoted or valued by their reference volatility."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.book import DEFAULT_STALE_AFTER_NS
from system.book.questions.change import var_change
from system.book.questions.snapshot_book import SnapshotInputs
from system.book.questions.what_if import what_if
from system.book.restore import restored_market, restored_rows
from system.book.state.market import Staleness
from system.book.valuation.measures import revalued_factors
from system.contracts.api.questions import ChangeStep
from system.risk.portfolio import scenario_pnl
from system.risk.scenarios.window import fx_series
from tests.system.book.feed import Feed, holding, live, numbers, portfolio, rate, tick, trade
from tests.system.book.questions.test_what_if import close_of, reference, stated
from tests.system.book.valuation.test_options import optioned

NAMES = ("A", "B", "B.CALL", "cash:USD", "cash:EUR")

quantities = st.integers(-800, 800).filter(bool).map(lambda n: n / 8)
held = st.dictionaries(st.sampled_from(NAMES), quantities, max_size=4).map(
    lambda book: {"B.CALL": 2.0, **book}
)
orders = st.lists(
    st.tuples(st.sampled_from(NAMES), quantities, st.integers(8, 400).map(lambda n: n / 8)),
    max_size=4,
)
call_prices = st.one_of(st.none(), st.integers(40, 90).map(lambda n: n / 8))
"""Of the call, which at a spot of 103.5 is worth 3.5 at least; None: it has no quote."""


def start(book: dict[str, float], base_currency: str, call_price: float | None) -> Feed:
    feed = optioned()
    positions = (holding(name, quantity) for name, quantity in book.items())
    feed.send(portfolio("H", *positions, base_currency=base_currency))
    feed.close(0, tick("B", 103.0), tick("A", 100.0), rate("USD", 1.12), rate("GBP", 0.86))
    feed.send(tick("B", 103.5, day=1))
    if call_price is not None:
        feed.send(tick("B.CALL", call_price, day=1))
    return feed


@given(held, st.sampled_from(["USD", "EUR", "GBP"]), call_prices, orders)
@settings(max_examples=60, deadline=None)
def test_what_if_states_the_bits_of_the_stream(
    book: dict[str, float], base_currency: str, call_price: float | None, asked: list
) -> None:
    feed = start(book, base_currency, call_price)
    snapshot = live(feed.book.revalue(fence=1, epoch=90), "H")
    close = close_of(feed, "H")
    recall = SnapshotInputs(
        restored_market(restored_rows(feed.rows), Staleness(DEFAULT_STALE_AFTER_NS))
    )
    assert numbers(what_if(snapshot, [], recall, close=close).after) == numbers(snapshot)
    proposed = [trade(f"a{n}", *order, book="H") for n, order in enumerate(asked)]
    answer = what_if(snapshot, proposed, recall, close=close)
    really = live(feed.send(*proposed), "H") if proposed else snapshot
    assert stated(answer.after) == stated(really)
    assert answer.after.realised_pnl == pytest.approx(really.realised_pnl, rel=1e-9, abs=1e-6)


def now(feed: Feed, currency: str) -> float:
    quoted = feed.book.market.rate(currency)
    assert quoted is not None
    return quoted.value


def past(feed: Feed, currency: str, day: dt.date) -> float:
    quoted = 1.0 if currency == "EUR" else feed.book.market.close_on(fx_series(currency), day)
    assert quoted is not None
    return quoted


def scenarios_of(feed: Feed, name: str) -> tuple[float, np.ndarray, tuple[dt.date, ...]]:
    """Return NAV, the P&L of each scenario, and the scenarios' dates, of a book now."""
    book = feed.book.portfolios[name]
    marked = book.marked()
    factors = revalued_factors(book.scenarios(marked.shape), marked)
    pnl = scenario_pnl(marked.valuation.exposures, factors)
    return marked.valuation.nav, pnl, factors.scenario_dates


@given(held, st.sampled_from(["EUR", "GBP"]), call_prices)
@settings(max_examples=60, deadline=None)
def test_changing_the_base_currency_converts_pnl_scenario_by_scenario(
    book: dict[str, float], base: str, call_price: float | None
) -> None:
    """(V + PnL) X' - V X in each scenario, X the rate from dollars; options are revalued."""
    feed = start(book, "USD", call_price)
    positions = (holding(name, quantity) for name, quantity in book.items())
    feed.send(portfolio("other", *positions, base_currency=base))
    nav, pnl, dates = scenarios_of(feed, "H")
    other_nav, other_pnl, other_dates = scenarios_of(feed, "other")
    assert other_dates == dates
    known = feed.book.market.table.dates
    before = [known[known.index(day) - 1] for day in dates]
    x = now(feed, base) / now(feed, "USD")
    moved = [
        x
        * (past(feed, base, day) / past(feed, "USD", day))
        / (past(feed, base, eve) / past(feed, "USD", eve))
        for day, eve in zip(dates, before, strict=True)
    ]
    gross = sum(
        abs(row.exposure) for row in live(feed.book.revalue(fence=1, epoch=90), "H").positions
    )
    allowed = 1e-12 * x * (gross + abs(nav))
    assert other_nav == pytest.approx(nav * x, abs=allowed)
    assert other_pnl == pytest.approx((nav + pnl) * np.array(moved) - nav * x, abs=allowed)


@given(
    held,
    st.sampled_from(["USD", "EUR", "GBP"]),
    call_prices,
    orders,
    st.fixed_dictionaries(
        {},
        optional={
            "A": st.integers(70, 140),
            "B": st.integers(100, 107),
            "B.CALL": st.integers(60, 90).map(lambda n: n / 8),
        },
    ),
    st.one_of(st.none(), st.integers(100, 120).map(lambda n: n / 100)),
    st.integers(1, 2),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_an_explained_change_ends_at_the_stored_bits_and_skips_what_stands_still(
    book, base_currency, call_price, orders, ticks, usd, day, closes_day
) -> None:
    feed = start(book, base_currency, call_price)
    before = live(feed.book.revalue(fence=1, epoch=90), "H")
    feed.send(*(trade(f"t{n}", *order, book="H") for n, order in enumerate(orders)))
    feed.send(*(tick(name, float(price), day=day, hour=16.0) for name, price in ticks.items()))
    if usd is not None:
        feed.send(rate("USD", usd, day=day, hour=16.0))
    if closes_day:
        feed.close(1)
    after = live(feed.book.revalue(fence=1, epoch=95), "H")
    change = var_change(before, after, reference(feed))
    assert change.steps[-1].var == after.var
    assert (change.var_before, change.var_after) == (before.var, after.var)
    for step_pnl in change.steps:
        assert step_pnl.changed or step_pnl.change == 0.0 or step_pnl.var is None
    changed = {step.step for step in change.steps if step.changed}
    assert ChangeStep.POSITIONS not in changed or orders
    assert ChangeStep.FX not in changed or usd is not None
    assert ChangeStep.PRICES not in changed or ticks
    assert (ChangeStep.WINDOW in changed) is closes_day
    assert ChangeStep.SETTINGS not in changed
