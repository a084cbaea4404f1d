"""Daily closes, and the scenario days that a window takes from them."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from system.contracts.currencies import FX_SERIES_PREFIX
from system.risk.arrays import BoolMatrix, Float64Matrix, Float64Vector, IndexVector, read_only
from system.risk.errors import MissingCloseError, TooFewClosesError, UnknownSeriesError


class Missing(StrEnum):
    """What to do with a date on which some series of the book has no close."""

    SKIP = "skip"
    """It is no scenario day; the next return spans it."""
    CARRY = "carry"
    """The previous close stands, with a return of 0, and is counted."""
    REFUSE = "refuse"
    """It is an error that names series and date."""


@dataclass(frozen=True, slots=True, eq=False)
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
        index = {name: row for row, name in enumerate(self.names)}
        for name in chosen:
            if name not in index:
                raise UnknownSeriesError(name)
        rows = np.array([index[name] for name in chosen], dtype=np.intp)
        return CloseTable(chosen, self.dates, self.closes[rows])

    def append(self, date: dt.date, closes: Mapping[str, float]) -> CloseTable:
        """Return the table with one more day; series that are left out have no close then."""
        assert not self.dates or date > self.dates[-1], f"{date} is not after {self.dates[-1]}"
        column = [[closes.get(name, np.nan)] for name in self.names]
        table = np.hstack([self.closes, np.reshape(column, (len(self.names), 1))])
        return CloseTable(self.names, (*self.dates, date), table)


@dataclass(frozen=True, slots=True)
class CarriedClose:
    """A close that was taken from an earlier day because its own was missing."""

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
    carried : tuple of CarriedClose
        Closes inside the window that stand in for missing ones.
    """

    names: tuple[str, ...]
    dates: tuple[dt.date, ...]
    closes: Float64Matrix
    carried: tuple[CarriedClose, ...] = ()

    @property
    def scenario_dates(self) -> tuple[dt.date, ...]:
        """Return the date on which each of the n returns ends, oldest first."""
        return self.dates[1:]

    def row(self, name: str) -> Float64Vector:
        """Return the closes of one series, shape (n + 1,)."""
        closes: Float64Vector = self.closes[self.names.index(name)]
        return closes


def scenario_window(
    table: CloseTable,
    *,
    as_of: dt.date,
    scenario_count: int,
    missing: Missing = Missing.SKIP,
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
        What to do with a date on which only some of the series have a close.

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
        to stand in for it under ``CARRY``; names series and date.
    """
    known = _until(table, as_of)
    present = np.isfinite(known.closes)
    if missing is Missing.SKIP:
        days = np.flatnonzero(present.all(axis=0))
    else:
        days = np.flatnonzero(present.any(axis=0))
    if len(days) < scenario_count + 1:
        raise _too_few(known, present, len(days), scenario_count + 1, as_of)
    days = days[len(days) - scenario_count - 1 :]
    if missing is Missing.REFUSE:
        _refuse_gap(known, present, days)
    source = _last_present(present)[:, days]
    _refuse_unfilled(known, source, days)
    closes = np.take_along_axis(known.closes, source, axis=1)
    return ScenarioWindow(
        names=known.names,
        dates=tuple(known.dates[day] for day in days),
        closes=read_only(closes),
        carried=_carried(known, source, days),
    )


def _until(table: CloseTable, as_of: dt.date) -> CloseTable:
    count = bisect_right(table.dates, as_of)
    return CloseTable(table.names, table.dates[:count], table.closes[:, :count])


def _last_present(present: BoolMatrix) -> IndexVector:
    """Return for each cell the column of the last close up to it, -1 where there is none."""
    own = np.where(present, np.arange(present.shape[1]), -1)
    return np.maximum.accumulate(own, axis=1)


def _too_few(
    table: CloseTable, present: BoolMatrix, common: int, needed: int, as_of: dt.date
) -> TooFewClosesError:
    counts = dict(zip(table.names, present.sum(axis=1).tolist(), strict=True))
    scarcest = min(counts, key=counts.__getitem__, default="the calendar")
    return TooFewClosesError(common, needed, scarcest, counts.get(scarcest, common), as_of)


def _refuse_gap(table: CloseTable, present: BoolMatrix, days: IndexVector) -> None:
    for day in days:
        if not present[:, day].all():
            raise MissingCloseError(table.names[int(np.argmin(present[:, day]))], table.dates[day])


def _refuse_unfilled(table: CloseTable, source: IndexVector, days: IndexVector) -> None:
    rows, columns = np.nonzero(source < 0)
    if len(rows):
        raise MissingCloseError(table.names[rows[0]], table.dates[days[columns[0]]])


def _carried(table: CloseTable, source: IndexVector, days: IndexVector) -> tuple[CarriedClose, ...]:
    rows, columns = np.nonzero(source != days)
    return tuple(
        CarriedClose(table.names[row], table.dates[days[column]])
        for row, column in zip(rows, columns, strict=True)
    )


def fx_series(currency: str) -> str:
    """Return the name of the series of ``currency``: its units per 1 EUR, as the ECB quotes."""
    return FX_SERIES_PREFIX + currency
