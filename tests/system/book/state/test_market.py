"""What the market has said: marks, closes, windows, staleness; nothing is made up."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from system.book.state.close_table import MAX_TABLE_DATES
from system.book.state.events import QuoteRow
from system.book.state.market import (
    Market,
    Staleness,
    far_off_ns,
    midnight_after_ns,
)
from system.book.state.quotes import QuoteOutcome
from system.book.state.rows import ClosesState, DayState
from system.book.state.synthetic_quotes import Price
from system.contracts.messages import MAX_CLOSES_PER_SERIES, AssetClass
from tests.system.book.feed import (
    DAY,
    HOUR_NS,
    LAST_CLOSE,
    at_ns,
    date_of,
    history,
    instrument,
)

FIRST, SECOND = "market_data:0", "market_data:1"
FX = "fx_rates:0"


def market(bound_hours: float = 1.0) -> Market:
    return Market(Staleness(round(bound_hours * HOUR_NS)))


def quote(name: str, price: float, day: int = 0, hour: float = 15.0) -> QuoteRow:
    event_time_ns = at_ns(day, hour)
    return QuoteRow(name, price, event_time_ns, event_time_ns, 0)


def close(found: Market, day: int = 0, hour: float = 21.0) -> tuple[str, ...]:
    """Close a day as the fold does."""
    event_time_ns = at_ns(day, hour)
    closed = found.close_day(DayState(date=date_of(day), event_time_ns=event_time_ns))
    found.hold_back_clocks(event_time_ns)
    for name in (FIRST, SECOND, FX):
        found.note_mark(name, event_time_ns)
    return closed


def stale(found: Market, name: str) -> int | None:
    price = found.price(name)
    assert price is not None
    return price.stale_since_ns


# -- prices -----------------------------------------------------------------------------------


def test_nothing_is_known_of_a_price_that_never_came() -> None:
    assert market().price("A") is None
    assert market().rate("USD") is None


def test_an_instrument_with_an_empty_history_has_no_price() -> None:
    market_state = market()
    market_state.add_history(history("A", []))
    assert market_state.price("A") is None


def test_before_its_first_quote_a_price_is_the_last_close_and_stale_since_its_midnight() -> None:
    market_state = market()
    market_state.add_history(history("A", [1.0, 2.0]))
    assert market_state.price("A") == Price(2.0, midnight_after_ns(LAST_CLOSE))


def test_the_euro_is_one_euro() -> None:
    assert market().rate("EUR") == Price(1.0, None)


def test_rates_and_prices_of_the_same_name_are_told_apart() -> None:
    market_state = market()
    market_state.add_quote(quote("USD", 50.0), FIRST)
    market_state.add_rate(quote("USD", 1.1), FX)
    assert market_state.price("USD") == Price(50.0, None)
    assert market_state.rate("USD") == Price(1.1, None)


def test_cash_of_every_currency_is_listed_without_being_declared() -> None:
    listing = market().listing("cash:CHF")
    assert (listing.asset_class, listing.currency) == (AssetClass.CASH, "CHF")
    assert market().listing("cash:GBp").currency == "GBp"


@pytest.mark.parametrize("name", ["cash:", "cash:usd", "cash:USDX", "cash:foo/bar", "A", "USD"])
def test_what_is_neither_declared_nor_cash_is_not_known(name: str) -> None:
    with pytest.raises(KeyError):
        market().listing(name)


# -- closes -----------------------------------------------------------------------------------


def test_a_close_is_the_last_accepted_quote_to_the_bit() -> None:
    market_state = market()
    prices = [0.1, 0.1 + 0.2, 1 / 3]
    for hour, price in enumerate(prices):
        market_state.add_quote(quote("A", price, hour=10.0 + hour), FIRST)
    assert close(market_state) == ("A",)
    assert market_state.closes["A"] == ClosesState(dates=(DAY,), values=(prices[-1],))


def test_a_superseded_quote_closes_nothing() -> None:
    market_state = market()
    market_state.add_quote(quote("A", 2.0, hour=16.0), FIRST)
    assert market_state.add_quote(quote("A", 1.0, hour=15.0), FIRST) is QuoteOutcome.SUPERSEDED
    close(market_state)
    assert market_state.closes["A"].values == (2.0,)


def test_without_a_quote_there_is_no_close() -> None:
    market_state = market()
    market_state.add_history(history("A", [1.0]))
    market_state.add_quote(quote("B", 5.0), FIRST)
    assert close(market_state, 0) == ("B",)
    assert close(market_state, 1) == ()
    assert market_state.closes["A"].dates == (LAST_CLOSE,)
    assert market_state.closes["B"].dates == (DAY,)


def test_rates_close_under_the_name_of_their_series() -> None:
    market_state = market()
    market_state.add_rate(quote("USD", 1.25), FX)
    assert close(market_state) == ("fx:USD",)
    assert market_state.closes["fx:USD"].values == (1.25,)


def test_a_close_that_is_known_already_is_not_added_again() -> None:
    """A history that came after the day's first tick, and already has that day."""
    market_state = market()
    market_state.add_quote(quote("A", 7.0), FIRST)
    market_state.add_history(history("A", [1.0, 2.0], last=DAY))
    assert close(market_state) == ()
    assert market_state.closes["A"].values == (1.0, 2.0)


