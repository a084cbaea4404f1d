"""A market: instruments, currencies and their daily closes, real or simulated."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from system.contracts.messages import MAX_CLOSES_PER_SERIES, CloseHistory, ClosePoint, Instrument
from system.simulate.catalogue import fx_series
from system.simulate.errors import UnknownSeriesError, WindowError


@dataclass(frozen=True)
class CloseSeries:
    """Daily closes of one series.

    Parameters
    ----------
    name : str
        An instrument, or ``fx:CCY`` for units of a currency per EUR.
    closes : mapping of date to float
        Oldest first; a date without a value is not there.
    """

    name: str
    closes: Mapping[dt.date, float]

    @cached_property
    def dates(self) -> tuple[dt.date, ...]:
        """The dates that have a value, oldest first."""
        return tuple(self.closes)


@dataclass(frozen=True)
class Market:
    """Instruments and currencies with their closes.

    Parameters
    ----------
    instruments : mapping of str to Instrument
        What is quoted by ticks, by id.
    currencies : tuple of str
        What is quoted by FX rates, units per EUR.
    series : mapping of str to CloseSeries
        One per instrument and one per ``fx:`` currency.
    source : str
        Where the closes come from, for people.
    """

    instruments: Mapping[str, Instrument]
    currencies: tuple[str, ...]
    series: Mapping[str, CloseSeries]
    source: str

    @cached_property
    def days(self) -> tuple[dt.date, ...]:
        """The market's calendar: days on which an instrument has a close.

        Without instruments, days on which a currency has one.
        """
        names: Iterable[str] = self.instruments or map(fx_series, self.currencies)
        dates = {date for name in names for date in self.series[name].closes}
        return tuple(sorted(dates))

    def days_between(self, first: dt.date, last: dt.date) -> tuple[dt.date, ...]:
        """Return the calendar's days from ``first`` to ``last``, both included.

        Raises
        ------
        WindowError
            If there is none.
        """
        days = tuple(day for day in self.days if first <= day <= last)
        if not days:
            raise WindowError(
                f"no trading day between {first} and {last} in {self.source}: "
                f"it has {self.days[0]} to {self.days[-1]}"
            )
        return days

    def history_before(self, name: str, day: dt.date, count: int) -> CloseHistory:
        """Return the last closes of a series before a day, on the market's calendar.

        Parameters
        ----------
        name : str
            One of ``series``.
        day : date
            Not included.
        count : int
            How many at most, 1 to ``MAX_CLOSES_PER_SERIES``.

        Returns
        -------
        CloseHistory
            Oldest first; shorter where the series is younger.

        Raises
        ------
        WindowError
            If ``count`` is out of bounds or the series has no close before that day.
        """
        if not 1 <= count <= MAX_CLOSES_PER_SERIES:
            raise WindowError(f"{count} closes of history: 1 to {MAX_CLOSES_PER_SERIES} allowed")
        closes = self.series[name].closes
        dates = [date for date in self.days if date < day and date in closes][-count:]
        if not dates:
            raise WindowError(f"{name} has no close before {day} in {self.source}")
        points = tuple(ClosePoint(date=date, value=closes[date]) for date in dates)
        return CloseHistory(series=name, closes=points)

    def last_close_before(self, name: str, day: dt.date) -> float | None:
        """Return the newest close of a series before a day, or None when it has none."""
        dates = self.series[name].dates
        index = bisect_left(dates, day) - 1
        return self.series[name].closes[dates[index]] if index >= 0 else None

    def restricted(self, instruments: Sequence[str], currencies: Sequence[str]) -> Market:
        """Return the market of some of its instruments and currencies, in that order.

        Raises
        ------
        UnknownSeriesError
            If one is not in this market.
        """
        _require(instruments, self.instruments, "instrument", self.source)
        _require(currencies, self.currencies, "currency", self.source)
        names = [*instruments, *map(fx_series, currencies)]
        return Market(
            instruments={name: self.instruments[name] for name in instruments},
            currencies=tuple(currencies),
            series={name: self.series[name] for name in names},
            source=self.source,
        )


def _require(asked: Sequence[str], known: Iterable[str], what: str, source: str) -> None:
    names = sorted(known)
    for name in asked:
        if name not in names:
            raise UnknownSeriesError(f"{what} {name} is not in {source}: it has {', '.join(names)}")
