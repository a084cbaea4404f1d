"""VaR change explained: it ends at the stored bits, and what did not change is exactly 0."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.questions.change import var_change
from system.book.state.errors import NotRecalledError, OtherInputsError
from system.contracts.api.questions import ChangeStep, VarChange
from system.contracts.messages import RiskSnapshot
from tests.system.book.feed import (
    Feed,
    holding,
    live,
    opened,
    portfolio,
    rate,
    tick,
    trade,
)
from tests.system.book.questions.test_what_if import PRICED, RATES, books, orders, reference
from tests.system.book.valuation.test_options import optioned

STEPS = list(ChangeStep)


def start(*positions, base_currency: str = "USD") -> tuple[Feed, RiskSnapshot]:
    feed = opened(*positions, base_currency=base_currency)
    feed.send(*PRICED, *RATES)
    return feed, live(feed.book.revalue(fence=1, epoch=40))


def explained(feed: Feed, before: RiskSnapshot, after: RiskSnapshot) -> VarChange:
    return var_change(before, after, reference(feed))


def changes(found: VarChange) -> dict[str, float | None]:
    """Return the steps that are not exactly 0."""
    return {str(step.step): step.change for step in found.steps if step.change != 0.0}


prices = st.integers(70, 140)
moves = st.fixed_dictionaries({}, optional=dict.fromkeys(("A", "B", "C", "D"), prices))
fx_moves = st.fixed_dictionaries(
    {}, optional={"USD": st.integers(100, 120), "GBP": st.integers(80, 90)}
)


@given(
    books,
    st.sampled_from(["USD", "EUR", "GBP"]),
    orders,
    moves,
    fx_moves,
    st.booleans(),
    st.sampled_from([None, "EUR", "GBP"]),
)
@settings(max_examples=60, deadline=None)
def test_an_explained_change_ends_at_the_stored_bits_and_skips_what_stands_still(
    held, base_currency, trades, ticks, rates, closes_day, other_base
) -> None:
    positions = [holding(name, quantity) for name, quantity in held.items()]
    feed, before = start(*positions, base_currency=base_currency)
    feed.send(*(trade(f"t{n}", *order) for n, order in enumerate(trades)))
    feed.send(*(tick(name, price * 10.0, hour=16.0) for name, price in ticks.items()))
    feed.send(*(rate(name, value / 100.0, hour=16.0) for name, value in rates.items()))
    if other_base is not None:
        feed.send(portfolio("P", *positions, base_currency=other_base, confidence="0.75"))
    if closes_day:
        feed.close(0)
    after = live(feed.book.revalue(fence=1, epoch=50))
    change = explained(feed, before, after)
    assert [step.step for step in change.steps] == STEPS
    assert change.steps[-1].var == after.var
    assert (change.var_before, change.var_after) == (before.var, after.var)
    for change_step in change.steps:
        assert change_step.changed or change_step.change == 0.0 or change_step.var is None
    assert not change.steps[STEPS.index(ChangeStep.PRICES)].changed or ticks
    assert not change.steps[STEPS.index(ChangeStep.FX)].changed or rates
    assert change.steps[STEPS.index(ChangeStep.WINDOW)].changed is closes_day


def test_the_order_of_the_steps_is_that_of_the_conventions() -> None:
    feed, before = start(holding("A", 10.0))
    assert [str(step.step) for step in explained(feed, before, before).steps] == [
        "positions",
        "corporate_actions",
        "prices",
        "volatility",
        "time",
        "fx",
        "window",
        "settings",
    ]


def test_each_step_is_the_var_of_the_book_that_stands_there() -> None:
    """Several inputs changed at once; the books in between are really held, by other feeds."""

    def stood(quantity: float, price: float, usd: float, *, close: float | None = None) -> float:
        feed, _ = start(holding("A", quantity), holding("B", 20.0))
        feed.send(tick("A", price, hour=16.0), rate("USD", usd, hour=16.0))
        if close is not None:
            feed.close(0, tick("A", close, hour=17.0))
            feed.send(tick("A", price, day=1))
        var = live(feed.book.revalue(fence=1, epoch=50)).var
        assert var is not None
        return var

    feed, before = start(holding("A", 10.0), holding("B", 20.0))
    feed.send(trade("t", "A", 5.0, 100.0), tick("A", 130.0, hour=16.0), rate("USD", 1.3, hour=16.0))
    feed.close(0, tick("A", 70.0, hour=17.0))
    feed.send(tick("A", 130.0, day=1))
    after = live(feed.book.revalue(fence=1, epoch=50))
    expected = {
        "positions": stood(15.0, 101.0, 1.12),
        "prices": stood(15.0, 130.0, 1.12),
        "fx": stood(15.0, 130.0, 1.3),
        "window": stood(15.0, 130.0, 1.3, close=70.0),
    }
    change = {str(step.step): step for step in explained(feed, before, after).steps}
    assert {name: change[name].var for name in expected} == expected
    assert [name for name, one in change.items() if one.changed] == list(expected)
    assert len({before.var, *expected.values()}) == 5


def test_each_input_alone_is_named_and_all_others_are_exactly_zero() -> None:
    cases = {
        "positions": [trade("t", "A", 5.0, 100.0)],
        "prices": [tick("A", 130.0, hour=16.0)],
        "fx": [rate("USD", 1.3, hour=16.0)],
    }
    for name, messages in cases.items():
        feed, before = start(holding("A", 10.0), holding("B", 20.0))
        after = live(feed.send(*messages))
        change = explained(feed, before, after)
        assert changes(change) == {name: pytest.approx(after.var - before.var)}
        assert [str(step.step) for step in change.steps if step.changed] == [name]


def test_a_day_s_close_is_one_step() -> None:
    feed, before = start(holding("A", 10.0), holding("D", -1.0))
    feed.close(0, tick("A", 70.0, hour=17.0))
    after = live(feed.book.revalue(fence=1, epoch=50))
    change = explained(feed, before, after)
    assert set(changes(change)) <= {"prices", "window"}
    assert change.steps[STEPS.index(ChangeStep.WINDOW)].changed


def test_settings_come_last() -> None:
    feed, before = start(holding("A", 10.0), holding("B", 20.0))
    new = portfolio("P", holding("A", 10.0), holding("B", 20.0), window=4, confidence="0.75")
    feed.send(new)
    feed.close(0)
    after = live(feed.book.revalue(fence=1, epoch=50))
    change = explained(feed, before, after)
    assert change.steps[-1].changed
    assert change.steps[-1].var == after.var


def test_between_a_snapshot_and_itself_nothing_changed() -> None:
    feed, before = start(holding("A", 10.0), holding("B", 20.0))
    change = explained(feed, before, before)
    assert (changes(change), change.change) == ({}, 0.0)


def test_a_change_can_be_explained_backwards() -> None:
    feed, before = start(holding("A", 10.0), holding("B", 20.0))
    after = live(feed.send(tick("A", 120.0, hour=16.0), trade("t", "B", -20.0, 41.0)))
    change = explained(feed, after, before)
    assert change.steps[-1].var == before.var


def test_a_snapshot_whose_inputs_are_others_is_refused() -> None:
    feed, before = start(holding("A", 10.0))
    other = msgspec.structs.replace(before, inputs_hash="0" * 32)
    with pytest.raises(OtherInputsError):
        explained(feed, before, other)
    with pytest.raises(OtherInputsError):
        explained(feed, other, before)
    with pytest.raises(NotRecalledError, match="no price or rate yet for X"):
        explained(feed, msgspec.structs.replace(before, missing=("X",)), before)


# -- options ----------------------------------------------------------------------------


def option_start(*ticks) -> tuple[Feed, RiskSnapshot]:
    feed = optioned()
    feed.close(0, tick("B", 103.0), tick("A", 100.0), rate("USD", 1.12))
    fold = feed.send(tick("B", 103.5, day=1), *ticks)
    return feed, live(fold, "O")


def test_time_alone_moves_a_book_of_options() -> None:
    feed, before = option_start()
    after = live(feed.send(tick("A", 100.0, day=2), tick("B", 103.5, day=2)), "O")
    change = explained(feed, before, after)
    assert changes(change).keys() == {"time"}
    assert change.steps[-1].var == after.var


def test_a_spot_alone_moves_prices_and_nothing_else() -> None:
    feed, before = option_start()
    after = live(feed.send(tick("B", 105.0, day=1, hour=16)), "O")
    assert changes(explained(feed, before, after)).keys() == {"prices"}


def test_an_implied_volatility_alone_moves_the_volatility_step() -> None:
    feed, before = option_start(tick("B.CALL", 6.25, day=1))
    after = live(feed.send(tick("B.CALL", 6.75, day=1, hour=16)), "O")
    assert changes(explained(feed, before, after)).keys() == {"volatility"}


def test_spot_volatility_and_time_together_are_told_apart_and_end_at_the_stored_bits() -> None:
    feed, before = option_start(tick("B.CALL", 6.25, day=1))
    feed.send(tick("B", 106.0, day=2), tick("B.CALL", 8.5, day=2))
    after = live(feed.send(rate("USD", 1.15, day=2)), "O")
    change = explained(feed, before, after)
    assert changes(change).keys() == {"prices", "volatility", "time", "fx"}
    assert change.steps[-1].var == after.var
    assert change.steps[STEPS.index(ChangeStep.SETTINGS)].change == 0.0
    assert change.steps[STEPS.index(ChangeStep.WINDOW)].change == 0.0


def test_nothing_moves_between_a_snapshot_of_options_and_itself() -> None:
    feed, before = option_start(tick("B.CALL", 6.25, day=1))
    assert changes(explained(feed, before, before)) == {}


QUOTES = (None, 6.25, 0.5, 0.0001, 90.0, 130.0)
"""Of a call on 100: none, one that a volatility gives, some that none does."""


@pytest.mark.parametrize("first", QUOTES)
@pytest.mark.parametrize("second", QUOTES[1:])
@pytest.mark.parametrize("spot", [103.5, 109.0])
def test_a_quote_that_no_volatility_gives_comes_with_the_volatility_step(
    first: float | None, second: float, spot: float
) -> None:
    feed, before = option_start(*([] if first is None else [tick("B.CALL", first, day=1)]))
    moved = [tick("B", spot, day=1, hour=16)] if spot != 103.5 else []
    after = live(feed.send(*moved, tick("B.CALL", second, day=1, hour=16)), "O")
    for start, end in ((before, after), (after, before)):
        change = explained(feed, start, end)
        assert change.steps[-1].var == end.var
        assert changes(change).keys() <= {"prices", "volatility"}
        if not moved:
            assert change.steps[STEPS.index(ChangeStep.PRICES)].change == 0.0
