"""Sessions of exchanges: when they close, which days are holidays, which days a book skips.

A day is a session of a series unless the table of its exchange says that it is none; where no
exchange is named, or its table does not reach so far, Monday to Friday are sessions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.contracts.messages import ExchangeClose, ExchangeSessions
from system.risk.arrays import BoolMatrix, BoolVector, IndexVector
from system.risk.errors import some_of
from system.risk.listing import Listing
from system.risk.scenarios.window import are_weekdays, ordinals

MAX_SKIPPED: Final = 50
"""Skipped days that a snapshot names, the newest."""
NO_EXCHANGE: Final = ""


class Sessions:
    """The session tables that reference data have brought."""

    def __init__(self) -> None:
        self._tables: dict[str, ExchangeSessions] = {}
        self._close_ns: dict[str, dict[dt.date, int]] = {}
        self._ordinals: dict[str, IndexVector] = {}

    def add(self, table: ExchangeSessions) -> None:
        """Put in the table of an exchange, in place of a shorter one."""
        self._tables[table.exchange] = table
        self._close_ns[table.exchange] = {
            session.date: session.close_ns for session in table.sessions
        }
        self._ordinals[table.exchange] = ordinals(session.date for session in table.sessions)

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

    def are_sessions(self, exchange: str, days: IndexVector) -> BoolVector:
        """Return which days are sessions of an exchange.

        Parameters
        ----------
        exchange : str
            Market identifier code; empty: Monday to Friday.
        days : ndarray of intp, shape (day_count,)
            Ordinals, see `ordinals`.
        """
        table = self._tables.get(exchange)
        if table is None:
            return are_weekdays(days)
        known = (table.first.toordinal() <= days) & (days <= table.last.toordinal())
        sessions: BoolVector = np.where(
            known, np.isin(days, self._ordinals[exchange]), are_weekdays(days)
        )
        return sessions

    def count(self, exchange: str, after: dt.date, until: dt.date) -> int:
        """Return how many sessions an exchange has after a day, up to another."""
        days = np.arange(after.toordinal() + 1, until.toordinal() + 1, dtype=np.intp)
        return int(np.count_nonzero(self.are_sessions(exchange, days)))

    def is_holiday(self, exchange: str, date: dt.date) -> bool:
        """Return whether an exchange is known to have no session on a day."""
        table = self._tables.get(exchange)
        if table is None or not table.first <= date <= table.last:
            return False
        return self._close_ns[exchange].get(date) is None


def goes_on(known: ExchangeSessions | None, table: ExchangeSessions) -> bool:
    """Return whether a table holds a known one unchanged, if there is one, and ends later."""
    if known is None:
        return True
    kept = tuple(session for session in table.sessions if known.first <= session.date <= known.last)
    return table.first <= known.first and known.last < table.last and kept == known.sessions


def exchange_by_series(listings: Iterable[Listing]) -> dict[str, str]:
    """Return the exchange of each price and volatility of a book, empty where none is named.

    A volatility follows the exchange of the option's underlying.
    """
    exchanges: dict[str, str] = {}
    for listing in listings:
        priced = listing if listing.option is None else listing.option.underlying
        if listing.option is not None and listing.option.volatility_series:
            exchanges.setdefault(listing.option.volatility_series, priced.exchange)
        exchanges[priced.instrument_id] = priced.exchange
    return exchanges


@dataclass(frozen=True, slots=True, eq=False)
class BookCalendar:
    """Days of a book's window up to the as-of date, and which of them are sessions.

    Parameters
    ----------
    later : tuple of date
        Sessions of some series of the book after its last scenario day, ascending.
    sessions : ndarray of bool, shape (series_count, n + 1 + later_count)
        Whether a scenario day, or a later one, is a session of a series.
    skipped : tuple of str
        The newest weekdays and sessions from the first scenario day to the as-of date that are
        no scenario days, ``2020-05-04 7203.T holiday (XTKS)`` or ``... no close``: by day, at
        most ``MAX_SKIPPED``.
    """

    later: tuple[dt.date, ...]
    sessions: BoolMatrix
    skipped: tuple[str, ...]


def book_calendar(
    dates: Sequence[dt.date],
    as_of: dt.date,
    exchanges: Mapping[str, str],
    sessions: Sessions,
) -> BookCalendar:
    """Return the calendar of a book's window.

    Parameters
    ----------
    dates : sequence of date
        Its scenario days, ascending.
    as_of : date
        The last closed day, not before the last scenario day.
    exchanges : mapping of str to str
        Exchange of each series of the book, in the order of its window; empty: none is named.
    sessions : Sessions
        Session tables that are known.
    """
    scenario_days = ordinals(dates)
    every_day = np.arange(scenario_days[0], as_of.toordinal() + 1, dtype=np.intp)
    others = every_day[~np.isin(every_day, scenario_days)]
    named = sorted({*exchanges.values()})
    is_session = {name: sessions.are_sessions(name, others) for name in named}
    of_book = np.logical_or.reduce([*is_session.values(), np.zeros(len(others), np.bool_)])
    later = others[of_book & (others > scenario_days[-1])]
    days = np.concatenate([scenario_days, later])
    by_exchange = {name: sessions.are_sessions(name, days) for name in named}
    rows = [by_exchange[exchange] for exchange in exchanges.values()]
    return BookCalendar(
        later=tuple(map(dt.date.fromordinal, later.tolist())),
        sessions=np.array(rows, dtype=np.bool_).reshape(len(rows), len(days)),
        skipped=_skipped(others[of_book | are_weekdays(others)], exchanges, sessions),
    )


def _skipped(
    days: IndexVector, exchanges: Mapping[str, str], sessions: Sessions
) -> tuple[str, ...]:
    """Return the newest days with the series that have no close, by reason."""
    lines: list[str] = []
    for day in map(dt.date.fromordinal, days[-MAX_SKIPPED:].tolist()):
        reasons: dict[str, list[str]] = {}
        for name, exchange in exchanges.items():
            reasons.setdefault(_reason(exchange, day, sessions), []).append(name)
        lines += [f"{day} {some_of(names)} {reason}" for reason, names in reasons.items()]
    return tuple(lines[-MAX_SKIPPED:])


def _reason(exchange: str, day: dt.date, sessions: Sessions) -> str:
    return f"holiday ({exchange})" if sessions.is_holiday(exchange, day) else "no close"
