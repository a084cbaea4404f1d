"""Books of random exposures and moves: what the arithmetic alone is timed with. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.risk.portfolio import PositionGroups, position_groups
from system.risk.scenarios.factors import PositionExposures, ScenarioFactors

FIRST_DAY: Final = dt.date(2000, 1, 1)
DAILY_VOLATILITY: Final = 0.02
EXPOSURE: Final = 1e5


@dataclass(frozen=True)
class RandomBook:
    """Exposures, factors and groups of one portfolio."""

    exposures: PositionExposures
    factors: ScenarioFactors
    groups: PositionGroups


def random_book(
    position_count: int, scenario_count: int, *, seed: int = 0, group_count: int = 1
) -> RandomBook:
    """Return a book with a factor of its own for each position.

    Parameters
    ----------
    position_count, scenario_count : int
        Its size.
    seed : int
        Of every draw.
    group_count : int
        Asset classes that the positions are spread over.
    """
    rng = np.random.default_rng(seed)
    names = tuple(f"SIM{index:05d}" for index in range(position_count))
    days = tuple(FIRST_DAY + dt.timedelta(index) for index in range(scenario_count))
    factors = ScenarioFactors(
        instrument_ids=names,
        scenario_dates=days,
        rows=rng.normal(0.0, DAILY_VOLATILITY, size=(position_count, scenario_count)),
        row_position=np.arange(position_count),
        row_is_fx=np.zeros(position_count, dtype=np.bool_),
    )
    value = rng.normal(0.0, EXPOSURE, size=position_count)
    labels = [f"class{index % group_count}" for index in range(position_count)]
    return RandomBook(PositionExposures(names, value, value), factors, position_groups(labels))
