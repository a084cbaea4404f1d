"""What is kept is all there is: a book made from its rows goes on as if nothing had been."""

from __future__ import annotations

import msgspec
import pytest

from system.book.book import Book
from system.book.restore import KeptRows, restored_market, restored_rows
from system.book.state.market import Staleness
from system.book.state.rows import (
    ClosesState,
    DayClose,
    DayState,
    HeldPosition,
    PartitionState,
    PortfolioState,
    QuoteState,
    TopicCounts,
    TradeState,
)
from system.contracts.messages import TradeAction
from system.errors import MessageError
from tests.system.book.feed import (
    DAY,
    Feed,
    at_ns,
    end_of_day,
    holding,
    home_of,
    instrument,
    live,
    mark,
    numbers,
    opened,
    portfolio,
    rate,
    tick,
    trade,
    unreadable,
)


def eventful() -> Feed:
    """Return a feed with something in every kind of row."""
    feed = opened(holding("A", 10.0), holding("B", -3.0), holding("D", 1.0, 2990.0))
    feed.send(portfolio("Q", holding("C", 7.0), base_currency="GBP"))
    feed.close(0, tick("A", 101.1), tick("D", 3001.7), rate("USD", 1.13), rate("GBP", 0.87))
    feed.send(trade("t-1", "A", -4.0, 102.3), trade("t-2", "D", -3.0, 3003.3))
    feed.send(trade("t-1", "A", -5.0, 102.2, version=1, action=TradeAction.AMEND))
    feed.send(trade("t-3", "C", 2.0, 911.0, "Q"))
    feed.send(trade("t-3", "C", 2.0, 911.0, "Q", version=1, action=TradeAction.CANCEL))
    feed.send(tick("A", 99.9, day=1), tick("A", 98.0, day=1, hour=14.0), unreadable())
    feed.send(portfolio("Q", holding("C", 9.0), base_currency="GBP", window=6))
    return feed


def test_a_restored_book_states_the_same_to_the_bit() -> None:
    feed = eventful()
    before = feed.book.revalue(fence=1, epoch=90)
    feed.restart(before.offsets)
    after = feed.book.revalue(fence=1, epoch=90)
    assert [numbers(snapshot) for snapshot in after.snapshots] == [
        numbers(snapshot) for snapshot in before.snapshots
    ]
    assert after.offsets == before.offsets


def test_a_restored_book_goes_on_as_the_one_that_lived() -> None:
    living, restored = eventful(), eventful()
    restored.restart(restored.next_offsets)
    script = [
        [tick("A", 97.0, day=1, hour=16.0), tick("A", 99.9, day=1)],
        [trade("t-1", "A", -5.0, 102.2, version=1, action=TradeAction.AMEND)],
        [trade("t-1", "A", -6.0, 102.2, version=2, action=TradeAction.AMEND)],
        [trade("t-4", "A", 1.0, 97.0), rate("USD", 1.2, day=1), tick("Z", 1.0)],
        [instrument("A")],
    ]
    for messages in script:
        one, other = living.send(*messages), restored.send(*messages)
        assert [numbers(snap) for snap in one.snapshots] == [
            numbers(snap) for snap in other.snapshots
        ]
        assert one.rejected == other.rejected
        assert one.state == other.state
    for day in (1, 2):
        one, other = living.close(day), restored.close(day)
        assert [numbers(snap) for snap in one.snapshots] == [
            numbers(snap) for snap in other.snapshots
        ]
    assert end_of_day(one).daily_pnl is not None
    assert living.book.ledger.topics() == restored.book.ledger.topics()
    assert living.rows == restored.rows


def test_pending_settings_survive_and_take_effect_at_the_barrier() -> None:
    feed = eventful()
    feed.restart(feed.next_offsets)
    fold = feed.close(1)
    assert end_of_day(fold, "Q").window == 5
    assert live(fold, "Q").window == 6


