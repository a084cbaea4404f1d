"""Staleness of prices and rates: by the time of their partition, never by a night or a mark."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.state.market import (
    Market,
)
from system.book.state.rows import PartitionState
from system.book.state.synthetic_quotes import Price
from tests.system.book.feed import (
    at_ns,
)
from tests.system.book.state.test_market import FIRST, FX, SECOND, close, market, quote, stale

# -- staleness ----------------------------------------------------------------------------------


def test_a_price_is_stale_when_its_partition_has_left_it_behind_by_more_than_the_bound() -> None:
    market_state = market(bound_hours=1.0)
    market_state.add_quote(quote("A", 1.0, hour=10.0), FIRST)
    market_state.add_quote(quote("B", 1.0, hour=11.0), FIRST)
    assert stale(market_state, "A") is None
    market_state.add_quote(quote("B", 1.0, hour=11.0001), FIRST)
    assert stale(market_state, "A") == at_ns(0, 10.0)


def test_another_partition_makes_nothing_stale() -> None:
    market_state = market()
    market_state.add_quote(quote("A", 1.0, hour=10.0), FIRST)
    market_state.add_quote(quote("B", 1.0, hour=20.0), SECOND)
    assert stale(market_state, "A") is None


def test_a_superseded_quote_moves_no_partition_on() -> None:
    market_state = market()
    market_state.add_quote(quote("A", 1.0, hour=10.0), FIRST)
    market_state.add_quote(quote("A", 1.0, hour=9.0), FIRST)
    assert market_state.partitions[FIRST].newest_event_ns == at_ns(0, 10.0)


def test_the_night_between_two_sessions_makes_nothing_stale() -> None:
    market_state = market(bound_hours=1.0)
    market_state.add_quote(quote("A", 1.0, hour=20.5), FIRST)
    close(market_state)
    market_state.add_quote(quote("B", 1.0, day=1, hour=14.5), FIRST)
    assert stale(market_state, "A") is None
    market_state.add_quote(quote("B", 1.0, day=1, hour=15.6), FIRST)
    assert stale(market_state, "A") == at_ns(0, 20.5)


def test_a_tick_behind_the_time_of_its_mark_opens_the_next_session_all_the_same() -> None:
    market_state = market(bound_hours=1.0)
    market_state.add_quote(quote("B", 1.0, hour=22.0), FIRST)
    market_state.add_quote(quote("A", 1.0, hour=22.0), FIRST)
    close(market_state, 0, hour=21.0)
    market_state.add_quote(quote("B", 1.0, day=1, hour=14.5), FIRST)
    assert stale(market_state, "A") is None


@pytest.mark.parametrize("partition", [FIRST, SECOND])
def test_at_the_close_staleness_is_measured_from_the_mark_in_every_partition(
    partition: str,
) -> None:
    """Else it would depend on who shares a partition with whom."""
    market_state = market(bound_hours=1.0)
    market_state.add_quote(quote("A", 1.0), FIRST)
    market_state.add_quote(quote("B", 1.0), partition)
    close(market_state, 0)
    market_state.add_quote(quote("A", 1.0, day=1, hour=20.5), FIRST)
    close(market_state, 1)
    assert stale(market_state, "A") is None
    assert stale(market_state, "B") == at_ns(0, 15.0)


def test_the_newest_event_is_that_of_any_partition() -> None:
    market_state = market()
    assert market_state.newest_event_ns == 0
    market_state.add_quote(quote("A", 1.0, hour=10.0), FIRST)
    market_state.add_rate(quote("USD", 1.0, hour=12.0), FX)
    assert market_state.newest_event_ns == at_ns(0, 12.0)


def test_a_mark_sets_the_time_of_a_partition_that_nobody_wrote_to() -> None:
    market_state = market()
    close(market_state)
    assert market_state.partitions[SECOND] == PartitionState(
        newest_event_ns=at_ns(0, 21.0), session_start_ns=None
    )


@given(st.lists(st.tuples(st.sampled_from("AB"), st.floats(9.0, 20.0)), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_one_price_of_a_partition_is_always_fresh(found: list[tuple[str, float]]) -> None:
    one = market(bound_hours=0.5)
    for name, hour in found:
        one.add_quote(quote(name, 1.0, hour=hour), FIRST)
    newest = max(hour for _, hour in found)
    fresh = {name for name, hour in found if hour == newest}
    assert all(stale(one, name) is None for name in fresh)


def rate_stale(found: Market, currency: str = "USD") -> int | None:
    price = found.rate(currency)
    assert price is not None
    return price.stale_since_ns


@pytest.mark.parametrize("ticking", [FIRST, SECOND])
def test_a_rate_is_stale_when_any_partition_of_the_market_has_left_it_behind(ticking: str) -> None:
    """All rates share a partition: silent together, none of them would ever look old there."""
    market_state = market(bound_hours=1.0)
    market_state.add_rate(quote("USD", 1.0, hour=10.0), FX)
    market_state.add_rate(quote("JPY", 1.0, hour=10.5), FX)
    market_state.add_quote(quote("A", 1.0, hour=11.0), ticking)
    assert (rate_stale(market_state), rate_stale(market_state, "JPY")) == (None, None)
    market_state.add_quote(quote("A", 1.0, hour=11.0001), ticking)
    assert (rate_stale(market_state), rate_stale(market_state, "JPY")) == (at_ns(0, 10.0), None)
    market_state.add_quote(quote("A", 1.0, hour=12.0), ticking)
    assert rate_stale(market_state, "JPY") == at_ns(0, 10.5)


def test_rates_make_no_price_stale() -> None:
    """An exchange that is closed while currencies trade on is not a source that is lost."""
    market_state = market(bound_hours=1.0)
    market_state.add_quote(quote("A", 1.0, hour=10.0), FIRST)
    market_state.add_rate(quote("USD", 1.0, hour=20.0), FX)
    assert stale(market_state, "A") is None


def test_a_night_makes_no_rate_stale_and_the_first_hour_of_any_partition_does() -> None:
    market_state = market(bound_hours=1.0)
    market_state.add_rate(quote("USD", 1.0, hour=20.5), FX)
    close(market_state)
    assert rate_stale(market_state) is None
    market_state.add_quote(quote("A", 1.0, day=1, hour=9.0), FIRST)
    market_state.add_quote(quote("B", 1.0, day=1, hour=9.9), SECOND)
    assert rate_stale(market_state) is None
    market_state.add_quote(quote("B", 1.0, day=1, hour=10.1), SECOND)
    assert rate_stale(market_state) == at_ns(0, 20.5)
    market_state.add_rate(quote("USD", 1.0, day=1, hour=10.0), FX)
    assert rate_stale(market_state) is None


def test_the_euro_is_never_stale() -> None:
    market_state = market(bound_hours=1.0)
    market_state.add_quote(quote("A", 1.0, hour=10.0), FIRST)
    market_state.add_quote(quote("A", 1.0, hour=20.0), FIRST)
    assert market_state.rate("EUR") == Price(1.0, None)


@given(
    st.lists(
        st.tuples(st.sampled_from([FIRST, SECOND, FX]), st.floats(9.0, 20.0)),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=100, deadline=None)
def test_a_rate_is_as_stale_whatever_partition_the_others_ticked_in(
    found: list[tuple[str, float]],
) -> None:
    """Its age is that of one market, however the market is cut into partitions."""
    split, whole = market(bound_hours=0.5), market(bound_hours=0.5)
    for twin in (split, whole):
        twin.add_rate(quote("USD", 1.0, hour=9.0), FX)
    for number, (partition, hour) in enumerate(found):
        split.add_quote(quote(f"{partition}-{number}", 1.0, hour=hour), partition)
        whole.add_quote(quote(f"{partition}-{number}", 1.0, hour=hour), FX)
    assert rate_stale(split) == rate_stale(whole)
