"""Price paths: correlated random walks, bridges that end on a given close, quotes, volume.

Pure: every draw comes from a generator that is handed in. Laws of this file: a price is
above 0; ``bid <= mid <= ask``; the last mid of a bridge is its close, bit for bit.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from system.simulate.correlation import (
    MAX_DAILY_VOLATILITY,
    Correlation,
    Float64Matrix,
    Float64Vector,
)
from system.simulate.errors import PathError

IntVector: TypeAlias = npt.NDArray[np.int64]

SIGNIFICANT_DIGITS: Final = 7
MAX_SPREAD_BPS: Final = 10_000.0
U_SHAPE_DEFAULT: Final = 0.6
_U_GRID: Final = 4_097
_MIN_BID_SHARE: Final = 0.5
_BPS: Final = 1e-4


def random_walk_closes(
    start: Float64Vector,
    *,
    drift: Float64Vector,
    volatility: Float64Vector,
    correlation: Correlation,
    day_count: int,
    rng: np.random.Generator,
) -> Float64Matrix:
    """Return daily closes of correlated geometric random walks.

    Parameters
    ----------
    start : ndarray of float64, shape (series_count,)
        The close before the first day; above 0.
    drift : ndarray of float64, shape (series_count,)
        Expected simple return per day.
    volatility : ndarray of float64, shape (series_count,)
        Standard deviation of the log return per day, in [0, 1].
    correlation : Correlation
        Of the series.
    day_count : int
        Number of days.
    rng : Generator
        Source of the draws.

    Returns
    -------
    ndarray of float64, shape (day_count, series_count)
        Above 0, rounded to ``SIGNIFICANT_DIGITS``; without ``start``.

    Raises
    ------
    PathError
        If a start, drift or volatility is out of bounds.
    """
    _check_start(start)
    _check_volatility(volatility)
    _check(drift, np.isfinite(drift) & (drift > -1), "drift per day", "finite and above -1")
    shocks = correlation.draws(day_count, rng)
    steps = np.log1p(drift) - volatility**2 / 2 + volatility * shocks
    return rounded(start * np.exp(np.cumsum(steps, axis=0)))


def bridge_mids(
    start: Float64Vector,
    end: Float64Vector,
    *,
    volatility: Float64Vector,
    correlation: Correlation,
    step_count: int,
    rng: np.random.Generator,
) -> Float64Matrix:
    """Return correlated mid paths over one day that end exactly on the day's closes.

    A Brownian bridge in the logarithm, from ``start`` (not in the result) to ``end``: what
    a random walk of that volatility looks like, given that it ended there.

    Parameters
    ----------
    start, end : ndarray of float64, shape (series_count,)
        Prices before the first and at the last step; above 0.
    volatility : ndarray of float64, shape (series_count,)
        Standard deviation of the log return per day, in [0, 1].
    correlation : Correlation
        Of the series.
    step_count : int
        Number of equal steps, at least 1.
    rng : Generator
        Source of the draws.

    Returns
    -------
    ndarray of float64, shape (step_count, series_count)
        Above 0; the last row equals ``end`` bit for bit, the others are rounded to
        ``SIGNIFICANT_DIGITS``.

    Raises
    ------
    PathError
        If a price, a volatility or ``step_count`` is out of bounds.

    Notes
    -----
    W(t) - t W(1) for a Brownian motion W on [0, 1] (Glasserman 2003, section 3.1).
    """
    _check_start(start)
    _check_start(end)
    _check_volatility(volatility)
    if step_count < 1:
        raise PathError(f"{step_count} steps: a path has at least 1")
    time = np.arange(1, step_count + 1)[:, np.newaxis] / step_count
    draws = correlation.draws(step_count, rng)
    walk = np.cumsum(draws, axis=0) / np.sqrt(step_count)
    bridge = (walk - time * walk[-1]) * volatility
    mids = rounded(start * np.exp(time * np.log(end / start) + bridge))
    mids[-1] = end
    return mids


def quotes(
    mid: Float64Vector, *, spread_bps: Float64Vector, spread_absolute: Float64Vector
) -> tuple[Float64Vector, Float64Vector]:
    """Return bid and ask around mids.

    Parameters
    ----------
    mid : ndarray of float64, shape (n,)
        Above 0.
    spread_bps : ndarray of float64, shape (n,)
        Ask minus bid in 1/10,000 of the mid, in [0, 10,000].
    spread_absolute : ndarray of float64, shape (n,)
        Ask minus bid in units of the price, at least 0; the wider of the two counts.

    Returns
    -------
    bid, ask : ndarray of float64, shape (n,)
        ``0 < bid <= mid <= ask``, rounded to ``SIGNIFICANT_DIGITS``. A bid is never below
        half its mid, however wide the absolute spread.

    Raises
    ------
    PathError
        If a spread is out of bounds.
    """
    narrow = (spread_bps >= 0) & (spread_bps <= MAX_SPREAD_BPS)
    _check(spread_bps, narrow, "spread in basis points", f"in [0, {MAX_SPREAD_BPS:g}]")
    finite = (spread_absolute >= 0) & np.isfinite(spread_absolute)
    _check(spread_absolute, finite, "absolute spread", "finite and at least 0")
    half = np.maximum(mid * spread_bps * _BPS, spread_absolute) / 2
    bid = np.minimum(rounded(np.maximum(mid - half, mid * _MIN_BID_SHARE)), mid)
    return bid, np.maximum(rounded(mid + half), mid)


def tick_counts(total: int, weights: Float64Vector, *, minimum: int = 1) -> IntVector:
    """Return how many ticks each series gets, by weight (largest remainder).

    Parameters
    ----------
    total : int
        Ticks to give away.
    weights : ndarray of float64, shape (series_count,)
        Above 0; their scale does not matter.
    minimum : int
        What each series gets at least.

    Returns
    -------
    ndarray of int64, shape (series_count,)
        Adds up to ``max(total, minimum * series_count)``.

    Raises
    ------
    PathError
        If a weight is not above 0 and finite.
    """
    _check(weights, np.isfinite(weights) & (weights > 0), "weights", "finite and above 0")
    spare = max(total - minimum * len(weights), 0)
    exact = spare * weights / weights.sum()
    counts = np.floor(exact).astype(np.int64)
    missing = spare - int(counts.sum())
    largest_first = np.argsort(-(exact - counts), kind="stable")
    counts[largest_first[:missing]] += 1
    return np.asarray(counts + minimum, dtype=np.int64)


def arrival_order(counts: IntVector, rng: np.random.Generator) -> IntVector:
    """Return which series ticks next, all day long, each as often as its count.

    Parameters
    ----------
    counts : ndarray of int64, shape (series_count,)
        ``tick_counts``.
    rng : Generator
        Source of the draws.

    Returns
    -------
    ndarray of int64, shape (counts.sum(),)
        Index of the series.
    """
    return rng.permutation(np.repeat(np.arange(len(counts), dtype=np.int64), counts))


def session_fractions(tick_count: int, *, u_shape: float = U_SHAPE_DEFAULT) -> Float64Vector:
    """Return when ticks fall within a session, more at its open and close.

    Parameters
    ----------
    tick_count : int
        Number of ticks.
    u_shape : float
        0 is even over the day; towards 1 all activity moves to both ends.

    Returns
    -------
    ndarray of float64, shape (tick_count,)
        Fractions of the session in (0, 1), growing.

    Raises
    ------
    PathError
        If ``u_shape`` is not in [0, 1).

    Notes
    -----
    Mid-quantiles of the density (1 - w) + 3 w (2u - 1)^2 on [0, 1], w = ``u_shape``: the
    U shape of intraday volume (Admati & Pfleiderer 1988).
    """
    if not 0 <= u_shape < 1:
        raise PathError(f"u_shape {u_shape}: must lie in [0, 1)")
    grid = np.linspace(0, 1, _U_GRID)
    cumulative = (1 - u_shape) * grid + u_shape * ((2 * grid - 1) ** 3 + 1) / 2
    return np.interp((np.arange(tick_count) + 0.5) / tick_count, cumulative, grid)


def tick_volumes(
    weights: Float64Vector, *, typical: float, rng: np.random.Generator
) -> Float64Vector:
    """Return traded volumes: log-normal, larger where the weight is larger.

    Parameters
    ----------
    weights : ndarray of float64, shape (n,)
        Weight of each tick's series relative to the average, above 0.
    typical : float
        Median volume at weight 1, in units of the instrument.
    rng : Generator
        Source of the draws.

    Returns
    -------
    ndarray of float64, shape (n,)
        Whole numbers, at least 1.
    """
    sizes = typical * weights * rng.lognormal(0.0, 1.0, len(weights))
    return np.maximum(np.rint(sizes), 1.0)


def rounded(price: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return prices rounded to ``SIGNIFICANT_DIGITS``, which never makes one 0.

    Parameters
    ----------
    price : ndarray of float64
        Above 0.

    Returns
    -------
    ndarray of float64
        Same shape; as short as it can be written in decimal.
    """
    decimals = SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(price))
    scale = 10.0 ** np.abs(decimals)
    small = np.rint(price * scale) / scale
    large = np.rint(price / scale) * scale
    return np.asarray(np.where(decimals >= 0, small, large), dtype=np.float64)


def _check_start(price: Float64Vector) -> None:
    _check(price, np.isfinite(price) & (price > 0), "price", "finite and above 0")


def _check_volatility(volatility: Float64Vector) -> None:
    allowed = (volatility >= 0) & (volatility <= MAX_DAILY_VOLATILITY)
    _check(volatility, allowed, "volatility per day", f"in [0, {MAX_DAILY_VOLATILITY:g}]")


def _check(values: Float64Vector, allowed: npt.NDArray[np.bool_], what: str, rule: str) -> None:
    """Refuse the first value that is not allowed, by its number and place."""
    if not allowed.all():
        index = int(np.argmin(allowed))
        raise PathError(f"{what}: {values[index]} (number {index + 1}) must be {rule}")
