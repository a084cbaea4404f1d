"""Options in a backtest: marked and revalued at each as-of close by the functions of the stream.

An option's factor row belongs to one close: it follows from spot, volatility and the time that is
left there. So each as-of day has a row of its own, from
`system.risk.options.revaluation.revalued`, the very function that makes the row of a live
snapshot, and behind its scenarios the move of the day after (decision 0063).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from system.backtest.engine.daily_valuation import DailyValuation
from system.backtest.engine.days import SpanDays
from system.backtest.engine.settlements import OptionQuotes, StandInVolatility
from system.risk.arrays import Float64Matrix, Float64Vector, IndexVector
from system.risk.listing import Listing
from system.risk.options.moves import FactorRows, OptionMoves, moves_of_options, terms_of
from system.risk.options.revaluation import OptionMark, OptionMarks, option_marks, revalued
from system.risk.scenarios.factors import ScenarioFactors


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
    stand_ins : tuple of StandInVolatility
        Volatilities of an earlier day, where a settlement implies none.
    marks : tuple of OptionMarks
        Of all options at each as-of close.
    """

    rows: Mapping[int, Float64Matrix]
    premium: Mapping[str, Float64Vector]
    stand_ins: tuple[StandInVolatility, ...] = ()
    marks: tuple[OptionMarks, ...] = ()

    def exposed(self, listings: Sequence[Listing], worth: DailyValuation) -> Float64Matrix:
        """Return the exposure of each position at each as-of close, options by their deltas.

        Shape (as_of_count, position_count), base currency, short negative.
        """
        exposure = worth.exposure.copy()
        places = [place for place, listing in enumerate(listings) if listing.option is not None]
        for day, marks in enumerate(self.marks):
            delta = np.nan_to_num(marks.greeks().delta, nan=0.0)
            exposure[day, places] = worth.units[day, places] * delta * marks.spot
        return exposure


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
        If no volatility gives an option's own price, unless gaps are carried; names option, day
        and value.
    NoScenarioValueError
        If a scenario leaves an option without a value; names option and date.
    """
    moves = moves_of_options(days.window, listings, factors, currency_moves=currency_moves)
    if moves is None:
        return OptionDays({}, {})
    held = [listing for listing in listings if listing.option is not None]
    marked = [
        _marks(days, held, day, quotes) for day in range(days.history_count, len(days.window.dates))
    ]
    premium = np.full((len(held), len(days.window.dates)), np.nan)
    premium[:, days.history_count :] = np.array([mark.premium for mark, _ in marked]).T
    per_day = [
        _revalued_rows(days, held, moves, first, marks)
        for first, (marks, _) in enumerate(marked[:-1])
    ]
    rows = np.array(per_day)
    return OptionDays(
        {int(row): rows[:, index] for index, row in enumerate(moves.row)},
        {option.instrument_id: premium[index] for index, option in enumerate(held)},
        tuple(stand_in for _, stand_ins in marked for stand_in in stand_ins),
        tuple(marks for marks, _ in marked[:-1]),
    )


def _marks(
    days: SpanDays, held: Sequence[Listing], day: int, quotes: OptionQuotes
) -> tuple[OptionMarks, tuple[StandInVolatility, ...]]:
    """Return the options of a book at one close, and which of their volatilities stand in."""
    date = days.window.dates[day]
    marks, stand_ins = [], []
    for listing in held:
        terms = terms_of(listing)
        underlying = terms.underlying.instrument_id
        if terms.expiry < date:
            last = quotes.close_until(underlying, terms.expiry)
            marks.append(OptionMark(listing, (terms.expiry - date).days, last))
            continue
        spot = float(days.window.row(underlying)[day])
        mark, stand_in = quotes.mark(listing, date, spot)
        marks.append(mark)
        stand_ins += [] if stand_in is None else [stand_in]
    return option_marks(marks), tuple(stand_ins)


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
        instrument_ids=tuple(option.instrument_id for option in held),
        scenario_dates=days.window.scenario_dates[part],
        rows=np.zeros((len(held), days.history_count + 1)),
        row_position=own,
        row_is_fx=np.zeros(len(held), dtype=np.bool_),
    )
    return revalued(factors, here, marks).rows
