"""The daily backtest: what was stated at each close, and what the next day brought."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from system.backtest.days import BacktestMarket, SpanDays, book_table, span_days
from system.backtest.errors import NoBacktestDaysError, UnsupportedInstrumentError
from system.backtest.options import OptionQuotes
from system.backtest.positions import (
    BacktestBook,
    HoldingSpan,
    holding_spans,
    quantity_matrix,
)
from system.backtest.span_run import SpanResult, span_result
from system.backtest.specification import BacktestSettings
from system.backtest.splits import Split, split_adjusted, split_factors
from system.risk.arrays import BoolVector, Float64Matrix, Float64Vector
from system.risk.breach import exceeds
from system.risk.confidence import tail_of
from system.risk.moves import SuspectMove
from system.risk.window import CarriedClose


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
    constant_volatility : tuple of str
        Options whose volatility no series moves in scenarios.
    kernel_checked : tuple of date
        As-of closes whose numbers were compared, to the bit, with `system.risk`.
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

    @property
    def day_count(self) -> int:
        """Return T, the number of days put to the test."""
        return len(self.pnl_dates)

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
    splits: Sequence[Split] = (),
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
    splits : sequence of Split
        Not yet in the closes.
    on_days : callable
        Told the number of days that have been added, for a progress bar.

    Returns
    -------
    DailyBacktest
        Every day in the bounds with a full window before it.

    Raises
    ------
    NoBacktestDaysError
        If there is no such day.
    UnknownSeriesError
        If an instrument or currency has no column; names it.
    MissingCloseError
        If a close is missing under ``REFUSE``, or cannot be carried; names series and date.
    NonPositiveCloseError
        If a relative return would start or end at a close at or below zero.
    UnsupportedInstrumentError
        If what a held option is on is split.
    NoOptionVolatilityError, NoScenarioValueError
        If an option's own price implies no volatility, or a scenario leaves it without a value.
    TooFewScenariosError
        If n * (1 - confidence) < 1.
    NonFinitePnlError
        If a scenario P&L overflows.
    """
    tail_of(settings.scenario_count, settings.confidence)
    _refuse_split_underlyings(book, splits)
    adjusted = BacktestMarket(split_adjusted(market.closes, splits), market.rates)
    chosen = _chosen_days(book, adjusted, settings)
    opening = chosen[0][1].as_of_dates[0]
    factors = split_factors(book.quantities, splits, opening=opening)
    quotes = OptionQuotes(adjusted.closes, settings.missing)
    results = []
    for span, days in chosen:
        quantities = quantity_matrix(span.held_at(days.as_of_dates), factors)
        results.append(
            span_result(
                days, span.listings, quantities, book.base_currency, settings, quotes, on_days
            )
        )
    return _joined(book, settings, results)


def _refuse_split_underlyings(book: BacktestBook, splits: Sequence[Split]) -> None:
    """Refuse a split of what a held option is on: what its terms become is not in the files."""
    split = {one.instrument_id for one in splits}
    for one in book.quantities:
        terms = book.listings[one.instrument_id].option
        if terms is not None and terms.underlying.instrument_id in split:
            why = (
                f"{terms.underlying.instrument_id} is split; give prices and strikes in the shares "
                "of the last day, without that split"
            )
            raise UnsupportedInstrumentError(one.instrument_id, why)


def _chosen_days(
    book: BacktestBook, market: BacktestMarket, settings: BacktestSettings
) -> list[tuple[HoldingSpan, SpanDays]]:
    """Return the spans that have a day to test, and their days."""
    history_count = settings.history_count
    chosen, common_count = [], 0
    for span in holding_spans(book):
        table = book_table(market, span.listings, book.base_currency)
        common_count = max(common_count, int(np.isfinite(table.closes).all(axis=0).sum()))
        days = span_days(
            table, span, settings.bounds, history_count=history_count, missing=settings.missing
        )
        if days is not None:
            chosen.append((span, days))
    if not chosen:
        bounds = (settings.bounds.start, settings.bounds.end)
        raise NoBacktestDaysError(book.portfolio, history_count, common_count, bounds)
    return chosen


def _joined(
    book: BacktestBook, settings: BacktestSettings, results: Sequence[SpanResult]
) -> DailyBacktest:
    def vector(name: str) -> Float64Vector:
        return np.concatenate([getattr(one, name) for one in results])

    def chained(name: str) -> tuple[dt.date, ...]:
        return tuple(itertools.chain.from_iterable(getattr(one.days, name) for one in results))

    var, pnl = vector("var"), vector("pnl")
    return DailyBacktest(
        portfolio=book.portfolio,
        settings=settings,
        as_of_dates=chained("as_of_dates"),
        pnl_dates=chained("pnl_dates"),
        value=vector("value"),
        var=var,
        expected_shortfall=vector("expected_shortfall"),
        pnl=pnl,
        theoretical_pnl=vector("theoretical_pnl"),
        breach=exceeds(-pnl, var),
        scenario_dates=tuple(itertools.chain(*(one.scenario_dates for one in results))),
        below=vector("below"),
        up_to=vector("up_to"),
        components=tuple(
            ComponentBlock(one.days.as_of_dates, one.instrument_ids, one.component_var)
            for one in results
        ),
        suspects=_suspects(results),
        carried=_carried(results),
        constant_volatility=_constant_volatility(book),
        kernel_checked=tuple(itertools.chain(*(one.kernel_checked for one in results))),
    )


def _constant_volatility(book: BacktestBook) -> tuple[str, ...]:
    held = {one.instrument_id: book.listings[one.instrument_id].option for one in book.quantities}
    return tuple(
        sorted(name for name, terms in held.items() if terms and not terms.volatility_series)
    )


def _suspects(results: Sequence[SpanResult]) -> tuple[SuspectMove, ...]:
    """Return each move once, by instrument, then by date."""
    found = {one for result in results for one in result.suspects}
    return tuple(sorted(found, key=lambda one: (one.instrument_id, one.date, one.move)))


def _carried(results: Sequence[SpanResult]) -> tuple[CarriedClose, ...]:
    """Return each carried close once, by series, then by date."""
    found = {one for result in results for one in result.days.window.carried}
    return tuple(sorted(found, key=lambda one: (one.name, one.date)))
