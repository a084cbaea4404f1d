"""Session tables of exchanges, from the library; nothing else in the product imports it."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from system.contracts.messages import ExchangeSessions, SessionClose
from system.serve.http.errors import invalid_field

LIBRARY: Final = "exchange_calendars"
CALENDAR_COUNT: Final = 256
"""Calendars whose bounds are remembered, more than there are: the library tells them only of a
calendar that it has computed over twenty years."""
MIC_LENGTH: Final = 4
RENEWED_DAYS: Final = 40
"""A table is renewed by an import once its last day is this near to the last known close."""
DAYS_AHEAD: Final = 400
"""Days that a table covers after the last known close; holidays are published about as far."""

SEGMENTS: Final[Mapping[str, str]] = {
    segment: exchange
    for exchange, segments in {
        "XNYS": "XNGS XNMS XNCM XBOS XBXO XPSX ARCO XCHI XCIS BATY EDGX EDGA IEXG LTSE MEMX EPRL "
        "OTCM PINX OTCQ OTCB",
        "XTSE": "NEOE XCNQ",
        "XLON": "AIMX XLOM",
        "XETR": "XETA XETB",
        "XFRA": "FRAA FRAB",
        "XPAR": "ALXP XMLI",
        "XBRU": "ALXB MLXB ENXB",
        "XAMS": "ALXA TNLA",
        "XLIS": "ALXL ENXL",
        "XDUB": "XESM",
        "XOSL": "MERK XOAS",
        "XMIL": "MTAA ETFP EXGM BGEM",
        "XMAD": "BMEX XMCE XBAR XBIL XVAL",
        "XSWX": "XVTX",
        "XSTO": "FNSE",
        "XHEL": "FNFI",
        "XCSE": "FNDK",
        "XICE": "FNIS",
        "XWBO": "WBAH",
        "XWAR": "XNCO",
        "ASEX": "XATH ENAX",
        "XMOS": "MISX",
        "XJSE": "ALTX",
        "XTKS": "XJPX XNGO XSAP XFKA",
        "XHKG": "XGEM",
        "XKRX": "XKOS XKON",
        "XSHG": "XSHE BJSE",
        "XTAI": "ROCO",
        "XBOM": "XNSE",
        "XASX": "CHIA",
        "XSES": "XSCA",
        "XBKK": "XMAI",
        "XKLS": "MESQ",
        "XMEX": "BIVA",
        "CMES": "XCME XCBT XNYM XCEC",
        "IEPA": "IFEU IFUS",
    }.items()
    for segment in segments.split()
}
"""Segment or operating MIC -> the one whose calendar it keeps, beyond the library's own aliases.
The exchanges of a country close on the same days where they stand in one line."""


def wanted_span(
    known: ExchangeSessions | None, first: dt.date, last: dt.date
) -> tuple[dt.date, dt.date] | None:
    """Return the first and last day of a table that is to be sent, None where one is known.

    A table that begins after the first close, or ends soon after the last one, is replaced by
    one that goes on in both directions: days outside it would count as sessions.

    Parameters
    ----------
    known : ExchangeSessions or None
        Newest table of the exchange.
    first, last : date
        Of the closes that are known.
    """
    until = _days_after(last, DAYS_AHEAD)
    if known is None:
        return first, until
    if known.first <= first and _days_after(last, RENEWED_DAYS) <= known.last:
        return None
    return min(first, known.first), max(until, _days_after(known.last, 1))


def _days_after(day: dt.date, count: int) -> dt.date:
    """Return the day that comes some days later, or the last day that there is."""
    return day + min(dt.timedelta(days=count), dt.date.max - day)


def exchange_sessions(exchange: str, *, first: dt.date, last: dt.date) -> ExchangeSessions:
    """Return the sessions of an exchange, as the library knows them.

    Parameters
    ----------
    exchange : str
        Market identifier code, ``XNYS``; that of a segment stands for its exchange, ``XNGS``.
    first, last : date
        Both included; a table that the library has not so far is shorter.

    Raises
    ------
    InvalidRequestError
        If the library does not know the exchange, or nothing of those days.
    """
    import exchange_calendars as calendars  # noqa: PLC0415 - a second of imports, seldom needed

    name = _calendar_name(calendars, exchange)
    earliest, latest = _bounds(calendars, name)
    first, last = max(first, earliest), min(last, latest)
    if last <= first:
        raise invalid_field("exchange", f"{exchange}: its calendar has no days up to {last}")
    calendar = calendars.get_calendar(name, start=str(first), end=str(last))
    sessions = tuple(
        SessionClose(date=session.date(), close_ns=int(close.value))
        for session, close in calendar.closes.items()
    )
    version = f"{LIBRARY} {calendars.__version__}"
    return ExchangeSessions(
        exchange=exchange, first=first, last=last, version=version, sessions=sessions
    )


def exchange_zone(exchange: str) -> ZoneInfo:
    """Return the time zone of an exchange.

    Parameters
    ----------
    exchange : str
        Market identifier code, of an exchange or of a segment.

    Raises
    ------
    InvalidRequestError
        If the library does not know the exchange.
    """
    import exchange_calendars as calendars  # noqa: PLC0415 - a second of imports, seldom needed

    calendar = calendars.get_calendar(_calendar_name(calendars, exchange))
    return ZoneInfo(str(calendar.tz))


def _calendar_name(calendars: Any, exchange: str) -> str:  # noqa: ANN401 - no types
    """Return the library's name of an exchange's calendar."""
    name = SEGMENTS.get(exchange, exchange)
    known = calendars.get_calendar_names(include_aliases=True)
    if name in known:
        return str(calendars.resolve_alias(name))
    codes = sorted(code for code in {*known, *SEGMENTS} if _is_mic(code))
    near = difflib.get_close_matches(exchange, codes, n=3, cutoff=0.5)
    meant = f" (near: {', '.join(near)})" if near else ""
    raise invalid_field(
        "exchange",
        f"{exchange}: no calendar of that market is known{meant}; write the MIC of a market with "
        f"the same holidays, or leave it out; known are {', '.join(codes)}",
    )


def _is_mic(code: str) -> bool:
    return len(code) == MIC_LENGTH and code.isalnum()


@lru_cache(CALENDAR_COUNT)
def _bounds(calendars: Any, exchange: str) -> tuple[dt.date, dt.date]:  # noqa: ANN401
    kind = type(calendars.get_calendar(exchange))
    bounds = (kind.bound_min(), kind.bound_max())
    earliest, latest = (None if bound is None else bound.date() for bound in bounds)
    return earliest or dt.date(1990, 1, 1), latest or dt.date(2100, 1, 1)
