"""Prices that are stated and not quoted, as the quotes they would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from system.book.state.rows import PartitionState, QuoteState

_FRESH, _STALE = "stated:fresh", "stated:stale"
STATED_PARTITIONS: Final = {
    _FRESH: PartitionState(newest_event_ns=0, session_start_ns=None),
    _STALE: PartitionState(newest_event_ns=2**63, session_start_ns=None),
}
"""Where they lie: one partition that none of them is behind, one that all are."""


class Price(NamedTuple):
    """A price to mark at, and since when it is stale (None: it is fresh)."""

    value: float
    stale_since_ns: int | None


def stated_quotes(prices: Mapping[str, Price]) -> dict[str, QuoteState]:
    """Return prices as quotes that are exactly as stale as they say."""
    return {
        name: QuoteState(
            price=price.value,
            event_time_ns=price.stale_since_ns or 0,
            sequence=0,
            newest_sequence=0,
            seen=1,
            partition=_FRESH if price.stale_since_ns is None else _STALE,
        )
        for name, price in prices.items()
    }
