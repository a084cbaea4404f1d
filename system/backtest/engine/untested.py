"""P&L dates of a held book without a VaR, and scenario days that were left out: counted, explained.

A P&L date is *held* if the book held something at the close before. A quantity without a date is
held from the first close with a full window on the book's own calendar; with a start it is held
from the start. What is held and not tested has one cause per day, and the series that are
responsible for it.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from system.backtest.engine.days import DayBounds, SpanCalendar, held_range
from system.backtest.engine.positions import HoldingSpan
from system.backtest.engine.spans import ChosenSpan
from system.backtest.engine.specification import BacktestSettings
from system.risk.arrays import BoolMatrix


class Cause(StrEnum):
    """Reason for which a held day has no VaR."""

    NO_CLOSE = "no close"
    """Some series has no close on it, and the day is left out."""
    SHORT_WINDOW = "window not full"
    """Up to the close before there are fewer days than the method needs."""
    NO_SETTLEMENT = "no settlement"
    """The settlement of an option is missing, or no volatility gives it."""
    INTERRUPTED = "closes missing"
    """More closes are missing before it than are carried."""
    NO_FIT = "no fit"
    """The scenario P&Ls have no law of the method's kind."""


@dataclass(frozen=True, slots=True)
class UntestedDay:
    """One held P&L date without a VaR.

    Parameters
    ----------
    date : date
        P&L date.
    cause : Cause
        Of the missing VaR.
    series : tuple of str
        Series that are responsible; empty where all of them are, or none.
    """

    date: dt.date
    cause: Cause
    series: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DayRange:
    """Days in a row with the same cause and the same responsible series.

    Parameters
    ----------
    first, last : date
        Both included.
    day_count : int
        Days of the book's calendar from the first to the last.
    cause : Cause
        Common cause.
    series : tuple of str
        Responsible series.
    """

    first: dt.date
    last: dt.date
    day_count: int
    cause: Cause
    series: tuple[str, ...]


def untested_ranges(
    chosen: Sequence[ChosenSpan],
    settings: BacktestSettings,
    market_dates: Sequence[dt.date],
    tested: Iterable[dt.date],
    without_var: Iterable[UntestedDay],
) -> tuple[DayRange, ...]:
    """Return the held P&L dates of a book without a VaR.

    Parameters
    ----------
    chosen : sequence of ChosenSpan
        Spans of the book.
    settings : BacktestSettings
        Bounds and history.
    market_dates : sequence of date
        Every date of the prices, ascending.
    tested : iterable of date
        P&L dates with a VaR: a day that another span tests is none of them.
    without_var : iterable of UntestedDay
        P&L dates with a full window before them and no VaR.
    """
    days = {
        day.date: day
        for part in chosen
        for day in (
            *_silent_end(part, settings, market_dates),
            *untested_days(part.calendar, part.span, settings.bounds, settings.history_count),
        )
    }
    days |= {day.date: day for day in without_var}
    kept = days.keys() - set(tested)
    calendar = {*_calendar(chosen), *kept}
    return day_ranges([days[date] for date in sorted(kept)], sorted(calendar))


def left_out_ranges(
    chosen: Sequence[ChosenSpan], settings: BacktestSettings
) -> tuple[DayRange, ...]:
    """Return the days that are no scenario days, from the first window to the last held day.

    Parameters
    ----------
    chosen, settings
        As for `untested_ranges`.
    """
    days: dict[dt.date, UntestedDay] = {}
    for part in chosen:
        first, last = held_range(part.calendar, part.span, settings.bounds, settings.history_count)
        if part.days is not None and first <= last:
            since, until = part.days.window.dates[0], part.calendar.table.dates[last]
            days |= {day.date: day for day in left_out_days(part.calendar, since, until)}
    return day_ranges(days.values(), sorted(_calendar(chosen)))


