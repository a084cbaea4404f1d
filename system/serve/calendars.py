"""Session tables of exchanges, from the library; nothing else in the product imports it."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from system.contracts.messages import ExchangeSessions, SessionClose
from system.serve.errors import invalid_field

LIBRARY: Final = "exchange_calendars"
DAYS_AHEAD: Final = 400
"""How far beyond the last known close a table reaches: holidays are published about so far."""


def exchange_sessions(exchange: str, *, first: dt.date, last: dt.date) -> ExchangeSessions:
    """Return the sessions of an exchange, as the library knows them.

    Parameters
    ----------
    exchange : str
        Market identifier code, ``XNYS``.
    first, last : date
        Both included; a table that the library has not so far is shorter.

    Raises
    ------
    InvalidRequestError
        If the library does not know the exchange, or nothing of those days.
    """
    import exchange_calendars as calendars  # noqa: PLC0415 - a second of imports, seldom needed

    if exchange not in calendars.get_calendar_names(include_aliases=False):
        raise invalid_field("exchange", f"{exchange}: no calendar of that MIC is known")
    earliest, latest = _bounds(calendars, exchange)
    first, last = max(first, earliest), min(last, latest)
    if last <= first:
        raise invalid_field("exchange", f"{exchange}: its calendar has no days up to {last}")
    calendar = calendars.get_calendar(exchange, start=str(first), end=str(last))
    sessions = tuple(
        SessionClose(date=session.date(), close_ns=int(close.value))
        for session, close in calendar.closes.items()
    )
    version = f"{LIBRARY} {calendars.__version__}"
    return ExchangeSessions(
        exchange=exchange, first=first, last=last, version=version, sessions=sessions
    )


def _bounds(calendars: Any, exchange: str) -> tuple[dt.date, dt.date]:  # noqa: ANN401
    kind = type(calendars.get_calendar(exchange))
    bounds = (kind.bound_min(), kind.bound_max())
    earliest, latest = (None if bound is None else bound.date() for bound in bounds)
    return earliest or dt.date(1990, 1, 1), latest or dt.date(2100, 1, 1)