def test_the_table_rolls_with_the_closes_and_holds_nan_where_there_is_none() -> None:
    market_state = market()
    market_state.add_history(history("A", [1.0, 2.0]))
    market_state.add_history(history("B", [3.0]))
    market_state.add_quote(quote("B", 4.0), FIRST)
    close(market_state)
    assert market_state.table.names == ("A", "B")
    assert market_state.table.dates == (LAST_CLOSE - dt.timedelta(1), LAST_CLOSE, DAY)
    expected = np.array([[1.0, 2.0, np.nan], [np.nan, 3.0, 4.0]])
    np.testing.assert_array_equal(market_state.table.closes, expected)


def test_each_close_makes_the_windows_anew() -> None:
    market_state = market()
    before = market_state.window_version
    close(market_state)
    assert market_state.window_version > before


def test_closes_are_bounded_oldest_first() -> None:
    market_state = market()
    market_state.add_history(history("A", [float(n + 1) for n in range(MAX_CLOSES_PER_SERIES)]))
    market_state.add_quote(quote("A", 9_999.0), FIRST)
    close(market_state)
    assert len(market_state.closes["A"].values) == MAX_CLOSES_PER_SERIES
    assert market_state.closes["A"].values[0] == 2.0
    assert market_state.closes["A"].values[-1] == 9_999.0


def test_the_table_of_a_restored_market_is_that_of_the_living_one() -> None:
    """Series on calendars of their own have more dates together than each may have."""
    living, restored = market(), market()
    full = [float(n + 1) for n in range(MAX_CLOSES_PER_SERIES)]
    living.add_history(history("A", full))
    living.add_history(history("B", full, last=LAST_CLOSE - dt.timedelta(40)))
    living.add_quote(quote("A", 5.0), FIRST)
    close(living)
    restored.set_closes(living.closes)
    assert restored.table.dates == living.table.dates
    assert len(living.table.dates) == MAX_CLOSES_PER_SERIES + 41
    assert living.table.dates[0] == living.closes["B"].dates[0]
    np.testing.assert_array_equal(restored.table.closes, living.table.closes)


def test_the_table_of_all_series_is_bounded_and_takes_no_close_from_a_book() -> None:
    """Two series of another century fill the table; a window still reaches as far as its own."""
    market_state = market()
    full = [float(n + 1) for n in range(MAX_CLOSES_PER_SERIES)]
    market_state.add_history(history("A", full))
    market_state.add_history(history("B", full, last=dt.date(1999, 1, 1)))
    market_state.add_history(history("C", full, last=dt.date(1960, 1, 1)))
    assert len(market_state.table.dates) == MAX_TABLE_DATES
    assert market_state.table_of(["A"], scenario_count=1_000) is market_state.table
    old = market_state.table_of(["C", "A", "unknown"], scenario_count=5)
    assert old.names == ("C", "A")
    assert old.closes[0, :6].tolist() == full[-6:]
    assert old.dates[5] == dt.date(1960, 1, 1)
    assert old.closes[1, -6:].tolist() == full[-6:]


