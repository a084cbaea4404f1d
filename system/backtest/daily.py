"""The daily backtest: what was stated at each close, and what the next day brought."""

from __future__ import annotations

import datetime as dt
import itertools
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from system.backtest.engine.days import BacktestMarket
from system.backtest.engine.positions import BacktestBook, flat_periods, quantity_matrix
from system.backtest.engine.settlements import OptionQuotes, StandInVolatility
from system.backtest.engine.span import SpanResult, span_result
from system.backtest.engine.spans import ChosenSpan, chosen_spans, first_as_of
from system.backtest.engine.specification import BacktestSettings
from system.backtest.engine.splits import (
    DatedSplit,
    effective_splits,
    split_adjusted,
    split_factors,
)
from system.backtest.engine.untested import (
    Cause,
    DayRange,
    UntestedDay,
    left_out_ranges,
    untested_ranges,
)
from system.backtest.errors import (
    InterruptedBookError,
    NoFitError,
    UnsupportedInstrumentError,
)
from system.backtest.statistics.hits import Stretches
from system.risk.arrays import BoolVector, Float64Matrix, Float64Vector
from system.risk.breach import exceeds
from system.risk.confidence import tail_of
from system.risk.scenarios.suspect_returns import SuspectMove
from system.risk.scenarios.window import CarriedClose


@dataclass(frozen=True, slots=True, eq=False)
class ComponentBlock:
    """Component VaR over consecutive days with the same instruments.

    Parameters
    ----------
    as_of_dates : tuple of date
        Of each row.
    instrument_ids : tuple of str
        Of each column, canonical order.
    component_var : ndarray of float64, shape (day_count, position_count)
        Losses positive, base currency; each row adds up to the VaR of its day.
    """

    as_of_dates: tuple[dt.date, ...]
    instrument_ids: tuple[str, ...]
    component_var: Float64Matrix


@dataclass(frozen=True, slots=True, eq=False)
class DailyBacktest:
    """One portfolio under one method; every vector has shape (day_count,), oldest first.

    Parameters
    ----------
    portfolio : str
        Its name.
    settings : BacktestSettings
        How it was run.
    as_of_dates, pnl_dates : tuple of date
        The close that a VaR was stated for, and the day it was put to the test.
    value, var, expected_shortfall : ndarray of float64
        At the as-of close, base currency; losses positive.
    pnl : ndarray of float64
        Hypothetical: of the positions held at the as-of close, the day after; gains positive.
    theoretical_pnl : ndarray of float64
        The same by the scenario formula from the moves of that day.
    breach : ndarray of bool
        Loss greater than VaR, by `system.risk.breach`.
    scenario_dates : tuple of date or None
        Of the scenario behind each VaR; None for a fitted law.
    below, up_to : ndarray of float64
        Forecast probability of a P&L below, and at most, the one that came.
    components : tuple of ComponentBlock
        In order of date.
    suspects : tuple of SuspectMove
        Moves on the used days that are beyond the bound of their asset class.
    carried : tuple of CarriedClose
        Closes and rates on the used days that stand in for missing ones.
    stand_ins : tuple of StandInVolatility
        Volatilities of options on days whose settlement implies none.
    constant_volatility : tuple of str
        Options whose volatility no series moves in scenarios.
    kernel_checked : tuple of date
        As-of closes whose numbers were compared, to the bit, with `system.risk`.
    stretches : Stretches
        Which of the tested days follow each other without a hole.
    untested : tuple of DayRange
        P&L dates on which the book was held and no VaR was put to the test, with the cause.
    left_out : tuple of DayRange
        Days of the calendar, through to the last held one, that are no scenario days.
    flat : tuple of (date, date or None)
        When the book held nothing; see `flat_periods`.
    fit_note : str
        Why the method has no law on some days; empty where it has one on all.
    """

    portfolio: str
    settings: BacktestSettings
    as_of_dates: tuple[dt.date, ...]
    pnl_dates: tuple[dt.date, ...]
    value: Float64Vector
    var: Float64Vector
    expected_shortfall: Float64Vector
    pnl: Float64Vector
    theoretical_pnl: Float64Vector
    breach: BoolVector
    scenario_dates: tuple[dt.date | None, ...]
    below: Float64Vector
    up_to: Float64Vector
    components: tuple[ComponentBlock, ...]
    suspects: tuple[SuspectMove, ...]
    carried: tuple[CarriedClose, ...]
    constant_volatility: tuple[str, ...]
    kernel_checked: tuple[dt.date, ...]
    stretches: Stretches
    untested: tuple[DayRange, ...] = ()
    left_out: tuple[DayRange, ...] = ()
    flat: tuple[tuple[dt.date, dt.date | None], ...] = ()
    stand_ins: tuple[StandInVolatility, ...] = ()
    fit_note: str = ""

    @property
    def day_count(self) -> int:
        """Return T, the number of days put to the test."""
        return len(self.pnl_dates)

    @property
    def untested_count(self) -> int:
        """Return the number of P&L dates on which the book was held without a VaR."""
        return sum(days.day_count for days in self.untested)

    @property
    def breach_count(self) -> int:
        """Return x, the number of breaches."""
        return int(np.count_nonzero(self.breach))

    @property
    def scenario_count(self) -> int:
        """Return n."""
        return self.settings.scenario_count

    @property
    def tail_rank(self) -> int | None:
        """Return k, None for a fitted law."""
        if not self.settings.method.takes_a_scenario:
            return None
        return tail_of(self.scenario_count, self.settings.confidence).rank


