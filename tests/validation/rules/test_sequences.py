"""Second reading of event times and sequence numbers: written rules, and the fold's verdicts."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from system.book.state.events import QuoteRow
from system.book.state.quotes import held_back, quote_after
from system.book.state.rows import QuoteState
from validation.checkers.ledger import Outcome
from validation.rules.sequences import KNOWN_BEYOND_A_MARK_NS, NumberedQuotes

APPLIED, DUPLICATE, SUPERSEDED = Outcome.APPLIED, Outcome.DUPLICATE, Outcome.SUPERSEDED


def outcomes(*quotes: tuple[int, int]) -> list[Outcome]:
    """Return what becomes of quotes, each (event time, sequence)."""
    series = NumberedQuotes()
    return [series.outcome_of(time_ns, sequence) for time_ns, sequence in quotes]


@pytest.mark.parametrize(
    ("quotes", "expected"),
    [
        ([(1, 1), (2, 2)], [APPLIED, APPLIED]),
        ([(1, 1), (1, 1)], [APPLIED, DUPLICATE]),
        ([(2, 2), (1, 1), (1, 1)], [APPLIED, SUPERSEDED, DUPLICATE]),
        ([(5, 1), (5, 2), (5, 1)], [APPLIED, APPLIED, DUPLICATE]),
        ([(5, 2), (5, 1), (6, 1)], [APPLIED, SUPERSEDED, APPLIED]),
        ([(1, 9), (2, 1), (1, 9)], [APPLIED, APPLIED, DUPLICATE]),
        ([(1, 1), (2, 1), (3, 1)], [APPLIED, APPLIED, APPLIED]),
        ([(1, 1), (2, 2), (3, 1), (2, 2), (3, 1)], [APPLIED] * 3 + [DUPLICATE] * 2),
        ([(1, 5), (2, 4), (2, 5)], [APPLIED, APPLIED, APPLIED]),
        ([(1, 70), (2, 1), (1, 70)], [APPLIED, APPLIED, DUPLICATE]),
        ([(1, 70), (2, 1), (1, 7)], [APPLIED, APPLIED, SUPERSEDED]),
    ],
    ids=[
        "newer",
        "the same",
        "late, and again",
        "one event time",
        "a restart within one event time",
        "a restart by an unused number",
        "always the same number",
        "a restart by a used number",
        "a restart and one event time",
        "a restart far below",
        "late, from before a restart",
    ],
)
def test_rules_for_numbered_quotes(quotes, expected) -> None:
    assert outcomes(*quotes) == expected


def test_a_mark_holds_a_quote_back_and_its_repeat_is_still_known() -> None:
    series = NumberedQuotes()
    far = (2 * KNOWN_BEYOND_A_MARK_NS, 5)
    assert series.outcome_of(*far) is APPLIED
    series.hold_back(1)
    assert series.outcome_of(*far) is DUPLICATE
    assert series.outcome_of(2, 6) is APPLIED
    assert series.outcome_of(*far) is DUPLICATE


MINUTE = 60 * 10**9
sequences = st.integers(0, 70) | st.sampled_from([500, 2**62 - 1, 2**62])
times = st.integers(0, 90).map(lambda minute: minute * MINUTE)
steps = st.lists(st.tuples(times, sequences) | times, max_size=40)


@given(steps)
@example([(50 * MINUTE, 5), 20 * MINUTE, (50 * MINUTE, 5), (30 * MINUTE, 5), (40 * MINUTE, 4)])
@settings(max_examples=500, deadline=None)
def test_the_fold_and_the_written_rules_agree_on_any_numbers_and_marks(sent) -> None:
    """A single number is the event time of a mark, a pair a quote; what is late does not come."""
    series, state, marked = NumberedQuotes(), None, -1
    for step in sent:
        if isinstance(step, int):
            marked = max(marked, step)
            series.hold_back(marked)
            if state is not None and state.event_time_ns > marked:
                state = held_back(state, marked)
        elif step[0] > marked:
            state = _agreed(series, state, *step)


def _agreed(
    series: NumberedQuotes, state: QuoteState | None, time_ns: int, sequence: int
) -> QuoteState:
    state, verdict = quote_after(state, QuoteRow("A", 1.0, time_ns, sequence, 0), "p")
    assert series.outcome_of(time_ns, sequence).value == verdict.value
    return state
