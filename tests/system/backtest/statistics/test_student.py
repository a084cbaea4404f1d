"""Student's law by maximum likelihood, where there is a maximum and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from system.backtest.statistics.student import DOF_GRID, fitted_student, largest_equal_count
from system.risk.arrays import Float64Matrix

COUNT = 30


def with_equal(equal: int, *, seed: int = 0, rows: int = 20, at: float = 0.0) -> Float64Matrix:
    """Return samples of which so many observations are equal."""
    samples = np.random.default_rng(seed).standard_normal((rows, COUNT))
    samples[:, :equal] = at
    return samples


@pytest.mark.parametrize(("equal", "exists"), [(0, True), (22, True), (23, False), (29, False)])
@pytest.mark.parametrize("at", [0.0, 1.5, -1e6])
def test_a_fit_exists_below_three_quarters_of_equal_observations(
    equal: int, exists: bool, at: float
) -> None:
    fit = fitted_student(with_equal(equal, at=at) if at else with_equal(equal))
    assert fit.exists.tolist() == [exists] * 20
    assert np.isfinite(fit.location).tolist() == [exists] * 20


def test_observations_that_are_equal_but_for_rounding_are_equal() -> None:
    samples = with_equal(24, at=0.001)
    samples[:, :24] *= 1.0 + 1e-14 * np.arange(24)
    assert largest_equal_count(samples).tolist() == [24] * 20
    assert not fitted_student(samples).exists.any()


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
def test_a_sample_that_does_not_vary_is_a_point(value: float) -> None:
    samples = np.full((2, COUNT), value) * (1.0 + 1e-15 * np.arange(COUNT))
    fit = fitted_student(samples)
    assert fit.scale.tolist() == [0.0, 0.0]
    assert fit.location == pytest.approx(np.full(2, value), rel=1e-12)


def test_the_largest_group_of_equal_observations_is_counted() -> None:
    samples = np.array([[1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0]])
    assert largest_equal_count(samples).tolist() == [2, 1, 4]


@pytest.mark.parametrize("equal", [0, 15, 20, 22])
def test_the_likelihood_is_the_largest_that_a_search_finds(equal: int) -> None:
    samples = with_equal(equal, seed=equal, rows=4)
    fit = fitted_student(samples)
    for row, sample in enumerate(samples):
        own = _likelihood(sample, int(fit.dof[row]), fit.location[row], fit.scale[row])
        assert own >= _searched(sample) - 1e-6


def _searched(sample: np.ndarray) -> float:
    """Return the largest log-likelihood over the grid by a general minimiser."""

    def negative(parameters: np.ndarray, dof: int) -> float:
        return -_likelihood(sample, dof, parameters[0], np.exp(parameters[1]))

    starts = [(np.median(sample), np.log(scale)) for scale in (0.02, 0.2, 1.0)]
    return max(
        -optimize.minimize(negative, start, args=(dof,), method="Nelder-Mead").fun
        for dof in DOF_GRID
        for start in starts
    )


def _likelihood(sample: np.ndarray, dof: int, location: float, scale: float) -> float:
    """Return the log-likelihood from the density of a ratio of normal and chi."""
    scores = (sample - location) / scale
    constant = special.gammaln((dof + 1) / 2) - special.gammaln(dof / 2)
    constant -= 0.5 * np.log(dof * np.pi) + np.log(scale)
    return float(len(sample) * constant - 0.5 * (dof + 1) * np.log1p(scores**2 / dof).sum())


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    samples = np.vstack([with_equal(0), with_equal(22, seed=1), with_equal(24, seed=2)])
    whole = fitted_student(samples)
    for row in range(0, len(samples), 7):
        alone = fitted_student(samples[row : row + 1])
        np.testing.assert_array_equal(alone.scale, whole.scale[row : row + 1])
        np.testing.assert_array_equal(alone.weights, whole.weights[row : row + 1])