def untested_days(
    calendar: SpanCalendar, span: HoldingSpan, bounds: DayBounds, history_count: int
) -> tuple[UntestedDay, ...]:
    """Return the held P&L dates without a full window before them or without a close.

    Parameters
    ----------
    calendar, span, bounds, history_count
        As for `held_range`.
    """
    first, last = held_range(calendar, span, bounds, history_count)
    dates, usable, present = calendar.table.dates, calendar.usable, _present(calendar)
    days_until = np.cumsum(usable)
    last_usable = np.maximum.accumulate(np.where(usable, np.arange(len(usable)), -1))
    needed, held_from = history_count + 1, bisect_left(dates, span.held_from)
    untested = []
    for day in range(first, last + 1):
        if not usable[day]:
            untested.append(_left_out(calendar, present, day, dates[day]))
        elif days_until[day - 1] < needed:
            series = _scarce(calendar, present, day - 1, needed)
            untested.append(UntestedDay(dates[day], Cause.SHORT_WINDOW, series))
        elif last_usable[day - 1] < held_from:
            untested.append(_left_out(calendar, present, day - 1, dates[day]))
        elif dates[last_usable[day - 1]] < calendar.opens:
            untested.append(_left_out(calendar, present, last_usable[day - 1], dates[day]))
    return tuple(untested)


def left_out_days(
    calendar: SpanCalendar, since: dt.date, until: dt.date
) -> tuple[UntestedDay, ...]:
    """Return the days of a calendar between two dates, both included, that are no scenario days."""
    dates, present = calendar.table.dates, _present(calendar)
    return tuple(
        _left_out(calendar, present, day, dates[day])
        for day in range(bisect_left(dates, since), bisect_right(dates, until))
        if not calendar.usable[day]
    )


def day_ranges(days: Iterable[UntestedDay], calendar: Sequence[dt.date]) -> tuple[DayRange, ...]:
    """Return days as ranges: neighbours on a calendar, of the same cause and series.

    Parameters
    ----------
    days : iterable of UntestedDay
        Any order, no date twice.
    calendar : sequence of date
        Ascending; has every one of the days.
    """
    place = {date: index for index, date in enumerate(calendar)}
    ranges: list[DayRange] = []
    for day in sorted(days, key=lambda day: day.date):
        last = ranges[-1] if ranges else None
        if (
            last is not None
            and (last.cause, last.series) == (day.cause, day.series)
            and place[last.last] + 1 == place[day.date]
        ):
            ranges[-1] = DayRange(last.first, day.date, last.day_count + 1, last.cause, last.series)
        else:
            ranges.append(DayRange(day.date, day.date, 1, day.cause, day.series))
    return tuple(ranges)


def _present(calendar: SpanCalendar) -> BoolMatrix:
    return np.isfinite(calendar.table.closes)


def _absent(calendar: SpanCalendar, present: BoolMatrix, day: int) -> tuple[str, ...]:
    """Return the series without a close on a day."""
    return tuple(calendar.table.names[row] for row in np.flatnonzero(~present[:, day]))


def _left_out(calendar: SpanCalendar, present: BoolMatrix, day: int, date: dt.date) -> UntestedDay:
    """Return a date without a test because of what lacks on a day of the calendar."""
    unsettled = calendar.unsettled.get(calendar.table.dates[day])
    if unsettled is not None:
        return UntestedDay(date, Cause.NO_SETTLEMENT, unsettled)
    return UntestedDay(date, Cause.NO_CLOSE, _absent(calendar, present, day))


def _scarce(calendar: SpanCalendar, present: BoolMatrix, day: int, needed: int) -> tuple[str, ...]:
    """Return the series with too few closes up to a day; none where the calendar has too few."""
    counts = present[:, : day + 1].sum(axis=1)
    if day + 1 < needed or not len(counts):
        return ()
    few = counts < needed if (counts < needed).any() else counts == counts.min()
    return tuple(calendar.table.names[row] for row in np.flatnonzero(few))


def _silent_end(
    part: ChosenSpan, settings: BacktestSettings, market_dates: Sequence[dt.date]
) -> tuple[UntestedDay, ...]:
    """Return the days after the last close of a span's series, while the prices go on."""
    table, bounds, until = part.calendar.table, settings.bounds, part.span.held_until
    if not table.dates or table.dates[-1] < part.span.held_from:
        return ()
    first = max(
        bisect_right(market_dates, table.dates[-1]),
        bisect_left(market_dates, bounds.start or dt.date.min),
    )
    last = bisect_right(market_dates, bounds.end or dt.date.max) - 1
    if until is not None:
        last = min(last, bisect_left(market_dates, until))
    return tuple(
        UntestedDay(market_dates[day], Cause.NO_CLOSE, table.names)
        for day in range(first, last + 1)
    )


def _calendar(chosen: Sequence[ChosenSpan]) -> set[dt.date]:
    return set().union(*(part.calendar.table.dates for part in chosen))
