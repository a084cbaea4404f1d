"""A day of ticks, planned ahead: what is sent, and when on the schedule.

Pure. Two times, never mixed: *due* is an offset on the sender's schedule, even over the
day; *event time* is the time in the market, New York's session of that date, with more
ticks at open and close. Laws of this file: the last mid of each series is its close, bit
for bit; sequences grow by one per series, over days too; the mark comes last in both times.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from system.contracts.messages import FxRate, Mark, Message, Tick
from system.simulate.catalogue import FX_PREFIX
from system.simulate.correlation import Correlation, Float64Vector
from system.simulate.errors import PathError
from system.simulate.paths import (
    IntVector,
    arrival_order,
    bridge_mids,
    quotes,
    session_fractions,
    tick_counts,
    tick_volumes,
)

NEW_YORK: Final = "America/New_York"
SESSION_OPEN: Final = dt.time(9, 30)
SESSION_CLOSE: Final = dt.time(16, 0)
MARK_GAP_SHARE: Final = 0.02
MARK_GAP_MAX_NS: Final = 50_000_000
GRID_STEPS_MIN: Final = 64
GRID_STEPS_MAX: Final = 8_192
GRID_CELLS_MAX: Final = 20_000_000
"""Steps times series: 160 MB each time the grid is held."""
CHUNK_ROWS: Final = 4_096
TYPICAL_VOLUME: Final = 100.0


class Planned(NamedTuple):
    """A message and when it is due, nanoseconds after the day's beginning."""

    due_ns: int
    message: Message


@dataclass(frozen=True)
class MovingSeries:
    """One series on one day.

    Parameters
    ----------
    name : str
        An instrument, or ``fx:CCY``.
    start, close : float
        The last price before the day, and the one it ends on; above 0.
    volatility : float
        Standard deviation of the log price around the day's straight line, per day.
    weight : float
        Its share of the ticks, relative to the others; above 0.
    spread_bps, spread_absolute : float
        Ask minus bid, the wider counts; not used for currencies.
    """

    name: str
    start: float
    close: float
    volatility: float
    weight: float = 1.0
    spread_bps: float = 0.0
    spread_absolute: float = 0.0


@dataclass(frozen=True)
class DayPlan:
    """Everything that is sent on one day: row i is due at ``due_ns[i]``.

    Parameters
    ----------
    date : date
        The day.
    names : tuple of str
        The series that move.
    series_index : ndarray of int64, shape (tick_count,)
        Which of ``names`` ticks.
    sequence : ndarray of int64, shape (tick_count,)
        Its number in its series.
    due_ns, event_time_ns : ndarray of int64, shape (tick_count,)
        Offset on the schedule; time in the market since 1970-01-01 UTC.
    mid, bid, ask, volume : ndarray of float64, shape (tick_count,)
        The quote; for a currency only ``mid`` counts, its rate.
    mark : Mark
        The end of the day.
    mark_due_ns, duration_ns : int
        When the mark is due and when the next day begins.
    """

    date: dt.date
    names: tuple[str, ...]
    series_index: IntVector
    sequence: IntVector
    due_ns: IntVector
    event_time_ns: IntVector
    mid: Float64Vector
    bid: Float64Vector
    ask: Float64Vector
    volume: Float64Vector
    mark: Mark
    mark_due_ns: int
    duration_ns: int

    @property
    def tick_count(self) -> int:
        """Ticks and FX rates, without the mark."""
        return len(self.due_ns)

    def slots(self) -> Iterator[Planned]:
        """Yield every message with its due offset, in schedule order, the mark last."""
        for first in range(0, self.tick_count, CHUNK_ROWS):
            yield from self._chunk(slice(first, first + CHUNK_ROWS))
        yield Planned(self.mark_due_ns, self.mark)

    def last_sequences(self) -> dict[str, int]:
        """Return the number of each series' last tick of the day."""
        last = np.zeros(len(self.names), dtype=np.int64)
        np.maximum.at(last, self.series_index, self.sequence)
        return dict(zip(self.names, last.tolist(), strict=True))

    def _chunk(self, rows: slice) -> Iterator[Planned]:
        columns = (
            self.series_index,
            self.due_ns,
            self.event_time_ns,
            self.sequence,
            self.mid,
            self.bid,
            self.ask,
            self.volume,
        )
        for index, due, event, sequence, mid, bid, ask, volume in zip(
            *(column[rows].tolist() for column in columns), strict=True
        ):
            name = self.names[index]
            if name.startswith(FX_PREFIX):
                currency = name.removeprefix(FX_PREFIX)
                yield Planned(due, _rate(currency, mid, event, sequence))
            else:
                yield Planned(
                    due,
                    Tick(
                        ticker=name,
                        bid=bid,
                        ask=ask,
                        mid=mid,
                        volume=volume,
                        event_time_ns=event,
                        sequence=sequence,
                    ),
                )


