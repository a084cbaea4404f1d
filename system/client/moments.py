"""Moments as people write them: of a trade, and of the positions in a file."""

from __future__ import annotations

import datetime as dt
from typing import Final

from system.contracts.messages import Portfolio

MOMENT_EXAMPLE: Final = "2020-03-05T21:00:00Z"
DAY_EXAMPLE: Final = "2020-03-05"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NS_PER_US: Final = 1_000


class MomentError(ValueError):
    """Text that is no moment; the message shows the right form."""


def moment_ns(text: str) -> int:
    """Return a date-time with its offset as nanoseconds since 1970.

    Raises
    ------
    MomentError
        If it is none, names no offset, or lies before 1970.

    Examples
    --------
    >>> moment_ns("1970-01-01T01:00:01+01:00")
    1000000000
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise MomentError(f"{text!r} is not a date-time like {MOMENT_EXAMPLE}") from None
    if moment.tzinfo is None:
        raise MomentError(
            f"{text!r} does not say in which time zone: write {text}Z for UTC, or its offset as in "
            f"{text}+01:00"
        )
    if moment < _EPOCH:
        raise MomentError(f"{text!r} is before 1970")
    return (moment - _EPOCH) // dt.timedelta(microseconds=1) * _NS_PER_US


def statement_moment(text: str) -> dict[str, int | dt.date]:
    """Return the field of a portfolio that says as of when its positions are.

    Parameters
    ----------
    text : str
        A date, for the end of that day, or a date-time with its offset.

    Raises
    ------
    MomentError
        If it is neither.

    Examples
    --------
    >>> statement_moment("2020-03-05")
    {'as_of_day': datetime.date(2020, 3, 5)}
    """
    try:
        return {"as_of_day": dt.date.fromisoformat(text)}
    except ValueError:
        pass
    try:
        return {"as_of_ns": moment_ns(text)}
    except MomentError as error:
        raise MomentError(f"{error}; a date like {DAY_EXAMPLE} is the end of that day") from None


def day_or_moment_ns(text: str) -> int:
    """Return a date-time with its offset, or the beginning of a day (UTC), in ns since 1970.

    Raises
    ------
    MomentError
        If it is neither.

    Examples
    --------
    >>> day_or_moment_ns("1970-01-02") == day_or_moment_ns("1970-01-02T01:00+01:00")
    True
    """
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return moment_ns(f"{day}T00:00:00Z")
    try:
        return moment_ns(text)
    except MomentError as error:
        raise MomentError(f"{error}, or a date like {DAY_EXAMPLE}") from None


def written_moment(portfolio: Portfolio) -> str | None:
    """Return as of when a portfolio's positions are, as `statement_moment` reads it."""
    return shown_moment(portfolio.as_of_ns, portfolio.as_of_day)


def shown_moment(as_of_ns: int | None, as_of_day: dt.date | None) -> str | None:
    """Return a moment of positions as text, to the microsecond; None where there is none."""
    if as_of_day is not None:
        return as_of_day.isoformat()
    if as_of_ns is None:
        return None
    moment = _EPOCH + dt.timedelta(microseconds=as_of_ns // _NS_PER_US)
    return moment.isoformat().replace("+00:00", "Z")
