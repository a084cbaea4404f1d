"""What a portfolio gains or loses in scenarios that somebody names.

A scenario is a pair of closes of each series: before and after. It goes through the kernel
that VaR's own scenarios go through, so that each position's P&L is V'X' - VX, options
revalued, with the FX rate moved in the same scenario.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from system.book.questions.shock_reach import is_meant, is_price, moved_level, unmoved_shocks
from system.book.questions.volatility_shocks import with_volatility_shocks
from system.book.state.errors import ImpossibleShockError, NoSuchDayError
from system.book.state.market import Market
from system.book.valuation.derived import PositionArrays
from system.book.valuation.portfolio import Marked, PortfolioBook
from system.contracts.api.questions import Shock
from system.contracts.currencies import EUR, FX_SERIES_PREFIX
from system.contracts.messages import MAX_CLOSED_DAYS
from system.errors import InputError
from system.risk.arrays import Float64Matrix, Float64Vector
from system.risk.errors import some_of
from system.risk.options.moves import option_moves
from system.risk.options.revaluation import revalued
from system.risk.portfolio import position_pnl
from system.risk.scenarios.factors import scenario_factors
from system.risk.scenarios.proxies import with_steady_volatility
from system.risk.scenarios.window import CloseTable, Missing, ScenarioWindow, scenario_window

LOWEST_MOVE: Final = -0.99
HIGHEST_MOVE: Final = 2.0
GRID_STEP: Final = 0.005
"""A loss that a uniform move brings only between two points of this grid is not seen."""
REFINEMENTS: Final = 8
POINTS: Final = 64
_FIRST_DATE: Final = dt.date(1, 1, 1)
"""Pairs of closes that belong to no day are dated from here on."""


@dataclass(frozen=True, slots=True, eq=False)
class ShockedPnl:
    """P&L of one scenario, base currency, gains positive.

    Parameters
    ----------
    pnl : float
        Of the whole portfolio.
    by_position : ndarray of float64, shape (position_count,)
        In canonical order; adds up to ``pnl`` up to rounding.
    days : tuple of date, or None
        The two closes of a day of history.
    unmoved : tuple of str
        Why shocks that moved nothing did not, in their order.
    """

    pnl: float
    by_position: Float64Vector
    days: tuple[dt.date, dt.date] | None = None
    unmoved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class UniformMove:
    """The smallest uniform move that loses an amount, and how far it was looked for.

    Parameters
    ----------
    move : float or None
        Relative; None where no move in [LOWEST_MOVE, HIGHEST_MOVE] loses as much.
    scenario : ShockedPnl or None
        At that move.
    worst_move, worst_pnl : float
        The worst point of the grid.
    """

    move: float | None
    scenario: ShockedPnl | None
    worst_move: float
    worst_pnl: float


def shocked_pnl(book: PortfolioBook, market: Market, shocks: Sequence[Shock]) -> ShockedPnl:
    """Return the P&L of a book under shocks, applied in their order.

    Parameters
    ----------
    book : PortfolioBook
        At current prices.
    market : Market
        That the book is marked in.
    shocks : sequence of Shock
        Relative or absolute moves; see there. Those of volatility are put on what the
        others leave of it.

    Raises
    ------
    ImpossibleShockError
        If a price, a rate or a volatility would not stay above zero; names it.
    """
    marked = book.marked()
    base_currency = book.definition.base_currency
    base = _levels(marked, market, base_currency)
    after = dict(base)
    for shock in shocks:
        if not shock.volatility:
            after = _shocked(after, shock, market, base_currency)
    _check_positive(after, market)
    window = _pairs(marked.shape.series, base, [after])
    found = _scenario(book, marked, window, shocks)
    unmoved = unmoved_shocks(marked, market, shocks, base_currency=base_currency)
    return replace(found, unmoved=unmoved)


def day_pnl(book: PortfolioBook, market: Market, day: dt.date) -> ShockedPnl:
    """Return the P&L of a book under the moves of one day of history.

    Parameters
    ----------
    book : PortfolioBook
        At current prices.
    market : Market
        Holds the closes.
    day : date
        On which the returns end; they begin at the close before that all series have.

    Raises
    ------
    NoSuchDayError
        If there is no such return of every series; says what days there are.
    """
    marked = book.marked()
    window = _day_window(market, marked.shape, day)
    found = _scenario(book, marked, window)
    before, after = window.dates
    return ShockedPnl(found.pnl, found.by_position, (before, after))


def _day_window(market: Market, shape: PositionArrays, day: dt.date) -> ScenarioWindow:
    """Return the closes of a day; without volatilities where they have none that day."""
    try:
        return day_window(market, shape.series, day)
    except NoSuchDayError:
        steady = [name for name in shape.series if name not in _volatilities(shape)]
        if len(steady) == len(shape.series):
            raise
        return day_window(market, steady, day)


def _volatilities(shape: PositionArrays) -> frozenset[str]:
    """Return the series that move volatilities and are no price of the book."""
    options = [one.option for one in shape.listings if one.option is not None]
    named = {one.volatility_series for one in options}
    return frozenset(named - {one.underlying.instrument_id for one in options} - shape.tickers)


def day_window(market: Market, series: Sequence[str], day: dt.date) -> ScenarioWindow:
    """Return the two closes of each series whose return is that of a day.

    They are those of the scenario of that day: in the daily closes a series without one is
    carried, unless its last one is ``MAX_CLOSED_DAYS`` old; in the closes of a stressed window
    every series has one.

    Raises
    ------
    NoSuchDayError
        If there is no such return.
    """
    spans: list[str] = []
    for place, table in enumerate(history_tables(market)):
        missing = Missing.SKIP if place or not series else Missing.CARRY
        try:
            chosen = table.select(series)
            window = scenario_window(chosen, as_of=day, scenario_count=1, missing=missing)
        except InputError as error:
            spans.append(str(error))
            continue
        silent = _silent_since(window, day)
        if window.dates[-1] == day and not silent:
            return window
        which = "all" if missing is Missing.SKIP else "any"
        last = f"closes of {which} series on {window.dates[-1]}, the last before"
        spans.append(f"no close since {some_of(silent)}" if silent else last)
    raise NoSuchDayError(day, "; ".join(spans))


def _silent_since(window: ScenarioWindow, day: dt.date) -> list[str]:
    """Return the series of a window whose last close is too old to be carried to a day."""
    return [
        f"{last} of {name}"
        for name, last in zip(window.names, window.last_closes, strict=False)
        if (day - last).days > MAX_CLOSED_DAYS
    ]


def history_tables(market: Market) -> tuple[CloseTable, ...]:
    """Return every set of closes that days are looked for in."""
    stressed = market.stressed
    return (market.table, *(stressed.table(window.name) for window in stressed.windows))


def reverse_stress(book: PortfolioBook, market: Market, loss: float) -> UniformMove:
    """Return the smallest uniform move of all prices that loses an amount; rates stay.

    Parameters
    ----------
    book : PortfolioBook
        At current prices.
    market : Market
        That the book is marked in.
    loss : float
        Base currency, positive.

    Returns
    -------
    UniformMove
        The move nearest to zero, up or down, whose loss is at least ``loss``: the first on
        a grid of ``GRID_STEP``, then refined ``REFINEMENTS`` times.
    """
    assert loss > 0.0, f"loss {loss} is not positive"
    marked = book.marked()
    grid = _grid()
    pnl = _uniform_pnl(book, marked, market, grid)
    worst = int(np.argmin(pnl))
    found = _smallest(book, marked, market, grid, -loss)
    if found is None:
        return UniformMove(None, None, float(grid[worst]), float(pnl[worst]))
    levels = _levels(marked, market, book.definition.base_currency)
    window = _pairs(marked.shape.series, levels, [_moved(levels, found, market)])
    scenario = _scenario(book, marked, window)
    return UniformMove(found, scenario, float(grid[worst]), float(pnl[worst]))


# -- levels and their moves ---------------------------------------------------------------


def _levels(marked: Marked, market: Market, base_currency: str) -> dict[str, float]:
    """Return the present level of each series of a book: prices, and units per 1 EUR.

    Volatilities have the level 1: only their relative moves count, and shocks of prices
    leave them.
    """
    levels: dict[str, float] = {}
    volatilities = _volatilities(marked.shape)
    for name in marked.shape.series:
        if name in volatilities:
            levels[name] = 1.0
        elif name.startswith(FX_SERIES_PREFIX):
            levels[name] = marked.quotes[name.removeprefix(FX_SERIES_PREFIX)]
        else:
            price = market.price(name)
            assert price is not None, f"{name} is valued without a price"
            levels[name] = price.value
    return levels


def _shocked(
    levels: Mapping[str, float], shock: Shock, market: Market, base_currency: str
) -> dict[str, float]:
    if shock.currency is not None:
        return _revalued_currency(levels, shock, base_currency)
    return {
        name: moved_level(level, shock) if is_meant(name, shock, market) else level
        for name, level in levels.items()
    }


def _revalued_currency(
    levels: Mapping[str, float], shock: Shock, base_currency: str
) -> dict[str, float]:
    """Return the rates with one currency's value in the base currency moved.

    Rates are units per 1 EUR: EUR itself moves against all others by moving them.
    """
    moved = dict(levels)
    currency, base = str(shock.currency), _per_eur(levels, base_currency)
    own = _per_eur(levels, currency)
    if own is None or base is None or currency == base_currency:
        return moved
    value = moved_level(base / own, shock)
    if value <= 0.0:
        raise ImpossibleShockError(f"currency {currency}", base / own, value)
    factor = value / (base / own)
    if currency == EUR:
        rates = [name for name in levels if name.startswith(FX_SERIES_PREFIX)]
        return moved | {name: levels[name] * factor for name in rates}
    name = FX_SERIES_PREFIX + currency
    return moved | {name: levels[name] / factor}


def _per_eur(levels: Mapping[str, float], currency: str) -> float | None:
    return 1.0 if currency == EUR else levels.get(FX_SERIES_PREFIX + currency)


def _check_positive(levels: Mapping[str, float], market: Market) -> None:
    for name, level in levels.items():
        listing = market.listings.get(name)
        free = listing is not None and listing.is_absolute
        if level <= 0.0 and not free:
            price = market.price(name)
            raise ImpossibleShockError(f"price of {name}", price.value if price else 0.0, level)


def _moved(levels: Mapping[str, float], move: float, market: Market) -> dict[str, float]:
    """Return the levels with all prices moved alike; rates and volatilities as they are."""
    return {
        name: level * (1.0 + move) if is_price(name, market) else level
        for name, level in levels.items()
    }


# -- through the kernel -------------------------------------------------------------------


def _pairs(
    series: Sequence[str], before: Mapping[str, float], after: Sequence[Mapping[str, float]]
) -> ScenarioWindow:
    """Return closes that alternate between before and each after; every other return counts."""
    columns = [[level[name] for name in series] for one in after for level in (before, one)]
    closes = np.array(columns, dtype=np.float64).reshape(len(columns), len(series)).T
    dates = tuple(_FIRST_DATE + dt.timedelta(days=index) for index in range(len(columns)))
    return ScenarioWindow(tuple(series), dates, np.ascontiguousarray(closes))


def _scenario(
    book: PortfolioBook, marked: Marked, window: ScenarioWindow, shocks: Sequence[Shock] = ()
) -> ShockedPnl:
    by_position = _position_pnl(book, marked, window, shocks)[0]
    return ShockedPnl(math.fsum(by_position.tolist()), by_position)


def _position_pnl(
    book: PortfolioBook, marked: Marked, window: ScenarioWindow, shocks: Sequence[Shock] = ()
) -> Float64Matrix:
    """Return the P&L of each position in every other scenario, shape (count, positions)."""
    base_currency = book.definition.base_currency
    closes = CloseTable(window.names, window.dates, window.closes)
    steady = with_steady_volatility(closes, marked.shape.listings, suffices=np.all)
    factors = scenario_factors(window, steady.listings, base_currency=base_currency)
    if marked.options is not None:
        moves = option_moves(window, steady.listings, factors, base_currency=base_currency)
        moves = with_volatility_shocks(moves, marked.options.marks, shocks)
        factors = revalued(factors, moves, marked.options.marks)
    pnl: Float64Matrix = position_pnl(marked.valuation.exposures, factors)[::2]
    return pnl


# -- reverse ------------------------------------------------------------------------------


def _grid() -> Float64Vector:
    down = round(-LOWEST_MOVE / GRID_STEP)
    up = round(HIGHEST_MOVE / GRID_STEP)
    grid: Float64Vector = np.arange(-down, up + 1, dtype=np.float64) * GRID_STEP
    return grid


def _uniform_pnl(
    book: PortfolioBook, marked: Marked, market: Market, moves: Float64Vector
) -> Float64Vector:
    levels = _levels(marked, market, book.definition.base_currency)
    after = [_moved(levels, move, market) for move in moves.tolist()]
    window = _pairs(marked.shape.series, levels, after)
    pnl = _position_pnl(book, marked, window)
    return np.array([math.fsum(row) for row in pnl.tolist()], dtype=np.float64)


def _smallest(
    book: PortfolioBook, marked: Marked, market: Market, grid: Float64Vector, target: float
) -> float | None:
    """Return the move nearest to zero whose P&L is at most ``target``."""
    down, up = grid[grid <= 0.0][::-1], grid[grid >= 0.0]
    found = [
        move
        for side in (down, up)
        if (move := _first_crossing(book, marked, market, side, target)) is not None
    ]
    return min(found, key=abs, default=None)


def _first_crossing(
    book: PortfolioBook, marked: Marked, market: Market, outward: Float64Vector, target: float
) -> float | None:
    found: float | None = None
    for _ in range(REFINEMENTS):
        lost = np.flatnonzero(_uniform_pnl(book, marked, market, outward) <= target)
        if not len(lost):
            return found
        first = int(lost[0])
        found = float(outward[first])
        nearer = float(outward[max(first - 1, 0)])
        outward = np.asarray(np.linspace(nearer, found, POINTS), dtype=np.float64)
    return found
