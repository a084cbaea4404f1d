"""Closed trades are kept as fingerprints: a message sent again is known by them."""

from __future__ import annotations

import gc
import tracemalloc

import msgspec
import pytest

from system.book.state.closed_ids import ClosedTradeIds, closed_trade_in, searched_text
from system.book.state.rows import ClosedIds, TradeState
from tests.system.book.feed import date_of, reasons, trade
from tests.system.book.test_closing import FIRST, closed_book, short

__all__ = ["short"]


def test_ids_fill_several_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("system.book.state.closed_ids.IDS_PER_ROW", 3)
    many = [trade(f"m{number}", "A", 1.0, 100.0) for number in range(7)]
    feed = closed_book(*many)
    rows = sorted(key for key in feed.rows if key.startswith("closed_ids:"))
    assert rows == ["closed_ids:0:P", "closed_ids:3:P", "closed_ids:6:P"]
    feed.restart(feed.next_offsets)
    assert reasons(feed.send(*many, FIRST)) == []
    for name in ("m6", "t1"):
        (row,) = (feed.rows[key] for key in rows if searched_text(name).encode() in feed.rows[key])
        kept = msgspec.json.decode(row, type=ClosedIds)
        closed = closed_trade_in(kept, name)
        assert closed is not None
        assert (closed.version, closed.day) == (0, date_of(2))
        assert closed_trade_in(kept, "another") is None


def test_fingerprints_take_little_memory() -> None:
    states = [
        TradeState(trade=trade(f"trade-{number}", "A", 1.0, 100.0), rank=number)
        for number in range(20_000)
    ]
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    ids = ClosedTradeIds()
    rows = ids.add("P", states, date_of(0))
    size = sum(len(msgspec.json.encode(row)) for row in rows.values())
    rows.clear()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / len(states) < 180
    assert size / len(states) < 36
