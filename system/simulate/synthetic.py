"""Simulated markets: correlated random walks on weekdays, with the interface of real ones."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from system.contracts.messages import AssetClass, Instrument
from system.simulate.catalogue import DOLLAR, FX_PREFIX
from system.simulate.correlation import (
    Correlation,
    Float64Matrix,
    MatrixCorrelation,
    equicorrelation,
)
from system.simulate.errors import PathError
from system.simulate.market import CloseSeries, Market
from system.simulate.paths import random_walk_closes

MAX_DAY_COUNT: Final = 20_000
_WEEKEND: Final = 5


@dataclass(frozen=True)
class Walk:
    """One series of a simulated market.

    Parameters
    ----------
    name : str
        An instrument, or ``fx:CCY`` for units of a currency per EUR.
    start : float
        The price before the first day; above 0.
    drift : float
        Expected simple return per day.
    volatility : float
        Standard deviation of the log return per day, in [0, 1].
    instrument : Instrument, optional
        Its reference data; default a share in USD. Not for a currency.
    """

    name: str
    start: float = 100.0
    drift: float = 0.0
    volatility: float = 0.01
    instrument: Instrument | None = None


@dataclass(frozen=True)
class SyntheticSpec:
    """A simulated market.

    Parameters
    ----------
    walks : tuple of Walk
        Its series.
    first_day : date
        The first day of its history; days are weekdays.
    day_count : int
        Number of days, history included.
    correlation : float or ndarray of float64, shape (len(walks), len(walks))
        One number for each pair, or the whole matrix.
    seed : int
        Of every draw.
    """

    walks: tuple[Walk, ...]
    first_day: dt.date
    day_count: int
    correlation: float | Float64Matrix = field(default=0.0)
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse an empty market and an endless one.

        Raises
        ------
        PathError
            If there is no series, or ``day_count`` is out of bounds.
        """
        if not self.walks:
            raise PathError("walks: a market has at least one series")
        if not 1 <= self.day_count <= MAX_DAY_COUNT:
            raise PathError(f"day_count {self.day_count}: 1 to {MAX_DAY_COUNT}")


def uniform_walks(
    count: int, *, drift: float = 0.0, volatility: float = 0.01, start: float = 100.0
) -> tuple[Walk, ...]:
    """Return ``count`` alike US shares, ``SIM001`` and so on."""
    return tuple(
        Walk(f"SIM{number:03d}", start=start, drift=drift, volatility=volatility)
        for number in range(1, count + 1)
    )


def synthetic_market(spec: SyntheticSpec) -> Market:
    """Return a market whose closes are correlated geometric random walks.

    Parameters
    ----------
    spec : SyntheticSpec
        Same spec, same closes, bit for bit.

    Returns
    -------
    Market
        With a close for every series on every day.

    Raises
    ------
    PathError
        If a start, drift, volatility or correlation is out of bounds.
    """
    days = weekdays(spec.first_day, spec.day_count)
    closes = random_walk_closes(
        np.array([walk.start for walk in spec.walks]),
        drift=np.array([walk.drift for walk in spec.walks]),
        volatility=np.array([walk.volatility for walk in spec.walks]),
        correlation=_correlation(spec),
        day_count=spec.day_count,
        rng=np.random.default_rng(spec.seed),
    )
    names = [walk.name for walk in spec.walks]
    return Market(
        instruments={w.name: _instrument(w) for w in spec.walks if not _is_rate(w)},
        currencies=tuple(w.name.removeprefix(FX_PREFIX) for w in spec.walks if _is_rate(w)),
        series={
            name: CloseSeries(name, dict(zip(days, column.tolist(), strict=True)))
            for name, column in zip(names, closes.T, strict=True)
        },
        source=f"a simulated market (seed {spec.seed})",
    )


def weekdays(first_day: dt.date, count: int) -> list[dt.date]:
    """Return the first ``count`` days from Monday to Friday, from ``first_day`` on."""
    days: list[dt.date] = []
    day = first_day
    while len(days) < count:
        if day.weekday() < _WEEKEND:
            days.append(day)
        day += dt.timedelta(days=1)
    return days


def _correlation(spec: SyntheticSpec) -> Correlation:
    if isinstance(spec.correlation, float | int):
        return equicorrelation(len(spec.walks), float(spec.correlation))
    return MatrixCorrelation(spec.correlation)


def _is_rate(walk: Walk) -> bool:
    return walk.name.startswith(FX_PREFIX)


def _instrument(walk: Walk) -> Instrument:
    return walk.instrument or Instrument(
        instrument=walk.name, asset_class=AssetClass.EQUITY, currency=DOLLAR
    )
