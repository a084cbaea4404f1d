"""As-of closes with too many carried closes for a VaR: the bound of the stream, day by day.

A backtest knows no calendars of exchanges: Monday to Friday are sessions, as in the stream
where no exchange is named (decision 0102).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from system.backtest.engine.days import SpanDays
from system.contracts.messages import CARRY_SPAN_DAYS
from system.risk.arrays import BoolMatrix, BoolVector, Float64Matrix, IndexVector
from system.risk.currency import major_currency
from system.risk.listing import Listing
from system.risk.scenarios.carry import (
    CarryBound,
    MovedPositions,
    is_beyond,
    missed_within_span,
)
from system.risk.scenarios.factors import own_series
from system.risk.scenarios.window import (
    ScenarioWindow,
    are_weekdays,
    fx_series,
    ordinals,
    weekdays_until,
)


@dataclass(frozen=True, slots=True)
class InterruptedClose:
    """As-of close without a VaR, because too many closes before it are missing.

    Parameters
    ----------
    day : int
        0-based place of the as-of close among those of its span.
    series : tuple of str
        Interrupted series, in the order of the window.
    """

    day: int
    series: tuple[str, ...]


def interrupted_closes(
    days: SpanDays,
    listings: Sequence[Listing],
    base_currency: str,
    exposure: Float64Matrix,
    bound: CarryBound,
) -> tuple[InterruptedClose, ...]:
    """Return the as-of closes whose interrupted series move too large a part of the book.

    Parameters
    ----------
    days : SpanDays
        Of one span.
    listings : sequence of Listing
        The book in canonical order.
    base_currency : str
        ISO code.
    exposure : ndarray of float64, shape (as_of_count, position_count)
        At each as-of close, base currency, short negative; of options delta times spot.
    bound : CarryBound
        How long, or for how small a part of the book, closes are carried.
    """
    window = days.window
    if window.is_carried is None:
        return ()
    most = _most_missed(window, window.is_carried, days.history_count, days.as_of_count)
    interrupted = most > bound.max_sessions
    moved = _moved(window.names, listings, base_currency)
    closes = []
    for day in np.flatnonzero(interrupted.any(axis=0)).tolist():
        places = np.flatnonzero(interrupted[:, day])
        if is_beyond(moved.joint_share(exposure[day], places), bound):
            closes.append(InterruptedClose(day, tuple(window.names[row] for row in places)))
    return tuple(closes)


def _most_missed(
    window: ScenarioWindow, is_carried: BoolMatrix, history_count: int, as_of_count: int
) -> IndexVector:
    """Return the most sessions each series misses up to each as-of close: shape (names, closes).

    Within a span of the window that ends there, or since its last close.
    """
    dates = ordinals(window.dates)
    missed = is_carried & are_weekdays(dates)
    runs = np.lib.stride_tricks.sliding_window_view
    if history_count + 1 >= CARRY_SPAN_DAYS:
        within = missed_within_span(missed)[:, CARRY_SPAN_DAYS - 1 :]
        spans = runs(within, history_count + 2 - CARRY_SPAN_DAYS, axis=1).max(axis=2)
    else:
        spans = runs(missed, history_count + 1, axis=1).sum(axis=2)
    until = weekdays_until(dates)
    own = np.where(is_carried, until[0] - int(are_weekdays(dates[:1])[0]), until)
    silent = until - np.maximum.accumulate(own, axis=1)
    as_of = slice(history_count, history_count + as_of_count)
    most: IndexVector = np.maximum(spans[:, :as_of_count], silent[:, as_of])
    return most


def _moved(names: Sequence[str], listings: Sequence[Listing], base_currency: str) -> MovedPositions:
    """Return the positions that each series moves; a rate is in base currency for one unit."""
    moved: dict[str, list[int]] = {name: [] for name in names}
    for position, listing in enumerate(listings):
        currency = major_currency(listing.currency)
        rate = [] if currency == base_currency else [fx_series(currency)]
        for name in (*own_series(listing), *rate):
            moved[name].append(position)
    return MovedPositions.of([moved[name] for name in names], moved.values())


def within_bound(closes: Sequence[InterruptedClose], as_of_count: int) -> BoolVector:
    """Return which as-of closes have a VaR, shape (as_of_count,)."""
    kept = np.ones(as_of_count, dtype=np.bool_)
    kept[[close.day for close in closes]] = False
    return kept
