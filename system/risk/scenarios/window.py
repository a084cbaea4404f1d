"""Daily closes, and the scenario days that a window takes from them."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, Self

import numpy as np

from system.contracts.currencies import FX_SERIES_PREFIX
from system.risk.arrays import (
    BoolMatrix,
    BoolVector,
    Float64Matrix,
    Float64Vector,
    IndexVector,
    read_only,
)
from system.risk.errors import MissingCloseError, TooFewClosesError, UnknownSeriesError

DAYS_PER_WEEK: Final = 7
WEEKDAYS: Final = 5
"""Monday to Friday; ``date.weekday()`` is below this on them."""


class Missing(StrEnum):
    """Rule for a date on which some series of the book has a close and another has none."""

    SKIP = "skip"
    """The date is no scenario day; the next return spans it."""
    CARRY = "carry"
    """The previous close is taken, with a return of 0, and the series is named: the rule of
    the stream (decision 0102)."""
    REFUSE = "refuse"
    """The date is an error that names the series."""


@dataclass(frozen=True, eq=False)
class CloseTable:
    """Daily closes of several series on one calendar.

    Parameters
    ----------
    names : tuple of str
        Instruments, and FX series (`fx_series`).
    dates : tuple of date
        Strictly ascending.
    closes : ndarray of float64, shape (name_count, date_count)
        In the currency of each series; units per 1 EUR for FX. NaN = no close that day.
    """

    names: tuple[str, ...]
    dates: tuple[dt.date, ...]
    closes: Float64Matrix

    def __post_init__(self) -> None:
        assert self.closes.shape == (len(self.names), len(self.dates)), self.closes.shape
        object.__setattr__(self, "closes", read_only(self.closes))

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Return the 0-based row of each series."""
        return {name: row for row, name in enumerate(self.names)}

    @classmethod
    def of(cls, series: Mapping[str, Mapping[dt.date, float]]) -> Self:
        """Return the table of ``series``: name -> date -> close, on the union of the dates."""
        dates = sorted(set().union(*series.values()))
        column = {date: index for index, date in enumerate(dates)}
        closes = np.full((len(series), len(dates)), np.nan)
        for row, values in zip(closes, series.values(), strict=True):
            for date, close in values.items():
                row[column[date]] = close
        return cls(tuple(series), tuple(dates), closes)

    def select(self, names: Iterable[str]) -> CloseTable:
        """Return the rows of ``names``, in that order.

        Raises
        ------
        UnknownSeriesError
            If a name is not in the table.
        """
        chosen = tuple(names)
        for name in chosen:
            if name not in self.row_of:
                raise UnknownSeriesError(name)
        rows = np.array([self.row_of[name] for name in chosen], dtype=np.intp)
        return CloseTable(chosen, self.dates, self.closes[rows])

    def append(self, date: dt.date, closes: Mapping[str, float]) -> CloseTable:
        """Return the table with one more day; series that are left out have no close then."""
        assert not self.dates or date > self.dates[-1], f"{date} is not after {self.dates[-1]}"
        column = [[closes.get(name, np.nan)] for name in self.names]
        table = np.hstack([self.closes, np.reshape(column, (len(self.names), 1))])
        return CloseTable(self.names, (*self.dates, date), table)

    def without(self, closes: Mapping[str, dt.date]) -> CloseTable:
        """Return the table without one close of some series, and without dates that have none.

        Parameters
        ----------
        closes : mapping of str to date
            Series to the date of its close; a date that is not in the table is passed over.
        """
        column_of = {date: column for column, date in enumerate(self.dates)}
        cells = [
            (self.row_of[name], column_of[date])
            for name, date in closes.items()
            if date in column_of
        ]
        if not cells:
            return self
        table = self.closes.copy()
        table[tuple(np.array(cells, dtype=np.intp).T)] = np.nan
        kept = np.flatnonzero(np.isfinite(table).any(axis=0))
        return CloseTable(self.names, tuple(self.dates[i] for i in kept.tolist()), table[:, kept])


NO_CLOSES: Final = CloseTable((), (), np.zeros((0, 0)))


@dataclass(frozen=True, slots=True)
class CarriedClose:
    """Day on which the close of a series is that of an earlier day."""

    name: str
    date: dt.date


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioWindow:
    """The closes that the scenarios of a book are computed from; nothing is missing.

    Parameters
    ----------
    names : tuple of str
        Series, in the order of the rows.
    dates : tuple of date
        n + 1 scenario days, ascending.
    closes : ndarray of float64, shape (name_count, n + 1)
        Finite.
    is_carried : ndarray of bool, shape (name_count, n + 1), or None
        Whether a close is that of an earlier day; None: none is.
    last_closes : tuple of date
        Date of the newest close of each series up to the last scenario day; empty where
        nothing is carried.
    """

    names: tuple[str, ...]
    dates: tuple[dt.date, ...]
    closes: Float64Matrix
    is_carried: BoolMatrix | None = None
    last_closes: tuple[dt.date, ...] = ()

    @property
    def scenario_dates(self) -> tuple[dt.date, ...]:
        """Return the date on which each of the n returns ends, oldest first."""
        return self.dates[1:]

    @property
    def newest_closes(self) -> tuple[dt.date, ...]:
        """Return the date of the newest close of each series, up to the last scenario day."""
        return self.last_closes or (self.dates[-1],) * len(self.names)

    @property
    def carried(self) -> tuple[CarriedClose, ...]:
        """Return the closes that are those of an earlier day, by series, then by date."""
        if self.is_carried is None:
            return ()
        rows, columns = np.nonzero(self.is_carried)
        return tuple(
            CarriedClose(self.names[row], self.dates[column])
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        )

    def row(self, name: str) -> Float64Vector:
        """Return the closes of one series, shape (n + 1,)."""
        closes: Float64Vector = self.closes[self.names.index(name)]
        return closes


