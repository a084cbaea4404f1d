"""Exchanges' sessions: when they close, which days are holidays. They explain, and move nothing.

Which days are scenario days follows from closes alone: those on which every series has one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from system.contracts.messages import ExchangeClose, ExchangeSessions
from system.risk.window import CloseTable

MAX_SKIPPED: Final = 50
"""How many skipped days a snapshot names, the newest."""


class Sessions:
    """The session tables that reference data have brought."""

    def __init__(self) -> None:
        self._tables: dict[str, ExchangeSessions] = {}
        self._close_ns: dict[str, dict[dt.date, int]] = {}

    def add(self, table: ExchangeSessions) -> None:
        """Put in the table of an exchange, in place of a shorter one."""
        self._tables[table.exchange] = table
        self._close_ns[table.exchange] = {one.date: one.close_ns for one in table.sessions}

    def table(self, exchange: str) -> ExchangeSessions | None:
        """Return the table of an exchange, None where none came."""
        return self._tables.get(exchange)

    def closes_on(
        self, date: dt.date | None, exchanges: Iterable[str]
    ) -> tuple[ExchangeClose, ...]:
        """Return when exchanges closed on a day, those that had a session, earliest first."""
        if date is None:
            return ()
        known = ((name, self._close_ns.get(name, {}).get(date)) for name in sorted(exchanges))
        found = [ExchangeClose(exchange=name, close_ns=ns) for name, ns in known if ns is not None]
        return tuple(sorted(found, key=lambda one: (one.close_ns, one.exchange)))

    def is_holiday(self, exchange: str, date: dt.date) -> bool:
        """Return whether an exchange is known to have no session on a day."""
        table = self._tables.get(exchange)
        if table is None or not table.first <= date <= table.last:
            return False
        return self._close_ns[exchange].get(date) is None


def goes_on(known: ExchangeSessions, table: ExchangeSessions) -> bool:
    """Return whether a table holds a known one unchanged, and ends later."""
    kept = tuple(one for one in table.sessions if known.first <= one.date <= known.last)
    return table.first <= known.first and known.last < table.last and kept == known.sessions


def skipped_days(
    table: CloseTable,
    dates: Sequence[dt.date],
    exchanges: Mapping[str, str],
    sessions: Sessions,
) -> tuple[str, ...]:
    """Return the newest days within a window that are no scenario days, and why.

    Parameters
    ----------
    table : CloseTable
        The series of a book.
    dates : sequence of date
        The window's scenario days, ascending.
    exchanges : mapping of str to str
        Exchange by series; empty where it is not said.
    sessions : Sessions
        What is known of them.

    Returns
    -------
    tuple of str
        ``2020-05-04 7203.T holiday (XTKS)``, or ``... no close``; by day, then in the order of the
        table, at most ``MAX_SKIPPED``.
    """
    used = set(dates)
    present = np.isfinite(table.closes)
    found = [
        f"{day} {name} {_why(exchanges.get(name, ''), day, sessions)}"
        for column, day in enumerate(table.dates)
        if dates[0] < day < dates[-1] and day not in used
        for row, name in enumerate(table.names)
        if not present[row, column]
    ]
    return tuple(found[-MAX_SKIPPED:])


def _why(exchange: str, day: dt.date, sessions: Sessions) -> str:
    return f"holiday ({exchange})" if sessions.is_holiday(exchange, day) else "no close"
