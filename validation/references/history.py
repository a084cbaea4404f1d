"""Daily closes from plain mappings: the days that a window takes, and exact closes of a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from validation.references.exact import Number, ReferenceInputError, exact

FRIDAY: Final = 5


def closes_of_days(
    days: Mapping[str, Mapping[str, Number | None]],
) -> dict[str, dict[dt.date, Number]]:
    """Return closes per series and date from rows: ISO date -> name -> close.

    Parameters
    ----------
    days : mapping of str to mapping of str to number or None
        As rows of a table are read; ``None`` and empty text mean no close that day.

    Raises
    ------
    ReferenceInputError
        If a date is not ISO; names it.
    """
    closes: dict[str, dict[dt.date, Number]] = {}
    for text, row in days.items():
        date = _iso_date(text)
        for name, close in row.items():
            if close is not None and close != "":
                closes.setdefault(name, {})[date] = close
    return closes


def common_dates(
    series: Iterable[Mapping[dt.date, Number]], *, as_of: dt.date, count: int
) -> list[dt.date]:
    """Return the last ``count`` dates up to ``as_of`` on which every series has a close.

    Raises
    ------
    ReferenceInputError
        If there are fewer.
    """
    calendars = [{date for date in closes_of if date <= as_of} for closes_of in series]
    shared = sorted(set.intersection(*calendars)) if calendars else []
    if len(shared) < count:
        msg = f"{len(shared)} common dates up to {as_of}, {count} are needed"
        raise ReferenceInputError(msg)
    return shared[-count:]


def union_dates(
    series: Iterable[Mapping[dt.date, Number]], *, as_of: dt.date, count: int
) -> list[dt.date]:
    """Return the last ``count`` dates up to ``as_of`` on which one of some series has a close.

    Raises
    ------
    ReferenceInputError
        If there are fewer.
    """
    dates = sorted({date for closes in series for date in closes if date <= as_of})
    if len(dates) < count:
        msg = f"{len(dates)} dates up to {as_of} with a close, {count} are needed"
        raise ReferenceInputError(msg)
    return dates[-count:]


def weekdays(*, as_of: dt.date, count: int) -> list[dt.date]:
    """Return the last ``count`` days up to ``as_of`` that are Monday to Friday.

    Raises
    ------
    ReferenceInputError
        If time began later.
    """
    days: list[dt.date] = []
    day = as_of
    while len(days) < count:
        if day == dt.date.min:
            msg = f"there are no {count} weekdays up to {as_of}"
            raise ReferenceInputError(msg)
        if day.isoweekday() <= FRIDAY:
            days.append(day)
        day -= dt.timedelta(days=1)
    return days[::-1]


def exact_closes_by_day(
    series: Mapping[str, Mapping[dt.date, Number]], days: Sequence[dt.date]
) -> dict[dt.date, dict[str, Fraction]]:
    """Return the exact close of each series on some days, or on its last date before each.

    Raises
    ------
    ReferenceInputError
        If there is none, or it is no finite number; names series and date.
    """
    by_day: dict[dt.date, dict[str, Fraction]] = {day: {} for day in days}
    for name, own in series.items():
        dates, place, close = sorted(own), 0, None
        for day in days:
            while place < len(dates) and dates[place] <= day:
                place += 1
            if not place:
                msg = f"{name} has no close up to {day}"
                raise ReferenceInputError(msg)
            if close is None or close[0] != dates[place - 1]:
                newest = dates[place - 1]
                close = (newest, _exact_close(name, newest, own[newest]))
            by_day[day][name] = close[1]
    return by_day


def exact_on(series: Mapping[str, Mapping[dt.date, Number]], date: dt.date) -> dict[str, Fraction]:
    """Return the exact close of each series on one date.

    Raises
    ------
    ReferenceInputError
        If a close is no finite number; names series and date.
    """
    return {name: _exact_close(name, date, own[date]) for name, own in series.items()}


def _exact_close(name: str, date: dt.date, close: Number) -> Fraction:
    try:
        return exact(close)
    except ReferenceInputError as error:
        msg = f"close of {name} on {date}: {error}"
        raise ReferenceInputError(msg) from error


def _iso_date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is not an ISO date"
        raise ReferenceInputError(msg) from error
