"""Closing of trades: at an end of day the oldest ones are rolled up into balances.

* A trade is closed at the tenth end-of-day mark after that of the session in which its first
  version came (``OPEN_SESSIONS``), whatever time it says that it was made at. Amendments and
  cancellations do not put that off.
* What closed trades, and the splits and dividends among them, have made of positions, costs, cash
  and realised P&L is carried: the same operations in the same order, so to the same bits as if
  they were booked anew with each change.
* A closed trade can be neither amended nor cancelled. Its id stays known by a fingerprint.
* Every statement of positions contains all closed trades. One as of a moment in the span of the
  closed ones would have to take some of them out again: it is rejected.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from system.book.state.adjustments import Entry, entries
from system.book.state.market import midnight_after_ns, utc_date
from system.book.state.rows import (
    AdjustmentState,
    CarriedBalances,
    ClosedTrades,
    DayState,
    HeldPosition,
    PortfolioState,
    RealisedAmount,
    TradeState,
)
from system.book.state.statements import holdings
from system.contracts.messages import Portfolio, TradeAction
from system.risk.listing import Listing

OPEN_SESSIONS: Final = 10
"""End-of-day marks after that of its own session, at the last of which a trade is closed."""

ListingOf = Callable[[str], Listing]


def marks_with(marks: Sequence[DayState], day: DayState) -> tuple[DayState, ...]:
    """Return the newest marks with another one: as many as closing needs."""
    return (*marks, day)[-1 - OPEN_SESSIONS :]


def closing_mark(marks: Sequence[DayState]) -> DayState | None:
    """Return the newest mark whose trades are closed: those that came before it.

    Parameters
    ----------
    marks : sequence of DayState
        The newest ones, oldest first.
    """
    return marks[-1 - OPEN_SESSIONS] if len(marks) > OPEN_SESSIONS else None


def late_statement(definition: Portfolio, marks: Sequence[DayState]) -> str:
    """Return why positions of a known book cannot be as of their moment, empty if they can.

    Parameters
    ----------
    definition : Portfolio
        As it came.
    marks : sequence of DayState
        The newest ones, oldest first.
    """
    closed, moment_ns = closing_mark(marks), definition.as_of_ns
    if definition.as_of_day is not None:
        moment_ns = midnight_after_ns(definition.as_of_day) - 1
    if closed is None or moment_ns is None:
        return ""
    if utc_date(moment_ns) > closed.date and moment_ns >= closed.event_time_ns:
        return ""
    moment = definition.as_of_day or f"{moment_ns} ({utc_date(moment_ns)})"
    return (
        f"positions of {definition.portfolio} as of {moment}: trades are closed up to the end of "
        f"{closed.date}, state positions as of a later day"
    )


def is_closed(trade: TradeState, state: PortfolioState) -> bool:
    """Return whether a trade of a portfolio is closed."""
    return state.closed is not None and trade.rank < state.closed.count


def open_entries(
    state: PortfolioState, trades: Iterable[TradeState], taken: Iterable[AdjustmentState]
) -> list[Entry]:
    """Return everything that can still move what a portfolio carries, in order.

    Parameters
    ----------
    state : PortfolioState
        With what is closed.
    trades : iterable of TradeState
        Of the portfolio, those that count, in order; closed ones are left out.
    taken : iterable of AdjustmentState
        In effect, in order; those that are carried are left out.
    """
    closed = state.closed
    if closed is None:
        return entries(tuple(trades), tuple(taken))
    return entries(
        [trade for trade in trades if not is_closed(trade, state)],
        [act for act in taken if _taken_on(act) > closed.day],
    )


def rolled_up(
    state: PortfolioState,
    closing: Sequence[TradeState],
    taken: Iterable[AdjustmentState],
    listing_of: ListingOf,
    mark: DayState,
) -> PortfolioState:
    """Return a state that carries trades in place of keeping them.

    Parameters
    ----------
    state : PortfolioState
        Without a pending definition: right after a barrier.
    closing : sequence of TradeState
        All that came before the mark and are open, cancelled ones included, in order.
    taken : iterable of AdjustmentState
        In effect, in order.
    listing_of : callable
        Instrument id to Listing.
    mark : DayState
        Whose trades are closed.
    """
    assert state.pending is None, "settings are in force"
    counting = [trade for trade in closing if trade.trade.action is not TradeAction.CANCEL]
    acts = [act for act in taken if _taken_on(act) <= mark.date]
    moved = open_entries(state, counting, acts)
    positions = holdings(state, moved, listing_of).positions
    balances = CarriedBalances(
        positions=tuple(
            HeldPosition(instrument=name, quantity=basis.quantity, average_cost=basis.average_cost)
            for name, basis in sorted(positions.basis.items())
        ),
        realised={
            name: RealisedAmount(currency=realised.currency, amount=realised.amount)
            for name, realised in sorted(positions.realised.items())
        },
    )
    count = len(closing) + (0 if state.closed is None else state.closed.count)
    closed = ClosedTrades(day=mark.date, count=count, balances=balances)
    return msgspec.structs.replace(state, closed=closed)


def _taken_on(state: AdjustmentState) -> dt.date:
    assert state.taken is not None, "it has taken effect"
    return state.taken