def test_scenarios_look_no_further_than_the_last_closed_day() -> None:
    market_state = market()
    assert market_state.asof is None
    market_state.add_history(history("A", [1.0, 2.0]))
    assert market_state.asof == LAST_CLOSE
    close(market_state, 3)
    assert market_state.asof == date_of(3)


def test_a_series_that_runs_ahead_moves_nobody_else_into_the_future() -> None:
    market_state = market()
    market_state.add_history(history("A", [1.0], last=dt.date(2099, 12, 31)))
    close(market_state)
    assert market_state.asof == DAY


# -- clocks that run ahead ----------------------------------------------------------------------


def test_a_quote_from_a_clock_ahead_holds_for_its_day_and_no_longer() -> None:
    market_state = market()
    market_state.add_quote(quote("A", 9.0, day=10), FIRST)
    assert market_state.add_quote(quote("A", 1.0, day=0), FIRST) is QuoteOutcome.SUPERSEDED
    close(market_state, 0)
    assert market_state.closes["A"].values == (9.0,)
    assert close(market_state, 1) == ()
    assert market_state.add_quote(quote("A", 2.0, day=2), FIRST) is QuoteOutcome.APPLIED
    assert market_state.price("A") == Price(2.0, None)


def test_a_quote_from_a_clock_ahead_does_not_look_fresh_for_days() -> None:
    market_state = market()
    market_state.add_quote(quote("A", 9.0, day=10), FIRST)
    close(market_state, 0)
    assert stale(market_state, "A") is None
    market_state.add_quote(quote("B", 1.0, day=1, hour=10.0), FIRST)
    market_state.add_quote(quote("B", 1.0, day=1, hour=11.5), FIRST)
    assert stale(market_state, "A") == at_ns(0, 21.0)


def test_only_the_quotes_ahead_are_held_back_and_named() -> None:
    market_state = market()
    market_state.add_quote(quote("B", 1.0, hour=22.0), FIRST)
    market_state.add_quote(quote("A", 1.0, hour=20.0), FIRST)
    market_state.add_rate(quote("USD", 1.0, day=3), FX)
    assert market_state.hold_back_clocks(at_ns(0, 21.0)) == (("B",), ("USD",))
    assert (
        market_state.quotes["B"].event_time_ns
        == market_state.rates["USD"].event_time_ns
        == at_ns(0, 21.0)
    )
    assert market_state.quotes["A"].event_time_ns == at_ns(0, 20.0)


# -- times that are refused ----------------------------------------------------------------------


def test_nothing_bounds_the_time_of_a_series_that_never_closed() -> None:
    market_state = market()
    assert market_state.closed_until_ns("A") == 0
    assert far_off_ns(0) is None


def test_a_series_is_closed_until_the_end_of_its_last_day_or_the_last_mark() -> None:
    market_state = market()
    market_state.add_history(history("A", [1.0]))
    assert market_state.closed_until_ns("A") == midnight_after_ns(LAST_CLOSE) - 1
    close(market_state, 0)
    assert market_state.closed_until_ns("A") == at_ns(0, 21.0)
    assert market_state.closed_until_ns("B") == at_ns(0, 21.0)


def test_midnight_follows_the_whole_day() -> None:
    assert midnight_after_ns(dt.date(1970, 1, 1)) == 24 * HOUR_NS
    assert midnight_after_ns(DAY) == at_ns(1, 0.0)


def test_instruments_are_listed_with_their_multiplier() -> None:
    market_state = market()
    market_state.add_instrument(instrument("D", AssetClass.FUTURE, "USD", 50.0))
    assert market_state.listing("D").multiplier == 50.0
