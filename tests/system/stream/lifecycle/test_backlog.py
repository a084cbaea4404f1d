"""Age of the oldest message that is not covered: never understated, overstated by one answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from system.clock import ManualClock
from system.stream.lifecycle.backlog import MAX_SIGHTINGS, Backlog

PLACE = "market_data:0"
EVERY_NS = 10


class Asked:
    """A backlog whose questions are answered at once; time passes between two of them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.backlog = Backlog(self.clock)

    def note(self, ends: dict[str, int], covered: dict[str, int]) -> None:
        self.backlog.note(ends, covered, asked_ns=self.clock.monotonic_ns())

    def wait(self, nanoseconds: int = EVERY_NS) -> None:
        self.clock.advance_ns(nanoseconds)

    @property
    def age_ns(self) -> int:
        return self.backlog.oldest_age_ns


def test_nothing_is_old_where_all_is_covered() -> None:
    asked = Asked()
    assert asked.age_ns == 0
    asked.note({PLACE: 7}, {PLACE: 7})
    asked.wait()
    assert asked.age_ns == 0


def test_age_counts_from_the_answer_before_an_end_was_seen_and_not_from_the_newest() -> None:
    asked = Asked()
    for end in (4, 5, 6, 7):
        asked.note({PLACE: end, "trades:0": 0}, {PLACE: 4})
        asked.wait()
    assert asked.age_ns == 40
    asked.note({PLACE: 8}, {PLACE: 5})
    assert asked.age_ns == 30
    asked.note({PLACE: 8}, {PLACE: 8})
    assert asked.age_ns == 0


def test_what_came_while_the_broker_did_not_answer_is_as_old_as_its_silence() -> None:
    asked = Asked()
    asked.note({PLACE: 4}, {PLACE: 4})
    asked.wait(60 * 10**9)
    asked.note({PLACE: 5}, {PLACE: 4})
    assert asked.age_ns == 60 * 10**9
    asked.wait()
    asked.note({PLACE: 6}, {PLACE: 5})
    assert asked.age_ns == EVERY_NS, "covered: what came since is young again"


def test_one_partition_that_stands_still_is_as_old_as_it_is_whatever_the_others_do() -> None:
    asked = Asked()
    for end in range(1, 50):
        asked.note({PLACE: 1, "market_data:1": end}, {"market_data:1": end})
        asked.wait()
    assert asked.age_ns == 490


def test_what_is_kept_is_bounded_and_ages_are_never_understated() -> None:
    asked = Asked()
    count = MAX_SIGHTINGS * 3
    for end in range(1, count + 1):
        asked.note({PLACE: end}, {PLACE: 0})
        asked.wait()
    assert asked.age_ns == count * EVERY_NS
    asked.note({PLACE: count}, {PLACE: count - 1})
    assert asked.age_ns >= EVERY_NS


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1)), min_size=1, max_size=60))
def test_ages_are_those_of_a_list_of_all_messages_and_one_answer_more(
    steps: list[tuple[int, float]],
) -> None:
    asked = Asked()
    came_ns: list[int] = []
    covered = 0
    asked.note({PLACE: 0}, {PLACE: 0})
    for count, share in steps:
        came_ns += [asked.clock.monotonic_ns()] * count
        asked.wait()
        covered = max(covered, int(share * len(came_ns)))
        asked.note({PLACE: len(came_ns)}, {PLACE: covered})
        waiting = came_ns[covered:]
        expected = asked.clock.monotonic_ns() - waiting[0] if waiting else 0
        assert asked.age_ns == expected