def scenario_window(
    table: CloseTable,
    *,
    as_of: dt.date,
    scenario_count: int,
    missing: Missing = Missing.CARRY,
) -> ScenarioWindow:
    """Return the last ``scenario_count`` + 1 scenario days up to ``as_of``.

    Parameters
    ----------
    table : CloseTable
        Exactly the series of the book (`CloseTable.select`): prices and FX.
    as_of : date
        No later close is looked at.
    scenario_count : int
        Number n of returns; n + 1 closes are taken.
    missing : Missing
        Rule for a date on which only some of the series have a close. Scenario days are
        those with a close of every series under ``SKIP``, of any series otherwise.

    Returns
    -------
    ScenarioWindow
        Days on which every series has a close, its own or a carried one.

    Raises
    ------
    TooFewClosesError
        If there are fewer than n + 1 such days; names the series with the fewest closes.
    MissingCloseError
        If a close is missing inside the window under ``REFUSE``, or has no earlier close
        to be carried under ``CARRY``; names series and date.
    """
    known = until(table, as_of)
    present = np.isfinite(known.closes)
    days = _scenario_days(present, missing)
    if len(days) < scenario_count + 1:
        raise too_few_closes(known, days, scenario_count + 1, as_of, missing)
    days = days[len(days) - scenario_count - 1 :]
    dates = known.dates if len(days) == len(known.dates) else tuple(known.dates[d] for d in days)
    own = present[:, days]
    if own.all():
        return ScenarioWindow(known.names, dates, read_only(known.closes[:, days]))
    if missing is Missing.REFUSE:
        raise _first_gap(known.names, dates, own)
    source = _last_present(present)[:, days]
    if (source < 0).any():
        raise _first_gap(known.names, dates, source >= 0)
    return ScenarioWindow(
        names=known.names,
        dates=dates,
        closes=read_only(np.take_along_axis(known.closes, source, axis=1)),
        is_carried=~own,
        last_closes=tuple(known.dates[column] for column in source[:, -1].tolist()),
    )


def ordinals(days: Iterable[dt.date]) -> IndexVector:
    """Return days as numbers, 1 for 1 January of year 1: a Monday."""
    return np.fromiter((day.toordinal() for day in days), dtype=np.intp)


def are_weekdays(days: IndexVector) -> BoolVector:
    """Return which ordinals are Monday to Friday."""
    weekdays: BoolVector = (days - 1) % DAYS_PER_WEEK < WEEKDAYS
    return weekdays


def weekdays_until(days: IndexVector) -> IndexVector:
    """Return how many weekdays there are from year 1 up to each ordinal."""
    count: IndexVector = days // DAYS_PER_WEEK * WEEKDAYS + np.minimum(
        days % DAYS_PER_WEEK, WEEKDAYS
    )
    return count


def window_without_series(as_of: dt.date, scenario_count: int) -> ScenarioWindow:
    """Return the window of a book that no series moves: the last n + 1 weekdays up to a day."""
    weeks = scenario_count // WEEKDAYS + 2
    days = [as_of - dt.timedelta(days=back) for back in range(DAYS_PER_WEEK * weeks)]
    weekdays = [day for day in days if day.weekday() < WEEKDAYS][: scenario_count + 1]
    return ScenarioWindow((), tuple(weekdays[::-1]), np.zeros((0, scenario_count + 1)))


def until(table: CloseTable, as_of: dt.date) -> CloseTable:
    """Return the closes of a table up to a day."""
    count = bisect_right(table.dates, as_of)
    if count == len(table.dates):
        return table
    return CloseTable(table.names, table.dates[:count], table.closes[:, :count])


def _scenario_days(present: BoolMatrix, missing: Missing) -> IndexVector:
    if missing is Missing.SKIP:
        return np.flatnonzero(present.all(axis=0))
    return np.flatnonzero(present.any(axis=0))


def _last_present(present: BoolMatrix) -> IndexVector:
    """Return for each cell the column of the last close up to it, -1 where there is none."""
    own = np.where(present, np.arange(present.shape[1]), -1)
    return np.maximum.accumulate(own, axis=1)


def too_few_closes(
    table: CloseTable, days: IndexVector, needed: int, as_of: dt.date, missing: Missing
) -> TooFewClosesError:
    """Return the error of a book with fewer scenario days than its window needs."""
    counts = dict(zip(table.names, np.isfinite(table.closes).sum(axis=1).tolist(), strict=True))
    scarcest = min(counts, key=counts.__getitem__, default="the calendar")
    return TooFewClosesError(
        common=len(days),
        needed=needed,
        name=scarcest,
        count=counts.get(scarcest, len(days)),
        as_of=as_of,
        of_every=missing is Missing.SKIP,
    )


def _first_gap(
    names: tuple[str, ...], dates: tuple[dt.date, ...], own: BoolMatrix
) -> MissingCloseError:
    """Return the error of the first day without a close, and of the first series there."""
    column = int(np.argmin(own.all(axis=0)))
    return MissingCloseError(names[int(np.argmin(own[:, column]))], dates[column])


def fx_series(currency: str) -> str:
    """Return the name of the series of ``currency``: its units per 1 EUR, as the ECB quotes."""
    return FX_SERIES_PREFIX + currency
