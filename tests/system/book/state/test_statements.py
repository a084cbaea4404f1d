"""Statements of positions: they replace what came up to their moment, and nothing after it."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.state.rows import PortfolioState
from system.contracts.messages import (
    OpeningPosition,
    Portfolio,
    RejectReason,
    RiskSnapshot,
    Trade,
    TradeAction,
)
from tests.cases import case_messages, play
from tests.system.book.feed import (
    Feed,
    at_ns,
    date_of,
    end_of_day,
    holding,
    live,
    opened,
    portfolio,
    rate,
    reasons,
    tick,
    trade,
)
from tests.system.book.state.test_adjustments import dividend, option, split

NOON: Final = 12.0
RATES = (rate("USD", 1.1), rate("GBP", 0.85))


def stated(*positions: OpeningPosition, day: int = 0, hour: float = NOON) -> Portfolio:
    """Return positions of ``P`` as of an hour of a day."""
    return msgspec.structs.replace(portfolio("P", *positions), as_of_ns=at_ns(day, hour))


def stated_on(day: int, *positions: OpeningPosition) -> Portfolio:
    """Return positions of ``P`` as of the end of a day."""
    return msgspec.structs.replace(portfolio("P", *positions), as_of_day=date_of(day))


def made(
    trade_id: str,
    name: str,
    quantity: float,
    price: float,
    *,
    day: int = 0,
    hour: float,
    **other: object,
) -> Trade:
    """Return a trade that states its time."""
    return trade(trade_id, name, quantity, price, event_time_ns=at_ns(day, hour), **other)


def changed(known: Trade, action: TradeAction, quantity: float | None = None) -> Trade:
    return msgspec.structs.replace(
        known, version=1, action=action, quantity=known.quantity if quantity is None else quantity
    )


def now(feed: Feed) -> RiskSnapshot:
    return live(feed.book.revalue(fence=1, epoch=1_000))


def held(feed: Feed) -> dict[str, float]:
    return {row.instrument: row.quantity for row in now(feed).positions}


def everything(feed: Feed) -> tuple[object, ...]:
    """Return what a book holds, has cost, is worth and has realised."""
    snapshot = now(feed)
    rows = [(row.instrument, row.quantity, row.average_cost) for row in snapshot.positions]
    return rows, snapshot.nav, snapshot.realised_pnl, snapshot.var


# -- a statement takes the place of what came before it -------------------------------------------


def test_positions_imported_again_after_a_trade_do_not_count_it_twice() -> None:
    feed = Feed()
    folds = play(feed, case_messages("restated/after-a-trade.jsonl"))
    for snapshot in (end_of_day(folds[-1]), live(folds[-1])):
        rows = {row.instrument: row.quantity for row in snapshot.positions}
        assert rows == {"AAA": 150.0, "cash:USD": -5_000.0}
        assert snapshot.nav == 10_000.0


@pytest.mark.parametrize("moment", [stated, portfolio], ids=["as of a moment", "without one"])
def test_a_book_that_was_sold_flat_is_flat_afterwards(moment) -> None:
    feed = opened(holding("A", 100.0))
    feed.send(made("t", "A", -100.0, 110.0, hour=10.0))
    feed.send(stated() if moment is stated else portfolio("P"))
    feed.close(0, tick("A", 120.0))
    assert held(feed) == {"cash:USD": 11_000.0}
    assert now(feed).realised_pnl == 1_000.0


@pytest.mark.parametrize(
    ("quantity", "cash"), [(40.0, -4_000.0), (None, 0.0)], ids=["amended", "cancelled"]
)
def test_a_trade_that_was_changed_in_between_counts_once(quantity, cash) -> None:
    feed = opened(holding("A", 100.0))
    bought = made("t", "A", 50.0, 100.0, hour=9.0)
    action = TradeAction.CANCEL if quantity is None else TradeAction.AMEND
    feed.send(bought, changed(bought, action, quantity))
    feed.send(stated(holding("A", 100.0 + (quantity or 0.0))))
    fold = feed.close(0, tick("A", 100.0))
    assert held(feed) == {"A": 100.0 + (quantity or 0.0)} | ({"cash:USD": cash} if cash else {})
    assert live(fold).nav == 10_000.0


def test_a_split_in_between_is_contained() -> None:
    feed = opened(holding("A", 100.0, 80.0))
    feed.close(0, tick("A", 120.0), split(ratio=8.0))
    assert held(feed) == {"A": 800.0}
    feed.send(stated(holding("A", 800.0, 10.0), day=1))
    assert held(feed) == {"A": 800.0}
    feed.close(1, tick("A", 15.0, day=1))
    feed.restart(feed.next_offsets)
    assert held(feed) == {"A": 800.0}


def test_a_split_behind_the_moment_comes_on_top() -> None:
    feed = opened(holding("A", 100.0, 80.0))
    feed.send(stated(holding("A", 110.0, 80.0)), split(ratio=8.0))
    feed.close(0, tick("A", 120.0))
    assert held(feed) == {"A": 880.0}
    feed.send(stated(holding("A", 120.0, 80.0), day=0, hour=20.0))
    assert held(feed) == {"A": 960.0}, "as of before the barrier of the split: in old shares"


@pytest.mark.parametrize(
    "moment", [stated(holding("A", 110.0)), portfolio("P", holding("A", 110.0))]
)
def test_positions_stated_before_a_barrier_are_in_the_shares_of_their_day(moment) -> None:
    feed = opened(holding("A", 100.0))
    feed.close(0, tick("A", 120.0), split(), moment)
    assert held(feed) == {"A": 440.0}
    feed.close(1, tick("A", 30.0, day=1))
    assert held(feed) == {"A": 440.0}


def test_positions_as_of_a_day_are_in_the_shares_of_that_day() -> None:
    feed = opened(holding("A", 100.0))
    feed.close(0, tick("A", 120.0), split())
    feed.send(made("t", "A", 7.0, 30.0, day=1, hour=10.0))
    feed.send(stated_on(0, holding("A", 110.0)))
    assert held(feed)["A"] == 447.0
    feed.send(stated_on(1, holding("A", 450.0)))
    assert held(feed)["A"] == 450.0


def test_a_dividend_in_between_is_paid_once() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, tick("A", 100.0), dividend())
    feed.send(stated(holding("A", 10.0), day=1))
    assert held(feed) == {"A": 10.0, "cash:USD": 20.0}
    feed.send(stated(holding("A", 10.0), holding("cash:USD", 20.0), day=1, hour=13.0))
    feed.close(1, tick("A", 98.0, day=1))
    assert held(feed) == {"A": 10.0, "cash:USD": 20.0}
    assert now(feed).realised_pnl == 20.0


def test_an_instrument_that_is_no_longer_stated_is_gone() -> None:
    feed = opened(holding("A", 10.0), holding("B", 5.0))
    feed.send(rate("USD", 1.1), tick("B", 50.0))
    feed.send(stated(holding("A", 10.0)))
    assert held(feed) == {"A": 10.0}
    feed.close(0, tick("A", 100.0))
    assert held(feed) == {"A": 10.0}


def test_options_split_and_restated_are_as_stated() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(option("A.CALL", 100.0))
    feed.send(stated(holding("A", 10.0), holding("A.CALL", 3.0, 5.0)), split())
    feed.close(0, tick("A", 120.0))
    assert held(feed) == {"A": 40.0, "A.CALL": 12.0}
    feed.send(stated(holding("A.CALL", 12.0, 1.25), day=1))
    assert held(feed) == {"A.CALL": 12.0}


def test_the_same_statement_twice_is_a_duplicate() -> None:
    feed = opened(holding("A", 10.0))
    again = stated(holding("A", 12.0))
    feed.send(again)
    before = everything(feed)
    assert feed.send(again).snapshots == ()
    feed.close(0, tick("A", 100.0))
    feed.send(again)
    assert feed.counts("reference")["duplicate"] == 2
    assert everything(feed)[0] == before[0]


def test_other_settings_of_the_same_positions_state_nothing() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(trade("t", "A", 5.0, 100.0))
    feed.send(portfolio("P", holding("A", 10.0), window=6))
    feed.close(0, tick("A", 100.0))
    assert held(feed)["A"] == 15.0


# -- trades on either side of the moment ----------------------------------------------------------


def test_a_trade_behind_the_moment_comes_on_top_whenever_it_arrives() -> None:
    feed = opened(holding("A", 100.0))
    feed.send(made("early", "A", 50.0, 100.0, hour=9.0), made("late", "A", 7.0, 100.0, hour=13.0))
    feed.send(stated(holding("A", 150.0)))
    assert held(feed)["A"] == 157.0
    feed.close(0, tick("A", 100.0))
    feed.send(made("later", "A", 3.0, 100.0, day=1, hour=9.0))
    assert held(feed)["A"] == 160.0


def test_a_contained_trade_that_comes_late_moves_cash_alone() -> None:
    feed = opened(holding("A", 100.0))
    feed.send(stated(holding("A", 150.0)))
    late = made("t", "A", 50.0, 100.0, hour=11.0)
    feed.send(late)
    assert held(feed) == {"A": 150.0, "cash:USD": -5_000.0}
    feed.close(0, tick("A", 100.0))
    assert held(feed) == {"A": 150.0, "cash:USD": -5_000.0}
    feed.send(made("u", "A", -10.0, 110.0, hour=11.5))
    assert held(feed) == {"A": 150.0, "cash:USD": -3_900.0}
    feed.send(changed(late, TradeAction.AMEND, 40.0))
    assert held(feed) == {"A": 150.0, "cash:USD": -2_900.0}
    feed.send(msgspec.structs.replace(changed(late, TradeAction.CANCEL, 40.0), version=2))
    feed.restart(feed.next_offsets)
    assert held(feed) == {"A": 150.0, "cash:USD": 1_100.0}


def test_a_contained_trade_that_comes_late_leaves_stated_cash_alone() -> None:
    feed = opened(holding("A", 100.0))
    feed.send(stated(holding("A", 150.0), holding("cash:USD", 700.0)))
    late = made("t", "A", 50.0, 100.0, hour=11.0)
    feed.send(late)
    feed.close(0, tick("A", 100.0))
    feed.send(changed(late, TradeAction.AMEND, 40.0), made("u", "B", 1.0, 50.0, hour=10.0))
    assert held(feed) == {"A": 150.0, "cash:USD": 700.0}


def test_a_change_of_a_trade_belongs_to_the_moment_of_its_first_version() -> None:
    feed = opened(holding("A", 100.0))
    bought = made("t", "A", 50.0, 100.0, hour=9.0)
    feed.send(bought, stated(holding("A", 150.0)))
    other = msgspec.structs.replace(
        changed(bought, TradeAction.AMEND, 60.0), event_time_ns=at_ns(0, 15.0)
    )
    feed.send(other)
    assert held(feed) == {"A": 150.0, "cash:USD": -6_000.0}


def test_a_trade_without_a_time_counts_as_made_at_the_start_of_its_session() -> None:
    feed = opened(holding("A", 100.0))
    feed.send(trade("t", "A", 50.0, 100.0))
    feed.send(stated(holding("A", 150.0)))
    assert held(feed)["A"] == 150.0
    feed.close(0, tick("A", 100.0))
    feed.send(trade("u", "A", 5.0, 100.0))
    assert held(feed)["A"] == 155.0
    feed.send(stated(holding("A", 156.0), hour=20.0))
    assert held(feed)["A"] == 161.0


def test_a_trade_without_a_time_is_never_before_the_opening_of_its_book() -> None:
    feed = opened()
    opening = msgspec.structs.replace(stated(holding("A", 100.0)), portfolio="Q")
    feed.send(opening, trade("t", "A", 5.0, 100.0, "Q"))
    feed.send(made("u", "A", 3.0, 100.0, hour=9.0, book="Q"))
    snapshot = live(feed.book.revalue(fence=1, epoch=9), "Q")
    assert {row.instrument: row.quantity for row in snapshot.positions} == {
        "A": 105.0,
        "cash:USD": -500.0,
    }


def test_a_statement_as_of_an_earlier_moment_than_the_last_takes_its_place() -> None:
    feed = opened(holding("A", 100.0))
    feed.send(made("t", "A", 50.0, 100.0, hour=11.0))
    feed.send(stated(holding("A", 150.0)))
    feed.close(0, tick("A", 100.0))
    feed.send(stated(holding("A", 101.0), hour=10.0))
    assert held(feed) == {"A": 151.0, "cash:USD": -5_000.0}
    feed.close(1, tick("A", 100.0, day=1))
    feed.restart(feed.next_offsets)
    assert held(feed) == {"A": 151.0, "cash:USD": -5_000.0}


def test_positions_as_of_a_moment_far_ahead_are_rejected() -> None:
    feed = opened(holding("A", 100.0))
    feed.close(0, tick("A", 100.0))
    fold = feed.send(stated(holding("A", 1.0), day=40), stated_on(40, holding("A", 1.0)))
    assert reasons(fold) == [RejectReason.TIME_FAR_OFF] * 2
    assert held(feed) == {"A": 100.0}


def test_two_moments_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="as_of_ns 1 and as_of_day 2020-02-03"):
        Portfolio(portfolio="P", as_of_ns=1, as_of_day=date_of(0))


# -- properties -----------------------------------------------------------------------------------

quantities = st.integers(-40, 40).filter(bool).map(float)
traded = st.tuples(st.sampled_from(["A", "C"]), quantities, st.integers(50, 150).map(float))
STATED = (holding("A", 70.0, 90.0), holding("C", -3.0, 880.0), holding("cash:USD", 250.0))


@given(
    st.lists(traded, max_size=4),
    st.sampled_from([(), (split(),), (dividend(),), (split(), dividend("C", 45.0))]),
    st.lists(traded, max_size=3),
    st.lists(traded, max_size=3),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_stated_again_is_as_if_stated_first(before, acts, late, after, is_restarted) -> None:
    """Import, trades, splits, import as of T, trades: the same as the second import alone."""
    lived, fresh = opened(holding("A", 10.0), holding("B", 4.0)), opened(*STATED)
    lived.send(*(made(f"b{i}", *terms, hour=9.0) for i, terms in enumerate(before)))
    for feed in (lived, fresh):
        quotes = (tick("A", 100.0), tick("C", 900.0), tick("B", 50.0))
        feed.close(0, *RATES, *quotes, *(acts if feed is lived else ()))
    lived.send(stated(*STATED, day=1))
    lived.send(*(made(f"l{i}", *terms, day=1, hour=11.0) for i, terms in enumerate(late)))
    if is_restarted:
        lived.restart(lived.next_offsets)
    for feed in (lived, fresh):
        feed.send(*(made(f"a{i}", *terms, day=1, hour=13.0) for i, terms in enumerate(after)))
        feed.send(tick("A", 101.0, day=1), tick("C", 905.0, day=1))
    assert everything(lived)[0] == everything(fresh)[0]
    assert now(lived).nav == now(fresh).nav
    for feed in (lived, fresh):
        feed.close(1, *(tick(name, 99.0, day=1, hour=16.0) for name in ("A", "C")))
    assert everything(lived)[0] == everything(fresh)[0]
    assert now(lived).nav == now(fresh).nav


@pytest.mark.parametrize("is_cash_stated", [True, False])
@pytest.mark.parametrize("place", range(1, 5))
def test_the_order_of_arrival_decides_nothing(place, is_cash_stated) -> None:
    """Each way in which two partitions can be read within a session ends in the same book."""
    trades = {
        "t1": made("t1", "A", 50.0, 100.0, hour=9.0),
        "t2": made("t2", "A", -5.0, 104.0, hour=13.0),
        "t3": made("t3", "C", 30.0, 880.0, hour=11.0),
    }
    cash = (holding("cash:USD", 5.0),) if is_cash_stated else ()
    sent = {
        **trades,
        "amend": changed(trades["t1"], TradeAction.AMEND, 60.0),
        "state": stated(holding("A", 160.0), holding("C", 30.0, 880.0), *cash),
    }
    others = ["t1", "t2", "t3", "amend"]
    plain, mixed = opened(holding("A", 100.0)), opened(holding("A", 100.0))
    for name in ("state", *others):
        plain.send(sent[name])
    for name in (*others[:place], "state", *others[place:]):
        mixed.send(sent[name])
    for feed in (plain, mixed):
        feed.close(0, *RATES, tick("A", 101.0), tick("C", 905.0))
    assert everything(plain) == everything(mixed)


def test_a_row_of_earlier_versions_is_read_as_an_opening() -> None:
    old = {"definition": {"type": "portfolio", "portfolio": "P"}, "opened": "2020-02-02"}
    state = msgspec.convert(old, PortfolioState)
    assert (state.stated, state.opened) == (None, dt.date(2020, 2, 2))
