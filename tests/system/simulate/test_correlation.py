"""Correlated draws: any matrix, and factors for thousands of series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.simulate import correlation as module
from system.simulate.correlation import (
    FactorCorrelation,
    MatrixCorrelation,
    cholesky_factor,
    equicorrelation,
    estimated_moments,
)
from system.simulate.errors import PathError

seeds = st.integers(0, 2**32 - 1)


def drawn_moments(correlation, *, count=40_000):
    draws = correlation.draws(count, np.random.default_rng(7))
    return draws.T @ draws / count


def test_factors_draw_the_very_correlation_that_the_matrix_has(monkeypatch):
    closes = np.exp(np.random.default_rng(3).normal(0, 0.1, (12, 6)).cumsum(axis=0))
    closes[:, 0] = 1.0
    asked = [lambda: equicorrelation(6, 0.3), lambda: estimated_moments(closes, shrinkage=0.1)[1]]
    matrices = [ask().matrix for ask in asked]
    monkeypatch.setattr(module, "MANY_SERIES", 6)
    for ask, matrix in zip(asked, matrices, strict=True):
        factors = ask()
        assert isinstance(factors, FactorCorrelation)
        modelled = factors.loadings @ factors.loadings.T
        np.fill_diagonal(modelled, 1.0)
        assert modelled == pytest.approx(matrix, abs=1e-12)
        assert drawn_moments(factors) == pytest.approx(matrix, abs=0.03)


def test_factors_cannot_repel_and_a_matrix_is_taken(monkeypatch):
    monkeypatch.setattr(module, "MANY_SERIES", 3)
    assert isinstance(equicorrelation(3, -0.2), MatrixCorrelation)


@pytest.mark.parametrize("many", [3, 2_000])
def test_some_of_the_series_keep_the_correlation_that_they_have(monkeypatch, many):
    monkeypatch.setattr(module, "MANY_SERIES", many)
    closes = np.exp(np.random.default_rng(5).normal(0, 0.1, (30, 4)).cumsum(axis=0))
    _, whole = estimated_moments(closes, shrinkage=0.1)
    part = drawn_moments(whole.among([3, 1]))
    assert part == pytest.approx(drawn_moments(whole)[np.ix_([3, 1], [3, 1])], abs=0.03)


def test_ten_thousand_series_are_drawn_without_a_matrix_of_all_pairs():
    correlation = equicorrelation(10_000, 0.3)
    assert isinstance(correlation, FactorCorrelation)
    assert correlation.loadings.shape == (10_000, 1)
    draws = correlation.draws(50, np.random.default_rng(1))
    assert draws.shape == (50, 10_000)
    assert draws.mean(axis=1).var() == pytest.approx(0.3, rel=0.7)


@pytest.mark.parametrize("correlation", [-0.6, 1.0, float("nan")])
def test_a_correlation_that_three_series_cannot_have_is_refused(correlation):
    with pytest.raises(PathError, match="correlation"):
        equicorrelation(3, correlation)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0, 0.5], [0.4, 1.0]],
        [[2.0, 0.0], [0.0, 1.0]],
        [[1.0, 1.0], [1.0, 1.0]],
        [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]],
    ],
)
def test_a_matrix_that_is_no_correlation_is_refused(matrix):
    with pytest.raises(PathError, match="correlation"):
        cholesky_factor(np.array(matrix))


@given(day_count=st.integers(3, 40), series_count=st.integers(1, 30), seed=seeds)
def test_estimated_correlations_can_always_be_drawn_with(day_count, series_count, seed):
    closes = np.exp(np.random.default_rng(seed).normal(0, 0.1, (day_count, series_count)))
    closes[:, 0] = 1.0
    volatility, correlation = estimated_moments(closes, shrinkage=0.1)
    assert isinstance(correlation, MatrixCorrelation)
    factor = cholesky_factor(correlation.matrix)
    assert factor @ factor.T == pytest.approx(correlation.matrix, abs=1e-12)
    assert volatility[0] == 0
    assert np.all(volatility <= 1)


def test_two_closes_have_no_volatility():
    with pytest.raises(PathError, match="2 closes"):
        estimated_moments(np.ones((2, 1)), shrinkage=0.1)