def daily_backtest(
    book: BacktestBook,
    market: BacktestMarket,
    settings: BacktestSettings,
    *,
    splits: Sequence[DatedSplit] = (),
    opening: dt.date | None = None,
    on_days: Callable[[int], None] = lambda _: None,
) -> DailyBacktest:
    """Return the backtest of one portfolio under one method.

    Parameters
    ----------
    book : BacktestBook
        What was held, and when.
    market : BacktestMarket
        Closes and rates.
    settings : BacktestSettings
        Method, window, confidence, bounds.
    splits : sequence of DatedSplit
        Not yet in the closes.
    opening : date, optional
        First close of the run (`run_opening`): quantities without a date are in its shares. By
        default the first close of this backtest.
    on_days : callable
        Called with the number of days that have been added, for a progress bar.

    Returns
    -------
    DailyBacktest
        Every day in the bounds with a full window before it.

    Raises
    ------
    NoBacktestDaysError
        If there is no such day.
    FlatBookError
        If the book holds nothing in the bounds.
    NoFitError
        If the method has no law for the scenario P&Ls of any day.
    InterruptedBookError
        If more closes are missing before every day than are carried; names the series.
    UnknownSeriesError
        If an instrument or currency has no column; names it.
    MissingCloseError
        If a close is missing under ``REFUSE``, or cannot be carried; names series and date.
    NonPositiveCloseError
        If a relative return would start or end at a close at or below zero.
    UnsupportedInstrumentError
        If a held option, or what it is on, is split after the first close it is held at.
    NoOptionVolatilityError, NoScenarioValueError
        If an option's own price implies no volatility, or a scenario leaves it without a value.
    TooFewScenariosError
        If n * (1 - confidence) < 1.
    NonFinitePnlError
        If a scenario P&L overflows.
    """
    tail_of(settings.scenario_count, settings.confidence)
    effective = effective_splits(market.closes, splits)
    adjusted = BacktestMarket(split_adjusted(market.closes, effective), market.rates)
    chosen = chosen_spans(book, adjusted, settings)
    _refuse_split_options(chosen, effective)
    first = opening or first_as_of(chosen)
    factors = split_factors(book.quantities, effective, opening=first)
    quotes = OptionQuotes(adjusted.closes, settings.missing)
    results = []
    for part in chosen:
        if part.days is not None:
            held = part.span.held_at(part.days.as_of_dates)
            quantities = quantity_matrix(held, factors)
            listings, base = part.span.listings, book.base_currency
            results.append(
                span_result(part.days, listings, quantities, base, settings, quotes, on_days)
            )
    _refuse_unfitted(book, settings, results)
    return _joined(book, settings, chosen, results, market.closes.dates)


def _refuse_split_options(chosen: Sequence[ChosenSpan], splits: Sequence[DatedSplit]) -> None:
    """Refuse a split that changes the terms of an option while it is held."""
    held = [
        (listing, listing.option, part.days.as_of_dates[0])
        for part in chosen
        if part.days is not None
        for listing in part.span.listings
    ]
    for (listing, terms, first), split in itertools.product(held, splits):
        if terms is None or split.date <= first:
            continue
        if split.instrument_id in (listing.instrument_id, terms.underlying.instrument_id):
            why = (
                f"{split.instrument_id} is split on {split.date}; give prices and strikes "
                "in the shares of the last day, without that split"
            )
            raise UnsupportedInstrumentError(listing.instrument_id, why)


def _refuse_unfitted(
    book: BacktestBook, settings: BacktestSettings, results: Sequence[SpanResult]
) -> None:
    """Refuse a backtest without a VaR on any day: no law, or too many closes missing."""
    if any(result.pnl_dates for result in results):
        return
    interrupted = [day for result in results for day in result.interrupted]
    if interrupted:
        names = dict.fromkeys(name for day in interrupted for name in day.series)
        raise InterruptedBookError(book.portfolio, tuple(names), settings.carry)
    count = sum(len(result.unfitted) for result in results)
    raise NoFitError(book.portfolio, settings.method, count, _fit_note(settings, results))


