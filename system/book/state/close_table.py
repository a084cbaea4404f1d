"""One bounded table of the closes of all series, and tables of a book alone (decision 0103)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

from system.contracts.messages import MAX_CLOSES_PER_SERIES
from system.risk.scenarios.window import CloseTable

MAX_TABLE_DATES: Final = 2 * MAX_CLOSES_PER_SERIES
"""Dates in the table of all series: of 1,024 closes on weekdays, and others every day, 1,434."""

DatedCloses = Mapping[str, Mapping[dt.date, float]]
"""Closes by series and date, dates ascending."""


def newest_table(closes: DatedCloses) -> CloseTable:
    """Return the newest ``MAX_TABLE_DATES`` dates of all series, in the order given."""
    return _newest(CloseTable.of(closes))


def extended_table(
    table: CloseTable, date: dt.date, closed: Mapping[str, float], dropped: Mapping[str, dt.date]
) -> CloseTable | None:
    """Return a table with the closes of one more day, None where it has to be built again.

    Parameters
    ----------
    table : CloseTable
        From `newest_table`, or extended since.
    date : date
        The day that is closed.
    closed : mapping of str to float
        Close of each series that has one.
    dropped : mapping of str to date
        Oldest close of the series that had as many as are kept.
    """
    if (table.dates and date <= table.dates[-1]) or not closed.keys() <= table.row_of.keys():
        return None
    return _newest(table.append(date, closed).without(dropped))


def is_cut_before(table: CloseTable, first_dates: Iterable[dt.date]) -> bool:
    """Return whether a table of all series lacks the first close of some of them."""
    if len(table.dates) < MAX_TABLE_DATES:
        return False
    return any(date < table.dates[0] for date in first_dates)


def tail_table(closes: DatedCloses, *, as_of: dt.date, close_count: int) -> CloseTable:
    """Return the last closes of some series up to a day: all that their window can need.

    An earlier close of a series cannot be needed for a window of ``close_count`` days, because
    each of as many later ones makes a scenario day.
    """
    tails = {
        name: [point for point in series.items() if point[0] <= as_of][-close_count:]
        for name, series in closes.items()
    }
    return CloseTable.of({name: dict(points) for name, points in tails.items()})


def _newest(table: CloseTable) -> CloseTable:
    if len(table.dates) <= MAX_TABLE_DATES:
        return table
    return CloseTable(
        table.names, table.dates[-MAX_TABLE_DATES:], table.closes[:, -MAX_TABLE_DATES:]
    )
