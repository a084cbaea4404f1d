"""Numbers as a trading desk reads them: separators, signs, units. Pure text.

A minus is the typographic one (U+2212), as wide as a plus; what does not exist is an en
dash, never a zero.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

MINUS: Final = "\u2212"
NOTHING: Final = "\u2013"
NARROW_SPACE: Final = "\u202f"
NANOSECONDS_PER_SECOND: Final = 1_000_000_000
NANOSECONDS_PER_MILLISECOND: Final = 1_000_000


def amount(number: float | None, *, digits: int = 0, signed: bool = False) -> str:
    """Return a number with thousands separators; ``signed`` writes the plus of a gain.

    Examples
    --------
    >>> amount(1234567.8), amount(None) == NOTHING
    ('1,234,568', True)
    >>> amount(250.0, signed=True), amount(-0.2, signed=True)
    ('+250', '0')
    """
    if number is None:
        return NOTHING
    text = f"{abs(number):,.{digits}f}"
    if not text.strip("0.,"):
        return text
    return _sign(number, signed=signed) + text


def percent(fraction: float | None, *, digits: int = 2, signed: bool = False) -> str:
    """Return a fraction in percent.

    Examples
    --------
    >>> percent(0.0341).replace(NARROW_SPACE, " ")
    '3.41 %'
    """
    if fraction is None:
        return NOTHING
    return f"{amount(fraction * 100, digits=digits, signed=signed)}{NARROW_SPACE}%"


def percentage_points(fraction: float) -> str:
    """Return a difference of two fractions in percentage points, without its sign.

    Examples
    --------
    >>> percentage_points(-0.0125).replace(NARROW_SPACE, " ")
    '1.25 pp'
    """
    return f"{amount(abs(fraction) * 100, digits=2)}{NARROW_SPACE}pp"


def quantity(number: float) -> str:
    """Return a position's size: whole numbers without a fraction, others with up to 4.

    Examples
    --------
    >>> quantity(1500.0), quantity(0.25)
    ('1,500', '0.25')
    """
    if number == round(number):
        return amount(number)
    return amount(number, digits=4).rstrip("0").rstrip(".")


def price(number: float) -> str:
    """Return a price: two decimals, five below 10 (exchange rates).

    Examples
    --------
    >>> price(3225.52), price(1.10234)
    ('3,225.52', '1.10234')
    """
    return amount(number, digits=2 if abs(number) >= 10 else 5)


def currency_price(number: float, currency: str) -> str:
    """Return a price with the currency it is quoted in.

    Examples
    --------
    >>> currency_price(101.5, "USD")
    '101.50 USD'
    """
    return f"{price(number)} {currency}"


def event_clock(event_time_ns: int) -> str:
    """Return a moment of the market in UTC, to the second.

    Parameters
    ----------
    event_time_ns : int
        Nanoseconds since 1970-01-01 UTC; 0 means unknown.

    Examples
    --------
    >>> event_clock(1_583_164_800_000_000_000)
    '2020-03-02 16:00:00'
    """
    if event_time_ns <= 0:
        return NOTHING
    return utc(event_time_ns).strftime("%Y-%m-%d %H:%M:%S")


def event_time(event_time_ns: int) -> str:
    """Return the time of day of a moment of the market, UTC.

    Examples
    --------
    >>> event_time(1_583_164_800_000_000_000)
    '16:00:00'
    """
    return utc(event_time_ns).strftime("%H:%M:%S") if event_time_ns > 0 else NOTHING


def event_day_time(event_time_ns: int) -> str:
    """Return month, day, hour and minute of a moment of the market, UTC.

    Examples
    --------
    >>> event_day_time(1_583_164_800_000_000_000)
    '03-02 16:00'
    """
    return utc(event_time_ns).strftime("%m-%d %H:%M") if event_time_ns > 0 else NOTHING


def utc(event_time_ns: int) -> dt.datetime:
    """Return a moment given in nanoseconds since 1970-01-01 UTC, cut to the second."""
    return dt.datetime.fromtimestamp(event_time_ns // NANOSECONDS_PER_SECOND, tz=dt.UTC)


def day(date: dt.date | None) -> str:
    """Return a date, or a dash.

    Examples
    --------
    >>> day(dt.date(2020, 3, 16)), day(None) == NOTHING
    ('2020-03-16', True)
    """
    return date.isoformat() if date else NOTHING


def milliseconds(span_ns: int | None) -> str:
    """Return a span in milliseconds.

    Examples
    --------
    >>> milliseconds(81_400_000).replace(NARROW_SPACE, " ")
    '81 ms'
    """
    if span_ns is None:
        return NOTHING
    return f"{amount(span_ns / NANOSECONDS_PER_MILLISECOND)}{NARROW_SPACE}ms"


def confidence_label(confidence: str) -> str:
    """Return an exact confidence as a percentage, without rounding it.

    Examples
    --------
    >>> confidence_label("0.95").replace(NARROW_SPACE, " ")
    '95 %'
    >>> confidence_label("0.975").replace(NARROW_SPACE, " ")
    '97.5 %'
    """
    digits = confidence.removeprefix("0.").ljust(2, "0")
    fraction = digits[2:].rstrip("0")
    whole = str(int(digits[:2]))
    return f"{whole}.{fraction}{NARROW_SPACE}%" if fraction else f"{whole}{NARROW_SPACE}%"


def sign(number: float | None) -> int:
    """Return -1, 0 or 1, and 0 for what does not exist: the colour, not the number."""
    if not number:
        return 0
    return 1 if number > 0 else -1


def _sign(number: float, *, signed: bool) -> str:
    if number < 0:
        return MINUS
    return "+" if signed else ""