def day_plan(
    date: dt.date,
    series: Sequence[MovingSeries],
    *,
    correlation: Correlation,
    tick_count: int,
    duration_ns: int,
    last_sequences: Mapping[str, int],
    rng: np.random.Generator,
    scenario: str = "",
) -> DayPlan:
    """Return the plan of one day.

    Parameters
    ----------
    date : date
        The day; its session is 09:30 to 16:00 in New York.
    series : sequence of MovingSeries
        What moves; may be empty, then the day has a mark only.
    correlation : Correlation
        Of the series.
    tick_count : int
        Ticks and rates of the day together; each series has at least one.
    duration_ns : int
        Length of the day on the schedule; 0 for one that is not paced.
    last_sequences : mapping of str to int
        Number of each series' last tick so far; a series that is not named starts at 1.
    rng : Generator
        Source of the draws.
    scenario : str
        Stands in the mark.

    Returns
    -------
    DayPlan
        Same arguments, same plan.

    Raises
    ------
    PathError
        If a price, spread, weight, volatility, correlation or length is out of bounds.
    """
    if duration_ns < 0:
        raise PathError(f"a day of {duration_ns} ns: must be at least 0")
    opened_ns, closed_ns = session_ns(date)
    names = tuple(moving.name for moving in series)
    index = _arrivals(series, tick_count, rng)
    rank, last_rows = _ranks(index, len(series))
    mid = _mids(series, index, last_rows, correlation, rng)
    bid, ask = _quotes(series, index, mid)
    weight = _column(series, "weight", index)
    volume = tick_volumes(weight / _mean_weight(series), typical=TYPICAL_VOLUME, rng=rng)
    fractions = session_fractions(len(index))
    first = np.array([last_sequences.get(name, 0) + 1 for name in names], dtype=np.int64)
    gap_ns = min(round(duration_ns * MARK_GAP_SHARE), MARK_GAP_MAX_NS)
    return DayPlan(
        date=date,
        names=names,
        series_index=index,
        sequence=first[index] + rank,
        due_ns=_even_offsets(len(index), duration_ns - gap_ns),
        event_time_ns=opened_ns + np.rint(fractions * (closed_ns - opened_ns)).astype(np.int64),
        mid=mid,
        bid=bid,
        ask=ask,
        volume=volume,
        mark=Mark(date=date, event_time_ns=closed_ns, scenario=scenario),
        mark_due_ns=duration_ns - gap_ns,
        duration_ns=duration_ns,
    )


@lru_cache(maxsize=1_024)
def session_ns(date: dt.date) -> tuple[int, int]:
    """Return when New York's session of a day opens and closes.

    Parameters
    ----------
    date : date
        The local date. Half days are taken as whole.

    Returns
    -------
    tuple of int
        09:30 and 16:00 local time, nanoseconds since 1970-01-01 UTC.
    """
    zone = ZoneInfo(NEW_YORK)
    opened = dt.datetime.combine(date, SESSION_OPEN, zone)
    closed = dt.datetime.combine(date, SESSION_CLOSE, zone)
    return int(opened.timestamp()) * 10**9, int(closed.timestamp()) * 10**9


def _rate(currency: str, mid: float, event_time_ns: int, sequence: int) -> FxRate:
    return FxRate(currency=currency, rate=mid, event_time_ns=event_time_ns, sequence=sequence)


def _arrivals(
    series: Sequence[MovingSeries], tick_count: int, rng: np.random.Generator
) -> IntVector:
    if not series:
        return np.zeros(0, dtype=np.int64)
    weights = np.array([moving.weight for moving in series])
    return arrival_order(tick_counts(tick_count, weights), rng)


def _ranks(index: IntVector, series_count: int) -> tuple[IntVector, IntVector]:
    """Return each tick's 0-based place within its series, and the row of each series' last."""
    by_series = np.argsort(index, kind="stable")
    counts = np.bincount(index, minlength=series_count)
    ends = np.cumsum(counts)
    rank = np.empty(len(index), dtype=np.int64)
    rank[by_series] = np.arange(len(index)) - np.repeat(ends - counts, counts)
    return rank, by_series[ends - 1]


def _mids(
    series: Sequence[MovingSeries],
    index: IntVector,
    last_rows: IntVector,
    correlation: Correlation,
    rng: np.random.Generator,
) -> Float64Vector:
    if not series:
        return np.zeros(0)
    finest = min(GRID_STEPS_MAX, GRID_CELLS_MAX // len(series))
    steps = max(min(len(index), finest), GRID_STEPS_MIN)
    close = np.array([moving.close for moving in series])
    grid = bridge_mids(
        np.array([moving.start for moving in series]),
        close,
        volatility=np.array([moving.volatility for moving in series]),
        correlation=correlation,
        step_count=steps,
        rng=rng,
    )
    step = np.arange(len(index)) * steps // len(index)
    mid = grid[step, index]
    mid[last_rows] = close
    return mid


def _quotes(
    series: Sequence[MovingSeries], index: IntVector, mid: Float64Vector
) -> tuple[Float64Vector, Float64Vector]:
    return quotes(
        mid,
        spread_bps=_column(series, "spread_bps", index),
        spread_absolute=_column(series, "spread_absolute", index),
    )


def _column(series: Sequence[MovingSeries], field: str, index: IntVector) -> Float64Vector:
    values = np.array([getattr(moving, field) for moving in series], dtype=np.float64)
    return values[index]


def _even_offsets(count: int, duration_ns: int) -> IntVector:
    return (np.arange(count) * (duration_ns / max(count, 1))).astype(np.int64)


def _mean_weight(series: Sequence[MovingSeries]) -> float:
    return sum(moving.weight for moving in series) / max(len(series), 1)
