"""What-if: the snapshot to the bit without trades, and the stream's next one with them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.questions.snapshot_book import SnapshotInputs
from system.book.questions.what_if import what_if
from system.book.restore import restored_market, restored_rows
from system.book.state.errors import NotRecalledError
from system.book.state.market import Staleness
from system.book.state.rows import DayClose
from system.contracts.messages import RiskSnapshot, Trade
from tests.system.book.feed import (
    MARKET,
    Feed,
    history,
    holding,
    instrument,
    live,
    numbers,
    opened,
    portfolio,
    rate,
    tick,
    trade,
    walk,
)

MARKET_X = instrument("X")
NAMES = ("A", "B", "C", "D", "E", "cash:USD", "cash:GBP")
PRICED = (tick("A", 101.0), tick("B", 41.0), tick("C", 905.0), tick("D", 3010.0))
RATES = (rate("USD", 1.12), rate("GBP", 0.86))


def reference(feed: Feed):
    """What the book state holds, under prices that are none of the snapshot's."""
    return SnapshotInputs(restored_market(restored_rows(feed.rows), Staleness(2**62)))


def close_of(feed: Feed, name: str = "P") -> DayClose | None:
    return feed.book.portfolios[name].state.close


def asked(feed: Feed, snapshot: RiskSnapshot, *trades: Trade):
    return what_if(snapshot, trades, reference(feed), close=close_of(feed, snapshot.portfolio))


def stated(snapshot: RiskSnapshot) -> bytes:
    """Everything but what follows from more than the snapshot: sums of realised P&L."""
    rows = tuple(
        msgspec.structs.replace(position, realised_pnl=0.0) for position in snapshot.positions
    )
    return numbers(msgspec.structs.replace(snapshot, realised_pnl=0.0, positions=rows))


quantities = st.integers(-800, 800).filter(bool).map(lambda n: n / 8)
books = st.dictionaries(st.sampled_from(NAMES), quantities, max_size=6)
orders = st.lists(
    st.tuples(st.sampled_from(NAMES), quantities, st.integers(8, 4_000).map(lambda n: n / 8)),
    max_size=5,
)


def run(book, base_currency: str, before, after) -> None:
    positions = [holding(name, quantity) for name, quantity in book.items()]
    feed = opened(*positions, base_currency=base_currency)
    feed.close(0, *PRICED, *RATES)
    first = [trade(f"b{i}", *order) for i, order in enumerate(before)]
    feed.send(tick("A", 99.5, day=1), rate("USD", 1.09, day=1), tick("D", 2990.0, day=1), *first)
    snapshot = live(feed.book.revalue(fence=1, epoch=90))
    unmoved = asked(feed, snapshot)
    assert unmoved.before is snapshot
    assert numbers(unmoved.after) == numbers(snapshot)
    proposed = [trade(f"a{i}", *order) for i, order in enumerate(after)]
    answer = asked(feed, snapshot, *proposed)
    really = live(feed.send(*proposed)) if proposed else snapshot
    assert stated(answer.after) == stated(really)
    assert answer.after.realised_pnl == pytest.approx(really.realised_pnl, rel=1e-9, abs=1e-6)


@given(books, st.sampled_from(["USD", "EUR", "GBP"]), orders, orders)
@settings(max_examples=60, deadline=None)
def test_what_if_states_the_bits_of_the_stream_without_trades_and_with_them(
    book, base_currency: str, before, after
) -> None:
    run(book, base_currency, before, after)


def test_what_was_bought_away_from_its_currency_leaves_its_rate_behind() -> None:
    run({"B": 10.0}, "USD", [("B", -10.0, 42.0), ("cash:EUR", -420.0, 1.1)], [("A", 5.0, 100.0)])


def test_what_if_touches_neither_the_snapshot_nor_the_market() -> None:
    feed = opened(holding("A", 10.0))
    snapshot = live(feed.send(*PRICED))
    recall = reference(feed)
    market = recall.market
    quotes, closes = dict(market.quotes), dict(market.closes)
    before = numbers(snapshot)
    what_if(snapshot, [trade("t", "B", 5.0, 40.0)], recall)
    assert (market.quotes, market.closes) == (quotes, closes)
    assert numbers(snapshot) == before


def test_suspect_ticks_and_rates_of_the_snapshot_are_named_while_they_matter() -> None:
    feed = opened(holding("A", 10.0), holding("B", -3.0))
    feed.send(tick("A", 100.0), tick("B", 100.0), rate("USD", 1.1))
    snapshot = live(feed.send(tick("A", 1.0, hour=16.0), rate("USD", 11.0, hour=16.0)))
    assert snapshot.suspect_ticks == ("A 2020-02-03", "fx:USD 2020-02-03")
    assert asked(feed, snapshot).after.suspect_ticks == snapshot.suspect_ticks
    sold = trade("t", "A", -10.0, 1.0)
    assert asked(feed, snapshot, sold).after.suspect_ticks == ("fx:USD 2020-02-03",)


def test_closes_that_came_after_a_snapshot_are_not_looked_at() -> None:
    feed = opened(holding("A", 10.0), holding("B", -3.0))
    snapshot = live(feed.send(*PRICED, *RATES))
    feed.close(0)
    feed.close(1, tick("A", 80.0, day=1), tick("B", 60.0, day=1))
    assert numbers(asked(feed, snapshot).after) == numbers(snapshot)


def test_a_stale_price_stays_as_stale_as_it_was() -> None:
    feed = opened(holding("A", 10.0), holding("B", 5.0), stale_after_ns=3_600_000_000_000)
    feed.send(tick("A", 101.0, hour=9.0), tick("B", 41.0, hour=9.0), rate("USD", 1.1, hour=9.0))
    snapshot = live(feed.send(tick("A", 102.0, hour=15.0), tick("D", 3000.0, hour=15.0)))
    answer = asked(feed, snapshot).after
    assert (answer.stale, answer.positions) == (snapshot.stale, snapshot.positions)


def test_a_trade_in_something_without_a_price_makes_a_number_that_names_it() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(msgspec.structs.replace(MARKET_X, instrument="X"))
    snapshot = live(feed.send(*PRICED))
    answer = asked(feed, snapshot, trade("t", "X", 1.0, 10.0))
    assert (answer.after.var, answer.after.missing) == (None, ("X",))
    assert "X" in answer.after.not_available


def test_a_snapshot_of_half_a_book_is_not_asked() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(msgspec.structs.replace(MARKET_X, instrument="X"))
    feed.send(portfolio("H", holding("A", 1.0), holding("X", 1.0)))
    snapshot = live(feed.book.revalue(fence=1, epoch=9), "H")
    with pytest.raises(NotRecalledError, match="no price or rate yet for X"):
        asked(feed, snapshot)


def test_closes_of_another_moment_are_found_out() -> None:
    feed = opened(holding("A", 10.0))
    snapshot = live(feed.send(*PRICED))
    other = Feed()
    other.send(*(message for message in MARKET if getattr(message, "series", "") != "A"))
    other.send(history("A", walk(77)))
    with pytest.raises(NotRecalledError, match="cannot be made anew"):
        what_if(snapshot, [], reference(other))


def test_an_instrument_without_reference_data_is_named() -> None:
    feed = opened(holding("A", 10.0))
    snapshot = live(feed.send(*PRICED))
    with pytest.raises(NotRecalledError, match=r"instrument A .* no reference data"):
        what_if(snapshot, [], reference(Feed()))
