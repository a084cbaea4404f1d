"""Books whose series all have a close up to the first day of their window."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from system.risk.arrays import BoolMatrix, BoolVector, IndexVector
from system.risk.errors import HistoryStartsLateError, TooFewClosesError, UnknownSeriesError
from system.risk.listing import Listing
from system.risk.scenarios.factors import series_of
from system.risk.scenarios.proxies import (
    Proxied,
    SteadyListings,
    proxies_of,
    steady_listings,
    volatility_series,
)
from system.risk.scenarios.window import CloseTable, Missing, too_few_closes, until


@dataclass(frozen=True, slots=True, eq=False)
class CoveredBook:
    """A book and its closes, with what replaces series that begin too late.

    Parameters
    ----------
    book : SteadyListings
        Options whose volatility has no close up to the first scenario day keep it.
    table : CloseTable
        One row per series of the book, up to the as-of date; a proxy's closes are under the
        name of the series that it replaces.
    proxied : tuple of Proxied
        Rows that are a proxy's, in the order of the rows.
    """

    book: SteadyListings
    table: CloseTable
    proxied: tuple[Proxied, ...]


def covered_book(
    table: CloseTable,
    listings: Sequence[Listing],
    *,
    base_currency: str,
    as_of: dt.date,
    scenario_count: int,
) -> CoveredBook:
    """Return a book and its closes, each series with one up to the first scenario day.

    Parameters
    ----------
    table : CloseTable
        Closes of the series of the book and of their proxies; others are not looked at.
    listings : sequence of Listing
        The book in canonical order; a series moves one of them at least.
    base_currency : str
        ISO code.
    as_of : date
        No later close is looked at.
    scenario_count : int
        Number n of returns. Scenario days are the last n + 1 up to the as-of date on which a
        series of the book has a close.

    Returns
    -------
    CoveredBook
        A series without a close up to the first scenario day is replaced by its proxy, if that
        has one; so is a series with a close on fewer than half of the scenario days, if its
        proxy has more. A volatility without a close up to the first day is held constant.

    Raises
    ------
    UnknownSeriesError
        If a series has neither closes nor a proxy with closes; names it.
    HistoryStartsLateError
        If a series and its proxy have no close up to the first scenario day; names each.
    TooFewClosesError
        If there are fewer than n + 1 scenario days.

    Notes
    -----
    A replaced series changes the scenario days: they are counted again until no series is
    replaced any more, so at most once per series.
    """
    proxies, volatilities = proxies_of(listings), volatility_series(listings)
    sources: dict[str, str] = {}
    constant: set[str] = set()
    while True:
        book = steady_listings(listings, constant)
        names = series_of(book.listings, base_currency)
        rows = until(_rows(table, names, sources), as_of)
        present = np.isfinite(rows.closes)
        first = _first_day(present, scenario_count)
        lacking = _lacking(names, present, first)
        held = set[str]() if first is None else (lacking & volatilities) - constant
        days = np.flatnonzero(present.any(axis=0))[-scenario_count - 1 :]
        sparse = {names[row] for row in np.flatnonzero(_is_sparse(present, days)).tolist()}
        wanting = (lacking | sparse) - held
        replaced = {
            name: proxies[name]
            for name in names
            if name in wanting and name in proxies and name not in sources
            if _has_begun(table, proxies[name], rows.dates, first)
            if name in lacking or not _is_sparse(_row(table, proxies[name]), days).any()
        }
        if not lacking and not replaced:
            taken = [Proxied(name, sources[name]) for name in names if name in sources]
            return CoveredBook(book, rows, tuple(taken))
        if not held and not replaced:
            raise _uncovered(rows, sorted(lacking), first, scenario_count, as_of)
        constant |= held
        sources |= replaced


def _rows(table: CloseTable, names: Sequence[str], sources: Mapping[str, str]) -> CloseTable:
    """Return the closes of some series under their names; NaN throughout where there are none."""
    row_of = table.row_of
    rows = np.array([row_of.get(sources.get(name, name), -1) for name in names], dtype=np.intp)
    closes = table.closes[rows] if len(table.names) else np.zeros((len(rows), 0))
    if (rows < 0).any():
        closes[rows < 0] = np.nan
    return CloseTable(tuple(names), table.dates, closes)


def _first_day(present: BoolMatrix, scenario_count: int) -> int | None:
    """Return the column of the first scenario day, None where there are too few."""
    days = np.flatnonzero(present.any(axis=0))
    return int(days[-scenario_count - 1]) if len(days) > scenario_count else None


def _lacking(names: Sequence[str], present: BoolMatrix, first: int | None) -> set[str]:
    """Return the series without a close up to the first scenario day; without one, all."""
    if first is None:
        return set(names)
    begun = present[:, : first + 1].any(axis=1)
    return {names[row] for row in np.flatnonzero(~begun).tolist()}


def _row(table: CloseTable, name: str) -> BoolMatrix:
    """Return on which dates a series of a table has a close, shape (1, date_count)."""
    present: BoolMatrix = np.isfinite(table.closes[[table.row_of[name]]])
    return present


def _is_sparse(present: BoolMatrix, days: IndexVector) -> BoolVector:
    """Return for each row whether it has a close on fewer than half of some days."""
    sparse: BoolVector = 2 * present[:, days].sum(axis=1) < len(days)
    return sparse


def _has_begun(table: CloseTable, name: str, dates: Sequence[dt.date], first: int | None) -> bool:
    """Return whether a series has a close up to a column; without one, any at all."""
    row = table.row_of.get(name)
    end = len(dates) if first is None else first + 1
    return row is not None and bool(np.isfinite(table.closes[row, :end]).any())


def _uncovered(
    rows: CloseTable,
    lacking: Sequence[str],
    first: int | None,
    scenario_count: int,
    as_of: dt.date,
) -> UnknownSeriesError | TooFewClosesError | HistoryStartsLateError:
    """Return why a book has no window: no history, too few scenario days, or a late start."""
    present = np.isfinite(rows.closes)
    empty = [name for name in lacking if not present[rows.row_of[name]].any()]
    if empty:
        return UnknownSeriesError(empty[0])
    if first is None:
        days = np.flatnonzero(present.any(axis=0))
        return too_few_closes(rows, days, scenario_count + 1, as_of, Missing.CARRY)
    begun = {name: rows.dates[int(np.argmax(present[rows.row_of[name]]))] for name in lacking}
    return HistoryStartsLateError(begun, rows.dates[first])
