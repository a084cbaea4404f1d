"""Trades as the desk sees them: what was sent, and the VaR before and after each.

A trade is *in VaR* when a snapshot names its id, or covers the offset at which the broker
keeps it. Before and after are two neighbouring snapshots: prices that moved in the same
batch are in the difference, and the panel says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from msgspec import Struct

from system.contracts.api.risk import TradeAccepted
from system.contracts.messages import RiskSnapshot
from system.contracts.topics import offset_key
from system.show import format as text
from system.show.view.gauge import meaningful_fraction

MAX_TRADES: Final = 20


class TradeState(StrEnum):
    """Progress of a trade."""

    SENT = "sent"
    IN_VAR = "in_var"
    REFUSED = "refused"


class TradeRow(Struct, frozen=True, kw_only=True):
    """One line of the blotter; ``sent_ms_ago`` only while the trade is on its way."""

    trade_id: str
    what: str
    state: TradeState
    clock: str
    before: str
    after: str
    change: str
    change_sign: int
    took: str
    sent_ms_ago: float | None
    note: str


@dataclass(frozen=True)
class Ticket:
    """A trade sent from this dashboard.

    Parameters
    ----------
    trade_id : str
        Made up by the sender, so that the snapshot with it can be awaited before it is sent.
    portfolio, what : str
        Whose trade, and its words ("Buy 100 AAPL").
    sent_ns : int
        CLOCK_MONOTONIC of the dashboard.
    refusal : str
        Why the API did not take it; empty while it has not said so.
    accepted : TradeAccepted or None
        Where the broker keeps it.
    """

    trade_id: str
    portfolio: str
    what: str
    sent_ns: int
    refusal: str = ""
    accepted: TradeAccepted | None = None

    def is_covered_by(self, snapshot: RiskSnapshot) -> bool:
        """Return whether the snapshot's positions hold this trade."""
        if self.trade_id in snapshot.trade_ids:
            return True
        if self.accepted is None:
            return False
        key = offset_key(self.accepted.topic, self.accepted.partition)
        return snapshot.offsets.get(key, 0) > self.accepted.offset


class Blotter:
    """The newest ``MAX_TRADES`` trades of one portfolio."""

    def __init__(self) -> None:
        self._tickets: dict[str, Ticket] = {}
        self._rows: dict[str, TradeRow] = {}
        self.version = 0

    def put(self, ticket: Ticket) -> None:
        """Take a ticket, or what has become known of one."""
        if ticket.trade_id in self._rows:
            return
        self._tickets[ticket.trade_id] = ticket
        while len(self._tickets) > MAX_TRADES:
            del self._tickets[next(iter(self._tickets))]
        if ticket.refusal:
            self._close(ticket.trade_id, _refused_row(ticket))
        self.version += 1

    def accept(self, trade_id: str, accepted: TradeAccepted) -> None:
        """Say where the broker keeps a ticket's trade; unknown ids are left alone."""
        ticket = self._tickets.get(trade_id)
        if ticket is not None:
            self._tickets[trade_id] = replace(ticket, accepted=accepted)

    def refuse(self, trade_id: str, refusal: str) -> None:
        """Say why the API did not take a ticket's trade."""
        ticket = self._tickets.get(trade_id)
        if ticket is not None:
            self.put(replace(ticket, refusal=refusal))

    def take(self, before: RiskSnapshot | None, after: RiskSnapshot, now_ns: int) -> None:
        """Enter the trades that a snapshot is the first to hold.

        Parameters
        ----------
        before, after : RiskSnapshot
            Neighbours of one portfolio; ``before`` None at the first one seen.
        now_ns : int
            CLOCK_MONOTONIC of the dashboard.
        """
        covered = [
            ticket.trade_id for ticket in self._tickets.values() if ticket.is_covered_by(after)
        ]
        fresh = dict.fromkeys([*after.trade_ids, *covered])
        for trade_id in fresh:
            if trade_id not in self._rows:
                ticket = self._tickets.get(trade_id)
                self._close(trade_id, _row(trade_id, ticket, before, after, now_ns))

    def rows(self, now_ns: int) -> tuple[TradeRow, ...]:
        """Return the lines, newest first; those on their way come first of all."""
        pending = [_pending_row(ticket, now_ns) for ticket in self._tickets.values()]
        return (*reversed(pending), *reversed(self._rows.values()))

    def _close(self, trade_id: str, row: TradeRow) -> None:
        self._tickets.pop(trade_id, None)
        self._rows[trade_id] = row
        while len(self._rows) > MAX_TRADES:
            del self._rows[next(iter(self._rows))]
        self.version += 1


def position_changes(before: RiskSnapshot | None, after: RiskSnapshot) -> Mapping[str, float]:
    """Return by how much each position grew between two snapshots, cash left out."""
    if before is None:
        return {}
    old = {row.instrument: row.quantity for row in before.positions}
    new = {row.instrument: row.quantity for row in after.positions}
    names = [name for name in {**old, **new} if not name.startswith("cash:")]
    changes = {name: new.get(name, 0.0) - old.get(name, 0.0) for name in names}
    return {name: change for name, change in changes.items() if change}


def trade_words(instrument: str, quantity: float) -> str:
    """Return a signed quantity as a desk says it.

    Examples
    --------
    >>> trade_words("AAPL", -500.0)
    'Sell 500 AAPL'
    """
    side = "Buy" if quantity > 0 else "Sell"
    return f"{side} {text.quantity(abs(quantity))} {instrument}"


def _row(
    trade_id: str,
    ticket: Ticket | None,
    before: RiskSnapshot | None,
    after: RiskSnapshot,
    now_ns: int,
) -> TradeRow:
    old = None if before is None else before.var
    change = None if old is None or after.var is None else after.var - old
    return TradeRow(
        trade_id=trade_id,
        what=ticket.what if ticket else _changes_in_words(before, after),
        state=TradeState.IN_VAR,
        clock=text.event_day_time(after.event_time_ns),
        before=_var_words(before),
        after=_var_words(after),
        change=text.amount(change, signed=True),
        change_sign=text.sign(change),
        took=text.milliseconds(now_ns - ticket.sent_ns) if ticket else "",
        sent_ms_ago=None,
        note="",
    )


def _changes_in_words(before: RiskSnapshot | None, after: RiskSnapshot) -> str:
    changes = position_changes(before, after)
    return ", ".join(trade_words(name, change) for name, change in changes.items())


def _var_words(snapshot: RiskSnapshot | None) -> str:
    if snapshot is None or snapshot.var is None:
        return text.NOTHING
    return f"{text.amount(snapshot.var)} ({text.percent(meaningful_fraction(snapshot))})"


def _pending_row(ticket: Ticket, now_ns: int) -> TradeRow:
    return _bare_row(
        ticket, TradeState.SENT, (now_ns - ticket.sent_ns) / text.NANOSECONDS_PER_MILLISECOND
    )


def _refused_row(ticket: Ticket) -> TradeRow:
    return _bare_row(ticket, TradeState.REFUSED, None, note=ticket.refusal)


def _bare_row(
    ticket: Ticket, state: TradeState, sent_ms_ago: float | None, note: str = ""
) -> TradeRow:
    return TradeRow(
        trade_id=ticket.trade_id,
        what=ticket.what,
        state=state,
        clock=text.NOTHING,
        before=text.NOTHING,
        after=text.NOTHING,
        change=text.NOTHING,
        change_sign=0,
        took="",
        sent_ms_ago=sent_ms_ago,
        note=note,
    )
