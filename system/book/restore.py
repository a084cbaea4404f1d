"""From kept rows back to the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from system.book.state.adjustments import Adjustments
from system.book.state.market import Market, Staleness
from system.book.state.rows import (
    ADJUSTMENT_PREFIX,
    APPENDED_KEY,
    CLOSED_IDS_PREFIX,
    CLOSES_PREFIX,
    COUNTERS_KEY,
    DAY_KEY,
    FX_PREFIX,
    INSTRUMENT_PREFIX,
    LOST_KEY,
    MARKS_KEY,
    PARTITION_PREFIX,
    PORTFOLIO_PREFIX,
    QUOTE_PREFIX,
    SESSIONS_PREFIX,
    STRESSED_PREFIX,
    TRADE_PREFIX,
    AdjustmentState,
    ClosedIds,
    ClosesState,
    DayState,
    LostMessages,
    PartitionState,
    PortfolioState,
    QuoteState,
    TopicCounts,
    TradeState,
)
from system.contracts.messages import ExchangeSessions, Instrument, RejectReason, StressedHistory
from system.errors import MessageError

T = TypeVar("T")


@dataclass(frozen=True)
class KeptRows:
    """All rows, typed; each mapping is by name without its prefix."""

    instruments: tuple[Instrument, ...] = ()
    portfolios: tuple[PortfolioState, ...] = ()
    trades: tuple[TradeState, ...] = ()
    closed_ids: tuple[ClosedIds, ...] = ()
    quotes: dict[str, QuoteState] = field(default_factory=dict)
    rates: dict[str, QuoteState] = field(default_factory=dict)
    closes: dict[str, ClosesState] = field(default_factory=dict)
    stressed: tuple[StressedHistory, ...] = ()
    adjustments: tuple[AdjustmentState, ...] = ()
    sessions: tuple[ExchangeSessions, ...] = ()
    partitions: dict[str, PartitionState] = field(default_factory=dict)
    day: DayState | None = None
    marks: tuple[DayState, ...] = ()
    lost: LostMessages | None = None
    counters: dict[str, TopicCounts] = field(default_factory=dict)
    appended: dict[str, int] = field(default_factory=dict)


def restored_rows(rows: Mapping[str, bytes]) -> KeptRows:
    """Return the kept rows as typed values.

    Raises
    ------
    MessageError
        If a row cannot be read; names its key.
    """
    counters = rows.get(COUNTERS_KEY)
    day, lost = rows.get(DAY_KEY), rows.get(LOST_KEY)
    appended, marks = rows.get(APPENDED_KEY), rows.get(MARKS_KEY)
    return KeptRows(
        instruments=tuple(_by_name(rows, INSTRUMENT_PREFIX, Instrument).values()),
        portfolios=tuple(
            _portfolio(key, rows[key]) for key in sorted(rows) if key.startswith(PORTFOLIO_PREFIX)
        ),
        trades=tuple(_by_name(rows, TRADE_PREFIX, TradeState).values()),
        closed_ids=tuple(_by_name(rows, CLOSED_IDS_PREFIX, ClosedIds).values()),
        quotes=_by_name(rows, QUOTE_PREFIX, QuoteState),
        rates=_by_name(rows, FX_PREFIX, QuoteState),
        closes=_by_name(rows, CLOSES_PREFIX, ClosesState),
        stressed=tuple(_by_name(rows, STRESSED_PREFIX, StressedHistory).values()),
        adjustments=tuple(_by_name(rows, ADJUSTMENT_PREFIX, AdjustmentState).values()),
        sessions=tuple(_by_name(rows, SESSIONS_PREFIX, ExchangeSessions).values()),
        partitions=_by_name(rows, PARTITION_PREFIX, PartitionState),
        day=None if day is None else _row(DAY_KEY, day, DayState),
        marks=() if marks is None else _row(MARKS_KEY, marks, tuple[DayState, ...]),
        lost=None if lost is None else _row(LOST_KEY, lost, LostMessages),
        counters={} if counters is None else _row(COUNTERS_KEY, counters, dict[str, TopicCounts]),
        appended={} if appended is None else _row(APPENDED_KEY, appended, dict[str, int]),
    )


def restored_market(kept: KeptRows, staleness: Staleness) -> Market:
    """Return the market that the kept rows describe."""
    market = Market(staleness)
    for instrument in sorted(kept.instruments, key=lambda one: one.option is not None):
        market.add_instrument(instrument)  # what an option is on comes before it
    for history in kept.stressed:
        market.stressed.add(history)
    for table in kept.sessions:
        market.sessions.add(table)
    market.quotes.update(kept.quotes)
    market.rates.update(kept.rates)
    market.partitions.update(kept.partitions)
    market.set_closes(kept.closes)
    market.set_adjustments(Adjustments(kept.adjustments))
    market.day = kept.day
    return market


def _by_name(rows: Mapping[str, bytes], prefix: str, row_type: type[T]) -> dict[str, T]:
    return {
        key.removeprefix(prefix): _row(key, rows[key], row_type)
        for key in sorted(rows)
        if key.startswith(prefix)
    }


def _portfolio(key: str, value: bytes) -> PortfolioState:
    """Return the state of a portfolio; without its last close where that cannot be read.

    Earlier versions kept amounts of a close that were no finite numbers, as null: a day's P&L
    cannot be measured from it, and everything else can.
    """
    try:
        return _row(key, value, PortfolioState)
    except MessageError:
        fields = _row(key, value, dict[str, Any])
        if fields.get("close") is None:
            raise
        return _row(key, msgspec.json.encode({**fields, "close": None}), PortfolioState)


def _row(key: str, value: bytes, row_type: type[T]) -> T:
    try:
        return msgspec.json.decode(value, type=row_type)
    except msgspec.MsgspecError as error:
        raise MessageError(
            RejectReason.INVALID, f"kept row {key} cannot be read ({error}): another version's?"
        ) from None
