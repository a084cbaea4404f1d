"""Closes that the window of a book lacks, and whether these are too many for a VaR."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.book.state.sessions import NO_EXCHANGE, Sessions, book_calendar, exchange_by_series
from system.contracts.messages import CarriedSeries
from system.risk.arrays import Float64Vector
from system.risk.errors import NoRecentCloseError
from system.risk.listing import Listing
from system.risk.scenarios.carry import (
    CarryBound,
    MissedCloses,
    MovedPositions,
    carry_problem,
    interrupted,
    missed_closes,
    moved_positions,
)
from system.risk.scenarios.window import ScenarioWindow


@dataclass(frozen=True, slots=True, eq=False)
class WindowGaps:
    """Closes that a window lacks; changes only when the window rolls.

    Parameters
    ----------
    missed : tuple of MissedCloses
        Series without a close on some day, in the order of the window.
    moved : MovedPositions or None
        The positions that each of them moves; None without any.
    later : tuple of date
        Sessions of the book after its last close, up to the as-of date.
    skipped : tuple of str
        Weekdays and sessions that are no scenario days; see `BookCalendar`.
    names : tuple of str
        All series of the book.
    """

    missed: tuple[MissedCloses, ...] = ()
    moved: MovedPositions | None = None
    later: tuple[dt.date, ...] = ()
    skipped: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def silence(self, bound: CarryBound, last_close: dt.date, as_of: dt.date) -> str:
        """Return why there is no VaR where the whole book has had no close for too long."""
        count = len(self.later)
        if count <= bound.max_sessions:
            return ""
        return str(NoRecentCloseError(self.names, last_close, as_of, count, bound.max_sessions))

    def bound_inputs(self, bound: CarryBound) -> bytes:
        """Return what decides on a VaR besides closes and prices; empty where nothing does."""
        places = interrupted(self.missed, bound)
        if not len(places):
            return b""
        names = [self.missed[place].name for place in places.tolist()]
        return "\n".join((*names, repr(bound.max_share))).encode()


NO_GAPS: Final = WindowGaps()


@dataclass(frozen=True, slots=True)
class CarriedCloses:
    """Carried series as a snapshot states them, and why they take VaR away, if they do."""

    series: tuple[CarriedSeries, ...] = ()
    problem: str = ""


def window_gaps(
    window: ScenarioWindow,
    listings: Sequence[Listing],
    sessions: Sessions,
    *,
    as_of: dt.date,
    base_currency: str,
) -> WindowGaps:
    """Return the closes that the window of a book lacks.

    Parameters
    ----------
    window : ScenarioWindow
        Of the book.
    listings : sequence of Listing
        The instruments of the book. A series that moves by a proxy keeps its own exchange.
    sessions : Sessions
        Session tables that are known.
    as_of : date
        The last closed day.
    base_currency : str
        Of the portfolio.
    """
    exchanges = exchange_by_series(listings)
    by_series = {name: exchanges.get(name, NO_EXCHANGE) for name in window.names}
    calendar = book_calendar(window.dates, as_of, by_series, sessions)
    silent = [
        sessions.count(exchange, last_close, as_of) if last_close < as_of else 0
        for exchange, last_close in zip(by_series.values(), window.newest_closes, strict=True)
    ]
    missed = missed_closes(window, calendar.later, calendar.sessions, silent)
    names = [series.name for series in missed]
    moved = moved_positions(names, listings, base_currency) if names else None
    return WindowGaps(missed, moved, calendar.later, calendar.skipped, window.names)


def carried_of(gaps: WindowGaps, exposure: Float64Vector, bound: CarryBound) -> CarriedCloses:
    """Return what a snapshot states of carried series, at present exposures.

    Parameters
    ----------
    gaps : WindowGaps
        Of the book's window.
    exposure : ndarray of float64, shape (position_count,)
        Base currency, short negative.
    bound : CarryBound
        Setting of the portfolio.
    """
    if gaps.moved is None:
        return CarriedCloses()
    shares = gaps.moved.shares(exposure)
    joint = gaps.moved.joint_share(exposure, interrupted(gaps.missed, bound))
    series = tuple(
        CarriedSeries(
            series=missed.name,
            dates=missed.dates,
            day_count=missed.day_count,
            missed_sessions=missed.missed_sessions,
            silent_sessions=missed.silent_sessions,
            last_close=missed.last_close,
            share=share,
        )
        for missed, share in zip(gaps.missed, np.minimum(shares, 1.0).tolist(), strict=True)
    )
    return CarriedCloses(series, carry_problem(gaps.missed, shares, joint, bound))
