"""What proposed trades would do to a portfolio's risk, without touching any state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from system.book.questions.snapshot_book import (
    SnapshotInputs,
    check_recalled,
    moment_of,
    recalled_book,
    with_id,
    with_realised,
)
from system.book.state.rows import DayClose
from system.book.valuation.snapshot import risk_snapshot
from system.contracts.api.questions import MAX_PROPOSED_TRADES
from system.contracts.messages import RiskSnapshot, Trade


@dataclass(frozen=True, slots=True)
class WhatIfRisk:
    """The same portfolio without and with some trades.

    Parameters
    ----------
    before, after : RiskSnapshot
        Everything that a snapshot states, at the same prices, rates and closes.
    """

    before: RiskSnapshot
    after: RiskSnapshot


def what_if(
    snapshot: RiskSnapshot,
    trades: Sequence[Trade],
    recall: SnapshotInputs,
    *,
    close: DayClose | None = None,
) -> WhatIfRisk:
    """Return a portfolio's risk without and with proposed trades.

    Parameters
    ----------
    snapshot : RiskSnapshot
        The newest of the portfolio; not modified.
    trades : sequence of Trade
        New ones of instruments that ``recall`` knows, in the order of their booking; at
        most ``MAX_PROPOSED_TRADES``.
    recall : SnapshotInputs
        Instruments, closes, and prices of what the portfolio does not hold.
    close : DayClose or None
        The last close, for the day's P&L.

    Returns
    -------
    WhatIfRisk
        ``before`` is the snapshot, once its inputs are known to be at hand; ``after`` what
        the stream states once the trades are booked and nothing else has moved: without
        trades the snapshot's numbers, to the bit.

    Raises
    ------
    NotRecalledError
        If the inputs of the snapshot cannot be made anew.

    Notes
    -----
    ``after`` is a full recomputation by the functions that the stream calls.
    """
    assert len(trades) <= MAX_PROPOSED_TRADES, f"{len(trades)} trades in one question"
    book = recalled_book(snapshot, recall, close=close)
    check_recalled(snapshot, book)
    book.apply(*trades)
    ids = tuple(trade.trade_id for trade in trades)
    after = risk_snapshot(book, moment_of(snapshot), trade_ids=ids)
    return WhatIfRisk(snapshot, with_id(with_realised(after, snapshot), "what-if"))
