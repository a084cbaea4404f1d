"""Closes that are carried over days without one: of which series, for how long, and the bound.

Laws (decision 0102):

1. A series misses a scenario day that is a session of its own and has no close of it. Sessions
   after the book's last close up to the as-of date count as well.
2. A series that misses more than ``max_sessions`` within any ``CARRY_SPAN_DAYS`` consecutive
   days, or since its last close, is *interrupted*.
3. Interrupted series together may move at most ``max_share`` of gross exposure; beyond that a
   VaR would leave out too much of the book, and there is none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from system.contracts.currencies import EUR
from system.contracts.messages import CARRY_MAX_SESSIONS, CARRY_MAX_SHARE, CARRY_SPAN_DAYS
from system.risk.arrays import BoolMatrix, Float64Vector, IndexVector
from system.risk.currency import major_currency
from system.risk.errors import some_of
from system.risk.listing import Listing
from system.risk.scenarios.factors import own_series
from system.risk.scenarios.window import ScenarioWindow, fx_series

MAX_CARRIED_DATES: Final = 50
"""Days of a series without a close that are named, the newest; the rest are counted."""
MAX_NAMED_DATES: Final = 5_000
"""Days that are named of all series of a book together; of each at least the newest one."""
SHARE_TOLERANCE: Final = 1e-9
"""A share this near to the bound, relative to it, is at the bound: both were rounded."""


@dataclass(frozen=True, slots=True)
class CarryBound:
    """How long, or for how small a part of the book, closes are carried.

    Parameters
    ----------
    max_sessions : int
        Own sessions that a series may miss within ``CARRY_SPAN_DAYS`` consecutive days.
    max_share : float
        Part of gross exposure, 0 to 1, that series which miss more may move together.
    """

    max_sessions: int = CARRY_MAX_SESSIONS
    max_share: float = CARRY_MAX_SHARE


@dataclass(frozen=True, slots=True)
class MissedCloses:
    """A series that has no close on some days of a window.

    Parameters
    ----------
    name : str
        Of the series.
    dates : tuple of date
        Scenario days without a close of it, and sessions of the book after its last scenario
        day: the newest ones, ascending.
    day_count : int
        How many of them there are.
    missed_sessions : int
        Most own sessions that it misses within ``CARRY_SPAN_DAYS`` consecutive days of the
        window, or since its last close.
    silent_sessions : int
        Own sessions since its last close, up to the as-of date.
    last_close : date
        Its newest close; it may be older than the window.
    """

    name: str
    dates: tuple[dt.date, ...]
    day_count: int
    missed_sessions: int
    silent_sessions: int
    last_close: dt.date


def missed_closes(
    window: ScenarioWindow,
    later: Sequence[dt.date],
    sessions: BoolMatrix,
    silent_sessions: Sequence[int],
) -> tuple[MissedCloses, ...]:
    """Return the series of a window that are carried on some day, in the order of its rows.

    Parameters
    ----------
    window : ScenarioWindow
        Of one book.
    later : sequence of date
        Sessions of the book after the last scenario day, up to the as-of date, ascending.
    sessions : ndarray of bool, shape (name_count, n + 1 + later_count)
        Whether a day of the window, or a later one, is a session of a series.
    silent_sessions : sequence of int
        Sessions of each series after its last close, up to the as-of date.
    """
    if window.is_carried is None and not later:
        return ()
    days = (*window.dates, *later)
    assert sessions.shape == (len(window.names), len(days)), sessions.shape
    carried = np.ones(sessions.shape, dtype=np.bool_)
    carried[:, : len(window.dates)] = False if window.is_carried is None else window.is_carried
    most, counts = most_missed(carried & sessions).tolist(), carried.sum(axis=1).tolist()
    rows, closes = np.flatnonzero(carried.any(axis=1)).tolist(), window.newest_closes
    named = max(1, min(MAX_CARRIED_DATES, MAX_NAMED_DATES // max(1, len(rows))))
    return tuple(
        MissedCloses(
            name=window.names[row],
            dates=tuple(days[column] for column in np.flatnonzero(carried[row])[-named:].tolist()),
            day_count=counts[row],
            missed_sessions=max(most[row], silent_sessions[row]),
            silent_sessions=silent_sessions[row],
            last_close=closes[row],
        )
        for row in rows
    )


def most_missed(missed: BoolMatrix) -> IndexVector:
    """Return the most sessions that each series misses within ``CARRY_SPAN_DAYS`` days.

    Parameters
    ----------
    missed : ndarray of bool, shape (name_count, day_count)
        Whether a series misses a session of its own on a day.

    Returns
    -------
    ndarray of intp, shape (name_count,)
    """
    span_sums = missed_within_span(missed)
    most: IndexVector = span_sums.max(axis=1, initial=0)
    return most


def missed_within_span(missed: BoolMatrix) -> IndexVector:
    """Return for each day how many sessions were missed on it and the days of a span before.

    Parameters
    ----------
    missed : ndarray of bool, shape (name_count, day_count)
        Whether a series misses a session of its own on a day.

    Returns
    -------
    ndarray of intp, shape (name_count, day_count)
        Of ``CARRY_SPAN_DAYS`` days that end on each; fewer at the beginning.
    """
    total = np.cumsum(missed, axis=1, dtype=np.intp)
    before = np.zeros_like(total)
    before[:, CARRY_SPAN_DAYS:] = total[:, :-CARRY_SPAN_DAYS]
    within: IndexVector = total - before
    return within


# -- shares of gross exposure -------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class MovedPositions:
    """The positions that each of some series moves.

    Parameters
    ----------
    exposed : ndarray of intp, shape (exposed_count,)
        Positions that any series moves: all but money in the base currency.
    positions : ndarray of intp, shape (entry_count,)
        Series by series, 0-based indexes of the positions that it moves.
    bounds : ndarray of intp, shape (series_count + 1,)
        Where the entries of each series begin, and where those of the last one end.
    """

    exposed: IndexVector
    positions: IndexVector
    bounds: IndexVector

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], moved: Iterable[Sequence[int]]) -> Self:
        """Return the positions of some series, and of ``moved``, all series of the book."""
        return cls(
            exposed=np.array(sorted({position for row in moved for position in row}), np.intp),
            positions=np.array([position for row in rows for position in row], dtype=np.intp),
            bounds=np.cumsum([0, *map(len, rows)], dtype=np.intp),
        )

    def shares(self, exposure: Float64Vector) -> Float64Vector:
        """Return the part of gross exposure that each series moves.

        Parameters
        ----------
        exposure : ndarray of float64, shape (position_count,)
            Base currency, short negative; of options delta times spot.

        Returns
        -------
        ndarray of float64, shape (series_count,)
            0 to 1; 0 where gross exposure is 0 or not finite.
        """
        size = np.abs(exposure)
        moved = np.add.reduceat(size[self.positions], self.bounds[:-1])
        return self._of_gross(moved, size)

    def joint_share(self, exposure: Float64Vector, places: IndexVector) -> float:
        """Return the part of gross exposure that some series move together.

        Parameters
        ----------
        exposure : ndarray of float64, shape (position_count,)
            As for `shares`.
        places : ndarray of intp, shape (chosen_count,)
            0-based indexes of the series; a position that two of them move counts once.
        """
        if not len(places):
            return 0.0
        size = np.abs(exposure)
        parts = [self.positions[self.bounds[i] : self.bounds[i + 1]] for i in places.tolist()]
        moved = size[np.unique(np.concatenate(parts))].sum(keepdims=True)
        return float(self._of_gross(moved, size)[0])

    def _of_gross(self, amounts: Float64Vector, size: Float64Vector) -> Float64Vector:
        gross = float(size[self.exposed].sum())
        if not (np.isfinite(gross) and gross > 0.0):
            return np.zeros(len(amounts))
        return amounts / gross


def moved_positions(
    names: Sequence[str], listings: Sequence[Listing], base_currency: str
) -> MovedPositions:
    """Return which positions some series of a book move.

    Parameters
    ----------
    names : sequence of str
        Series of the book, prices, volatilities or FX: each moves a position. Not empty.
    listings : sequence of Listing
        The instruments of the book in canonical order.
    base_currency : str
        ISO code. Rates are per 1 EUR: that of the base currency moves every position in
        another currency.
    """
    moved = positions_by_series(listings, base_currency)
    return MovedPositions.of([moved[name] for name in names], moved.values())


def positions_by_series(
    listings: Sequence[Listing], base_currency: str
) -> Mapping[str, Sequence[int]]:
    """Return the 0-based positions that each series of a book moves, ascending."""
    moved: dict[str, list[int]] = {}
    for position, listing in enumerate(listings):
        currency = major_currency(listing.currency)
        rates = {currency, base_currency} - {EUR} if currency != base_currency else set()
        for name in (*own_series(listing), *map(fx_series, sorted(rates))):
            moved.setdefault(name, []).append(position)
    return moved


# -- the bound ----------------------------------------------------------------------------


def interrupted(carried: Sequence[MissedCloses], bound: CarryBound) -> IndexVector:
    """Return the places of the series that miss more sessions than the bound."""
    places = [
        place for place, series in enumerate(carried) if series.missed_sessions > bound.max_sessions
    ]
    return np.array(places, dtype=np.intp)


def is_beyond(share: float, bound: CarryBound) -> bool:
    """Return whether a part of gross exposure is beyond what interrupted series may move."""
    return share > bound.max_share * (1.0 + SHARE_TOLERANCE)


def carry_problem(
    carried: Sequence[MissedCloses],
    shares: Float64Vector,
    interrupted_share: float,
    bound: CarryBound,
) -> str:
    """Return why a book has no VaR because of what is carried; empty where it has one.

    Parameters
    ----------
    carried : sequence of MissedCloses
        From `missed_closes`.
    shares : ndarray of float64, shape (series_count,)
        Of gross exposure, of each.
    interrupted_share : float
        Of gross exposure, of all interrupted series together: a position that two of them
        move counts once.
    bound : CarryBound
        Setting of the portfolio.
    """
    places = interrupted(carried, bound)
    if not len(places) or not is_beyond(interrupted_share, bound):
        return ""
    largest = sorted(places.tolist(), key=lambda place: (-shares[place], carried[place].name))
    listed = [_described(carried[place], float(shares[place])) for place in largest]
    together = f", together {interrupted_share:.1%}" if len(listed) > 1 else ""
    return (
        f"closes are missing of {some_of(listed)}{together}: at most {bound.max_sessions} sessions "
        f"within {CARRY_SPAN_DAYS} scenario days are carried, or {bound.max_share:.1%} of gross "
        "exposure; load the closes, name the exchange if it was closed, or raise "
        "carry_max_sessions or carry_max_share of the portfolio"
    )


def _described(series: MissedCloses, share: float) -> str:
    since = f"last close {series.last_close}" if series.silent_sessions else "closes again"
    return (
        f"{series.name} ({series.missed_sessions} sessions, {since}, {share:.1%} of gross exposure)"
    )
