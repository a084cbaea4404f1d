"""Recovery holds for its time, or it has not come: on looks made up here."""

import pytest

from validation.scenarios.faults.recovery import COVERED_WITHIN_S, HOLDS_S, Look, Span, recovery

BEGAN_NS = 100 * 10**9
TICKS = "market_data:0"


def look(second: float, state: str = "running", covered: int | None = 10, ends: int | None = 10):
    return Look(
        at_ns=BEGAN_NS + round(second * 1e9),
        state=state,
        covered=None if covered is None else {TICKS: covered},
        ends=None if ends is None else {TICKS: ends},
    )


def states(*spans: tuple[int, str]) -> list[Look]:
    """Return a look a second: (seconds, state) one after the other."""
    by_second = [state for seconds, state in spans for _ in range(seconds)]
    return [look(second, state) for second, state in enumerate(by_second)]


def judged(looks, *, ended_s: float = 0.0, deadline_s: float = 480.0, **options):
    return recovery(
        looks,
        began_ns=BEGAN_NS,
        ended_ns=BEGAN_NS + round(ended_s * 1e9),
        deadline_ns=BEGAN_NS + round(deadline_s * 1e9),
        **options,
    )


def seconds(outcome) -> float | None:
    return None if outcome.since_ns is None else (outcome.since_ns - BEGAN_NS) / 1e9


def test_recovery_is_the_first_moment_from_which_all_is_well_for_thirty_seconds():
    outcome = judged(states((4, "stale"), (2, "warming"), (31, "running")))
    assert (outcome.is_held, seconds(outcome), outcome.held_s) == (True, 6.0, HOLDS_S)
    assert outcome.relapses == ()
    short = judged(states((4, "stale"), (30, "running")))
    assert (short.is_held, seconds(short), short.held_s) == (False, 4.0, 29.0)


def test_a_stream_that_looks_well_and_stands_still_later_has_not_recovered():
    outcome = judged(states((10, "running"), (200, "stale")))
    assert (outcome.is_held, seconds(outcome)) == (False, None)
    (relapse,) = outcome.relapses
    assert (relapse.after_s, relapse.held_s, relapse.why) == (10.0, 9.0, "stale")


def test_time_that_a_recovery_has_held_is_lost_with_a_relapse():
    outcome = judged(states((20, "running"), (1, "stale"), (20, "running"), (1, "stale")))
    assert not outcome.is_held
    again = judged(states((20, "running"), (5, "stale"), (31, "running")))
    assert (again.is_held, seconds(again), len(again.relapses)) == (True, 25.0, 1)


def test_recovery_that_begins_after_its_deadline_has_not_come():
    assert not judged(states((50, "stale"), (40, "running")), deadline_s=40).is_held
    assert judged(states((30, "stale"), (40, "running")), deadline_s=40).is_held


def test_what_lay_on_the_topics_when_the_fault_ended_must_be_covered():
    behind = [look(second, covered=9) for second in range(5)]
    ahead = [look(second, covered=10) for second in range(5, 40)]
    assert seconds(judged([*behind, *ahead])) == 5.0
    assert not judged([look(second, covered=9) for second in range(60)]).is_held
    assert not judged([look(second, covered=None) for second in range(60)]).is_held


def test_running_beside_records_that_nobody_reads_is_no_recovery():
    """A stream without an executor says *running* for as long as nobody asks what it reads."""
    first = [look(second) for second in range(10)]
    growing = [look(second, covered=10, ends=10 + second) for second in range(10, 60)]
    outcome = judged([*first, *growing])
    assert not outcome.is_held
    assert outcome.relapses[0].after_s == pytest.approx(10 + COVERED_WITHIN_S)
    assert outcome.relapses[0].why == "running, and not covering market_data:0 at 20"
    keeps_up = [look(second, covered=10 + second - 3, ends=10 + second) for second in range(3, 60)]
    assert judged([*[look(second) for second in range(3)], *keeps_up]).is_held


def test_without_the_brokers_answer_nobody_knows_what_must_be_covered():
    assert not judged([look(second, ends=None) for second in range(60)]).is_held


def test_a_later_fault_and_its_recovery_count_neither_for_nor_against():
    looks = states((10, "running"), (15, "stale"), (31, "running"))
    later = [Span(look(10).at_ns, look(25).at_ns)]
    outcome = judged(looks, later=later)
    assert (outcome.is_held, seconds(outcome), outcome.relapses) == (True, 0.0, ())
    short = judged(looks[:40], later=later)
    assert (short.is_held, short.held_s) == (False, 9.0 + 14.0)
    assert not judged(looks, later=[Span(look(10).at_ns, None)]).is_held


def test_a_gap_between_two_looks_is_not_time_that_was_seen():
    outcome = judged([look(0), look(60)])
    assert (outcome.is_held, outcome.held_s) == (False, 2.0)
