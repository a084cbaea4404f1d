"""Splits and dividends: they take effect at a barrier, once, on all that is in old shares."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.questions.change import var_change
from system.book.questions.snapshot_book import SnapshotInputs, recalled_book, restated
from system.book.restore import restored_market, restored_rows
from system.book.state.errors import OtherInputsError
from system.book.state.market import Staleness
from system.contracts.api.questions import ChangeStep, VarChange
from system.contracts.messages import (
    Dividend,
    Instrument,
    RejectReason,
    RiskSnapshot,
    Split,
    TradeAction,
)
from tests.system.book.feed import (
    Feed,
    date_of,
    end_of_day,
    history,
    holding,
    instrument,
    live,
    numbers,
    opened,
    portfolio,
    rate,
    reasons,
    tick,
    trade,
    walk,
)
from tests.system.book.valuation.test_options import CALL

RATES = (rate("USD", 1.1), rate("GBP", 0.85))


def split(name: str = "A", ratio: float = 4.0, *, day: int = 1, last: int = 0) -> Split:
    return Split(instrument=name, date=date_of(day), last_day=date_of(last), ratio=ratio)


def dividend(name: str = "A", amount: float = 2.0, *, day: int = 1, last: int = 0) -> Dividend:
    return Dividend(instrument=name, date=date_of(day), last_day=date_of(last), amount=amount)


def option(name: str, strike: float) -> Instrument:
    assert CALL.option is not None
    terms = msgspec.structs.replace(
        CALL.option, underlying="A", strike=strike, volatility_series=None
    )
    return msgspec.structs.replace(CALL, instrument=name, currency="USD", option=terms)


def revalued(feed: Feed) -> RiskSnapshot:
    return live(feed.book.revalue(fence=1, epoch=1_000))


def held(snapshot: RiskSnapshot) -> dict[str, tuple[float, float, float]]:
    return {
        row.instrument: (row.quantity, row.price, row.average_cost) for row in snapshot.positions
    }


def reference(feed: Feed) -> SnapshotInputs:
    return SnapshotInputs(restored_market(restored_rows(feed.rows), Staleness(2**62)))


def test_a_split_changes_shares_and_prices_at_the_barrier_and_no_value() -> None:
    feed = opened(holding("A", 10.0, 80.0), holding("B", 5.0))
    feed.send(*RATES, tick("A", 120.0), tick("B", 50.0), split())
    before = revalued(feed)
    assert held(before)["A"] == (10.0, 120.0, 80.0)
    fold = feed.close(0)
    closed, after = end_of_day(fold), live(fold)
    assert held(closed)["A"] == (10.0, 120.0, 80.0)
    assert held(after)["A"] == (40.0, 30.0, 20.0)
    assert held(after)["B"] == held(closed)["B"]
    assert (after.nav, after.unrealised_pnl) == (closed.nav, closed.unrealised_pnl)
    assert after.var == pytest.approx(closed.var, rel=1e-12)
    assert after.adjusted == ("A 2020-02-04 split 4",)
    assert (closed.adjustment_count, after.adjustment_count) == (0, 1)


def test_one_that_is_announced_early_waits_for_its_own_barrier() -> None:
    feed = opened(holding("A", 10.0, 80.0))
    feed.send(split(day=2, last=1))
    feed.close(0, tick("A", 120.0))
    assert held(revalued(feed))["A"] == (10.0, 120.0, 80.0)
    feed.close(1, tick("A", 120.0, day=1))
    assert held(revalued(feed))["A"] == (40.0, 30.0, 20.0)


def test_the_day_behind_a_split_is_measured_in_new_shares() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, tick("A", 120.0), split())
    closed = end_of_day(feed.close(1, tick("A", 31.0, day=1)))
    assert closed.hypothetical_pnl == 40.0
    assert closed.daily_pnl == 40.0
    assert closed.suspect == ()
    assert feed.book.market.table.select(["A"]).closes[0, -2:].tolist() == [30.0, 31.0]


def test_an_unannounced_split_is_suspect_in_the_closes() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, tick("A", 120.0))
    closed = end_of_day(feed.close(1, tick("A", 30.0, day=1), tick("A", 30.1, day=1, hour=16.0)))
    assert "A 2020-02-04" in closed.suspect


def test_a_dividend_pays_the_long_and_is_paid_by_the_short() -> None:
    for quantity, cash in ((10.0, 20.0), (-10.0, -20.0)):
        feed = opened(holding("A", quantity, 80.0))
        fold = feed.close(0, tick("A", 100.0), dividend())
        closed, after = end_of_day(fold), live(fold)
        assert held(after)["cash:USD"][0] == cash
        assert held(after)["A"] == (quantity, pytest.approx(98.0, rel=1e-15), 80.0)
        assert after.nav == pytest.approx(closed.nav, rel=1e-12)
        assert after.realised_pnl == cash
        assert after.var == pytest.approx(closed.var * 0.98, rel=1e-12)


def test_a_dividend_in_pence_is_paid_in_pounds() -> None:
    feed = opened(holding("C", 100.0, 900.0))
    fold = feed.close(0, *RATES, tick("C", 900.0), dividend("C", 45.0))
    assert held(live(fold))["cash:GBP"][0] == 45.0


def test_the_return_over_an_ex_date_is_the_total_return() -> None:
    feed = opened(holding("A", 1.0))
    feed.close(0, tick("A", 100.0), dividend())
    feed.close(1, tick("A", 98.0, day=1))
    closes = feed.book.market.table.select(["A"]).closes[0]
    assert closes[-1] / closes[-2] == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize("amount", [100.0, 250.0])
def test_a_dividend_of_the_whole_price_is_paid_and_restates_nothing(amount: float) -> None:
    feed = opened(holding("A", 1.0))
    after = live(feed.close(0, tick("A", 100.0), dividend("A", amount)))
    assert held(after)["cash:USD"][0] == amount
    assert held(after)["A"][1] == 100.0


def test_an_option_on_a_split_share_keeps_its_worth() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(option("CALL", strike=100.0), portfolio("O", holding("CALL", 2.0, 5.0)))
    fold = feed.close(0, tick("A", 110.0), split())
    closed, after = end_of_day(fold, "O"), live(fold, "O")
    before, row = closed.positions[0], after.positions[0]
    assert (row.quantity, row.option.spot) == (8.0, 27.5)
    assert row.price == pytest.approx(before.price / 4, rel=1e-12)
    assert after.nav == pytest.approx(closed.nav, rel=1e-12)
    assert after.var == pytest.approx(closed.var, rel=1e-12)
    assert feed.book.market.listing("CALL").option.strike == 25.0


def test_an_option_that_comes_behind_a_split_is_in_new_shares() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, tick("A", 110.0), split())
    feed.send(option("CALL", strike=25.0))
    assert feed.book.market.listing("CALL").option.strike == 25.0
    feed.restart(feed.next_offsets)
    assert feed.book.market.listing("CALL").option.strike == 25.0


def test_trades_are_in_the_shares_of_their_moment() -> None:
    feed = opened()
    feed.send(trade("t1", "A", 10.0, 100.0))
    feed.close(0, tick("A", 100.0), split())
    feed.send(trade("t2", "A", 10.0, 25.0))
    assert held(revalued(feed))["A"] == (50.0, 25.0, 25.0)
    feed.send(trade("t1", "A", 20.0, 100.0, version=1, action=TradeAction.AMEND))
    assert held(revalued(feed))["A"] == (90.0, 25.0, 25.0)
    feed.send(trade("t1", "A", 20.0, 100.0, version=2, action=TradeAction.CANCEL))
    assert held(revalued(feed))["A"] == (10.0, 25.0, 25.0)


def test_new_settings_leave_a_split_in_effect() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, tick("A", 100.0), split(), portfolio("P", holding("A", 10.0), window=4))
    assert held(revalued(feed))["A"][0] == 40.0
    feed.send(portfolio("P", holding("A", 10.0), window=5))
    feed.close(1)
    assert held(revalued(feed))["A"][0] == 40.0


def test_a_book_that_comes_behind_a_split_is_in_new_shares() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, tick("A", 100.0), split())
    feed.send(portfolio("Q", holding("A", 40.0, 25.0)))
    feed.restart(feed.next_offsets)
    fold = feed.book.revalue(fence=1, epoch=90)
    assert held(live(fold, "Q"))["A"] == (40.0, 25.0, 25.0)
    assert held(live(fold, "P"))["A"][0] == 40.0


def test_closes_that_come_behind_a_split_are_not_restated() -> None:
    feed = opened()
    feed.send(instrument("N"))
    feed.close(0, split("N"))
    feed.send(history("N", walk(9)))
    closes = feed.book.market.table.select(["N"]).closes[0]
    assert closes[np.isfinite(closes)].tolist() == walk(9)


def test_closes_known_before_a_split_are_still_known_as_they_came() -> None:
    feed = opened()
    feed.close(0, split())
    assert reasons(feed.send(history("A", walk(1)))) == []
    assert feed.counts("reference")["duplicate"] == 1


def test_what_waits_is_replaced_and_what_took_effect_is_not() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, tick("A", 100.0), split(ratio=3.0), split(), split())
    assert held(revalued(feed))["A"][0] == 40.0
    assert reasons(feed.send(split())) == []
    assert reasons(feed.send(split(ratio=3.0))) == [RejectReason.CONFLICT]
    assert feed.counts("reference")["duplicate"] == 2


def test_what_cannot_split_or_is_over_is_rejected_by_name() -> None:
    feed = opened()
    feed.close(0)
    fold = feed.send(split("D", day=2), split("Z", day=2), split("A", day=0, last=-1))
    assert reasons(fold) == [
        RejectReason.INVALID,
        RejectReason.UNKNOWN_INSTRUMENT,
        RejectReason.LATE,
    ]
    assert "D (future)" in fold.rejected[0].detail


def test_one_that_is_announced_late_takes_effect_at_the_next_barrier() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, tick("A", 120.0))
    feed.send(split())
    feed.close(1, tick("A", 31.0, day=1), tick("A", 31.0, day=1, hour=16.0))
    assert held(revalued(feed))["A"][0] == 40.0
    closes = feed.book.market.table.select(["A"]).closes[0]
    assert closes[-2:].tolist() == [30.0, 31.0]


@pytest.mark.parametrize("last", [-14, 1])
def test_a_last_day_that_is_none_is_refused(last: int) -> None:
    with pytest.raises(ValueError, match=r"last_day of A is .* date is 2020-02-04"):
        split(last=last)


events = st.lists(
    st.builds(split, st.sampled_from("ABC"), st.sampled_from([0.5, 2.0, 3.0]))
    | st.builds(dividend, st.sampled_from("ABC"), st.sampled_from([0.5, 3.0])),
    max_size=4,
)


@given(events, st.sets(st.integers(0, 3)))
@settings(max_examples=60, deadline=None)
def test_a_restart_anywhere_leaves_every_bit_as_it_was(acts, restarts) -> None:
    stated = []
    for places in (frozenset[int](), restarts):
        feed = opened(holding("A", 10.0), holding("B", -7.0), holding("C", 3.0))
        steps = (
            lambda feed=feed: feed.send(
                *RATES, tick("A", 110.0), *acts, trade("t", "A", 1.5, 90.0)
            ),
            lambda feed=feed: feed.close(0, tick("B", 90.0)),
            lambda feed=feed: feed.send(tick("A", 33.0, day=1), trade("u", "B", 2.0, 9.0)),
            lambda feed=feed: feed.close(1, trade("t", "A", 2.5, 90.0, version=1, action="amend")),
        )
        for index, step in enumerate(steps):
            step()
            if index in places:
                feed.restart(feed.next_offsets)
        stated.append(numbers(revalued(feed)))
    assert stated[0] == stated[1]


# -- recalled, and explained --------------------------------------------------------------


def changed(found: VarChange) -> dict[str, float | None]:
    return {str(step.step): step.change for step in found.steps if step.changed}


def test_a_snapshot_from_before_a_split_is_recalled_to_the_bit() -> None:
    feed = opened(holding("A", 10.0), holding("B", 5.0))
    feed.send(*RATES, tick("A", 120.0), tick("B", 50.0), split(ratio=3.0), dividend("B", 1.7))
    before = revalued(feed)
    fold = feed.close(0)
    recall = reference(feed)
    for snapshot in (before, end_of_day(fold), live(fold)):
        anew = restated(snapshot, recalled_book(snapshot, recall))
        assert (anew.var, anew.nav) == (snapshot.var, snapshot.nav)


def test_a_snapshot_of_adjustments_that_are_not_known_here_is_of_another_moment() -> None:
    feed = opened(holding("A", 10.0))
    rows = dict(feed.rows)
    after = live(feed.close(0, tick("A", 120.0), split()))
    recall = SnapshotInputs(restored_market(restored_rows(rows), Staleness(2**62)))
    with pytest.raises(OtherInputsError, match="1 splits and dividends in effect, 0 are known"):
        recalled_book(after, recall)


def test_a_split_alone_is_the_step_of_corporate_actions() -> None:
    feed = opened(holding("A", 10.0), holding("B", 5.0))
    feed.send(*RATES, tick("A", 120.0), tick("B", 50.0), split(ratio=3.0))
    fold = feed.close(0)
    before, after = end_of_day(fold), live(fold)
    change = var_change(before, after, reference(feed))
    assert set(changed(change)) == {"corporate_actions"}
    assert change.steps[-1].var == after.var
    assert change.steps[0].change == 0.0
    assert changed(change)["corporate_actions"] == pytest.approx(0.0, abs=1e-9)
    back = var_change(after, before, reference(feed))
    assert set(changed(back)) == {"corporate_actions"}
    assert back.steps[-1].var == before.var


def test_a_dividend_moves_var_by_what_is_cash_now() -> None:
    feed = opened(holding("A", 10.0))
    fold = feed.close(0, tick("A", 100.0), dividend())
    before, after = end_of_day(fold), live(fold)
    change = var_change(before, after, reference(feed))
    assert set(changed(change)) == {"corporate_actions"}
    assert changed(change)["corporate_actions"] == pytest.approx(-0.02 * before.var, rel=1e-9)


def test_without_an_event_the_step_is_exactly_zero() -> None:
    feed = opened(holding("A", 10.0), holding("B", 5.0))
    feed.send(*RATES, tick("A", 120.0), tick("B", 50.0))
    before = revalued(feed)
    feed.close(0, split("C"))
    after = live(feed.send(tick("A", 90.0, day=1), trade("t", "B", 2.0, 50.0)))
    change = var_change(before, after, reference(feed))
    step = change.steps[list(ChangeStep).index(ChangeStep.CORPORATE_ACTIONS)]
    assert (step.change, step.changed) == (0.0, False)
    assert change.steps[-1].var == after.var


@given(
    events,
    st.lists(st.tuples(st.sampled_from("ABD"), st.sampled_from([-10.0, 2.0, 7.0])), max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_a_change_over_adjustments_ends_at_the_stored_bits_both_ways(acts, orders) -> None:
    feed = opened(
        holding("A", 10.0, 80.0), holding("B", -7.0), holding("C", 3.0), holding("D", 1.0)
    )
    feed.send(*RATES, tick("A", 110.0), tick("B", 70.0), tick("D", 3000.0), *acts)
    before = revalued(feed)
    feed.close(0)
    feed.send(*(trade(f"t{n}", name, size, 50.0) for n, (name, size) in enumerate(orders)))
    feed.send(tick("A", 60.0, day=1))
    after = revalued(feed)
    recall = reference(feed)
    for first, second in itertools.permutations((before, after)):
        change = var_change(first, second, recall)
        assert change.steps[-1].var == second.var
        for step in change.steps:
            assert step.changed or step.change == 0.0 or step.var is None
        if not orders:
            assert not change.steps[0].changed


def test_an_option_over_a_split_is_explained() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(option("CALL", strike=100.0), portfolio("O", holding("CALL", 2.0, 5.0)))
    fold = feed.close(0, tick("A", 110.0), split())
    before, after = end_of_day(fold, "O"), live(fold, "O")
    change = var_change(before, after, reference(feed))
    assert set(changed(change)) == {"corporate_actions"}
    assert change.steps[-1].var == after.var
