"""Trades are rolled up at ends of day: what they made stays to the bit, and each counts once."""

from __future__ import annotations

import msgspec
import pytest

from system.book import closing
from system.book.book import DEFAULT_STALE_AFTER_NS
from system.book.ingest.fold import Fold
from system.book.replica import Replica, ValuationOrder
from system.book.state.positions import Positions
from system.book.state.rows import ClosedIds, PortfolioState
from system.book.valuation.snapshot import StreamPosition
from system.contracts.messages import (
    Portfolio,
    RejectReason,
    RiskSnapshot,
    SnapshotKind,
    Trade,
    TradeAction,
)
from tests.system.book.feed import (
    Feed,
    Sent,
    at_ns,
    date_of,
    holding,
    live,
    numbers,
    opened,
    portfolio,
    rate,
    reasons,
    tick,
    trade,
)
from tests.system.book.state.test_adjustments import dividend, split

OPEN = 2
QUOTES = (rate("USD", 1.1), rate("GBP", 0.85), tick("A", 101.0), tick("D", 3010.0))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close trades two sessions after their own."""
    monkeypatch.setattr(closing, "OPEN_SESSIONS", OPEN)


def changed(known: Trade, action: TradeAction = TradeAction.AMEND, **terms: object) -> Trade:
    return msgspec.structs.replace(known, version=known.version + 1, action=action, **terms)


def state_of(feed: Feed, name: str = "P") -> PortfolioState:
    return msgspec.json.decode(feed.rows[f"portfolio:{name}"], type=PortfolioState)


def now(feed: Feed) -> RiskSnapshot:
    return live(feed.book.revalue(fence=1, epoch=1_000))


def held(feed: Feed) -> dict[str, float]:
    return {row.instrument: row.quantity for row in now(feed).positions}


def detail(fold: Fold) -> str:
    (rejected,) = fold.rejected
    return rejected.detail


FIRST = trade("t1", "A", 5.0, 99.7)


def closed_book(*more: Sent) -> Feed:
    """Return a book whose first trade is closed, and two that are open."""
    feed = opened(holding("A", 10.0))
    feed.send(*QUOTES, FIRST, *more)
    feed.close(0)
    feed.send(trade("t2", "A", 2.0, 100.1, event_time_ns=at_ns(1)))
    feed.close(1)
    feed.send(trade("t3", "A", -4.0, 103.3, event_time_ns=at_ns(2)))
    feed.close(2)
    return feed


# -- what is kept ----------------------------------------------------------------------------


def test_a_trade_is_closed_so_many_marks_after_its_own_and_its_row_is_gone() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(*QUOTES, FIRST)
    for day in (0, 1):
        feed.close(day)
        assert "trade:t1" in feed.rows
        assert state_of(feed).closed is None
    fold = feed.close(2)
    assert fold.state["trade:t1"] is None
    closed = state_of(feed).closed
    assert closed is not None
    assert (closed.day, closed.count) == (date_of(0), 1)
    row = msgspec.json.decode(feed.rows["closed_ids:0:P"], type=ClosedIds)
    assert (row.day, len(row.trades)) == (date_of(2), 1)
    assert len(feed.rows["closed_ids:0:P"]) < 90


def test_a_book_takes_more_trades_than_the_bound_over_several_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("system.book.state.trades.MAX_TRADES_PER_PORTFOLIO", 4 * (OPEN + 1))
    feed = opened(holding("A", 10.0))
    feed.send(*QUOTES)
    for day in range(12):
        sent = [trade(f"{day}-{number}", "A", 1.0, 100.0) for number in range(4)]
        assert reasons(feed.send(*sent)) == []
        feed.close(day)
        if day % 5 == 4:
            feed.restart(feed.next_offsets)
    assert held(feed)["A"] == 58.0
    assert sum(key.startswith("trade:") for key in feed.rows) == 4 * OPEN
    one_day = [trade(f"x-{number}", "A", 1.0, 100.0) for number in range(4 * (OPEN + 1))]
    fold = feed.send(*one_day)
    assert set(reasons(fold)) == {RejectReason.CONFLICT}
    assert "open trades" in fold.rejected[0].detail


def test_the_ids_of_closed_trades_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("system.book.state.trades.MAX_CLOSED_TRADES_PER_PORTFOLIO", 1)
    feed = closed_book()
    fold = feed.send(trade("t4", "A", 1.0, 100.0))
    assert "1 closed trades" in detail(fold)


def test_an_amendment_books_the_open_trades_only(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = opened(holding("A", 10.0))
    feed.send(*QUOTES)
    for day in range(6):
        feed.send(*(trade(f"{day}-{number}", "A", 1.0, 100.0) for number in range(50)))
        feed.close(day)
    booked: list[str] = []
    apply = Positions.apply

    def counted(positions: Positions, entry: Trade, *effect: object) -> None:
        booked.append(entry.trade_id)
        apply(positions, entry, *effect)  # type: ignore[arg-type]

    monkeypatch.setattr(Positions, "apply", counted)
    amended = changed(trade("5-0", "A", 1.0, 100.0), quantity=3.0)
    snapshot = live(feed.send(amended))
    assert len(booked) == 50 * OPEN
    assert {row.instrument: row.quantity for row in snapshot.positions}["A"] == 312.0


def test_what_happened_in_a_closed_span_counts_once_in_all_balances() -> None:
    """Bought, split, sold in part, paid a dividend; then closed, amended behind it, restarted."""
    feed = opened(holding("A", 10.0, 80.0))
    feed.send(*QUOTES, trade("b", "A", 10.0, 100.0), split("A", 2.0))
    feed.close(0)
    feed.send(trade("s", "A", -20.0, 50.0), dividend("A", 1.5, day=2, last=1))
    feed.close(1)
    for day in (2, 3):
        feed.close(day)
    last = trade("last", "A", 1.0, 45.0)
    feed.send(last)
    feed.send(changed(last, quantity=2.0))
    assert state_of(feed).closed is not None
    for restarted in (False, True):
        if restarted:
            feed.restart(feed.next_offsets)
        snapshot = now(feed)
        held = {row.instrument: (row.quantity, row.average_cost) for row in snapshot.positions}
        assert held == {"A": (22.0, 45.0), "cash:USD": (-1_000.0 + 1_000.0 + 30.0 - 90.0, 1.0)}
        assert snapshot.realised_pnl == 20.0 * (50.0 - 45.0) + 30.0


# -- what a message of a closed trade does ---------------------------------------------------


@pytest.mark.parametrize("action", [TradeAction.AMEND, TradeAction.CANCEL])
def test_a_change_of_a_closed_trade_is_rejected_by_name(action: TradeAction) -> None:
    feed = closed_book()
    before = numbers(now(feed))
    fold = feed.send(changed(FIRST, action))
    assert reasons(fold) == [RejectReason.LATE]
    assert "trade t1 was closed at the end of 2020-02-05" in detail(fold)
    assert "send the reverse trade" in detail(fold)
    assert numbers(now(feed)) == before


def test_a_closed_trade_that_is_sent_again_is_a_duplicate() -> None:
    feed = closed_book()
    known = len(feed.rows)
    again = msgspec.structs.replace(FIRST, event_time_ns=at_ns(3), intended_monotonic_ns=7)
    for restarted in (False, True):
        if restarted:
            feed.restart(feed.next_offsets)
        before = feed.counts("trades").get("duplicate", 0)
        assert reasons(feed.send(FIRST, again)) == []
        assert feed.counts("trades")["duplicate"] == before + 2
    assert len(feed.rows) == known
    assert held(feed)["A"] == 13.0


def test_a_closed_trade_that_is_sent_again_otherwise_is_a_conflict() -> None:
    feed = closed_book()
    for other in ({"quantity": 6.0}, {"price": 99.8}, {"instrument": "B"}, {"portfolio": "Q"}):
        feed.send(portfolio("Q"))
        fold = feed.send(msgspec.structs.replace(FIRST, **other))
        assert reasons(fold) == [RejectReason.CONFLICT], other
        assert "t1" in detail(fold)
        assert "closed at the end of 2020-02-05" in detail(fold)


def test_a_version_before_that_of_a_closed_trade_is_a_duplicate_whatever_it_says() -> None:
    amended = changed(FIRST, quantity=6.0)
    feed = closed_book(amended)
    fold = feed.send(amended, FIRST, msgspec.structs.replace(FIRST, quantity=77.0))
    assert reasons(fold) == []
    assert reasons(feed.send(changed(amended))) == [RejectReason.LATE]
    assert reasons(feed.send(changed(FIRST, quantity=8.0))) == [RejectReason.CONFLICT]


def test_a_cancelled_trade_is_closed_as_well() -> None:
    gone = changed(FIRST, TradeAction.CANCEL)
    feed = closed_book(gone)
    assert reasons(feed.send(gone, FIRST)) == []
    assert reasons(feed.send(changed(gone))) == [RejectReason.LATE]
    assert held(feed)["A"] == 8.0


def test_a_new_trade_that_was_made_in_the_closed_span_is_open() -> None:
    feed = closed_book()
    late = trade("late", "A", 1.0, 98.0, event_time_ns=at_ns(0, 10.0))
    assert reasons(feed.send(late)) == []
    assert reasons(feed.send(changed(late, quantity=2.0))) == []
    assert held(feed)["A"] == 15.0


# -- statements ------------------------------------------------------------------------------


def stated(*positions: object, **moment: object) -> Portfolio:
    return msgspec.structs.replace(portfolio("P", *positions), **moment)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "moment",
    [
        {"as_of_day": date_of(0)},
        {"as_of_ns": at_ns(0, 12.0)},
        {"as_of_ns": at_ns(0, 22.0)},
        {"as_of_day": date_of(-400)},
    ],
)
def test_positions_as_of_a_closed_day_are_rejected(moment: dict[str, object]) -> None:
    feed = closed_book()
    before = numbers(now(feed))
    fold = feed.send(stated(holding("A", 1.0), **moment))
    assert reasons(fold) == [RejectReason.LATE]
    assert "closed up to the end of 2020-02-03" in detail(fold)
    assert "as of a later day" in detail(fold)
    assert numbers(now(feed)) == before


@pytest.mark.parametrize(
    ("moment", "quantity"),
    [({"as_of_day": date_of(1)}, 1.0 - 4.0), ({"as_of_ns": at_ns(1, 1.0)}, 1.0 + 2.0 - 4.0)],
)
def test_positions_as_of_the_day_behind_it_are_held(
    moment: dict[str, object], quantity: float
) -> None:
    feed = closed_book()
    fold = feed.send(stated(holding("A", 1.0), **moment))
    assert reasons(fold) == []
    assert held(feed)["A"] == quantity
    feed.close(3)
    feed.close(4)
    feed.restart(feed.next_offsets)
    assert held(feed)["A"] == quantity


def test_the_same_positions_sent_again_are_a_duplicate_even_when_their_day_is_closed() -> None:
    feed = closed_book()
    again = stated(holding("A", 1.0), as_of_day=date_of(1))
    feed.send(again)
    feed.close(3)
    assert reasons(feed.send(again)) == []
    other = msgspec.structs.replace(again, positions=())
    assert reasons(feed.send(other)) == [RejectReason.LATE]


def test_a_new_book_may_be_opened_as_of_any_day() -> None:
    feed = closed_book()
    book = msgspec.structs.replace(portfolio("Q", holding("A", 1.0)), as_of_day=date_of(-30))
    assert reasons(feed.send(book)) == []


def test_mark_that_is_late_in_the_night_bounds_the_moment() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(*QUOTES, FIRST)
    for day in range(3):
        feed.close(day, hour=26.0)
    early = stated(holding("A", 1.0), as_of_ns=at_ns(1, 1.0))
    assert reasons(feed.send(early)) == [RejectReason.LATE]
    assert reasons(feed.send(stated(holding("A", 1.0), as_of_ns=at_ns(1, 2.0)))) == []


def test_a_closed_trade_from_the_future_is_contained_in_every_later_statement() -> None:
    feed = closed_book(trade("odd", "A", 7.0, 100.0, event_time_ns=at_ns(300)))
    assert held(feed)["A"] == 20.0
    feed.send(stated(holding("A", 1.0), as_of_ns=at_ns(3)))
    assert held(feed)["A"] == 1.0


def test_cash_stated_in_the_session_of_another_statement_replaces_carried_cash() -> None:
    feed = closed_book()
    feed.send(stated(holding("cash:USD", 77.0), as_of_ns=at_ns(3, 1.0)))
    feed.send(stated(holding("A", 9.0), as_of_ns=at_ns(3, 2.0)))
    assert held(feed) == {"A": 9.0, "cash:USD": 77.0}
    feed.close(3)
    feed.restart(feed.next_offsets)
    assert held(feed) == {"A": 9.0, "cash:USD": 77.0}


def test_what_settles_late_comes_on_top_of_carried_cash() -> None:
    feed = closed_book()
    feed.send(stated(holding("A", 9.0)))
    for day in (3, 4, 5, 6):
        feed.send(trade(f"d{day}", "A", 1.0, 100.0, event_time_ns=at_ns(day)))
        feed.close(day)
    cash = held(feed)["cash:USD"]
    late = trade("late", "A", 4.0, 50.0, event_time_ns=at_ns(1))
    feed.send(late)
    assert held(feed) == {"A": 12.0, "cash:USD": cash - 200.0}
    feed.send(changed(late, quantity=5.0))
    feed.restart(feed.next_offsets)
    assert held(feed) == {"A": 12.0, "cash:USD": cash - 250.0}


# -- restarts, replicas, older states --------------------------------------------------------


def test_a_state_of_before_closing_is_gone_on_with() -> None:
    """Rows of format 1 know neither marks nor closed trades; closing begins from there."""
    feed = opened(holding("A", 10.0))
    feed.send(*QUOTES, FIRST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closing, "OPEN_SESSIONS", 1_000)
        for day in range(5):
            feed.close(day)
    del feed.rows["marks"]
    feed.rows["portfolio:P"] = feed.rows["portfolio:P"].replace(b',"closed":null', b"")
    feed.restart(feed.next_offsets)
    feed.close(5)
    assert "trade:t1" in feed.rows
    feed.close(6)
    assert "trade:t1" not in feed.rows
    assert held(feed)["A"] == 15.0


def test_a_replica_forgets_closed_trades_and_values_the_same() -> None:
    replica = Replica(stale_after_ns=DEFAULT_STALE_AFTER_NS)
    book = opened(holding("A", 10.0))
    for fold in (book.send(*QUOTES, FIRST), book.close(0), book.close(1)):
        replica.update({key: row for key, row in fold.state.items() if row is not None})
    replica.update(book.rows)
    assert "trade:t1" in replica._rows
    fold = book.close(2)
    replica.update({key: row for key, row in fold.state.items() if row is not None})
    replica.update(book.rows)
    assert not any(key.startswith(("trade:", "closed_ids:")) for key in replica._rows)
    newest_ns = book.book.market.newest_event_ns
    moment = StreamPosition(SnapshotKind.LIVE, 1, 1_000, book.next_offsets, newest_ns)
    (snapshot,) = replica.snapshots(ValuationOrder(("P",), moment, {}))
    assert numbers(snapshot) == numbers(now(book))
