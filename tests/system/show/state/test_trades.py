"""Trades and the VaR before and after them."""

from __future__ import annotations

import msgspec

from system.contracts.api.risk import TradeAccepted
from system.contracts.messages import RiskSnapshot, TradeAction
from system.show.state.trades import MAX_TRADES, Blotter, Ticket, TradeState, position_changes
from tests.system.show.market import replace_struct

MS = 1_000_000


def ticket(trade_id: str = "t-1", sent_ns: int = 0) -> Ticket:
    return Ticket(trade_id, "long-short", "Buy 100 AAPL", sent_ns)


def accepted(offset: int) -> TradeAccepted:
    return TradeAccepted(
        trade_id="t-1",
        version=0,
        action=TradeAction.NEW,
        portfolio="long-short",
        instrument="AAPL",
        quantity=100.0,
        price=80.0,
        topic="trades",
        partition=0,
        offset=offset,
        watch="",
    )


def with_trade(snapshot: RiskSnapshot, *trade_ids: str, var: float = 90_000.0) -> RiskSnapshot:
    return replace_struct(snapshot, trade_ids=trade_ids, var=var, var_fraction=var / snapshot.nav)


def test_a_ticket_is_on_its_way_until_a_snapshot_names_it(long_short: RiskSnapshot) -> None:
    blotter = Blotter()
    blotter.put(ticket())
    (row,) = blotter.rows(250 * MS)
    assert (row.state, row.sent_ms_ago) == (TradeState.SENT, 250.0)
    before = replace_struct(long_short, var=100_000.0)
    blotter.take(before, with_trade(long_short, "t-1"), 143 * MS)
    (row,) = blotter.rows(300 * MS)
    assert row.state is TradeState.IN_VAR
    assert row.what == "Buy 100 AAPL"
    assert row.before.startswith("100,000 (")
    assert row.after.startswith("90,000 (")
    assert (row.change, row.change_sign) == ("\u221210,000", -1)
    assert row.took == "143\u202fms"


def test_a_ticket_is_also_covered_by_its_offset(long_short: RiskSnapshot) -> None:
    blotter = Blotter()
    blotter.put(ticket())
    blotter.accept("t-1", accepted(offset=7))
    not_yet = replace_struct(long_short, offsets={"trades:0": 7})
    blotter.take(long_short, not_yet, 0)
    assert blotter.rows(0)[0].state is TradeState.SENT
    blotter.take(not_yet, replace_struct(long_short, offsets={"trades:0": 8}), 0)
    assert blotter.rows(0)[0].state is TradeState.IN_VAR


def test_a_refused_ticket_says_why_and_never_becomes_a_trade(long_short: RiskSnapshot) -> None:
    blotter = Blotter()
    blotter.put(ticket())
    blotter.refuse("t-1", "unknown instrument")
    (row,) = blotter.rows(0)
    assert (row.state, row.note) == (TradeState.REFUSED, "unknown instrument")
    blotter.take(long_short, with_trade(long_short, "t-1"), 0)
    assert len(blotter.rows(0)) == 1


def test_a_trade_sent_by_others_is_worded_from_the_positions(long_short: RiskSnapshot) -> None:
    first, *rest = long_short.positions
    sold = msgspec.structs.replace(first, quantity=first.quantity - 500.0)
    after = replace_struct(with_trade(long_short, "other-1"), positions=(sold, *rest))
    blotter = Blotter()
    blotter.take(long_short, after, 0)
    (row,) = blotter.rows(0)
    assert row.what == f"Sell 500 {first.instrument}"
    assert row.took == ""


def test_the_first_snapshot_has_no_before(long_short: RiskSnapshot) -> None:
    blotter = Blotter()
    blotter.take(None, with_trade(long_short, "t-9"), 0)
    (row,) = blotter.rows(0)
    assert (row.before, row.change) == ("\u2013", "\u2013")


def test_the_same_trade_is_entered_once(long_short: RiskSnapshot) -> None:
    blotter = Blotter()
    for _ in range(3):
        blotter.take(long_short, with_trade(long_short, "t-1"), 0)
    assert len(blotter.rows(0)) == 1


def test_a_position_that_is_closed_or_opened_is_a_change(long_short: RiskSnapshot) -> None:
    first, *rest = long_short.positions
    closed = replace_struct(long_short, positions=tuple(rest))
    assert position_changes(long_short, closed) == {first.instrument: -first.quantity}
    assert position_changes(closed, long_short) == {first.instrument: first.quantity}
    assert position_changes(None, long_short) == {}


def test_settlement_in_cash_is_no_trade_of_its_own(long_short: RiskSnapshot) -> None:
    first, *rest = long_short.positions
    cash = msgspec.structs.replace(first, instrument="cash:USD")
    more = msgspec.structs.replace(cash, quantity=cash.quantity + 5.0)
    before = replace_struct(long_short, positions=(cash, *rest))
    assert position_changes(before, replace_struct(long_short, positions=(more, *rest))) == {}


def test_the_newest_trades_are_kept_and_stand_first(long_short: RiskSnapshot) -> None:
    blotter = Blotter()
    for number in range(MAX_TRADES + 5):
        blotter.take(long_short, with_trade(long_short, f"t-{number}"), 0)
    rows = blotter.rows(0)
    assert len(rows) == MAX_TRADES
    assert rows[0].trade_id == f"t-{MAX_TRADES + 4}"
    assert rows[-1].trade_id == "t-5"


def test_tickets_that_never_arrive_are_bounded_too() -> None:
    blotter = Blotter()
    for number in range(MAX_TRADES + 5):
        blotter.put(ticket(f"t-{number}"))
    assert len(blotter.rows(0)) == MAX_TRADES