def _fit_note(settings: BacktestSettings, results: Sequence[SpanResult]) -> str:
    """Return why some days have no law, empty where all have one."""
    equal = [day.equal_count for result in results for day in result.unfitted]
    if not equal:
        return ""
    low, high = min(equal), max(equal)
    counts = str(low) if low == high else f"{low} to {high}"
    return (
        f"{counts} of {settings.scenario_count} scenario P&Ls are equal: the likelihood grows "
        "without bound as the scale goes to 0, and has no maximum"
    )


def _joined(
    book: BacktestBook,
    settings: BacktestSettings,
    chosen: Sequence[ChosenSpan],
    results: Sequence[SpanResult],
    market_dates: Sequence[dt.date],
) -> DailyBacktest:
    def vector(name: str) -> Float64Vector:
        return np.concatenate([getattr(result, name) for result in results])

    def chained(name: str) -> tuple[dt.date, ...]:
        return tuple(itertools.chain.from_iterable(getattr(result, name) for result in results))

    var, pnl = vector("var"), vector("pnl")
    as_of_dates, pnl_dates = chained("as_of_dates"), chained("pnl_dates")
    return DailyBacktest(
        portfolio=book.portfolio,
        settings=settings,
        as_of_dates=as_of_dates,
        pnl_dates=pnl_dates,
        value=vector("value"),
        var=var,
        expected_shortfall=vector("expected_shortfall"),
        pnl=pnl,
        theoretical_pnl=vector("theoretical_pnl"),
        breach=exceeds(-pnl, var),
        scenario_dates=tuple(itertools.chain(*(result.scenario_dates for result in results))),
        below=vector("below"),
        up_to=vector("up_to"),
        components=tuple(
            ComponentBlock(result.as_of_dates, result.instrument_ids, result.component_var)
            for result in results
        ),
        suspects=_suspects(results),
        carried=_carried(results),
        constant_volatility=_constant_volatility(book),
        kernel_checked=tuple(itertools.chain(*(result.kernel_checked for result in results))),
        stretches=_stretches(as_of_dates, pnl_dates, market_dates),
        untested=untested_ranges(chosen, settings, market_dates, pnl_dates, _without_var(results)),
        left_out=left_out_ranges(chosen, settings),
        flat=flat_periods(book),
        stand_ins=_stand_ins(results),
        fit_note=_fit_note(settings, results),
    )


def _without_var(results: Sequence[SpanResult]) -> tuple[UntestedDay, ...]:
    """Return the days with a full window that no law fits, or that lack too many closes."""
    unfitted = (day.date for result in results for day in result.unfitted)
    interrupted = (day for result in results for day in result.interrupted)
    return (*(UntestedDay(date, Cause.NO_FIT) for date in unfitted), *interrupted)


def _stretches(
    as_of_dates: Sequence[dt.date], pnl_dates: Sequence[dt.date], market_dates: Sequence[dt.date]
) -> Stretches:
    """Return the places of tested days: a hole is as long as the market has closes in it."""
    steps = [0] + [
        1 + bisect_right(market_dates, as_of) - bisect_right(market_dates, before)
        for before, as_of in zip(pnl_dates, as_of_dates[1:], strict=False)
    ]
    return Stretches(np.cumsum(steps).astype(np.intp))


def _constant_volatility(book: BacktestBook) -> tuple[str, ...]:
    held = {
        quantity.instrument_id: book.listings[quantity.instrument_id].option
        for quantity in book.quantities
    }
    return tuple(
        sorted(name for name, terms in held.items() if terms and not terms.volatility_series)
    )


def _suspects(results: Sequence[SpanResult]) -> tuple[SuspectMove, ...]:
    """Return each move once, by instrument, then by date."""
    moves = {suspect for result in results for suspect in result.suspects}
    return tuple(sorted(moves, key=lambda move: (move.instrument_id, move.date, move.move)))


def _stand_ins(results: Sequence[SpanResult]) -> tuple[StandInVolatility, ...]:
    """Return each stand-in volatility once, by option, then by date."""
    stand_ins = {stand_in for result in results for stand_in in result.stand_ins}
    return tuple(sorted(stand_ins, key=lambda stand_in: (stand_in.instrument_id, stand_in.date)))


def _carried(results: Sequence[SpanResult]) -> tuple[CarriedClose, ...]:
    """Return each carried close once, by series, then by date."""
    carried = {close for result in results for close in result.days.carried}
    return tuple(sorted(carried, key=lambda close: (close.name, close.date)))
