"""One span of a backtest: the same instruments, day after day.

Official numbers of some days, spread evenly from the first to the last, are computed a
second time by `system.risk.portfolio.portfolio_risk`, the function that the stream calls,
and compared to the bit (decision 0035).
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from system.backtest.engine.carried import InterruptedClose, interrupted_closes, within_bound
from system.backtest.engine.daily_valuation import DailyValuation, MarkedDays, worth
from system.backtest.engine.days import SpanDays
from system.backtest.engine.methods import Forecasts, Method, forecasts
from system.backtest.engine.options import OptionDays, option_days
from system.backtest.engine.scenarios import (
    ScenarioBlock,
    base_rates,
    currency_moves,
    factor_history,
    unit_rates,
)
from system.backtest.engine.settlements import OptionQuotes, StandInVolatility
from system.backtest.engine.specification import BacktestSettings
from system.backtest.engine.untested import Cause, UntestedDay
from system.risk.arrays import BoolVector, Float64Matrix, Float64Vector, IndexVector
from system.risk.listing import Listing
from system.risk.portfolio import ADDITIVITY_TOLERANCE, portfolio_risk, position_groups
from system.risk.scenarios.factors import PositionExposures, ScenarioFactors
from system.risk.scenarios.suspect_returns import SuspectMove, suspect_moves
from system.risk.scenarios.window import CarriedClose

CELLS_PER_BLOCK: Final = 1_000_000
"""Largest number of scenario P&Ls that are held at a time."""
CHECKED_DAYS: Final = 20
"""Days of a span that are compared with the risk core; about 0.2 ms each."""


@dataclass(frozen=True, slots=True)
class UnfittedDay:
    """P&L date without a VaR, because the scenario P&Ls have no law of the method's kind.

    Parameters
    ----------
    date : date
        P&L date.
    equal_count : int
        How many of the scenario P&Ls are equal.
    """

    date: dt.date
    equal_count: int


@dataclass(frozen=True, slots=True, eq=False)
class SpanResult:
    """Values, forecasts and P&Ls of one span of days; see `DailyBacktest`.

    Vectors have shape (day_count,); ``component_var`` (day_count, position_count). Days that the
    method has no law for are left out of them and stand in ``unfitted``, days before which too
    many closes are carried in ``interrupted``.
    """

    days: SpanDays
    as_of_dates: tuple[dt.date, ...]
    pnl_dates: tuple[dt.date, ...]
    unfitted: tuple[UnfittedDay, ...]
    interrupted: tuple[UntestedDay, ...]
    instrument_ids: tuple[str, ...]
    value: Float64Vector
    pnl: Float64Vector
    theoretical_pnl: Float64Vector
    var: Float64Vector
    expected_shortfall: Float64Vector
    below: Float64Vector
    up_to: Float64Vector
    component_var: Float64Matrix
    scenario_dates: tuple[dt.date | None, ...]
    suspects: tuple[SuspectMove, ...]
    stand_ins: tuple[StandInVolatility, ...]
    kernel_checked: tuple[dt.date, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Span:
    """A span, ready to be valued."""

    days: SpanDays
    listings: Sequence[Listing]
    worth: DailyValuation
    block: ScenarioBlock
    options: OptionDays


def span_result(
    days: SpanDays,
    listings: Sequence[Listing],
    quantities: Float64Matrix,
    base_currency: str,
    settings: BacktestSettings,
    quotes: OptionQuotes,
    on_days: Callable[[int], None],
) -> SpanResult:
    """Return the backtest of one span.

    Parameters
    ----------
    days : SpanDays
        Closes, and which of them are tested.
    listings : sequence of Listing
        Canonical order.
    quantities : ndarray of float64, shape (as_of_count, position_count)
        Held at each as-of close.
    base_currency : str
        ISO code.
    settings : BacktestSettings
        Method, window, confidence.
    quotes : OptionQuotes
        Prices of options themselves.
    on_days : callable
        Told the number of days that have been added.

    Raises
    ------
    NonPositiveCloseError
        If a relative return would start or end at a close at or below zero.
    NonFinitePnlError
        If a scenario P&L overflows.
    UnknownSeriesError, MissingCloseError, NoOptionVolatilityError, NoScenarioValueError
        If an option cannot be valued on a day; see `option_days`.
    """
    span = _prepared(days, listings, quantities, base_currency, quotes)
    days = span.days
    value = _row_sums(span.worth.value)
    pnl = _row_sums(span.worth.value_after) - value
    stated = _stated(span.block, pnl, settings, on_days)
    fits = np.isfinite(stated.var)
    _assert_additive(stated.component_var[fits], stated.var[fits])
    interrupted = _interrupted(span, base_currency, settings)
    unfitted = _unfitted(days, stated, fits)
    fits &= within_bound(interrupted, days.as_of_count)
    return SpanResult(
        days=days,
        as_of_dates=tuple(itertools.compress(days.as_of_dates, fits)),
        pnl_dates=tuple(itertools.compress(days.pnl_dates, fits)),
        unfitted=unfitted,
        interrupted=tuple(
            UntestedDay(days.pnl_dates[close.day], Cause.INTERRUPTED, close.series)
            for close in interrupted
        ),
        instrument_ids=tuple(listing.instrument_id for listing in listings),
        value=value[fits],
        pnl=pnl[fits],
        theoretical_pnl=span.block.realised()[fits],
        var=stated.var[fits],
        expected_shortfall=stated.expected_shortfall[fits],
        below=stated.below[fits],
        up_to=stated.up_to[fits],
        component_var=stated.component_var[fits],
        scenario_dates=_scenario_dates(days, stated.scenario, settings, fits),
        suspects=suspect_moves(days.window, listings),
        stand_ins=span.options.stand_ins,
        kernel_checked=_kernel_checked(span, stated, settings),
    )


def _prepared(
    days: SpanDays,
    listings: Sequence[Listing],
    quantities: Float64Matrix,
    base_currency: str,
    quotes: OptionQuotes,
) -> _Span:
    rates = base_rates(days.window, listings, base_currency)
    factors = factor_history(days.window, listings, rates, base_currency)
    moves = currency_moves(rates, base_currency)
    options = option_days(days, listings, factors, moves, quotes)
    marked = MarkedDays.of(days.window, listings, unit_rates(listings, rates), options.premium)
    held = worth(marked, quantities, days.history_count)
    block = ScenarioBlock(factors, held.weights(factors), 0, days.history_count, options.rows)
    carried = tuple(
        CarriedClose(stand_in.instrument_id, stand_in.date)
        for stand_in in options.stand_ins
        if not stand_in.is_worth_price
    )
    days = replace(days, carried_quotes=carried)
    return _Span(days, listings, held, block, options)


def _stated(
    whole: ScenarioBlock,
    pnl: Float64Vector,
    settings: BacktestSettings,
    on_days: Callable[[int], None],
) -> Forecasts:
    parts = []
    for first, block in _blocks(whole):
        part = pnl[first : first + block.day_count]
        parts.append(forecasts(settings.method, block, part, settings.confidence))
        on_days(block.day_count)
    return Forecasts.joined(parts)


def _blocks(whole: ScenarioBlock) -> Iterator[tuple[int, ScenarioBlock]]:
    """Yield blocks of bounded size, each with the number of its first day."""
    per_block = max(1, CELLS_PER_BLOCK // whole.scenario_count)
    for first in range(0, whole.day_count, per_block):
        yield first, whole.days(first, per_block)


def _row_sums(values: Float64Matrix) -> Float64Vector:
    """Return the sum of each row, rounded once, as `Valuation.nav` has it."""
    return np.array([math.fsum(row) for row in values.tolist()])


def _unfitted(days: SpanDays, stated: Forecasts, fits: BoolVector) -> tuple[UnfittedDay, ...]:
    if stated.equal_count is None:
        return ()
    return tuple(
        UnfittedDay(days.pnl_dates[day], int(stated.equal_count[day]))
        for day in np.flatnonzero(~fits)
    )


def _scenario_dates(
    days: SpanDays, scenario: IndexVector | None, settings: BacktestSettings, fits: BoolVector
) -> tuple[dt.date | None, ...]:
    if scenario is None:
        return (None,) * int(fits.sum())
    offset = settings.history_count - settings.scenario_count + 1
    dates, stated = days.window.dates, np.flatnonzero(fits).tolist()
    return tuple(dates[day + offset + int(scenario[day])] for day in stated)


def _interrupted(
    span: _Span, base_currency: str, settings: BacktestSettings
) -> tuple[InterruptedClose, ...]:
    """Return the as-of closes before which too many closes are carried."""
    if span.days.window.is_carried is None:
        return ()
    exposure = span.options.exposed(span.listings, span.worth)
    return interrupted_closes(span.days, span.listings, base_currency, exposure, settings.carry)


def _assert_additive(component_var: Float64Matrix, var: Float64Vector) -> None:
    for parts, total in zip(component_var.tolist(), var.tolist(), strict=True):
        gap = abs(math.fsum(parts) - total)
        bound = ADDITIVITY_TOLERANCE * (math.fsum(map(abs, parts)) + abs(total))
        assert gap <= bound, f"components miss VaR {total} by {gap}, more than {bound}"


def _kernel_checked(
    span: _Span, stated: Forecasts, settings: BacktestSettings
) -> tuple[dt.date, ...]:
    """Compare some days with `portfolio_risk` and return them; none for a challenger."""
    if settings.method not in (Method.HS, Method.HS250):
        return ()
    count = min(CHECKED_DAYS, span.days.as_of_count)
    checked = sorted(set(np.linspace(0, span.days.as_of_count - 1, count).astype(int).tolist()))
    for day in checked:
        _assert_same_bits(span, stated, settings, day)
    return tuple(span.days.as_of_dates[day] for day in checked)


def _assert_same_bits(span: _Span, stated: Forecasts, settings: BacktestSettings, day: int) -> None:
    ids = tuple(listing.instrument_id for listing in span.listings)
    risk = portfolio_risk(
        PositionExposures(ids, span.worth.price_exposure[day], span.worth.value[day]),
        _factors_of_day(span.block, span.days, ids, day),
        confidence=settings.confidence,
        groups=position_groups([listing.asset_class.value for listing in span.listings]),
    )
    assert stated.scenario is not None
    here = (stated.var[day], stated.expected_shortfall[day], stated.scenario[day])
    there = (risk.var, risk.expected_shortfall, risk.var_scenario)
    same = here == there and np.array_equal(stated.component_var[day], risk.component_var)
    assert same, f"{span.days.as_of_dates[day]}: the backtest has {here}, the core {there}"


def _factors_of_day(
    block: ScenarioBlock, days: SpanDays, ids: tuple[str, ...], day: int
) -> ScenarioFactors:
    part = slice(day, day + days.history_count)
    return ScenarioFactors(
        instrument_ids=ids,
        scenario_dates=days.window.scenario_dates[part],
        rows=block.rows_of(day),
        row_position=block.factors.row_position,
        row_is_fx=block.factors.row_is_fx,
    )
