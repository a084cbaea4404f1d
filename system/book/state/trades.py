"""The trades of all portfolios: each counts once per (id, version), closed ones included."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from types import MappingProxyType
from typing import Final

import msgspec

from system.book.state.closed_ids import ClosedTrade, ClosedTradeIds
from system.book.state.positions import MAX_CLOSED_TRADES_PER_PORTFOLIO, MAX_TRADES_PER_PORTFOLIO
from system.book.state.quotes import QuoteOutcome
from system.book.state.rows import ClosedIds, TradeState
from system.contracts.messages import RejectReason, Trade, TradeAction
from system.errors import MessageError

_NONE_CLOSED: Final[Mapping[str, int]] = MappingProxyType({})


class TradeLedger:
    """Open trades by id, and by portfolio in the order in which they first came.

    Parameters
    ----------
    states : iterable of TradeState
        Open trades.
    closed_ids : iterable of ClosedIds
        What is kept of the closed ones of all portfolios.
    closed_counts : mapping of str to int
        By portfolio, how many are closed.
    """

    def __init__(
        self,
        states: Iterable[TradeState] = (),
        closed_ids: Iterable[ClosedIds] = (),
        closed_counts: Mapping[str, int] = _NONE_CLOSED,
    ) -> None:
        self._closed = ClosedTradeIds(closed_ids)
        self._closed_counts = dict(closed_counts)
        self._states: dict[str, TradeState] = {}
        self._of_portfolio: dict[str, list[str]] = {}
        for state in sorted(states, key=lambda state: (state.trade.portfolio, state.rank)):
            self._put(state)

    def counting(self, portfolio: str) -> tuple[Trade, ...]:
        """Return the trades of a portfolio that count, in order: cancelled ones do not."""
        return tuple(state.trade for state in self.counting_states(portfolio))

    def counting_states(self, portfolio: str) -> tuple[TradeState, ...]:
        """Return the same with the day before which each first came."""
        states = (self._states[trade_id] for trade_id in self._of_portfolio.get(portfolio, ()))
        return tuple(s for s in states if s.trade.action is not TradeAction.CANCEL)

    def known(self, trade_id: str) -> TradeState | None:
        """Return an open trade in its newest version, None where there is none of its id."""
        return self._states.get(trade_id)

    def closing(self, portfolio: str, before: dt.date) -> tuple[TradeState, ...]:
        """Return the open trades of a portfolio that came before the end of a day, in order."""
        states = (self._states[trade_id] for trade_id in self._of_portfolio.get(portfolio, ()))
        return tuple(takewhile(lambda state: state.day is None or state.day < before, states))

    def close(
        self, portfolio: str, closing: Sequence[TradeState], day: dt.date
    ) -> dict[str, ClosedIds]:
        """Close the first open trades of a portfolio, and return the rows to keep, by key.

        Parameters
        ----------
        portfolio : str
            Whose trades they are.
        closing : sequence of TradeState
            As `closing` returned them.
        day : date
            The end of day at which they are closed.
        """
        count = len(closing)
        for trade_id in self._of_portfolio[portfolio][:count]:
            del self._states[trade_id]
        del self._of_portfolio[portfolio][:count]
        self._closed_counts[portfolio] = self._closed_counts.get(portfolio, 0) + count
        return self._closed.add(portfolio, closing, day)

    def book(
        self, trade: Trade, day: dt.date | None = None
    ) -> tuple[TradeState | None, QuoteOutcome]:
        """Take a trade message of a known portfolio and instrument.

        Parameters
        ----------
        trade : Trade
            The message.
        day : date or None
            The last day that was closed.

        Returns
        -------
        tuple of TradeState or None, and QuoteOutcome
            The changed state where it was applied; None where it is a duplicate.

        Raises
        ------
        MessageError
            If it contradicts what is known of its id: reason ``conflict``,
            ``unknown_trade`` or ``wrong_version``; ``late`` where it changes a closed trade.
        """
        known = self._states.get(trade.trade_id)
        closed = None if known is not None else self._closed.known(trade.trade_id)
        if closed is not None:
            _check_repeated(trade, closed)
            return None, QuoteOutcome.DUPLICATE
        if known is None:
            state = self._first(trade, day)
        elif _is_repeated(trade, known.trade):
            return None, QuoteOutcome.DUPLICATE
        else:
            _check_successor(known.trade, trade)
            state = msgspec.structs.replace(known, trade=trade, made_ns=_made_ns(known))
        self._put(state)
        return state, QuoteOutcome.APPLIED

    def _first(self, trade: Trade, day: dt.date | None) -> TradeState:
        if trade.action is not TradeAction.NEW:
            raise MessageError(
                RejectReason.UNKNOWN_TRADE, f"trade_id {trade.trade_id}: nothing to {trade.action}"
            )
        open_count = len(self._of_portfolio.get(trade.portfolio, ()))
        closed_count = self._closed_counts.get(trade.portfolio, 0)
        for count, most, what in (
            (open_count, MAX_TRADES_PER_PORTFOLIO, "open"),
            (closed_count, MAX_CLOSED_TRADES_PER_PORTFOLIO, "closed"),
        ):
            if count >= most:
                raise MessageError(
                    RejectReason.CONFLICT,
                    f"portfolio {trade.portfolio} has {count} {what} trades, the most there may be",
                )
        rank = closed_count + open_count
        return TradeState(trade=trade, rank=rank, day=day, made_ns=trade.event_time_ns)

    def _put(self, state: TradeState) -> None:
        trade_id = state.trade.trade_id
        if trade_id not in self._states:
            self._of_portfolio.setdefault(state.trade.portfolio, []).append(trade_id)
        self._states[trade_id] = state


def _made_ns(known: TradeState) -> int:
    return known.trade.event_time_ns if known.made_ns is None else known.made_ns


def _is_repeated(trade: Trade, known: Trade) -> bool:
    """Return whether a message is known already; one that is sent again may have other times."""
    times = {name: getattr(known, name) for name in ("event_time_ns", "intended_monotonic_ns")}
    return trade.version < known.version or msgspec.structs.replace(trade, **times) == known


def _check_repeated(trade: Trade, closed: ClosedTrade) -> None:
    """Refuse a message of a closed trade that is no repeated one."""
    if closed.is_repeated_by(trade):
        return
    if trade.version == closed.version:
        raise MessageError(
            RejectReason.CONFLICT,
            f"version {trade.version} of {trade.trade_id} was another message before, of a trade "
            f"that was closed at the end of {closed.day}: send a new trade under another id",
        )
    raise MessageError(RejectReason.LATE, closed_trade_problem(trade.trade_id, closed.day))


def closed_trade_problem(trade_id: str, day: dt.date) -> str:
    """Return why a closed trade cannot be changed, and what to do."""
    return (
        f"trade {trade_id} was closed at the end of {day}: send the reverse trade, or state "
        "positions as of a later day"
    )


def _check_successor(known: Trade, trade: Trade) -> None:
    for field in ("portfolio", "instrument"):
        before, after = getattr(known, field), getattr(trade, field)
        if before != after:
            raise MessageError(
                RejectReason.CONFLICT, f"{field} of {trade.trade_id} is {before}, not {after}"
            )
    if known.action is TradeAction.CANCEL:
        raise MessageError(RejectReason.WRONG_VERSION, f"trade {trade.trade_id} is cancelled")
    if trade.version == known.version:
        raise MessageError(
            RejectReason.CONFLICT,
            f"version {trade.version} of {trade.trade_id} was another message before",
        )
    if trade.version != known.version + 1:
        raise MessageError(
            RejectReason.WRONG_VERSION,
            f"version {trade.version} of {trade.trade_id}: {known.version + 1} is next",
        )
