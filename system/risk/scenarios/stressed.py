"""Stressed VaR: today's positions and prices under the returns of a crisis.

A window takes every return that is dated inside it, both ends included, and none after
the as-of date; each window has its own n and k. The worst window is searched among all runs
of n consecutive returns of a history.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.risk.arrays import BoolVector, Float64Vector
from system.risk.confidence import Confidence, tail_rank
from system.risk.errors import HistoryTooShortError, NoHistoryInWindowError
from system.risk.historical import check_finite, loss, tail_order
from system.risk.listing import Listing
from system.risk.scenarios.factors import ScenarioFactors, scenario_factors, series_of
from system.risk.scenarios.proxies import (
    Proxied,
    SteadyListings,
    proxies_of,
    with_proxies,
    with_steady_volatility,
)
from system.risk.scenarios.window import CloseTable, ScenarioWindow

COVER_SLACK_DAYS: Final = 7
"""A series covers a window if it has a close before it, and one this near to its end."""

SEARCH_BLOCK: Final = 4_096
"""Windows that are ranked at once in a search: bounds the memory it takes."""


@dataclass(frozen=True, slots=True, order=True)
class StressedWindow:
    """A crisis: the first and the last date of the returns that are taken, both included."""

    name: str
    first: dt.date
    last: dt.date


STRESSED_WINDOWS: Final = (
    StressedWindow("2008", dt.date(2008, 9, 2), dt.date(2008, 12, 31)),
    StressedWindow("2020", dt.date(2020, 2, 3), dt.date(2020, 4, 30)),
    StressedWindow("2022", dt.date(2022, 1, 3), dt.date(2022, 12, 28)),
)
"""The collapse of Lehman, the first wave of Covid, and the year of rising rates."""


@dataclass(frozen=True, slots=True, eq=False)
class StressedScenarios:
    """The scenarios of one book in one stressed window.

    Parameters
    ----------
    window : StressedWindow
        Which.
    factors : ScenarioFactors
        Of the returns dated inside it, up to the as-of date.
    proxied : tuple of Proxied
        Series whose moves are a proxy's.
    closes : ScenarioWindow
        What the factors are made of.
    book : SteadyListings
        The book that the factors are of: options keep their volatility where that has no
        history in the window.
    """

    window: StressedWindow
    factors: ScenarioFactors
    proxied: tuple[Proxied, ...]
    closes: ScenarioWindow
    book: SteadyListings


@dataclass(frozen=True, slots=True)
class StressedVar:
    """A loss of today's book in a stressed window, base currency, losses positive.

    Parameters
    ----------
    var : float
        The k-th worst outcome of the window.
    tail_rank : int
        k, 1-based.
    scenario_count : int
        n.
    scenario_date : date
        Of the VaR scenario; among equal P&Ls the older ranks worse.
    """

    var: float
    tail_rank: int
    scenario_count: int
    scenario_date: dt.date


@dataclass(frozen=True, slots=True)
class WorstWindow:
    """The run of consecutive returns with the largest VaR; of equal ones the oldest.

    Parameters
    ----------
    first, last : date
        Of its returns, both included.
    var : float
        Base currency, losses positive.
    window_count : int
        How many were searched.
    """

    first: dt.date
    last: dt.date
    var: float
    window_count: int


def is_over(window: StressedWindow, as_of: dt.date | None) -> bool:
    """Return whether a window lies wholly before the as-of date."""
    return as_of is not None and window.last < as_of


def stressed_scenarios(
    table: CloseTable,
    listings: Sequence[Listing],
    *,
    window: StressedWindow,
    as_of: dt.date,
    base_currency: str,
) -> StressedScenarios:
    """Return the scenarios of a book in a stressed window.

    Parameters
    ----------
    table : CloseTable
        Closes in the window and of a day or more before it: the first return begins there.
    listings : sequence of Listing
        The book in canonical order.
    window : StressedWindow
        Which returns.
    as_of : date
        No later close is looked at.
    base_currency : str
        ISO code.

    Returns
    -------
    StressedScenarios
        There may be no scenario in it, where the window begins after the as-of date.

    Raises
    ------
    NoHistoryInWindowError
        If a series, or its proxy, does not cover the window; names it and the window.
    UnknownSeriesError
        If a series has neither closes nor a proxy; names it.
    NonPositiveCloseError
        If a relative return would start or end at a close at or below zero.
    """
    last = min(window.last, as_of)
    known = bisect_right(table.dates, last)
    until = CloseTable(table.names, table.dates[:known], table.closes[:, :known])
    start, end = _cover(until, window, last)

    def covers(present: BoolVector) -> bool:
        return bool(present[:start].any()) and bool(present[end:].any())

    book = with_steady_volatility(until, listings, suffices=covers)
    names = series_of(book.listings, base_currency)
    chosen = with_proxies(until, names, proxies_of(listings), suffices=covers)
    present = np.isfinite(chosen.table.closes)
    if window.first <= as_of:
        _refuse_uncovered(chosen.table.names, [covers(row) for row in present], window)
    complete: BoolVector = np.logical_and.reduce(present, axis=0)
    closes = _window_closes(chosen.table, complete, window)
    factors = scenario_factors(closes, book.listings, base_currency=base_currency)
    return StressedScenarios(window, factors, chosen.proxied, closes, book)


def stressed_var(
    pnl: Float64Vector, scenario_dates: Sequence[dt.date], *, confidence: Confidence
) -> StressedVar:
    """Return the VaR of a book in a stressed window.

    Parameters
    ----------
    pnl : ndarray of float64, shape (scenario_count,)
        Scenario P&L of today's book, gains positive, oldest scenario first.
    scenario_dates : sequence of date
        Of each scenario.
    confidence : Confidence
        Exact probability in (1/2, 1).

    Raises
    ------
    TooFewScenariosError
        If ``scenario_count * (1 - confidence) < 1``: for instance 99 % on 62 days.
    NonFinitePnlError
        If a scenario P&L overflows; names the scenario.
    """
    rank = tail_rank(len(pnl), confidence)
    worst = int(tail_order(pnl, rank)[-1])
    return StressedVar(loss(pnl[worst]), rank, len(pnl), scenario_dates[worst])


def worst_window(
    pnl: Float64Vector,
    scenario_dates: Sequence[dt.date],
    *,
    scenario_count: int,
    confidence: Confidence,
) -> WorstWindow:
    """Return the run of ``scenario_count`` consecutive returns with the largest VaR.

    Parameters
    ----------
    pnl : ndarray of float64, shape (history_count,)
        P&L of today's book under every return of a history, oldest first.
    scenario_dates : sequence of date
        Of each return.
    scenario_count : int
        Length n of a window: the portfolio's own.
    confidence : Confidence
        Exact probability in (1/2, 1).

    Returns
    -------
    WorstWindow
        Of equally bad windows the oldest.

    Raises
    ------
    TooFewScenariosError
        If ``scenario_count * (1 - confidence) < 1``.
    HistoryTooShortError
        If the history has fewer than n returns.
    NonFinitePnlError
        If a P&L overflows; names the scenario.
    """
    rank = tail_rank(scenario_count, confidence)
    check_finite(pnl)
    if len(pnl) < scenario_count:
        raise HistoryTooShortError(len(pnl), scenario_count)
    runs = np.lib.stride_tricks.sliding_window_view(pnl, scenario_count)
    quantiles = np.concatenate(
        [
            np.partition(runs[start : start + SEARCH_BLOCK], rank - 1, axis=1)[:, rank - 1]
            for start in range(0, len(runs), SEARCH_BLOCK)
        ]
    )
    worst = int(np.argmin(quantiles))
    return WorstWindow(
        first=scenario_dates[worst],
        last=scenario_dates[worst + scenario_count - 1],
        var=loss(quantiles[worst]),
        window_count=len(runs),
    )


def _cover(table: CloseTable, window: StressedWindow, last: dt.date) -> tuple[int, int]:
    """Return the columns before and from which a series that covers the window has a close."""
    slack = dt.timedelta(days=COVER_SLACK_DAYS)
    return bisect_left(table.dates, window.first), bisect_left(table.dates, last - slack)


def _refuse_uncovered(
    names: Sequence[str], covered: Sequence[bool], window: StressedWindow
) -> None:
    for name, covers in zip(names, covered, strict=True):
        if not covers:
            raise NoHistoryInWindowError(name, window.name, window.first, window.last)


def _window_closes(
    table: CloseTable, complete: BoolVector, window: StressedWindow
) -> ScenarioWindow:
    """Return the complete days of the window, and the last one before it."""
    days = np.flatnonzero(complete)
    inside = bisect_left([table.dates[day] for day in days], window.first)
    taken = days[max(0, inside - 1) :]
    dates = tuple(table.dates[day] for day in taken)
    return ScenarioWindow(table.names, dates, np.ascontiguousarray(table.closes[:, taken]))
