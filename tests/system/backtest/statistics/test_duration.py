"""The duration test: a slow plain fit beside the fast one, and where there is none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import optimize

from system.backtest.statistics.duration import duration_statistics, weibull_duration


def hits_of(text: str) -> np.ndarray:
    return np.array([mark == "x" for mark in text])


def plain_durations(hits: np.ndarray) -> list[tuple[float, bool]]:
    """Return (days, complete) of one sequence, written for a reader."""
    days = np.flatnonzero(hits)
    durations = [(float(after - before), True) for before, after in itertools.pairwise(days)]
    if not hits[0]:
        durations.insert(0, (float(days[0] + 1), False))
    if not hits[-1]:
        durations.append((float(len(hits) - 1 - days[-1]), False))
    return durations


def plain_ratio(hits: np.ndarray) -> float:
    durations = plain_durations(hits)

    def minus_likelihood(log_parameters: np.ndarray) -> float:
        scale, shape = np.exp(log_parameters)
        total = 0.0
        for days, complete in durations:
            total -= (scale * days) ** shape
            if complete:
                total += shape * np.log(scale) + np.log(shape) + (shape - 1) * np.log(days)
        return -total

    def best(function: object, start: list[float]) -> float:
        options = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000}
        return float(optimize.minimize(function, start, method="Nelder-Mead", options=options).fun)

    free = best(minus_likelihood, [-2.0, 0.0])
    memoryless = best(lambda point: minus_likelihood(np.array([point[0], 0.0])), [-2.0])
    return 2.0 * (memoryless - free)


@pytest.mark.parametrize(
    "text",
    [
        "...x....x..xx.........x...x....",
        "x...x.x..........x",
        "....x....................x....x",
        "xx.....................xx.......x.xx......",
    ],
)
def test_the_ratio_is_that_of_a_plain_two_parameter_fit(text: str) -> None:
    result = weibull_duration(hits_of(text))
    assert result.statistic == pytest.approx(plain_ratio(hits_of(text)), abs=1e-7)


@pytest.mark.parametrize("text", ["." * 50, "x" + "." * 49, "." * 20 + "x" + "." * 20, "x", "."])
def test_without_two_durations_and_a_complete_one_there_is_no_statistic(text: str) -> None:
    result = weibull_duration(hits_of(text))
    assert result.statistic is None
    assert result.p_value is None
    assert result.note


def test_equal_durations_have_no_best_shape() -> None:
    assert weibull_duration(np.ones(30, dtype=np.bool_)).statistic is None
    assert weibull_duration(hits_of("x....x....x....x")).statistic is None


def test_clusters_have_a_shape_below_one_and_a_small_p_value() -> None:
    result = weibull_duration(hits_of(("xxxxx" + "." * 60) * 6))
    assert "clusters" in result.note
    assert result.p_value is not None
    assert result.p_value < 1e-3


def test_many_sequences_at_once_give_what_each_gives_alone() -> None:
    hits = np.random.default_rng(8).random((80, 90)) < 0.05
    hits[0], hits[1] = False, True
    for row, many in zip(hits, duration_statistics(hits), strict=True):
        alone = weibull_duration(row).statistic
        assert (alone is None) == bool(np.isnan(many))
        assert alone is None or alone == pytest.approx(many, rel=1e-12)
