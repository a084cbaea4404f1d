"""A copy of the state that only values: portfolio by portfolio, wherever it is.

It is made of the rows that are kept anyway, and states the bits of the book whose rows they are:
the same that a book states after a restart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from system.book.closing import is_closed, open_entries
from system.book.restore import restored_market, restored_rows
from system.book.state.market import Market, Staleness
from system.book.state.rows import (
    APPENDED_KEY,
    CLOSED_IDS_PREFIX,
    COUNTERS_KEY,
    FX_PREFIX,
    MARKS_KEY,
    PARTITION_PREFIX,
    PORTFOLIO_PREFIX,
    QUOTE_PREFIX,
    TRADE_PREFIX,
    PartitionState,
    PortfolioState,
    QuoteState,
    TradeState,
    prefix_of,
)
from system.book.state.trades import TradeLedger
from system.book.valuation.portfolio import PortfolioBook
from system.book.valuation.prices import MarketPrices
from system.book.valuation.snapshot import StreamPosition, risk_snapshot
from system.contracts.messages import RiskSnapshot

_QUOTES: Final = msgspec.json.Decoder(QuoteState)
_PARTITIONS: Final = msgspec.json.Decoder(PartitionState)
_PORTFOLIOS: Final = msgspec.json.Decoder(PortfolioState)
_TRADES: Final = msgspec.json.Decoder(TradeState)


@dataclass(frozen=True, slots=True)
class ValuationOrder:
    """Which portfolios to value, and where in the stream.

    Parameters
    ----------
    portfolios : tuple of str
        Sorted.
    moment : StreamPosition
        Stamped on each snapshot.
    trade_ids : mapping of str to tuple of str
        Trades that a portfolio's snapshot is the first to contain.
    held : frozenset of str
        Series whose newer quotes wait for an end-of-day mark elsewhere.
    waiting_trades : mapping of str to tuple of str
        By portfolio the instruments of trades that wait for one.
    """

    portfolios: tuple[str, ...]
    moment: StreamPosition
    trade_ids: Mapping[str, tuple[str, ...]]
    held: frozenset[str] = frozenset()
    waiting_trades: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def part(self, portfolios: Sequence[str]) -> ValuationOrder:
        """Return the same order for some of its portfolios."""
        ids = {name: self.trade_ids[name] for name in portfolios if name in self.trade_ids}
        waiting = self.waiting_trades
        waiting = {name: waiting[name] for name in portfolios if name in waiting}
        return ValuationOrder(tuple(portfolios), self.moment, ids, self.held, waiting)


class Valuer(Protocol):
    """Values portfolios elsewhere; what it returns has the bits of `valued`."""

    def __call__(
        self, order: ValuationOrder, changed: Mapping[str, bytes | None]
    ) -> tuple[RiskSnapshot, ...] | None:
        """Return the snapshots in the order's order, None to have them taken here.

        Parameters
        ----------
        order : ValuationOrder
            Which ones.
        changed : mapping of str to bytes or None
            Every row that has changed since the call before, None for one that is taken away;
            some calls value nothing.
        """
        ...


def valued(
    books: Mapping[str, PortfolioBook], market: Market, order: ValuationOrder
) -> tuple[RiskSnapshot, ...]:
    """Return the snapshots of an order, one after the other, here.

    Parameters
    ----------
    books : mapping of str to PortfolioBook
        Those of the order, at least.
    market : Market
        Theirs: each price is looked up once for all of them.
    order : ValuationOrder
        Which ones.
    """
    prices = MarketPrices(market)
    return tuple(
        risk_snapshot(
            books[name],
            order.moment,
            prices=prices,
            trade_ids=order.trade_ids.get(name, ()),
            waiting_trades=order.waiting_trades.get(name, ()),
        )
        for name in order.portfolios
    )


def is_valued_with(key: str) -> bool:
    """Return whether portfolios are valued with rows of a key."""
    return prefix_of(key) not in {COUNTERS_KEY, APPENDED_KEY, MARKS_KEY, CLOSED_IDS_PREFIX}


class Replica:
    """The state as its rows tell it; books are made when they are first asked for.

    Parameters
    ----------
    stale_after_ns : int
        As the book's own, see ``system.book.book.Book``.
    """

    def __init__(self, *, stale_after_ns: int) -> None:
        self._staleness = Staleness(stale_after_ns)
        self._rows: dict[str, bytes] = {}
        self._takers: dict[str, Callable[[str, bytes], None]] = {
            QUOTE_PREFIX: self._take_quote,
            FX_PREFIX: self._take_rate,
            PARTITION_PREFIX: self._take_partition,
            PORTFOLIO_PREFIX: self._take_portfolio,
            TRADE_PREFIX: self._take_trade,
        }
        self._restore()

    def update(self, rows: Mapping[str, bytes]) -> None:
        """Take in rows; those that are as they were cost a comparison.

        Parameters
        ----------
        rows : mapping of str to bytes
            Any that have changed since the update before, and any others.

        Raises
        ------
        MessageError
            If a row cannot be read; names its key.
        """
        changed = {
            key: row
            for key, row in rows.items()
            if is_valued_with(key) and self._rows.get(key) != row
        }
        self._rows.update(changed)
        takers = {key: self._takers.get(prefix_of(key)) for key in changed}
        if None in takers.values():
            self._restore()
            return
        for key, take in takers.items():
            assert take is not None, f"{key} has a taker"
            take(key.partition(":")[2], changed[key])

    def snapshots(self, order: ValuationOrder) -> tuple[RiskSnapshot, ...]:
        """Return the snapshots of an order, as `valued` of the book whose rows these are.

        Raises
        ------
        KeyError
            If no row tells of a portfolio.
        """
        for name in order.portfolios:
            if name not in self._books:
                self._books[name] = self._made(name)
        self._market.held = order.held
        return valued(self._books, self._market, order)

    def _restore(self) -> None:
        """Begin anew from all rows: reference data or closes have changed."""
        kept = restored_rows(self._rows)
        self._market = restored_market(kept, self._staleness)
        self._states = {state.definition.portfolio: state for state in kept.portfolios}
        self._trades: defaultdict[str, dict[str, TradeState]] = defaultdict(dict)
        for state in kept.trades:
            self._trades[state.trade.portfolio][state.trade.trade_id] = state
        for portfolio in self._states:
            self._forget_closed(portfolio)
        self._books: dict[str, PortfolioBook] = {}

    def _take_quote(self, ticker: str, row: bytes) -> None:
        self._market.quotes[ticker] = _QUOTES.decode(row)

    def _take_rate(self, currency: str, row: bytes) -> None:
        self._market.rates[currency] = _QUOTES.decode(row)

    def _take_partition(self, partition: str, row: bytes) -> None:
        self._market.partitions[partition] = _PARTITIONS.decode(row)

    def _take_portfolio(self, portfolio: str, row: bytes) -> None:
        self._states[portfolio] = _PORTFOLIOS.decode(row)
        self._books.pop(portfolio, None)
        self._forget_closed(portfolio)

    def _forget_closed(self, portfolio: str) -> None:
        """Drop trades that the portfolio's row carries as balances."""
        state, trades = self._states[portfolio], self._trades[portfolio]
        for trade_id in [name for name, trade in trades.items() if is_closed(trade, state)]:
            del trades[trade_id], self._rows[TRADE_PREFIX + trade_id]

    def _take_trade(self, trade_id: str, row: bytes) -> None:
        state = _TRADES.decode(row)
        self._trades[state.trade.portfolio][trade_id] = state
        self._books.pop(state.trade.portfolio, None)

    def _made(self, portfolio: str) -> PortfolioBook:
        trades, state = TradeLedger(self._trades[portfolio].values()), self._states[portfolio]
        moved = open_entries(state, trades.counting_states(portfolio), self._market.taken)
        return PortfolioBook(state, moved, self._market)
