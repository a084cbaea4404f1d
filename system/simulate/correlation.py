"""Correlated series: standard normal draws, correlated within each row.

A matrix gives any correlation, and costs its series squared in memory and cubed in time: 10,000
of them take 8 GB and a minute. From ``MANY_SERIES`` on what is estimated or the same for each pair
is drawn by factors: a few draws that all series share, and one of each series' own. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from system.simulate.errors import PathError

Float64Vector: TypeAlias = npt.NDArray[np.float64]
Float64Matrix: TypeAlias = npt.NDArray[np.float64]

MANY_SERIES: Final = 2_000
MAX_DAILY_VOLATILITY: Final = 1.0


class Correlation(Protocol):
    """The correlation of some series, to draw with."""

    def draws(self, count: int, rng: np.random.Generator) -> Float64Matrix:
        """Return standard normal draws.

        Parameters
        ----------
        count : int
            Rows, independent of each other.
        rng : Generator
            Source of the draws.

        Returns
        -------
        ndarray of float64, shape (count, series_count)
            Correlated within each row.

        Raises
        ------
        PathError
            If it is no correlation.
        """
        ...

    def among(self, chosen: Sequence[int]) -> Correlation:
        """Return the correlation of some of the series, in their order."""
        ...


@dataclass(frozen=True, eq=False)
class MatrixCorrelation:
    """Any correlation.

    Parameters
    ----------
    matrix : ndarray of float64, shape (series_count, series_count)
        Symmetric, ones on the diagonal, positive definite: refused with the first draw if not.
    """

    matrix: Float64Matrix

    def draws(self, count: int, rng: np.random.Generator) -> Float64Matrix:
        """Return standard normal draws, as ``Correlation.draws``."""
        independent = rng.standard_normal((count, len(self.matrix)))
        return np.asarray(independent @ cholesky_factor(self.matrix).T, dtype=np.float64)

    def among(self, chosen: Sequence[int]) -> MatrixCorrelation:
        """Return the correlation of some of the series, in their order."""
        return MatrixCorrelation(self.matrix[np.ix_(chosen, chosen)])


@dataclass(frozen=True, eq=False)
class FactorCorrelation:
    """The correlation loadings @ loadings.T off the diagonal (a factor model).

    Parameters
    ----------
    loadings : ndarray of float64, shape (series_count, factor_count)
        Rows of unit length at most; what is missing is each series' own.
    """

    loadings: Float64Matrix

    def draws(self, count: int, rng: np.random.Generator) -> Float64Matrix:
        """Return standard normal draws, as ``Correlation.draws``."""
        series_count, factor_count = self.loadings.shape
        own = np.sqrt(1.0 - np.square(self.loadings).sum(axis=1).clip(0.0, 1.0))
        drawn = rng.standard_normal((count, series_count))
        drawn *= own
        drawn += rng.standard_normal((count, factor_count)) @ self.loadings.T
        return drawn

    def among(self, chosen: Sequence[int]) -> FactorCorrelation:
        """Return the correlation of some of the series, in their order."""
        return FactorCorrelation(self.loadings[np.asarray(chosen, dtype=np.int64)])


def cholesky_factor(correlation: Float64Matrix) -> Float64Matrix:
    """Return the lower triangle L with L L' = correlation.

    Parameters
    ----------
    correlation : ndarray of float64, shape (series_count, series_count)
        Symmetric, ones on the diagonal, positive definite.

    Returns
    -------
    ndarray of float64, shape (series_count, series_count)
        Rows of unit length.

    Raises
    ------
    PathError
        If the matrix is not such a correlation matrix.
    """
    symmetric = correlation.ndim == 2 and np.array_equal(correlation, correlation.T)
    if not symmetric or not np.allclose(np.diag(correlation), 1.0, rtol=0, atol=1e-12):
        raise PathError("correlation: a symmetric matrix with ones on its diagonal is needed")
    try:
        return np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise PathError("correlation: the matrix is not positive definite") from None


def equicorrelation(series_count: int, correlation: float) -> Correlation:
    """Return the correlation that is the same for each pair.

    Parameters
    ----------
    series_count : int
        Number of series, at least 1.
    correlation : float
        In (-1 / (series_count - 1), 1).

    Raises
    ------
    PathError
        If no series can be correlated like that.
    """
    lowest = -1.0 / max(series_count - 1, 1)
    if not lowest < correlation < 1:
        raise PathError(f"correlation {correlation}: must lie in ({lowest:.6g}, 1)")
    if series_count >= MANY_SERIES and correlation >= 0:
        return FactorCorrelation(np.full((series_count, 1), np.sqrt(correlation)))
    matrix = np.full((series_count, series_count), float(correlation))
    np.fill_diagonal(matrix, 1.0)
    return MatrixCorrelation(matrix)


def estimated_moments(
    closes: Float64Matrix, *, shrinkage: float
) -> tuple[Float64Vector, Correlation]:
    """Return daily volatility and correlation of log returns, for drawing paths with.

    Parameters
    ----------
    closes : ndarray of float64, shape (day_count, series_count)
        Daily closes above 0, oldest first; at least 3 days.
    shrinkage : float
        Weight in (0, 1] of the identity in the correlation, so that it is positive
        definite also where there are fewer days than series.

    Returns
    -------
    volatility : ndarray of float64, shape (series_count,)
        Standard deviation per day, at most ``MAX_DAILY_VOLATILITY``.
    correlation : Correlation
        Of the series.

    Raises
    ------
    PathError
        If there are fewer than 3 days.
    """
    if closes.shape[0] < 3:
        raise PathError(f"{closes.shape[0]} closes: 3 are needed for a volatility")
    returns = np.diff(np.log(closes), axis=0)
    deviation = returns.std(axis=0, ddof=1)
    scaled = (returns - returns.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    capped = np.minimum(deviation, MAX_DAILY_VOLATILITY)
    if closes.shape[1] >= MANY_SERIES:
        return capped, FactorCorrelation(scaled.T * np.sqrt((1 - shrinkage) / (len(returns) - 1)))
    sample = scaled.T @ scaled / (len(returns) - 1)
    correlation = (1 - shrinkage) * (sample + sample.T) / 2
    np.fill_diagonal(correlation, 1.0)
    return capped, MatrixCorrelation(correlation)
