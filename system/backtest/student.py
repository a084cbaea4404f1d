"""Student's law fitted to many samples at once, by maximum likelihood.

For each number of degrees of freedom on a grid, location and scale follow from the EM
iteration of Lange, Little & Taylor (1989); the number with the largest likelihood is
kept. Thirty observations cannot tell 5 from 8 degrees of freedom: the grid is as fine as
that. All fits of all days run side by side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from system.risk.arrays import Float64Matrix, Float64Vector

DOF_GRID: Final = (3, 4, 5, 6, 8, 12, 20, 50)
ITERATIONS: Final = 25


@dataclass(frozen=True, slots=True, eq=False)
class StudentFit:
    """One fit per row.

    Parameters
    ----------
    location, scale : ndarray of float64, shape (sample_count,)
        Unit of the samples; scale is 0 for a sample that does not vary.
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


def fitted_student(samples: Float64Matrix) -> StudentFit:
    """Return the fit of each row, shape (sample_count, observation_count)."""
    best = _fit(samples, DOF_GRID[0])
    likelihood = _log_likelihood(samples, best)
    for dof in DOF_GRID[1:]:
        other = _fit(samples, dof)
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


def _fit(samples: Float64Matrix, dof: int) -> StudentFit:
    location = np.median(samples, axis=1)
    square = np.mean((samples - location[:, None]) ** 2, axis=1)
    weights = np.ones_like(samples)
    for _ in range(ITERATIONS):
        safe = np.where(square > 0.0, square, 1.0)
        weights = (dof + 1.0) / (dof + (samples - location[:, None]) ** 2 / safe[:, None])
        location = (weights * samples).sum(axis=1) / weights.sum(axis=1)
        square = np.mean(weights * (samples - location[:, None]) ** 2, axis=1)
    dofs = np.full(len(samples), dof, dtype=np.int64)
    return StudentFit(location, np.sqrt(square), dofs, weights)


def _log_likelihood(samples: Float64Matrix, fit: StudentFit) -> Float64Vector:
    dof = int(fit.dof[0])
    safe = np.where(fit.scale > 0.0, fit.scale, 1.0)
    scores = (samples - fit.location[:, None]) / safe[:, None]
    constant = math.lgamma((dof + 1) / 2) - math.lgamma(dof / 2) - 0.5 * math.log(dof)
    kernel = np.log1p(scores**2 / dof).sum(axis=1)
    count = samples.shape[1]
    likelihood: Float64Vector = count * (constant - np.log(safe)) - 0.5 * (dof + 1) * kernel
    return likelihood
