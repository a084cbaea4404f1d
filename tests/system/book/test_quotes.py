"""Which quotes count: the newest, each sequence number once."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from system.book.events import QuoteRow
from system.book.quotes import SEQUENCE_MEMORY, Verdict, quote_after
from system.book.rows import QuoteState

NEWEST = 1_000


def row(sequence: int, *, time_ns: int | None = None, price: float = 1.0) -> QuoteRow:
    return QuoteRow("A", price, sequence if time_ns is None else time_ns, sequence, 0)


def after(*rows: QuoteRow) -> tuple[QuoteState, list[Verdict]]:
    state, verdicts = None, []
    for one in rows:
        state, verdict = quote_after(state, one, "market_data:0")
        verdicts.append(verdict)
    assert state is not None
    return state, verdicts


def test_the_first_quote_is_applied() -> None:
    state, verdicts = after(row(7, price=3.5))
    assert verdicts == [Verdict.APPLIED]
    assert (state.price, state.sequence, state.newest_sequence) == (3.5, 7, 7)
    assert state.partition == "market_data:0"


def test_a_newer_quote_replaces_the_last() -> None:
    state, verdicts = after(row(1, price=1.0), row(2, price=2.0))
    assert verdicts[-1] is Verdict.APPLIED
    assert state.price == 2.0


def test_an_older_quote_changes_no_price() -> None:
    state, verdicts = after(row(2, price=2.0), row(1, price=1.0))
    assert verdicts[-1] is Verdict.SUPERSEDED
    assert (state.price, state.event_time_ns, state.sequence) == (2.0, 2, 2)


def test_of_equal_times_the_higher_sequence_number_is_newer() -> None:
    _, verdicts = after(row(5, time_ns=9), row(6, time_ns=9), row(4, time_ns=9))
    assert verdicts == [Verdict.APPLIED, Verdict.APPLIED, Verdict.SUPERSEDED]


def test_time_decides_before_the_sequence_number() -> None:
    _, verdicts = after(row(5, time_ns=9), row(6, time_ns=8), row(4, time_ns=10))
    assert verdicts == [Verdict.APPLIED, Verdict.SUPERSEDED, Verdict.APPLIED]


def test_a_repeated_sequence_number_is_a_duplicate_whatever_it_says() -> None:
    state, verdicts = after(row(1), row(2), row(1, time_ns=99, price=5.0), row(2, time_ns=99))
    assert verdicts[2:] == [Verdict.DUPLICATE, Verdict.DUPLICATE]
    assert state.price == 1.0


def test_a_superseded_number_is_remembered_too() -> None:
    _, verdicts = after(row(3), row(1), row(1))
    assert verdicts == [Verdict.APPLIED, Verdict.SUPERSEDED, Verdict.DUPLICATE]


@pytest.mark.parametrize(
    ("behind", "verdict"),
    [
        (SEQUENCE_MEMORY - 1, Verdict.DUPLICATE),
        (SEQUENCE_MEMORY, Verdict.SUPERSEDED),
        (SEQUENCE_MEMORY + 1, Verdict.SUPERSEDED),
    ],
)
def test_the_memory_ends_63_behind_the_newest(behind: int, verdict: Verdict) -> None:
    _, verdicts = after(row(NEWEST - behind), row(NEWEST), row(NEWEST - behind))
    assert verdicts == [Verdict.APPLIED, Verdict.APPLIED, verdict]


def test_the_accepted_quote_is_a_duplicate_of_itself_however_far_the_numbers_have_run() -> None:
    """A stray number far ahead moves the memory away from the quotes that are in force."""
    accepted = row(1, time_ns=50, price=2.0)
    stray = row(2**62, time_ns=10)
    state, verdicts = after(accepted, stray, accepted)
    assert verdicts == [Verdict.APPLIED, Verdict.SUPERSEDED, Verdict.DUPLICATE]
    assert state.price == 2.0


def test_the_memory_fits_into_64_bits_after_any_jump() -> None:
    state, _ = after(*(row(n) for n in range(200)), row(2**62), row(2**62 - 62))
    assert 0 <= state.seen < 2**63


sequences = st.integers(0, 90) | st.sampled_from([500, 501, 10_000, 2**62 - 1, 2**62])
quotes = st.lists(st.tuples(sequences, st.integers(0, 20)), max_size=40)


@given(quotes)
@example([(0, 0), (62, 1), (0, 0), (63, 2), (0, 0)])
@settings(max_examples=300, deadline=None)
def test_the_bits_say_what_a_list_of_all_numbers_would(found: list[tuple[int, int]]) -> None:
    """The plain version beside the fast one: remember everything, look back 63."""
    state: QuoteState | None = None
    seen: set[int] = set()
    accepted: tuple[int, int] | None = None
    for sequence, time_ns in found:
        newest = max(seen, default=0)
        known = sequence in seen and newest - sequence < SEQUENCE_MEMORY
        if accepted is not None and (known or sequence == accepted[1]):
            expected = Verdict.DUPLICATE
        elif accepted is not None and (time_ns, sequence) < accepted:
            expected = Verdict.SUPERSEDED
        else:
            expected, accepted = Verdict.APPLIED, (time_ns, sequence)
        state, verdict = quote_after(state, row(sequence, time_ns=time_ns), "p")
        seen.add(sequence)
        assert verdict is expected
        assert (state.event_time_ns, state.sequence) == accepted


@given(quotes.filter(bool))
@settings(max_examples=100, deadline=None)
def test_the_accepted_quote_is_never_older_than_before(found: list[tuple[int, int]]) -> None:
    state: QuoteState | None = None
    for sequence, time_ns in found:
        before = state
        state, verdict = quote_after(state, row(sequence, time_ns=time_ns, price=1.0), "p")
        if before is not None:
            assert (state.event_time_ns, state.sequence) >= (before.event_time_ns, before.sequence)
        if verdict is Verdict.DUPLICATE:
            assert state is before
