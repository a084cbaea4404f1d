"""The search for a capacity: bisection, and what its repeats agree on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.studies.search import MAX_PROBES, Probe, SearchResult, estimate, search


def system(limit: float, asked: list[float] | None = None):
    """Return a probe of a system that holds up to a limit."""

    def probe(rate: float) -> Probe:
        if asked is not None:
            asked.append(rate)
        return Probe(rate=rate, holds=rate <= limit, why="", p99_ms=1.0)

    return probe


@given(st.floats(1_000, 50_000))
def test_the_limit_lies_between_what_held_and_what_failed(limit):
    asked: list[float] = []
    outcome = search(system(limit, asked), floor=1_000, ceiling=40_000, resolution=1.1)
    assert outcome.highest <= limit
    assert len(asked) == len(outcome.probes) <= MAX_PROBES
    assert max(asked) <= 40_000
    if outcome.lowest_failing is None:
        assert outcome.highest * 1.1 >= 40_000 / 1.1
    else:
        assert limit < outcome.lowest_failing <= outcome.highest * 1.1 * 1.000001


def test_a_floor_that_does_not_hold_ends_the_search():
    outcome = search(system(10), floor=100, ceiling=1_000)
    assert (outcome.highest, outcome.lowest_failing, len(outcome.probes)) == (0.0, 100, 1)


def test_a_run_that_shows_nothing_is_not_counted_as_holding():
    def blind(rate: float) -> Probe:
        return Probe(rate=rate, holds=None, why="the pump was late", p99_ms=0.0)

    outcome = search(blind, floor=100, ceiling=1_000)
    assert (outcome.highest, outcome.lowest_failing) == (0.0, None)


def test_a_pump_that_cannot_do_more_is_no_failure_of_the_system():
    """A rate that the pump could not send sets no upper end; a rate that failed before it does."""

    def limited(fails_from: float):
        def probe(rate: float) -> Probe:
            holds = None if rate > 500 else rate < fails_from
            return Probe(rate=rate, holds=holds, why="", p99_ms=1.0)

        return search(probe, floor=100, ceiling=1_000)

    outcome = limited(fails_from=10_000)
    assert 450 < outcome.highest <= 500
    assert outcome.lowest_failing is None
    assert estimate([outcome]).high is None
    outcome = limited(fails_from=200)
    assert outcome.highest < 200 <= outcome.lowest_failing < 500


def result(highest: float, failing: float | None) -> SearchResult:
    return SearchResult(highest=highest, lowest_failing=failing, probes=())


def test_repeats_give_a_median_and_an_interval():
    estimated = estimate([result(900, 1_000), result(1_100, 1_200), result(1_000, 1_100)])
    assert (estimated.rate, estimated.low, estimated.high, estimated.repeats) == (
        1_000,
        900,
        1_200,
        3,
    )


@pytest.mark.parametrize("failing", [None, 1_100.0])
def test_where_a_search_met_no_failure_there_is_no_upper_end(failing):
    assert estimate([result(900, None), result(1_000, failing)]).high is None
