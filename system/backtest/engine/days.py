"""Days that a span of a backtest runs over, and the closes on them.

The calendar of a book is the dates on which one of its priced instruments has a close;
for a book of money alone, the dates of the closes on which one of its rates is known.
Rates on other dates are not looked at, unless closes are carried: then, as in the stream, the
dates of its rates between its first and its last close are on the calendar, too. What happens on
a date where some of the book's series have no close is `system.risk.scenarios.window.Missing`.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from system.backtest.engine.positions import ALWAYS, HoldingSpan
from system.risk.arrays import BoolVector, IndexVector
from system.risk.currency import major_currency
from system.risk.listing import Listing
from system.risk.scenarios.factors import own_series
from system.risk.scenarios.window import (
    CarriedClose,
    CloseTable,
    Missing,
    ScenarioWindow,
    fx_series,
    scenario_window,
)


@dataclass(frozen=True, slots=True, eq=False)
class BacktestMarket:
    """Everything the market said.

    Parameters
    ----------
    closes : CloseTable
        Per instrument, in its own currency.
    rates : CloseTable
        Per major currency: units of the base currency for one unit; NaN = no rate that day.
    """

    closes: CloseTable
    rates: CloseTable


@dataclass(frozen=True, slots=True)
class DayBounds:
    """Bounds of the P&L date, both included; None is open."""

    start: dt.date | None = None
    end: dt.date | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SpanCalendar:
    """Days of one span: which the calendar has, and which of them can be used.

    Parameters
    ----------
    table : CloseTable
        Closes and rates of the span's instruments on their own calendar, from `book_table`.
    usable : ndarray of bool, shape (date_count,)
        Days that can be scenario days.
    missing : Missing
        What to do with a date on which only some series have a close.
    unsettled : mapping of date to tuple of str
        Days on which the settlement of an option cannot be used, with the options.
    opens : date
        First close that a VaR can be stated for: no option is without a settlement until then.
    """

    table: CloseTable
    usable: BoolVector
    missing: Missing
    unsettled: Mapping[dt.date, tuple[str, ...]] = field(default_factory=dict)
    opens: dt.date = ALWAYS


@dataclass(frozen=True, slots=True, eq=False)
class SpanDays:
    """The days of one span.

    Parameters
    ----------
    window : ScenarioWindow
        Closes and rates (named `fx_series`) on every day that is needed, oldest first.
    history_count : int
        Returns before the first as-of close: it is day ``history_count`` of the window.
    carried_quotes : tuple of CarriedClose
        Quotes of options themselves that are those of an earlier day.
    """

    window: ScenarioWindow
    history_count: int
    carried_quotes: tuple[CarriedClose, ...] = ()

    @property
    def carried(self) -> tuple[CarriedClose, ...]:
        """Return closes, rates and quotes of options that are those of an earlier day."""
        return (*self.window.carried, *self.carried_quotes)

    @property
    def as_of_count(self) -> int:
        """Return the number of closes that a VaR is stated for."""
        return len(self.window.dates) - 1 - self.history_count

    @property
    def as_of_dates(self) -> tuple[dt.date, ...]:
        """Return the closes that a VaR is stated for."""
        return self.window.dates[self.history_count : -1]

    @property
    def pnl_dates(self) -> tuple[dt.date, ...]:
        """Return the day after each of them."""
        return self.window.dates[self.history_count + 1 :]


def foreign_currencies(listings: Sequence[Listing], base_currency: str) -> tuple[str, ...]:
    """Return the major currencies of a book other than its base, ascending."""
    majors = {major_currency(listing.currency) for listing in listings}
    return tuple(sorted(majors - {base_currency}))


def book_table(
    market: BacktestMarket,
    listings: Sequence[Listing],
    base_currency: str,
    missing: Missing = Missing.REFUSE,
) -> CloseTable:
    """Return closes and rates of a book on its own calendar.

    Parameters
    ----------
    market : BacktestMarket
        Closes and rates.
    listings : sequence of Listing
        The instruments of the book.
    base_currency : str
        ISO code.
    missing : Missing
        What to do with a date on which only some series have a close.

    Returns
    -------
    CloseTable
        Priced instruments, and what options are on and are moved by, then rates by the name of
        their `fx_series`.

    Raises
    ------
    UnknownSeriesError
        If an instrument or a currency has no column; names it.
    """
    priced = list(dict.fromkeys(name for listing in listings for name in own_series(listing)))
    closes = market.closes.select(priced)
    currencies = foreign_currencies(listings, base_currency)
    if missing is Missing.CARRY and priced and currencies:
        closes = _with_dates_of(closes, market.rates)
    rates = _rates(market.rates, currencies, closes.dates)
    every = np.vstack([closes.closes, rates.closes])
    deciding = every if missing is Missing.CARRY else closes.closes if priced else rates.closes
    days = np.flatnonzero(np.isfinite(deciding).any(axis=0) | (not len(deciding)))
    return CloseTable((*closes.names, *rates.names), _at(closes.dates, days), every[:, days])


def _with_dates_of(closes: CloseTable, rates: CloseTable) -> CloseTable:
    """Return closes with the dates of rates between the first and the last of them as well."""
    known = np.flatnonzero(np.isfinite(closes.closes).any(axis=0))
    if not len(known):
        return closes
    first, last = closes.dates[known[0]], closes.dates[known[-1]]
    dates = tuple(sorted({*closes.dates, *(day for day in rates.dates if first <= day <= last)}))
    column_of = {date: column for column, date in enumerate(dates)}
    wider = np.full((len(closes.names), len(dates)), np.nan)
    wider[:, [column_of[date] for date in closes.dates]] = closes.closes
    return CloseTable(closes.names, dates, wider)


def span_calendar(
    table: CloseTable, span: HoldingSpan, bounds: DayBounds, missing: Missing
) -> SpanCalendar:
    """Return which days of a calendar can be scenario days of a span.

    Parameters
    ----------
    table : CloseTable
        From `book_table`.
    span : HoldingSpan
        When the instruments are held.
    bounds : DayBounds
        Of the P&L date.
    missing : Missing
        What to do with a date on which only some series have a close.

    Returns
    -------
    SpanCalendar
        With neither a start nor a first close of the holding, and where closes are carried,
        the days begin where every series has begun.
    """
    missing = missing if table.names else Missing.SKIP
    is_open = bounds.start is None and span.held_from == ALWAYS
    is_open = is_open or missing is Missing.CARRY
    return SpanCalendar(table, _usable(table, missing, drop_beginnings=is_open), missing)


def span_days(
    calendar: SpanCalendar, span: HoldingSpan, bounds: DayBounds, *, history_count: int
) -> SpanDays | None:
    """Return the days of a span, None if no P&L date in the bounds has a full window.

    Parameters
    ----------
    calendar : SpanCalendar
        From `span_calendar`.
    span : HoldingSpan
        When the instruments are held.
    bounds : DayBounds
        Of the P&L date.
    history_count : int
        Number of returns that the method needs up to an as-of close.

    Raises
    ------
    MissingCloseError
        If a close is missing on a needed day under ``REFUSE``, or cannot be carried under
        ``CARRY``; names series and date.
    """
    table, days = calendar.table, np.flatnonzero(calendar.usable)
    dates = _at(table.dates, days)
    first, last = _tested(dates, span, bounds, history_count)
    first = max(first, bisect_left(dates, calendar.opens))
    if first > last:
        return None
    known = np.arange(int(days[last + 1]) + 1)
    if calendar.missing is Missing.SKIP:
        known = days[: last + 2]
    window = scenario_window(
        CloseTable(table.names, _at(table.dates, known), table.closes[:, known]),
        as_of=dates[last + 1],
        scenario_count=history_count + last + 1 - first,
        missing=calendar.missing,
    )
    return SpanDays(window, history_count)


def held_range(
    calendar: SpanCalendar, span: HoldingSpan, bounds: DayBounds, history_count: int
) -> tuple[int, int]:
    """Return the first and last held P&L date, as places in the calendar; first > last for none.

    Parameters
    ----------
    calendar : SpanCalendar
        Of the span.
    span : HoldingSpan
        When the instruments are held.
    bounds : DayBounds
        Of the P&L date.
    history_count : int
        Returns that the method needs up to an as-of close.
    """
    dates = calendar.table.dates
    first_as_of = bisect_left(dates, span.held_from)
    if span.held_from == ALWAYS and bounds.start is None:
        first_as_of = history_count
    first = max(first_as_of + 1, bisect_left(dates, bounds.start or dt.date.min))
    last = bisect_right(dates, bounds.end or dt.date.max) - 1
    if span.held_until is not None:
        last = min(last, bisect_left(dates, span.held_until))
    return first, last


def _tested(
    dates: Sequence[dt.date], span: HoldingSpan, bounds: DayBounds, history_count: int
) -> tuple[int, int]:
    """Return the first and the last as-of day, as places in ``dates``; first > last for none.

    The P&L date of place i is place i + 1.
    """
    start, end = bounds.start or dt.date.min, bounds.end or dt.date.max
    first = max(history_count, bisect_left(dates, span.held_from), bisect_left(dates, start) - 1)
    last = min(len(dates), bisect_right(dates, end)) - 2
    if span.held_until is not None:
        last = min(last, bisect_left(dates, span.held_until) - 1)
    return first, last


def _usable(table: CloseTable, missing: Missing, *, drop_beginnings: bool) -> BoolVector:
    """Return which columns are days, by the rules of `scenario_window`."""
    present = np.isfinite(table.closes)
    if missing is Missing.SKIP:
        return np.asarray(present.all(axis=0), dtype=np.bool_)
    if not drop_beginnings or not present.size:
        return np.ones(len(table.dates), dtype=np.bool_)
    return np.asarray(np.logical_or.accumulate(present, axis=1).all(axis=0), dtype=np.bool_)


def _rates(rates: CloseTable, currencies: Sequence[str], dates: Sequence[dt.date]) -> CloseTable:
    """Return the rates of some currencies on some dates, NaN where there is none."""
    if not currencies:
        return CloseTable((), tuple(dates), np.zeros((0, len(dates))))
    chosen = CloseTable(
        tuple(fx_series(name) for name in rates.names), rates.dates, rates.closes
    ).select([fx_series(currency) for currency in currencies])
    column_of = {date: column for column, date in enumerate(chosen.dates)}
    columns = np.array([column_of.get(date, -1) for date in dates], dtype=np.intp)
    if not len(chosen.dates):
        values = np.full((len(currencies), len(dates)), np.nan)
    else:
        values = np.where(columns >= 0, chosen.closes[:, columns], np.nan)
    return CloseTable(chosen.names, tuple(dates), values)


def _at(dates: tuple[dt.date, ...], places: IndexVector) -> tuple[dt.date, ...]:
    """Return the dates at ascending places; a book that trades every day has all of them."""
    return dates if len(places) == len(dates) else tuple(dates[place] for place in places)
