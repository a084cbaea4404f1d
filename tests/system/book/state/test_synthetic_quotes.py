"""Stated prices become quotes that are exactly as stale as they say."""

from __future__ import annotations

from system.book.state.synthetic_quotes import STATED_PARTITIONS, Price, stated_quotes


def test_a_fresh_price_is_behind_nothing_and_a_stale_one_since_the_moment_that_it_states():
    quotes = stated_quotes({"A": Price(10.0, None), "B": Price(-2.5, 7_000)})
    assert {name: quote.price for name, quote in quotes.items()} == {"A": 10.0, "B": -2.5}
    fresh, stale = (STATED_PARTITIONS[quotes[name].partition] for name in ("A", "B"))
    assert quotes["A"].event_time_ns >= fresh.newest_event_ns
    assert quotes["B"].event_time_ns == 7_000
    assert stale.newest_event_ns is not None
    assert quotes["B"].event_time_ns < stale.newest_event_ns