def test_what_waited_behind_a_mark_is_read_again() -> None:
    feed = opened(holding("A", 1.0))
    home = home_of(tick("A", 1.0), feed.names)
    waiting = [mark(0), tick("A", 77.0, day=1)]
    first = feed.next_offsets[home]
    fold = feed.fold({home: waiting})
    assert fold.offsets[home] == first
    feed.restart(fold.offsets)
    feed.next_offsets = dict(fold.offsets)
    rest = {name: [mark(0)] for name in feed.names}
    fold = feed.fold({**rest, home: waiting})
    assert live(fold).nav == 77.0
    assert fold.offsets == feed.next_offsets


def test_only_changed_rows_are_handed_over() -> None:
    feed = opened(holding("A", 1.0))
    assert set(feed.send(tick("A", 100.0)).state) == {
        "quote:A",
        "counters",
        f"partition:{home_of(tick('A', 1.0), feed.names)}",
    }
    assert set(feed.send(trade("t", "A", 1.0, 100.0)).state) == {"trade:t", "counters"}
    assert set(feed.send(rate("USD", 1.1)).state) == {
        "fx:USD",
        "counters",
        "partition:fx_rates:0",
    }
    closed = feed.close(0).state
    assert {"day", "counters", "closes:A", "closes:fx:USD", "portfolio:P"} <= set(closed)


ROWS = {
    "instrument:A": instrument("A"),
    "portfolio:P": PortfolioState(
        definition=portfolio("P", holding("A", 1.0)),
        pending=portfolio("P"),
        close=DayClose(
            date=DAY,
            nav=None,
            var=0.1,
            positions=(HeldPosition(instrument="A", quantity=-0.0, average_cost=1 / 3),),
        ),
    ),
    "trade:t": TradeState(trade=trade("t", "A", 0.1, 0.2), rank=3),
    "quote:A": QuoteState(
        price=0.1,
        event_time_ns=2**62,
        sequence=1,
        newest_sequence=2**62,
        seen=2**63 - 1,
        partition="x",
    ),
    "fx:USD": QuoteState(
        price=1e-9, event_time_ns=0, sequence=0, newest_sequence=0, seen=1, partition="fx_rates:0"
    ),
    "closes:A": ClosesState(dates=(DAY,), values=(1e14 / 3,)),
    "closes:fx:USD": ClosesState(dates=(), values=()),
    "partition:fx_rates:0": PartitionState(newest_event_ns=1, session_start_ns=None),
    "day": DayState(date=DAY, event_time_ns=at_ns()),
    "counters": {"trades": TopicCounts(applied=2**62)},
}


def test_every_kind_of_row_comes_back_as_it_was() -> None:
    kept = restored_rows({key: msgspec.json.encode(row) for key, row in ROWS.items()})
    assert kept == KeptRows(
        instruments=(ROWS["instrument:A"],),
        portfolios=(ROWS["portfolio:P"],),
        trades=(ROWS["trade:t"],),
        quotes={"A": ROWS["quote:A"]},
        rates={"USD": ROWS["fx:USD"]},
        closes={"A": ROWS["closes:A"], "fx:USD": ROWS["closes:fx:USD"]},
        partitions={"fx_rates:0": ROWS["partition:fx_rates:0"]},
        day=ROWS["day"],
        counters=ROWS["counters"],
    )


def test_nothing_kept_is_a_new_state() -> None:
    assert restored_rows({}) == KeptRows()
    assert restored_market(KeptRows(), Staleness(0)).asof is None


@pytest.mark.parametrize("key", ROWS)
@pytest.mark.parametrize("value", [b"", b"{", b"[1]", b'{"unknown":1}', b"\xff"])
def test_a_row_that_cannot_be_read_is_named(key: str, value: bytes) -> None:
    rows = {name: msgspec.json.encode(row) for name, row in ROWS.items()}
    with pytest.raises(MessageError) as caught:
        Book({"trades:0": 0}, {**rows, key: value})
    assert key in caught.value.detail


def test_keys_of_others_are_left_alone() -> None:
    assert restored_rows({"unrelated": b"\xff"}) == KeptRows()
