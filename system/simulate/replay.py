"""A replay: a market, a window of its days, and how fast and how finely they pass.

Gives what a source of market data sends: reference data first, then one plan per day. The
same spec and market give the same messages; each day draws from a generator of its own,
seeded by (seed, date), so that a day does not depend on where the window begins.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from system.contracts.messages import (
    MAX_CLOSES_PER_SERIES,
    AssetClass,
    CloseHistory,
    Instrument,
)
from system.simulate.catalogue import money
from system.simulate.correlation import (
    MAX_DAILY_VOLATILITY,
    Correlation,
    Float64Vector,
    equicorrelation,
    estimated_moments,
)
from system.simulate.errors import WindowError
from system.simulate.market import Market
from system.simulate.timeline import DayPlan, MovingSeries, day_plan

DEFAULT_HISTORY_COUNT: Final = 64
DEFAULT_SHRINKAGE: Final = 0.1
DEFAULT_VOLATILITY: Final = 0.01
MIN_COMMON_CLOSES: Final = 10
WEIGHT_SPREAD: Final = 0.5
NANOSECONDS: Final = 1_000_000_000
MAX_TICKS_PER_DAY: Final = 20_000_000
SPREAD_BPS: Final = {AssetClass.EQUITY: 2.0, AssetClass.ETF: 1.0, AssetClass.FUTURE: 0.5}


@dataclass(frozen=True)
class ReplaySpec:
    """Days, pace and seed of a replay.

    Parameters
    ----------
    first_day, last_day : date
        The window, both ends included; its trading days are the market's.
    ticks_per_day : int
        Ticks and FX rates of one day together; each series has at least one.
    seconds_per_day : float, optional
        Length of a day on the schedule. None: as fast as the broker takes it.
    seed : int
        Of every draw; at least 0.
    history_count : int
        Closes of each series sent before the first day, at most.
    spread_bps : mapping of AssetClass to float
        Ask minus bid in 1/10,000 of the mid.
    spread_absolute : float
        Ask minus bid in units of the price; the wider counts.
    weights : mapping of str to float
        Share of the ticks by series, relative to the others; a series that is not named
        has a weight drawn from a log-normal law with the seed.
    scenario : str
        Stands in each mark.
    """

    first_day: dt.date
    last_day: dt.date
    ticks_per_day: int
    seconds_per_day: float | None = None
    seed: int = 1
    history_count: int = DEFAULT_HISTORY_COUNT
    spread_bps: Mapping[AssetClass, float] = field(default_factory=lambda: dict(SPREAD_BPS))
    spread_absolute: float = 0.0
    weights: Mapping[str, float] = field(default_factory=dict)
    scenario: str = ""

    def __post_init__(self) -> None:
        """Refuse numbers that no schedule has.

        Raises
        ------
        WindowError
            If a number is out of its bounds; names both.
        """
        if not 1 <= self.ticks_per_day <= MAX_TICKS_PER_DAY:
            raise WindowError(f"ticks_per_day {self.ticks_per_day}: 1 to {MAX_TICKS_PER_DAY}")
        if self.seconds_per_day is not None and not 0 < self.seconds_per_day <= 86_400:
            raise WindowError(f"seconds_per_day {self.seconds_per_day}: above 0, at most 86400")
        if self.seed < 0:
            raise WindowError(f"seed {self.seed}: at least 0")
        if not 1 <= self.history_count <= MAX_CLOSES_PER_SERIES:
            raise WindowError(f"history_count {self.history_count}: 1 to {MAX_CLOSES_PER_SERIES}")

    @property
    def duration_ns(self) -> int:
        """Length of a day on the schedule; 0 when it is not paced."""
        return round((self.seconds_per_day or 0.0) * NANOSECONDS)


class Replay:
    """The messages of one replay.

    Parameters
    ----------
    market : Market
        Real or simulated.
    spec : ReplaySpec
        Window, speed, seed.

    Raises
    ------
    WindowError
        If the window has no trading day, or a series of the market has no close before it.
    """

    def __init__(self, market: Market, spec: ReplaySpec) -> None:
        self.market = market
        self.spec = spec
        self.days = market.days_between(spec.first_day, spec.last_day)
        self._histories = {
            name: market.history_before(name, self.days[0], spec.history_count)
            for name in market.series
        }
        self._volatility, self._correlation = _moments(self._histories)
        self._weights = _weights(tuple(market.series), spec)

    def reference_messages(self) -> Iterator[Instrument | CloseHistory]:
        """Yield what is sent before the first day: instruments, then their closes."""
        yield from self.market.instruments.values()
        yield from map(money, self.market.currencies)
        yield from self._histories.values()

    def day_plans(self) -> Iterator[DayPlan]:
        """Yield the plan of each day in turn; sequences run on from day to day.

        Yields
        ------
        DayPlan
            A series without a close on a day is not in that day's plan.

        Raises
        ------
        PathError
            If a spread or weight of the spec is out of bounds.
        """
        last_sequences: dict[str, int] = {}
        for day in self.days:
            plan = self._day_plan(day, last_sequences)
            last_sequences.update(plan.last_sequences())
            yield plan

    def _day_plan(self, day: dt.date, last_sequences: Mapping[str, int]) -> DayPlan:
        names = list(self.market.series)
        moving = [i for i, name in enumerate(names) if day in self.market.series[name].closes]
        return day_plan(
            day,
            [self._moving(names[i], day, float(self._volatility[i])) for i in moving],
            correlation=self._correlation.among(moving),
            tick_count=self.spec.ticks_per_day,
            duration_ns=self.spec.duration_ns,
            last_sequences=last_sequences,
            rng=np.random.default_rng([self.spec.seed, day.toordinal()]),
            scenario=self.spec.scenario,
        )

    # A path is as rough as the days before the window were, or as its own day's move.
    def _moving(self, name: str, day: dt.date, volatility: float) -> MovingSeries:
        close = self.market.series[name].closes[day]
        start = self.market.last_close_before(name, day) or close
        instrument = self.market.instruments.get(name)
        spread_bps = self.spec.spread_bps.get(instrument.asset_class, 0.0) if instrument else 0.0
        return MovingSeries(
            name=name,
            start=start,
            close=close,
            volatility=min(max(volatility, abs(math.log(close / start))), MAX_DAILY_VOLATILITY),
            weight=self._weights[name],
            spread_bps=spread_bps,
            spread_absolute=self.spec.spread_absolute,
        )


def replayed_market(
    market: Market, *, instruments: tuple[str, ...] = (), currencies: tuple[str, ...] = ()
) -> Market:
    """Return the part of a market that a replay names: all instruments when it names none.

    Raises
    ------
    UnknownSeriesError
        If an instrument or currency is not in the market.
    """
    return market.restricted(instruments or tuple(market.instruments), currencies)


def _moments(histories: Mapping[str, CloseHistory]) -> tuple[Float64Vector, Correlation]:
    """Return the volatility and correlation of the closes that all series share."""
    by_date = [{p.date: p.value for p in history.closes} for history in histories.values()]
    common = sorted(set.intersection(*map(set, by_date)))
    if len(common) < MIN_COMMON_CLOSES:
        count = len(by_date)
        return np.full(count, DEFAULT_VOLATILITY), equicorrelation(count, 0.0)
    closes = np.array([[closes[date] for closes in by_date] for date in common])
    return estimated_moments(closes, shrinkage=DEFAULT_SHRINKAGE)


def _weights(names: tuple[str, ...], spec: ReplaySpec) -> dict[str, float]:
    drawn = np.random.default_rng([spec.seed]).lognormal(0.0, WEIGHT_SPREAD, len(names))
    weights = dict(zip(names, drawn.tolist(), strict=True))
    return {name: spec.weights.get(name, weight) for name, weight in weights.items()}
