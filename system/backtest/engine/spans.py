"""Spans of a book that a backtest runs over, and the first close of a run.

A quantity without a date is in the shares of the first close of the run: the earliest one with a
full window, under any method of the run and in any of its books. One date for all of
them, so that a file of positions is one book whatever is computed from it (decision 0105).
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from system.backtest.engine.days import (
    BacktestMarket,
    DayBounds,
    SpanCalendar,
    SpanDays,
    book_table,
    span_calendar,
    span_days,
)
from system.backtest.engine.positions import (
    ALWAYS,
    BacktestBook,
    HoldingSpan,
    flat_periods,
    holding_spans,
)
from system.backtest.engine.settlements import OptionQuotes
from system.backtest.engine.specification import BacktestSettings
from system.backtest.errors import FlatBookError, NoBacktestDaysError
from system.errors import InputError
from system.risk.arrays import BoolVector
from system.risk.confidence import tail_of
from system.risk.listing import Listing
from system.risk.options.moves import terms_of
from system.risk.scenarios.window import Missing


@dataclass(frozen=True, slots=True, eq=False)
class ChosenSpan:
    """One span of a book with its calendar.

    Parameters
    ----------
    span : HoldingSpan
        Instruments and quantities.
    calendar : SpanCalendar
        Its days.
    days : SpanDays or None
        Those that are tested and what they need; None where none is.
    """

    span: HoldingSpan
    calendar: SpanCalendar
    days: SpanDays | None


def chosen_spans(
    book: BacktestBook, market: BacktestMarket, settings: BacktestSettings
) -> tuple[ChosenSpan, ...]:
    """Return the spans of a book, at least one of them with a day to test.

    A span is tested up to the first close that the next one states a VaR for: where days are left
    out, a P&L over several days could else reach into it.

    Parameters
    ----------
    book : BacktestBook
        The portfolio.
    market : BacktestMarket
        Closes in the shares of the last day, and rates.
    settings : BacktestSettings
        Method, bounds and what to do with gaps.

    Raises
    ------
    FlatBookError
        If it holds nothing in the bounds.
    NoBacktestDaysError
        If no P&L date has a full window before it; names the series with the fewest closes.
    UnknownSeriesError
        If an instrument or currency has no column; names it.
    MissingCloseError
        If a close is missing under ``REFUSE``, or cannot be carried; names series and date.
    """
    _refuse_flat(book, market, settings.bounds)
    chosen: list[ChosenSpan] = []
    until = settings.bounds.end
    for span in reversed(holding_spans(book)):
        bounds = DayBounds(settings.bounds.start, until)
        chosen.insert(0, _chosen(span, bounds, book, market, settings))
        if chosen[0].days is not None:
            until = chosen[0].days.as_of_dates[0]
    if all(part.days is None for part in chosen):
        raise _no_days(book, settings, [part.calendar for part in chosen])
    return tuple(chosen)


def run_opening(
    books: Iterable[BacktestBook],
    market: BacktestMarket,
    settings: Sequence[BacktestSettings],
) -> dt.date | None:
    """Return the first close of a run: the earliest with a full window, of any book and method.

    Parameters
    ----------
    books : iterable of BacktestBook
        All books of the run.
    market : BacktestMarket
        Closes in the shares of the last day, and rates.
    settings : sequence of BacktestSettings
        One per method.

    Returns
    -------
    date or None
        None where there is no such close. A book without one is passed over, and a method
        whose window cannot support its confidence.
    """
    openings = [
        opening
        for book in books
        for way in settings
        if (opening := _opening(book, market, way)) is not None
    ]
    return min(openings, default=None)


def first_as_of(chosen: Sequence[ChosenSpan]) -> dt.date:
    """Return the first close that a VaR is stated for."""
    return next(part.days.as_of_dates[0] for part in chosen if part.days is not None)


def _opening(
    book: BacktestBook, market: BacktestMarket, settings: BacktestSettings
) -> dt.date | None:
    try:
        tail_of(settings.scenario_count, settings.confidence)
        return first_as_of(chosen_spans(book, market, settings))
    except InputError:
        return None


def _chosen(
    span: HoldingSpan,
    bounds: DayBounds,
    book: BacktestBook,
    market: BacktestMarket,
    settings: BacktestSettings,
) -> ChosenSpan:
    table = book_table(market, span.listings, book.base_currency, settings.missing)
    calendar = span_calendar(table, span, bounds, settings.missing)
    count = settings.history_count
    days = span_days(calendar, span, bounds, history_count=count)
    options = [listing for listing in span.listings if listing.option is not None]
    if settings.missing is Missing.SKIP and options:
        quotes = OptionQuotes(market.closes, settings.missing)
        while days is not None and (unsettled := _unsettled(days, options, quotes)):
            calendar = _without(calendar, days, unsettled)
            days = span_days(calendar, span, bounds, history_count=count)
    return ChosenSpan(span, calendar, days)


def _unsettled(
    days: SpanDays, options: Sequence[Listing], quotes: OptionQuotes
) -> dict[dt.date, tuple[str, ...]]:
    """Return the days from the first as-of close on with a settlement that cannot be used."""
    underlyings = [terms_of(listing).underlying.instrument_id for listing in options]
    spots = np.array([days.window.row(name) for name in underlyings])
    by_date = {
        date: quotes.unusable(options, date, spots[:, day])
        for day, date in enumerate(days.window.dates)
        if day >= days.history_count
    }
    return {date: names for date, names in by_date.items() if names}


def _without(
    calendar: SpanCalendar, days: SpanDays, unsettled: Mapping[dt.date, tuple[str, ...]]
) -> SpanCalendar:
    """Return a calendar without days whose settlements cannot be used.

    Before the first good settlement they stay scenario days, and no VaR is stated for them: an
    option that is listed late takes no days from its windows. Later ones are left
    out, as days without a close are.
    """
    tested = days.window.dates[days.history_count :]
    good = next((date for date in tested if date not in unsettled), None)
    opens = tested[-1] + dt.timedelta(1) if good is None else good
    later = [date for date in unsettled if date > opens]
    usable = calendar.usable.copy()
    usable[[bisect_left(calendar.table.dates, date) for date in later]] = False
    return replace(
        calendar,
        usable=usable,
        unsettled={**calendar.unsettled, **unsettled},
        opens=max(calendar.opens, opens),
    )


def _refuse_flat(book: BacktestBook, market: BacktestMarket, bounds: DayBounds) -> None:
    spans, dates = holding_spans(book), market.closes.dates
    if not spans:
        raise FlatBookError(book.portfolio, None)
    before_start = bisect_left(dates, bounds.start or dt.date.min) - 1
    first = dates[max(before_start, 0)] if dates else dt.date.min
    if all(span.held_until is not None and span.held_until <= first for span in spans):
        raise FlatBookError(book.portfolio, flat_periods(book)[-1][0])


def _no_days(
    book: BacktestBook, settings: BacktestSettings, calendars: Sequence[SpanCalendar]
) -> NoBacktestDaysError:
    """Return the error of the span with the most days that all series share."""
    calendar = max(calendars, key=lambda calendar: int(_common(calendar, settings).sum()))
    common = _common(calendar, settings)
    counts = np.isfinite(calendar.table.closes)[:, : len(common)].sum(axis=1).tolist()
    by_name = dict(zip(calendar.table.names, counts, strict=True))
    scarcest = min(by_name, key=by_name.__getitem__, default=None)
    return NoBacktestDaysError(
        book.portfolio,
        settings.history_count,
        int(common.sum()),
        (settings.bounds.start, settings.bounds.end),
        None if scarcest is None else (scarcest, by_name[scarcest]),
        _held(book),
    )


def _held(book: BacktestBook) -> tuple[dt.date | None, dt.date | None]:
    """Return the first and last close of a book's holdings, None where they are not bounded."""
    spans = holding_spans(book)
    first, last = spans[0].held_from, spans[-1].held_until
    return None if first == ALWAYS else first, last


def _common(calendar: SpanCalendar, settings: BacktestSettings) -> BoolVector:
    """Return on which days of the calendar up to the end every series has a close."""
    known = bisect_right(calendar.table.dates, settings.bounds.end or dt.date.max)
    return np.asarray(np.isfinite(calendar.table.closes[:, :known]).all(axis=0), dtype=np.bool_)
