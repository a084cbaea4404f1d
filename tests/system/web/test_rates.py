"""A token bucket takes its rate in the long run, bursts in the short, and says when to come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from system.clock import ManualClock
from system.web.rates import BURST_S, RequestRates, TokenBucket

SECOND_NS = 1_000_000_000


def test_a_burst_is_taken_and_no_more() -> None:
    bucket = TokenBucket(10, ManualClock())
    assert [bucket.take() for _ in range(10 * BURST_S)] == [0.0] * 10 * BURST_S
    assert bucket.take() == 0.1


def test_who_waits_as_long_as_he_is_told_is_taken() -> None:
    clock = ManualClock()
    bucket = TokenBucket(4, clock)
    while not (wait_s := bucket.take()):
        pass
    clock.advance_ns(int(wait_s * SECOND_NS))
    assert bucket.take() == 0.0


@given(st.integers(1, 50), st.lists(st.integers(0, SECOND_NS), max_size=60))
def test_never_more_is_taken_than_the_rate_and_one_burst(rate: int, steps: list[int]) -> None:
    clock = ManualClock()
    bucket = TokenBucket(rate, clock)
    taken = 0
    for step_ns in steps:
        clock.advance_ns(step_ns)
        while not bucket.take():
            taken += 1
    assert taken <= rate * (BURST_S + sum(steps) / SECOND_NS) + 1e-6


def test_reading_and_writing_have_a_bucket_each() -> None:
    rates = RequestRates(2, 1, ManualClock())
    while not rates.wait_s("POST"):
        pass
    assert rates.wait_s("DELETE") > 0
    assert rates.wait_s("GET") == 0


def test_without_a_rate_everything_is_taken() -> None:
    rates = RequestRates(0, 0)
    assert {rates.wait_s(method) for method in ("GET", "POST") for _ in range(5_000)} == {0.0}
