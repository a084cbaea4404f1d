"""Student's law fitted to many samples at once, by maximum likelihood.

For each number of degrees of freedom on a grid, location and scale follow from the EM
iteration of Lange, Little & Taylor (1989); the number with the largest likelihood is
kept. Thirty observations cannot tell 5 from 8 degrees of freedom: the grid is as fine as
that. All fits of all days run side by side.

Some samples have no fit. With m of n observations equal and the location on them, the
log-likelihood of d degrees of freedom is ((n - m) d - m) ln(scale) plus what stays bounded as the
scale goes to 0: from m = n d / (d + 1) on, three quarters at d = 3, it has no maximum. That is a
fund with a price once a week, and a share that seldom trades.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from system.risk.arrays import BoolVector, Float64Matrix, Float64Vector, IndexVector

DOF_GRID: Final = (3, 4, 5, 6, 8, 12, 20, 50)
MAX_ITERATIONS: Final = 5_000
"""Thirty observations that all differ take about 20; 22 equal ones of 30 take some hundred."""
SETTLED: Final = 1e-10
"""Change of squared scale and location in one iteration, relative, that ends it."""
EQUAL_WITHIN: Final = 1e-9
"""Observations are equal if they differ by no more, as a fraction of the largest of the sample."""


@dataclass(frozen=True, slots=True, eq=False)
class StudentFit:
    """One fit per row.

    Parameters
    ----------
    location, scale : ndarray of float64, shape (sample_count,)
        Unit of the samples; scale is 0 for a sample that does not vary. NaN without a fit.
    dof : ndarray of int64, shape (sample_count,)
        One of ``DOF_GRID``.
    weights : ndarray of float64, shape (sample_count, observation_count)
        (dof + 1) / (dof + score^2), with which location is a weighted mean and scale^2
        the weighted squares over the number of observations.
    """

    location: Float64Vector
    scale: Float64Vector
    dof: npt.NDArray[np.int64]
    weights: Float64Matrix

    @property
    def exists(self) -> BoolVector:
        """Return which samples have a fit, shape (sample_count,)."""
        return np.isfinite(self.scale)


def fitted_student(samples: Float64Matrix) -> StudentFit:
    """Return the fit of each row, shape (sample_count, observation_count).

    A row without a maximum, or whose iteration does not settle, has NaN for location and scale.
    """
    equal = largest_equal_count(samples)
    best = _fit(samples, equal, DOF_GRID[0])
    likelihood = _log_likelihood(samples, best)
    for dof in DOF_GRID[1:]:
        other = _fit(samples, equal, dof)
        its_likelihood = _log_likelihood(samples, other)
        better = its_likelihood > likelihood
        likelihood = np.where(better, its_likelihood, likelihood)
        best = StudentFit(
            np.where(better, other.location, best.location),
            np.where(better, other.scale, best.scale),
            np.where(better, other.dof, best.dof),
            np.where(better[:, None], other.weights, best.weights),
        )
    return best


def largest_equal_count(samples: Float64Matrix) -> IndexVector:
    """Return how many observations of each row are equal at most, shape (sample_count,)."""
    ordered = np.sort(samples, axis=1)
    width = EQUAL_WITHIN * np.abs(ordered[:, [0, -1]]).max(axis=1)
    counts = np.ones(len(samples), dtype=np.intp)
    for count in range(2, samples.shape[1] + 1):
        nearest = (ordered[:, count - 1 :] - ordered[:, : len(ordered[0]) - count + 1]).min(axis=1)
        counts[nearest <= width] = count
    return counts


def _fit(samples: Float64Matrix, equal: IndexVector, dof: int) -> StudentFit:
    """Return the fit of each row; one that does not vary is a point of scale 0."""
    count, least = samples.shape[1], DOF_GRID[0]
    location = np.median(samples, axis=1)
    square = np.mean((samples - location[:, None]) ** 2, axis=1)
    weights = np.ones_like(samples)
    has_maximum = (least + 1) * equal < least * count
    square[~has_maximum] = np.where(equal[~has_maximum] == count, 0.0, np.nan)
    running = np.flatnonzero(has_maximum)
    for _ in range(MAX_ITERATIONS):
        if not len(running):
            break
        weights[running], mean, spread = _step(
            samples[running], location[running], square[running], dof
        )
        settled = (np.abs(spread - square[running]) <= SETTLED * spread) & (
            np.abs(mean - location[running]) <= SETTLED * np.sqrt(spread)
        )
        location[running], square[running] = mean, spread
        running = running[~settled]
    location[running], square[running] = np.nan, np.nan
    dofs = np.full(len(samples), dof, dtype=np.int64)
    return StudentFit(np.where(np.isnan(square), np.nan, location), np.sqrt(square), dofs, weights)


def _step(
    samples: Float64Matrix, location: Float64Vector, square: Float64Vector, dof: int
) -> tuple[Float64Matrix, Float64Vector, Float64Vector]:
    """Return weights, location and squared scale after one iteration."""
    safe = np.where(square > 0.0, square, 1.0)
    weights = (dof + 1.0) / (dof + (samples - location[:, None]) ** 2 / safe[:, None])
    mean = (weights * samples).sum(axis=1) / weights.sum(axis=1)
    return weights, mean, np.mean(weights * (samples - mean[:, None]) ** 2, axis=1)


def _log_likelihood(samples: Float64Matrix, fit: StudentFit) -> Float64Vector:
    dof = int(fit.dof[0])
    safe = np.where(fit.scale > 0.0, fit.scale, 1.0)
    scores = (samples - fit.location[:, None]) / safe[:, None]
    constant = math.lgamma((dof + 1) / 2) - math.lgamma(dof / 2) - 0.5 * math.log(dof)
    kernel = np.log1p(scores**2 / dof).sum(axis=1)
    count = samples.shape[1]
    likelihood: Float64Vector = count * (constant - np.log(safe)) - 0.5 * (dof + 1) * kernel
    return likelihood
