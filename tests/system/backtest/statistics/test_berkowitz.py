"""Berkowitz's tail test against a plain optimiser, and its law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from system.backtest.statistics.berkowitz import (
    berkowitz_statistics,
    berkowitz_tail,
    randomised_scores,
)


def plain_ratio(scores: np.ndarray, tail: float) -> float:
    cut = stats.norm.ppf(tail)
    inside = scores[scores < cut]
    censored = len(scores) - len(inside)

    def minus_likelihood(parameters: np.ndarray) -> float:
        mean, deviation = parameters[0], math.exp(parameters[1])
        return -float(
            stats.norm.logpdf(inside, mean, deviation).sum()
            + censored * stats.norm.logsf(cut, mean, deviation)
        )

    options = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 20_000, "maxfev": 20_000}
    maximum = optimize.minimize(minus_likelihood, [0.0, 0.0], method="Nelder-Mead", options=options)
    return 2.0 * (minus_likelihood(np.zeros(2)) - float(maximum.fun))


@pytest.mark.parametrize("seed", range(4))
def test_the_ratio_is_that_of_a_plain_fit(seed: int) -> None:
    scores = np.random.default_rng(seed).standard_normal(400) * (1 + 0.1 * seed)
    result = berkowitz_tail(scores, 0.05)
    assert result.statistic == pytest.approx(plain_ratio(scores, 0.05), abs=1e-6)


def test_without_a_score_in_the_tail_nothing_but_their_absence_counts() -> None:
    result = berkowitz_tail(np.full(50, 1.0), 0.05)
    assert result.statistic == pytest.approx(-100 * math.log(0.95))
    assert "0 of 50" in result.note


def test_equal_scores_all_in_the_tail_have_no_best_law() -> None:
    assert berkowitz_tail(np.full(50, -3.0), 0.05).statistic is None


def test_one_score_in_the_tail_still_has_a_fit() -> None:
    scores = np.append(np.full(50, 1.0), -3.0)
    assert berkowitz_tail(scores, 0.05).statistic == pytest.approx(3.648, abs=1e-3)


def test_under_the_null_the_ratio_is_chi_square_with_two_degrees() -> None:
    scores = np.random.default_rng(3).standard_normal((3_000, 1_000))
    statistics = berkowitz_statistics(scores, 0.05)
    assert statistics.mean() == pytest.approx(2.0, abs=0.15)
    assert np.quantile(statistics, 0.95) == pytest.approx(5.99, abs=0.5)


def test_scores_drawn_within_their_steps_are_normal_again() -> None:
    rng = np.random.default_rng(5)
    rank = rng.integers(0, 31, 20_000)
    scores = randomised_scores(rank / 31, (rank + 1) / 31, rng)
    assert stats.kstest(scores, "norm").pvalue > 0.01


def test_scores_of_a_continuous_forecast_are_not_random() -> None:
    below = np.array([0.0, 0.01, 0.5, 1.0])
    scores = randomised_scores(below, below, np.random.default_rng(0))
    assert np.isfinite(scores).all()
    assert scores[1:3] == pytest.approx([-2.3263478740408408, 0.0], abs=1e-12)
