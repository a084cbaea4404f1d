"""One example of each message, as a feed would send it and as the stream would write it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

from system.contracts.messages import (
    AssetClass,
    CloseHistory,
    ClosePoint,
    Dividend,
    ExchangeSessions,
    FxRate,
    Instrument,
    Mark,
    Message,
    OpeningPosition,
    Portfolio,
    Rejected,
    RejectReason,
    SessionClose,
    Split,
    StressedHistory,
    Tick,
    Trade,
)

_DAY: Final = dt.date(2020, 3, 5)
_NEXT_DAY: Final = dt.date(2020, 3, 6)
_NOON_NS: Final = 1_583_427_600_000_000_000
"""Noon in New York, 5 March 2020."""
_CLOSE_NS: Final = 1_583_442_000_000_000_000

EXAMPLES: Final[Mapping[type[Message], Message]] = {
    type(message): message
    for message in (
        Tick(
            ticker="AAPL",
            bid=73.21,
            ask=73.25,
            mid=73.23,
            volume=1_200.0,
            event_time_ns=_NOON_NS,
            sequence=48_211,
        ),
        FxRate(currency="USD", rate=1.1187, event_time_ns=_NOON_NS, sequence=311),
        Mark(date=_DAY, event_time_ns=_CLOSE_NS),
        Trade(
            trade_id="T-20200305-0042",
            portfolio="long-equities",
            instrument="AAPL",
            quantity=-100.0,
            price=73.22,
            event_time_ns=_NOON_NS,
        ),
        Instrument(
            instrument="AAPL",
            asset_class=AssetClass.EQUITY,
            currency="USD",
            name="Apple Inc.",
            exchange="XNAS",
        ),
        CloseHistory(
            series="AAPL",
            closes=(ClosePoint(dt.date(2020, 3, 3), 72.33), ClosePoint(dt.date(2020, 3, 4), 75.68)),
        ),
        StressedHistory(
            window="2008",
            first=dt.date(2008, 9, 3),
            last=dt.date(2008, 12, 31),
            version="vendor-2026-11",
            series="AAPL",
            closes=(ClosePoint(dt.date(2008, 9, 2), 5.02), ClosePoint(dt.date(2008, 9, 3), 5.04)),
        ),
        ExchangeSessions(
            exchange="XNYS",
            first=_DAY,
            last=_NEXT_DAY,
            version="exchange_calendars 4.13",
            sessions=(
                SessionClose(_DAY, _CLOSE_NS),
                SessionClose(_NEXT_DAY, _CLOSE_NS + 86_400 * 10**9),
            ),
        ),
        Portfolio(
            portfolio="long-equities",
            positions=(OpeningPosition(instrument="AAPL", quantity=400.0, entry_price=74.1),),
            desk="equities",
            as_of_day=_DAY,
        ),
        Split(
            instrument="AAPL",
            date=dt.date(2020, 8, 31),
            last_day=dt.date(2020, 8, 28),
            ratio=4.0,
        ),
        Dividend(
            instrument="AAPL",
            date=dt.date(2020, 5, 8),
            last_day=dt.date(2020, 5, 7),
            amount=0.82,
        ),
        Rejected(
            topic="market_data",
            partition=1,
            offset=90_117,
            reason=RejectReason.UNKNOWN_INSTRUMENT,
            detail="ticker AAPLE",
            value='{"type":"tick","ticker":"AAPLE"}',
            size_bytes=32,
            sha256="0f" * 32,
        ),
    )
}
"""By type; of a snapshot there is none here, `system.store.sample_snapshots` makes them."""
KEYS: Final[Mapping[type[Message], str]] = {
    Tick: "{ticker}",
    FxRate: "{currency}",
    Mark: "mark:{date}",
    Trade: "{portfolio}",
    Instrument: "instrument:{instrument}",
    CloseHistory: "history:{series}",
    StressedHistory: "stressed:{window}:{series}",
    ExchangeSessions: "sessions:{exchange}",
    Portfolio: "portfolio:{portfolio}",
    Split: "split:{instrument}:{date}",
    Dividend: "dividend:{instrument}:{date}",
    Rejected: "{topic}:{partition}:{offset}",
}
"""Kafka key of each message, its fields in braces; tested against `topics.message_key`."""
