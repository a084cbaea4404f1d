"""The trades of all portfolios: each counts once per (id, version)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec

from system.book.state.positions import MAX_TRADES_PER_PORTFOLIO
from system.book.state.quotes import QuoteOutcome
from system.book.state.rows import TradeState
from system.contracts.messages import RejectReason, Trade, TradeAction
from system.errors import MessageError


class TradeLedger:
    """Trades by id, and by portfolio in the order in which they first came."""

    def __init__(self, states: Iterable[TradeState] = ()) -> None:
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
        """Return a trade in its newest version, None where its id never came."""
        return self._states.get(trade_id)

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
        tuple of TradeState or None, and Verdict
            The changed state where it was applied; None where it is a duplicate.

        Raises
        ------
        MessageError
            If it contradicts what is known of its id: reason ``conflict``,
            ``unknown_trade`` or ``wrong_version``.
        """
        known = self._states.get(trade.trade_id)
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
        rank = len(self._of_portfolio.get(trade.portfolio, ()))
        if rank >= MAX_TRADES_PER_PORTFOLIO:
            raise MessageError(
                RejectReason.CONFLICT,
                f"portfolio {trade.portfolio} has {rank} trades, the most there may be",
            )
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
