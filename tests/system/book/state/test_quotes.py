"""Acceptance of quotes: the newest event time counts, each message once."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from system.book.state.events import QuoteRow
from system.book.state.quotes import (
    CLOCK_LEAD_NS,
    SEQUENCE_MEMORY,
    QuoteOutcome,
    held_back,
    quote_after,
)
from system.book.state.rows import QuoteState

NEWEST = 1_000


def row(sequence: int, *, time_ns: int | None = None, price: float = 1.0) -> QuoteRow:
    return QuoteRow("A", price, sequence if time_ns is None else time_ns, sequence, 0)


def after(*rows: QuoteRow, last: QuoteState | None = None) -> tuple[QuoteState, list[QuoteOutcome]]:
    state, verdicts = last, []
    for quote in rows:
        state, verdict = quote_after(state, quote, "market_data:0")
        verdicts.append(verdict)
    assert state is not None
    return state, verdicts


def test_the_first_quote_is_applied() -> None:
    state, verdicts = after(row(7, price=3.5))
    assert verdicts == [QuoteOutcome.APPLIED]
    assert (state.price, state.sequence, state.newest_sequence) == (3.5, 7, 7)
    assert state.partition == "market_data:0"


def test_a_newer_quote_replaces_the_last() -> None:
    state, verdicts = after(row(1, price=1.0), row(2, price=2.0))
    assert verdicts[-1] is QuoteOutcome.APPLIED
    assert state.price == 2.0


def test_an_older_quote_changes_no_price() -> None:
    state, verdicts = after(row(2, price=2.0), row(1, price=1.0))
    assert verdicts[-1] is QuoteOutcome.SUPERSEDED
    assert (state.price, state.event_time_ns, state.sequence) == (2.0, 2, 2)


def test_of_equal_times_the_higher_sequence_number_is_newer() -> None:
    _, verdicts = after(row(5, time_ns=9), row(6, time_ns=9), row(4, time_ns=9))
    assert verdicts == [QuoteOutcome.APPLIED, QuoteOutcome.APPLIED, QuoteOutcome.SUPERSEDED]


def test_time_decides_before_the_sequence_number() -> None:
    _, verdicts = after(row(5, time_ns=9), row(6, time_ns=8), row(4, time_ns=10))
    assert verdicts == [QuoteOutcome.APPLIED, QuoteOutcome.SUPERSEDED, QuoteOutcome.APPLIED]


def test_a_repeated_sequence_number_that_is_no_newer_is_a_duplicate_whatever_its_price() -> None:
    state, verdicts = after(row(1), row(2), row(1, price=5.0), row(2, price=5.0), row(2, time_ns=1))
    assert verdicts[2:] == [QuoteOutcome.DUPLICATE] * 3
    assert state.price == 1.0


def test_a_repeated_sequence_number_with_a_newer_event_time_is_a_new_quote() -> None:
    state, verdicts = after(row(1), row(2), row(1, time_ns=99, price=5.0))
    assert verdicts[2] is QuoteOutcome.APPLIED
    assert (state.price, state.event_time_ns, state.sequence) == (5.0, 99, 1)


def test_a_superseded_number_is_remembered_too() -> None:
    _, verdicts = after(row(3), row(1), row(1))
    assert verdicts == [QuoteOutcome.APPLIED, QuoteOutcome.SUPERSEDED, QuoteOutcome.DUPLICATE]


@pytest.mark.parametrize(
    ("behind", "verdict"),
    [
        (SEQUENCE_MEMORY - 1, QuoteOutcome.DUPLICATE),
        (SEQUENCE_MEMORY, QuoteOutcome.SUPERSEDED),
        (SEQUENCE_MEMORY + 1, QuoteOutcome.SUPERSEDED),
    ],
)
def test_the_memory_ends_63_behind_the_newest(behind: int, verdict: QuoteOutcome) -> None:
    _, verdicts = after(row(NEWEST - behind), row(NEWEST), row(NEWEST - behind))
    assert verdicts == [QuoteOutcome.APPLIED, QuoteOutcome.APPLIED, verdict]


def test_the_accepted_quote_is_a_duplicate_of_itself_however_far_the_numbers_have_run() -> None:
    """A stray number far ahead moves the memory away from the quotes that are in force."""
    accepted = row(1, time_ns=50, price=2.0)
    stray = row(2**62, time_ns=10)
    state, verdicts = after(accepted, stray, accepted)
    assert verdicts == [QuoteOutcome.APPLIED, QuoteOutcome.SUPERSEDED, QuoteOutcome.DUPLICATE]
    assert state.price == 2.0


def test_the_memory_fits_into_64_bits_after_any_jump() -> None:
    state, _ = after(*(row(n) for n in range(200)), row(2**62), row(2**62 - 62))
    assert 0 <= state.seen < 2**63


sequences = st.integers(0, 90) | st.sampled_from([500, 501, 10_000, 2**62 - 1, 2**62])
quotes = st.lists(st.tuples(sequences, st.integers(0, 20)), max_size=40)


@given(quotes)
@example([(0, 0), (62, 1), (0, 0), (63, 2), (0, 0)])
@example([(1, 0), (2, 1), (1, 2), (2, 1), (2, 3), (1, 2), (1, 0)])
@settings(max_examples=300, deadline=None)
def test_the_bits_say_what_lists_of_all_numbers_would(sent: list[tuple[int, int]]) -> None:
    """The plain version beside the fast one: keep every number of the last two countings."""
    state: QuoteState | None = None
    now: set[int] = set()
    before: set[int] = set()
    before_until = -1
    accepted: tuple[int, int] | None = None
    for sequence, time_ns in sent:
        numbers = before if time_ns <= before_until else now
        used = sequence in numbers and max(numbers) - sequence < SEQUENCE_MEMORY
        used = used or (numbers is now and accepted is not None and sequence == accepted[1])
        newest_ns = -1 if accepted is None else accepted[0]
        if used and time_ns <= newest_ns:
            expected = QuoteOutcome.DUPLICATE
        elif accepted is not None and (time_ns, sequence) < accepted:
            expected = QuoteOutcome.SUPERSEDED
            numbers.add(sequence)
        else:
            if time_ns > newest_ns and sequence <= max(now, default=-1):
                now, before, before_until = set(), now, newest_ns
            expected, accepted = QuoteOutcome.APPLIED, (time_ns, sequence)
            now.add(sequence)
        state, verdict = quote_after(state, row(sequence, time_ns=time_ns), "p")
        assert verdict is expected
        assert (state.event_time_ns, state.sequence) == accepted


@given(quotes.filter(bool))
@settings(max_examples=100, deadline=None)
def test_the_accepted_quote_is_never_older_than_before(sent: list[tuple[int, int]]) -> None:
    state: QuoteState | None = None
    for sequence, time_ns in sent:
        before = state
        state, verdict = quote_after(state, row(sequence, time_ns=time_ns, price=1.0), "p")
        if before is not None:
            assert (state.event_time_ns, state.sequence) >= (before.event_time_ns, before.sequence)
        if verdict is QuoteOutcome.DUPLICATE:
            assert state is before


@given(quotes.filter(bool), st.data())
@settings(max_examples=100, deadline=None)
def test_no_message_counts_twice(sent: list[tuple[int, int]], data: st.DataObject) -> None:
    state, _ = after(*(row(sequence, time_ns=time_ns) for sequence, time_ns in sent))
    sequence, time_ns = data.draw(st.sampled_from(sent))
    assert quote_after(state, row(sequence, time_ns=time_ns), "p")[1] is not QuoteOutcome.APPLIED


# -- numbers that restart --------------------------------------------------------------------


def counted(first: int, count: int, *, from_ns: int) -> list[QuoteRow]:
    """Return quotes one nanosecond apart with consecutive numbers."""
    return [row(first + step, time_ns=from_ns + step) for step in range(count)]


A_LONG_DAY = 1_000
"""More numbers than are remembered."""


@pytest.mark.parametrize("count", [1, 40, SEQUENCE_MEMORY, A_LONG_DAY])
@pytest.mark.parametrize("first", [0, 1])
def test_numbers_that_restart_each_day_lose_no_quote(first: int, count: int) -> None:
    days = [counted(first, count, from_ns=day * 10_000) for day in range(3)]
    _, verdicts = after(*days[0], *days[1], *days[2])
    assert verdicts == [QuoteOutcome.APPLIED] * (3 * count)


@pytest.mark.parametrize("wrap", [2**31, 2**32, 2**62 + 1])
def test_a_counter_that_wraps_loses_no_quote(wrap: int) -> None:
    numbers = [(wrap - 5 + step) % wrap for step in range(10)]
    _, verdicts = after(*(row(number, time_ns=step) for step, number in enumerate(numbers)))
    assert verdicts == [QuoteOutcome.APPLIED] * 10


def test_a_source_that_always_sends_the_same_number_loses_no_quote() -> None:
    quotes = [row(0, time_ns=time_ns) for time_ns in range(5)]
    _, verdicts = after(*quotes, *quotes)
    assert verdicts == [QuoteOutcome.APPLIED] * 5 + [QuoteOutcome.DUPLICATE] * 5


def test_repeats_are_known_on_either_side_of_a_restart() -> None:
    old, new = counted(1, 40, from_ns=0), counted(1, 10, from_ns=100)
    _, verdicts = after(*old, *new, *old, *new)
    assert verdicts == [QuoteOutcome.APPLIED] * 50 + [QuoteOutcome.DUPLICATE] * 50


def test_a_replay_before_the_first_new_quote_is_known_as_duplicates() -> None:
    old, new = counted(1, 100, from_ns=0), counted(1, 5, from_ns=200)
    _, verdicts = after(*old, *old[-20:], *new, *old[-20:])
    assert verdicts[100:120] == [QuoteOutcome.DUPLICATE] * 20
    assert verdicts[120:125] == [QuoteOutcome.APPLIED] * 5
    assert verdicts[125:] == [QuoteOutcome.DUPLICATE] * 20


def test_late_quotes_of_either_numbering_are_superseded() -> None:
    """Number 3 of the old numbers never came; number 1 of the new ones comes after number 2."""
    old = [quote for quote in counted(1, 40, from_ns=0) if quote.sequence != 3]
    late_old, late_new = row(3, time_ns=2), row(1, time_ns=100)
    state, verdicts = after(*old, row(2, time_ns=101), late_new, late_old, late_new, late_old)
    assert verdicts[-5:] == [
        QuoteOutcome.APPLIED,
        QuoteOutcome.SUPERSEDED,
        QuoteOutcome.SUPERSEDED,
        QuoteOutcome.DUPLICATE,
        QuoteOutcome.DUPLICATE,
    ]
    assert state.event_time_ns == 101


def test_replayed_quotes_that_are_numbered_from_the_start_change_no_price() -> None:
    """After a reconnection the last three quotes come again under new numbers."""
    old = counted(500, 10, from_ns=0)
    again = [row(number, time_ns=7 + number, price=9.0) for number in range(3)]
    state, verdicts = after(*old, *again, row(3, time_ns=10, price=2.0))
    assert verdicts[10:] == [QuoteOutcome.SUPERSEDED] * 3 + [QuoteOutcome.APPLIED]
    assert state.price == 2.0


def test_a_restart_within_one_event_time_counts_from_the_next_one() -> None:
    _, verdicts = after(row(7, time_ns=5), row(1, time_ns=5), row(2, time_ns=5), row(3, time_ns=6))
    assert verdicts[1:] == [QuoteOutcome.SUPERSEDED, QuoteOutcome.SUPERSEDED, QuoteOutcome.APPLIED]


def test_restarted_numbers_that_share_an_event_time_are_no_repeats_of_old_ones() -> None:
    _, verdicts = after(row(5, time_ns=1), row(4, time_ns=2), row(5, time_ns=2))
    assert verdicts == [QuoteOutcome.APPLIED] * 3


def test_a_clock_that_steps_back_supersedes_until_it_has_caught_up() -> None:
    stepped = [row(number, time_ns=number - 5) for number in range(11, 18)]
    _, verdicts = after(row(10, time_ns=10), *stepped)
    assert verdicts[1:] == [QuoteOutcome.SUPERSEDED] * 4 + [QuoteOutcome.APPLIED] * 3


def test_quotes_before_a_number_out_of_order_are_still_known() -> None:
    _, verdicts = after(row(5, time_ns=1), row(4, time_ns=2), row(5, time_ns=1), row(4, time_ns=2))
    assert verdicts[2:] == [QuoteOutcome.DUPLICATE, QuoteOutcome.DUPLICATE]


# -- quotes from beyond a mark ---------------------------------------------------------------


MARK_NS = 1_000 * CLOCK_LEAD_NS


def ahead(lead_ns: int) -> tuple[list[QuoteRow], QuoteState]:
    """Return five quotes before a mark, the last three from beyond it, and the state after it."""
    quotes = [row(number, time_ns=MARK_NS + (number - 2) * lead_ns) for number in range(1, 6)]
    return quotes, held_back(after(*quotes)[0], MARK_NS)


def test_a_quote_that_a_mark_held_back_is_a_duplicate_of_itself_however_far_beyond() -> None:
    quotes, state = ahead(CLOCK_LEAD_NS)
    following = row(6, time_ns=MARK_NS + 1, price=2.0)
    state, verdicts = after(quotes[-1], following, quotes[-1], last=state)
    assert verdicts == [QuoteOutcome.DUPLICATE, QuoteOutcome.APPLIED, QuoteOutcome.DUPLICATE]
    assert state.price == 2.0


def test_quotes_from_shortly_beyond_a_mark_are_known_again() -> None:
    quotes, state = ahead(CLOCK_LEAD_NS // 3)
    _, verdicts = after(*quotes, last=state)
    assert verdicts == [QuoteOutcome.DUPLICATE] * 5


def test_a_clock_far_ahead_does_not_freeze_a_day_whose_numbers_restart() -> None:
    _, state = ahead(100 * CLOCK_LEAD_NS)
    today = [row(number, time_ns=MARK_NS + number * 2 * CLOCK_LEAD_NS) for number in range(1, 6)]
    _, verdicts = after(*today, *today, last=state)
    assert verdicts == [QuoteOutcome.APPLIED] * 5 + [QuoteOutcome.DUPLICATE] * 5
