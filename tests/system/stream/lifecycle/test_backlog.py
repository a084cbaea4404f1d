"""Age of the oldest message that is not covered: overstated by no more than a question."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from system.clock import ManualClock
from system.stream.lifecycle.backlog import MAX_SIGHTINGS, Backlog

PLACE = "market_data:0"


def test_nothing_is_old_where_all_is_covered() -> None:
    clock = ManualClock()
    backlog = Backlog(clock)
    assert backlog.oldest_age_ns == 0
    backlog.note({PLACE: 7}, {PLACE: 7})
    clock.advance_ns(100)
    assert backlog.oldest_age_ns == 0


def test_age_counts_from_when_an_end_was_seen_first_and_not_from_the_newest() -> None:
    clock = ManualClock()
    backlog = Backlog(clock)
    for end in (5, 6, 7):
        backlog.note({PLACE: end, "trades:0": 0}, {PLACE: 4})
        clock.advance_ns(10)
    assert backlog.oldest_age_ns == 30
    backlog.note({PLACE: 8}, {PLACE: 5})
    assert backlog.oldest_age_ns == 20
    backlog.note({PLACE: 8}, {PLACE: 8})
    assert backlog.oldest_age_ns == 0


def test_one_partition_that_stands_still_is_as_old_as_it_is_whatever_the_others_do() -> None:
    clock = ManualClock()
    backlog = Backlog(clock)
    for end in range(1, 50):
        backlog.note({PLACE: 1, "market_data:1": end}, {"market_data:1": end})
        clock.advance_ns(10)
    assert backlog.oldest_age_ns == 490


def test_what_is_kept_is_bounded_and_ages_are_never_understated() -> None:
    clock = ManualClock()
    backlog = Backlog(clock)
    asked = MAX_SIGHTINGS * 3
    for end in range(1, asked + 1):
        backlog.note({PLACE: end}, {PLACE: 0})
        clock.advance_ns(10)
    assert backlog.oldest_age_ns == asked * 10
    backlog.note({PLACE: asked}, {PLACE: asked - 1})
    assert backlog.oldest_age_ns >= 10


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1)), min_size=1, max_size=60))
def test_ages_are_those_of_a_list_of_all_messages(steps: list[tuple[int, float]]) -> None:
    clock = ManualClock()
    backlog = Backlog(clock)
    came_ns: list[int] = []
    covered = 0
    for count, share in steps:
        came_ns += [clock.monotonic_ns()] * count
        covered = max(covered, int(share * len(came_ns)))
        backlog.note({PLACE: len(came_ns)}, {PLACE: covered})
        clock.advance_ns(7)
        waiting = came_ns[covered:]
        expected = clock.monotonic_ns() - waiting[0] if waiting else 0
        assert backlog.oldest_age_ns == expected
