"""The days that a backtest judges, and the promise that it holds VaR to."""

from __future__ import annotations

from system.contracts.messages import RiskSnapshot
from system.show.screens.backtest import judged_days, power_of, promise_of
from system.show.state.days import Day


def test_a_day_without_a_verdict_is_not_judged(ends_of_day: tuple[RiskSnapshot, ...]) -> None:
    days = tuple(day for snapshot in ends_of_day if (day := Day.of_snapshot(snapshot)) is not None)
    judged = judged_days(days)
    assert len(judged) == len(days) - 1, "the first close has no VaR before it"
    assert [day.date for day in judged] == sorted(day.date for day in judged)


def test_the_promise_is_that_of_the_snapshot(long_short: RiskSnapshot) -> None:
    promise = promise_of(long_short)
    assert (promise.confidence, promise.scenario_count, promise.tail_rank) == ("0.95", 30, 2)


def test_no_day_has_no_power(long_short: RiskSnapshot) -> None:
    assert power_of(0, promise_of(long_short)) == ()
