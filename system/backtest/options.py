"""Options in a backtest: marked and revalued at each as-of close by the functions of the stream.

An option's factor row belongs to one close: it follows from spot, volatility and the time that
is left there. So each as-of day has a row of its own, from `system.risk.revaluation.revalued`, the
very function that makes the row of a live snapshot, and behind its scenarios the move of the day
after (decision 0063).
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from system.backtest.days import SpanDays
from system.backtest.errors import NoOptionVolatilityError
from system.risk.arrays import Float64Matrix, Float64Vector, IndexVector
from system.risk.errors import MissingCloseError, UnknownSeriesError
from system.risk.listing import Listing
from system.risk.option_moves import FactorRows, OptionMoves, moves_of_options, terms_of
from system.risk.revaluation import OptionMark, OptionMarks, option_marks, revalued
from system.risk.scenarios import ScenarioFactors
from system.risk.window import CarriedClose, CloseTable, Missing


@dataclass(frozen=True, slots=True, eq=False)
class OptionDays:
    """The options of a span, close by close.

    Parameters
    ----------
    rows : mapping of int to ndarray of float64, shape (as_of_count, history_count + 1)
        By factor row of the book: (p(S', v') - p(S, v)) (1 + f) in each scenario of each as-of
        close, then in the move of the day after.
    premium : mapping of str to ndarray of float64, shape (day_count,)
        What each option is marked at on each day of the window, its own currency; NaN before
        the first as-of close.
    carried : tuple of CarriedClose
        Quotes that stand in for missing ones.
    """

    rows: Mapping[int, Float64Matrix]
    premium: Mapping[str, Float64Vector]
    carried: tuple[CarriedClose, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class OptionQuotes:
    """Prices that options have of their own, and closes that expired ones stand at.

    Parameters
    ----------
    closes : CloseTable
        All columns of the prices.
    missing : Missing
        What to do with an empty cell in the column of an option.
    """

    closes: CloseTable
    missing: Missing

    def quote(self, option: str, date: dt.date) -> tuple[float, bool]:
        """Return an option's own price on a day, NaN without a column; and whether it is carried.

        Raises
        ------
        MissingCloseError
            If there is a column, but no price that day and none to carry.
        """
        if option not in self.closes.names:
            return float("nan"), False
        row, day = self._until(option, date)
        if day and self.closes.dates[day - 1] == date and np.isfinite(row[day - 1]):
            return float(row[day - 1]), False
        known = row[:day][np.isfinite(row[:day])]
        if self.missing is not Missing.CARRY or not len(known):
            raise MissingCloseError(option, date)
        return float(known[-1]), True

    def close_until(self, series: str, date: dt.date) -> float:
        """Return a series' last close up to a day.

        Raises
        ------
        UnknownSeriesError
            If it has no column.
        MissingCloseError
            If it has no close up to that day.
        """
        if series not in self.closes.names:
            raise UnknownSeriesError(series)
        row, day = self._until(series, date)
        known = row[:day][np.isfinite(row[:day])]
        if not len(known):
            raise MissingCloseError(series, date)
        return float(known[-1])

    def _until(self, name: str, date: dt.date) -> tuple[Float64Vector, int]:
        row = self.closes.closes[self.closes.names.index(name)]
        return row, bisect_right(self.closes.dates, date)


def option_days(
    days: SpanDays,
    listings: Sequence[Listing],
    factors: FactorRows,
    currency_moves: Mapping[str, Float64Vector],
    quotes: OptionQuotes,
) -> OptionDays:
    """Return the options of a span, marked and revalued at each of its as-of closes.

    Parameters
    ----------
    days : SpanDays
        Closes of what the options are on, and of their volatilities.
    listings : sequence of Listing
        The whole book in canonical order.
    factors : FactorRows
        Of the same book.
    currency_moves : mapping of str to ndarray of float64, shape (day_count - 1,)
        X'/X - 1 by ISO code; the base currency has no entry.
    quotes : OptionQuotes
        Prices of the options themselves.

    Returns
    -------
    OptionDays
        Empty without options.

    Raises
    ------
    UnknownSeriesError, MissingCloseError
        If a series or a close that is needed is not there; names it.
    NoOptionVolatilityError
        If no volatility gives an option's own price; names option and date.
    NoScenarioValueError
        If a scenario leaves an option without a value; names option and date.
    """
    moves = moves_of_options(days.window, listings, factors, currency_moves=currency_moves)
    if moves is None:
        return OptionDays({}, {})
    held = [one for one in listings if one.option is not None]
    marked = [
        _marks(days, held, day, quotes) for day in range(days.history_count, len(days.window.dates))
    ]
    premium = np.full((len(held), len(days.window.dates)), np.nan)
    premium[:, days.history_count :] = np.array([one.premium for one, _ in marked]).T
    per_day = [
        _revalued_rows(days, held, moves, first, marks)
        for first, (marks, _) in enumerate(marked[:-1])
    ]
    rows = np.array(per_day)
    return OptionDays(
        {int(row): rows[:, index] for index, row in enumerate(moves.row)},
        {one.instrument_id: premium[index] for index, one in enumerate(held)},
        tuple(carried for _, one in marked for carried in one),
    )


def _marks(
    days: SpanDays, held: Sequence[Listing], day: int, quotes: OptionQuotes
) -> tuple[OptionMarks, tuple[CarriedClose, ...]]:
    """Return the options of a book at one close, and which of their quotes are carried."""
    date = days.window.dates[day]
    marks, carried = [], []
    for listing in held:
        terms = terms_of(listing)
        left, underlying = (terms.expiry - date).days, terms.underlying.instrument_id
        if left < 0:
            last = quotes.close_until(underlying, terms.expiry)
            marks.append(OptionMark(listing, left, last))
            continue
        spot = float(days.window.row(underlying)[day])
        quote, is_carried = (
            quotes.quote(listing.instrument_id, date) if left else (float("nan"), False)
        )
        marks.append(OptionMark(listing, left, spot, quote))
        if is_carried:
            carried.append(CarriedClose(listing.instrument_id, date))
    found = option_marks(marks)
    if found.problem:
        raise NoOptionVolatilityError(date, found.problem)
    return found, tuple(carried)


def _revalued_rows(
    days: SpanDays, held: Sequence[Listing], moves: OptionMoves, first: int, marks: OptionMarks
) -> Float64Matrix:
    """Return the rows of the options at one as-of close, shape (options, history_count + 1)."""
    part = slice(first, first + days.history_count + 1)
    own: IndexVector = np.arange(len(held), dtype=np.intp)
    here = OptionMoves(
        row=own,
        spot_move=moves.spot_move[:, part],
        volatility_move=moves.volatility_move[:, part],
        spot_is_absolute=moves.spot_is_absolute,
        volatility_is_absolute=moves.volatility_is_absolute,
        fx=moves.fx[:, part],
    )
    factors = ScenarioFactors(
        instrument_ids=tuple(one.instrument_id for one in held),
        scenario_dates=days.window.scenario_dates[part],
        rows=np.zeros((len(held), days.history_count + 1)),
        row_position=own,
        row_is_fx=np.zeros(len(held), dtype=np.bool_),
    )
    return revalued(factors, here, marks).rows
