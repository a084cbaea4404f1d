"""Reads of trades: the open ones of a portfolio, and what became of one."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from system.contracts.api.risk import RejectedRow, View
from system.contracts.messages import TradeAction


class TradeStage(StrEnum):
    """Stages of a trade on its way into the book."""

    ACCEPTED = "accepted"
    """The broker keeps it; the stream has not committed it yet."""
    APPLIED = "applied"
    """The book has it, in the newest version that was sent from here."""
    REJECTED = "rejected"
    """The stream has kept it apart, with the reason."""
    CLOSED = "closed"
    """It is carried in the book's balances and changes no more."""


class TradeLine(View, frozen=True, kw_only=True):
    """An open trade in its newest version.

    ``rank`` is its place in its portfolio's order, ``day`` the last closed day when it came.
    """

    trade_id: str
    version: int
    action: TradeAction
    instrument: str
    quantity: float
    price: float
    event_time_ns: int
    rank: int
    day: dt.date | None


class TradePage(View, frozen=True, kw_only=True):
    """``GET .../trades``: open trades, newest first; ``next`` is `before` of the page after it.

    ``closed_count`` trades came before them and are carried as balances; those of the last were
    closed at the end of ``closed_day``.
    """

    portfolio: str
    trades: tuple[TradeLine, ...]
    closed_count: int = 0
    closed_day: dt.date | None = None
    next: int | None = None


class TradeStatus(View, frozen=True, kw_only=True):
    """``GET /v1/trades/{id}``: a trade, how far it has come, and the snapshot that has it.

    ``snapshot_id`` is the newest snapshot that names the trade in ``trade_ids``. Version and terms
    are the newest known ones; of a closed trade only the version is kept. ``pending_version`` was
    sent from here and is not in the book yet. ``rejected`` is the newest rejected message of it
    while a version is pending or none is in the book.
    """

    trade_id: str
    stage: TradeStage
    version: int | None = None
    action: TradeAction | None = None
    portfolio: str | None = None
    instrument: str | None = None
    quantity: float | None = None
    price: float | None = None
    event_time_ns: int | None = None
    snapshot_id: str | None = None
    closed_day: dt.date | None = None
    pending_version: int | None = None
    rejected: RejectedRow | None = None
