"""The fold: events in, state on, snapshots out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import msgspec

from system.book.closing import closing_mark, late_statement, marks_with, open_entries, rolled_up
from system.book.ingest.affected import AffectedPortfolios
from system.book.ingest.batch_effects import BatchEffects
from system.book.ingest.fold import Fold
from system.book.ingest.ledger import Ledger
from system.book.ingest.lost import opened_by, stated_again
from system.book.ingest.partitions import DEFAULT_MARK_WAIT_MS, HeldName, PartitionQueue, Partitions
from system.book.ingest.reference import Reference
from system.book.ingest.suspects import contradiction, judged
from system.book.replica import ValuationOrder, Valuer, valued
from system.book.restore import restored_market, restored_rows
from system.book.state.adjustments import Entry, adjustment_row
from system.book.state.events import Event, QuoteRow, Unreadable
from system.book.state.market import FUTURE_BOUND_DAYS, Market, Staleness
from system.book.state.quotes import QuoteOutcome
from system.book.state.rows import (
    APPENDED_KEY,
    CLOSES_PREFIX,
    COUNTERS_KEY,
    DAY_KEY,
    FX_PREFIX,
    MARKS_KEY,
    PARTITION_PREFIX,
    PORTFOLIO_PREFIX,
    QUOTE_PREFIX,
    SESSIONS_PREFIX,
    TRADE_PREFIX,
    AdjustmentState,
    DayClose,
    DayState,
    PortfolioState,
    QuoteState,
    SuspectTick,
    TradeState,
    stressed_key,
)
from system.book.state.statements import (
    brought_forward,
    cutoff_of,
    is_on_top,
    restated_by,
    settled_late,
)
from system.book.state.trades import TradeLedger
from system.book.valuation.portfolio import PortfolioBook
from system.book.valuation.prices import MarketPrices
from system.book.valuation.snapshot import UNVALUED, StreamPosition
from system.contracts.kept_values import KeptValue
from system.contracts.messages import (
    Adjustment,
    AssetClass,
    CloseHistory,
    Dividend,
    ExchangeSessions,
    Instrument,
    Mark,
    Portfolio,
    RejectReason,
    RiskSnapshot,
    SnapshotKind,
    Split,
    StressedHistory,
    Trade,
)
from system.contracts.topics import FX_RATES, MARKET_DATA
from system.errors import MessageError
from system.risk.scenarios.suspect_returns import MOVE_BOUNDS
from system.risk.scenarios.window import fx_series

DEFAULT_STALE_AFTER_NS: Final = 3_600_000_000_000
"""An hour of event time."""


class Book:
    """The state of all portfolios at one vector of offsets.

    Parameters
    ----------
    next_offsets : mapping of str to int
        Every partition of every input topic, ``topic:partition``, and where the state ends.
    rows : mapping of str to bytes
        The state as it was kept (see ``system.book.state.rows``); empty for a new one.
    stale_after_ns : int
        Event time after which a price that its partition has left behind is stale.
    valuer : Valuer, optional
        Values live portfolios elsewhere; None: all are valued here.
    mark_wait_ms : int
        How much later than an end-of-day mark, by the broker's time, another partition may go
        on without one before the mark is rejected.

    Raises
    ------
    MessageError
        If a kept row cannot be read.
    """

    def __init__(
        self,
        next_offsets: Mapping[str, int],
        rows: Mapping[str, bytes] | None = None,
        *,
        stale_after_ns: int = DEFAULT_STALE_AFTER_NS,
        valuer: Valuer | None = None,
        mark_wait_ms: int = DEFAULT_MARK_WAIT_MS,
    ) -> None:
        kept = restored_rows(rows or {})
        self._mark_wait_ms = mark_wait_ms
        self._partitions = Partitions(next_offsets, kept.appended, mark_wait_ms=mark_wait_ms)
        self._appended = kept.appended
        self._held: frozenset[HeldName] = frozenset()
        self._waiting_trades: dict[str, tuple[str, ...]] = {}
        self.market: Market = restored_market(kept, Staleness(stale_after_ns))
        self._reference = Reference(self.market)
        self._marks = kept.marks or (() if kept.day is None else (kept.day,))
        closed = {
            state.definition.portfolio: state.closed.count
            for state in kept.portfolios
            if state.closed is not None
        }
        self._trades = TradeLedger(kept.trades, kept.closed_ids, closed)
        self.portfolios: dict[str, PortfolioBook] = {
            state.definition.portfolio: PortfolioBook(state, self._entries(state), self.market)
            for state in kept.portfolios
        }
        self.ledger = Ledger(kept.counters)
        self._lost = kept.lost
        self._touched = AffectedPortfolios()
        for name, book in self.portfolios.items():
            self._touched.index(name, book.shape)
        self._to_book_anew: set[str] = set()
        self._outcome = BatchEffects()
        self._batch, self._valuer = (0, 0), valuer
        self._handlers: dict[type, Callable[[Any, PartitionQueue], QuoteOutcome]] = {
            QuoteRow: self._quote,
            Trade: self._trade,
            Instrument: self._instrument,
            CloseHistory: self._history,
            StressedHistory: self._stressed,
            ExchangeSessions: self._sessions,
            Portfolio: self._portfolio,
            Split: self._adjustment,
            Dividend: self._adjustment,
            Unreadable: self._unreadable,
        }

    @property
    def offsets(self) -> dict[str, int]:
        """Return ``topic:partition`` to the first offset that is not applied."""
        return self._partitions.offsets

    # -- the fold -----------------------------------------------------------------------

    def fold(self, events: Mapping[str, Iterable[Event]], *, fence: int, epoch: int) -> Fold:
        """Apply one batch and return what it did.

        Parameters
        ----------
        events : mapping of str to iterable of Event
            By partition, in offset order; what lies below the state's offsets is dropped.
        fence, epoch : int
            Stamped on the snapshots; the numbers do not depend on them.

        Returns
        -------
        Fold
            Snapshots of every portfolio that was touched, and of all at each end of day.
        """
        self.absorb(events, fence=fence, epoch=epoch)
        return self.settle()

    def absorb(self, events: Mapping[str, Iterable[Event]], *, fence: int, epoch: int) -> None:
        """Apply one batch: the first half of ``fold``, with the snapshots of ends of day."""
        self._batch = (fence, epoch)
        self._partitions.extend(events)
        self._drain()
        while self._settle_mark():
            self._drain()

    def settle(self) -> Fold:
        """Take the live snapshots and hand over the batch: the second half of ``fold``."""
        self._book_amended()
        if self.ledger.changed:
            self._outcome.changed[COUNTERS_KEY] = self.ledger.row()
        if self._partitions.appended != self._appended:
            self._appended = self._outcome.changed[APPENDED_KEY] = self._partitions.appended
        state = self._outcome.state()
        self._name_held()
        self._take_live(state)
        return self._outcome.handed_over(state, self._partitions)

    def check_kept(self) -> None:
        """Refuse to go on where events have to be read again; asked behind each commit.

        Raises
        ------
        BarrierOverflowError
            If more events had come behind a mark than are kept in memory, and it is settled.
        """
        self._partitions.check_kept()

    @property
    def last_applied(self) -> dict[str, Event]:
        """Return the newest event of each partition that the state contains.

        A partition of which nothing has come since the start is missing.
        """
        return self._partitions.taken

    def revalue(self, *, fence: int, epoch: int) -> Fold:
        """Return a live snapshot of every portfolio without any event: after a restart."""
        for name in self.portfolios:
            self._touched.touch(name)
        return self.fold({}, fence=fence, epoch=epoch)

    def _drain(self) -> None:
        for queue in self._partitions.queues:
            self._drain_partition(queue)

    def _drain_partition(self, queue: PartitionQueue) -> None:
        while True:
            for event in queue.up_to_mark():
                self._apply(event, queue)
            mark = queue.mark
            if mark is None or not self._is_settled(mark, queue):
                return

    def _is_settled(self, mark: Mark, queue: PartitionQueue) -> bool:
        """Take out a mark that cannot close a day; False if it is to wait for the others."""
        day = self.market.day
        if day is not None and mark.date <= day.date:
            queue.take()
            self.ledger.count(queue.topic, QuoteOutcome.DUPLICATE.value)
            return True
        try:
            self._reference.check_mark(mark)
        except MessageError as error:
            self._reject(queue.take(), queue, error)
            return True
        return False

    def _settle_mark(self) -> bool:
        """Reject what no day can be closed by, or close a day; False if marks have to wait."""
        queue = self._partitions.incomplete()
        if queue is not None:
            self._reject_incomplete(queue)
            return True
        mark = self._partitions.barrier()
        if mark is None:
            return False
        if not self._reject_strays(mark):
            self._close_day(mark)
        return True

    def _reject_incomplete(self, queue: PartitionQueue) -> None:
        assert queue.mark is not None, f"{queue.name} has no mark at its front"
        detail = (
            f"mark of {queue.mark.date}: another partition went on without one for more than "
            f"{self._mark_wait_ms / 1000:g} s"
        )
        error = MessageError(RejectReason.INCOMPLETE_MARK, detail)
        self._reject(queue.take(), queue, error)

    def _reject_strays(self, earliest: Mark) -> bool:
        """Take out marks far beyond the one that all others wait at; False if there is none."""
        bound = earliest.date + dt.timedelta(days=FUTURE_BOUND_DAYS)
        strays = [queue for queue in self._partitions.queues if queue.is_beyond(bound)]
        for queue in strays:
            detail = f"mark of {queue.mark}, while others wait at {earliest.date}"
            error = MessageError(RejectReason.TIME_FAR_OFF, detail)
            self._reject(queue.take(), queue, error)
        return bool(strays)

    def _apply(self, event: Event, queue: PartitionQueue) -> None:
        try:
            verdict = self._handlers[type(event.payload)](event.payload, queue)
        except MessageError as error:
            self._reject(event, queue, error)
        else:
            self.ledger.count(queue.topic, verdict.value)

    def _reject(self, event: Event, queue: PartitionQueue, error: MessageError) -> None:
        self.ledger.count(queue.topic, "rejected")
        self._outcome.reject(event, queue, error)

    # -- one message --------------------------------------------------------------------

    def _unreadable(self, message: Unreadable, _: PartitionQueue) -> QuoteOutcome:
        raise MessageError(message.reason, message.detail)

    def _quote(self, row: QuoteRow, queue: PartitionQueue) -> QuoteOutcome:
        is_rate = queue.topic == FX_RATES.name
        quotes = self.market.rates if is_rate else self.market.quotes
        last = quotes.get(row.name)
        if is_rate:
            self._reference.check_rate(row)
            verdict, prefix = self.market.add_rate(row, queue.name), FX_PREFIX
        else:
            self._reference.check_quote(row)
            verdict, prefix = self.market.add_quote(row, queue.name), QUOTE_PREFIX
        if verdict is QuoteOutcome.APPLIED:
            suspect = self._judged(last, row, queue, is_rate=is_rate)
            if suspect is not None:
                quotes[row.name] = msgspec.structs.replace(quotes[row.name], suspect=suspect)
            self._note(row, queue, is_rate=is_rate)
        self._outcome.changed[prefix + row.name] = quotes[row.name]
        return verdict

    def _judged(
        self, last: QuoteState | None, row: QuoteRow, queue: PartitionQueue, *, is_rate: bool
    ) -> SuspectTick | None:
        """Let an accepted quote judge the suspect one before it; return the suspect one now."""
        series = fx_series(row.name) if is_rate else row.name
        bound = MOVE_BOUNDS[AssetClass.FX] if is_rate else self.market.move_bound(row.name)
        before = self.market.newest_close(series) if last is None else last.price
        if bound is None or before is None or not before > 0.0:
            return None  # dividends can restate a close down to nothing: no ratio can be taken
        event = queue.taken
        assert event is not None, "a quote is judged when it is taken out"
        suspect = None if last is None else last.suspect
        judgement = judged(before, suspect, row, event, bound)
        quote = judgement.contradicted
        if quote is not None:
            self.ledger.reject_applied(queue.topic)
            error = contradiction(series, quote)
            value = KeptValue(quote.value, quote.size_bytes, quote.sha256)
            self._outcome.reject_at(queue, quote.offset, value, error)
        return judgement.suspect

    def _note(self, row: QuoteRow, queue: PartitionQueue, *, is_rate: bool) -> None:
        self._outcome.changed[PARTITION_PREFIX + queue.name] = self.market.partitions[queue.name]
        self._outcome.note_intended(row.intended_ns)
        if is_rate:
            self._touched.by_currency(row.name)
        else:
            self._touched.by_ticker(row.name)

    def _trade(self, trade: Trade, _: PartitionQueue) -> QuoteOutcome:
        book = self.portfolios.get(trade.portfolio)
        if book is None:
            raise MessageError(RejectReason.UNKNOWN_PORTFOLIO, f"portfolio {trade.portfolio}")
        self._reference.check_known(trade.instrument)
        self._reference.check_price(trade.instrument, trade.price, "price")
        known = self._trades.known(trade.trade_id)
        state, verdict = self._trades.book(trade, self._closed_day)
        if state is not None:
            self._book_trade(book, known, state)
        return verdict

    def _book_trade(self, book: PortfolioBook, known: TradeState | None, state: TradeState) -> None:
        trade, name = state.trade, state.trade.portfolio
        if known is not None or not is_on_top(state, book.state):
            settled = settled_late(book.state, known, state, self.market.listing)
            if settled is not book.state:
                self._keep(book, settled)
            self._to_book_anew.add(name)
        elif name not in self._to_book_anew:
            book.apply(trade)
            self._touched.index(name, book.shape)
        self._touched.by_trade(name, trade.trade_id)
        self._outcome.changed[TRADE_PREFIX + trade.trade_id] = state
        self._outcome.note_intended(trade.intended_monotonic_ns)

    def _instrument(self, instrument: Instrument, _: PartitionQueue) -> QuoteOutcome:
        verdict = self._reference.add_instrument(instrument)
        self._outcome.changed[f"instrument:{instrument.instrument}"] = instrument
        return verdict

    def _history(self, history: CloseHistory, _: PartitionQueue) -> QuoteOutcome:
        verdict = self._reference.add_history(history)
        if verdict is QuoteOutcome.APPLIED:
            closes = self.market.closes[history.series]
            self._outcome.changed[CLOSES_PREFIX + history.series] = closes
            self._touched.by_series(history.series)
        return verdict

    def _stressed(self, history: StressedHistory, _: PartitionQueue) -> QuoteOutcome:
        verdict = self._reference.add_stressed(history)
        self._outcome.changed[stressed_key(history.window, history.series)] = history
        self._touched.by_series(history.series)
        return verdict

    def _sessions(self, table: ExchangeSessions, _: PartitionQueue) -> QuoteOutcome:
        verdict = self._reference.add_sessions(table)
        if verdict is QuoteOutcome.APPLIED:
            self._outcome.changed[SESSIONS_PREFIX + table.exchange] = table
        return verdict

    def _adjustment(self, adjustment: Adjustment, _: PartitionQueue) -> QuoteOutcome:
        verdict = self._reference.add_adjustment(adjustment)
        if verdict is QuoteOutcome.APPLIED:
            state = AdjustmentState(adjustment=adjustment)
            self._outcome.changed[adjustment_row(adjustment)] = state
        return verdict

    def _portfolio(self, definition: Portfolio, queue: PartitionQueue) -> QuoteOutcome:
        self._reference.check_portfolio(definition)
        book = self.portfolios.get(definition.portfolio)
        if book is None:
            self._open(definition, queue)
            return QuoteOutcome.APPLIED
        state = restated_by(book.state, definition, self.market.day, self.market.listing)
        state = stated_again(book.state, state, self._lost, queue)
        is_known_again = state.positions_unknown != book.state.positions_unknown
        if definition == (book.state.pending or book.definition) and not is_known_again:
            return QuoteOutcome.DUPLICATE
        problem = late_statement(definition, self._marks)
        if problem:
            raise MessageError(RejectReason.LATE, problem)
        self._restate(book, state, is_known_again=is_known_again)
        return QuoteOutcome.APPLIED

    def _restate(self, book: PortfolioBook, state: PortfolioState, *, is_known_again: bool) -> None:
        """Let settings wait for the barrier, and hold what was stated at once."""
        before, last = book.state, book.state.pending or book.definition
        assert state.pending is not None, "a definition waits"
        states_none = (state.restated, state.pending.positions) == (before.restated, last.positions)
        if states_none and not is_known_again:
            self._keep(book, state)
            return
        name = state.definition.portfolio
        self._book_anew(book, state)
        self._touched.index(name, book.shape)
        self._touched.touch(name)

    def _book_amended(self) -> None:
        """Book the entries of amended portfolios anew: once, however many amendments came.

        It takes as long as the book has trades, so that once for each message would let a few
        amendments a second hold up the stream.
        """
        for name in sorted(self._to_book_anew):
            book = self.portfolios[name]
            self._book_anew(book, book.state)
            self._touched.index(name, book.shape)

    def _book_anew(self, book: PortfolioBook, state: PortfolioState) -> None:
        """Book all entries of a portfolio anew; keep its state where that is another one."""
        is_new, name = state is not book.state, state.definition.portfolio
        book.redefine(state, self._entries(state))
        self._to_book_anew.discard(name)
        if is_new:
            self._keep(book, state)

    def _open(self, definition: Portfolio, queue: PartitionQueue) -> None:
        stated = cutoff_of(definition, self.market.day, is_first=True)
        state = PortfolioState(definition=definition, opened=self._closed_day, stated=stated)
        state = opened_by(state, self._lost, queue)
        book = PortfolioBook(state, self._entries(state), self.market)
        self.portfolios[definition.portfolio] = book
        self._keep(book, state)
        self._touched.index(definition.portfolio, book.shape)
        self._touched.touch(definition.portfolio)

    def _keep(self, book: PortfolioBook, state: PortfolioState) -> None:
        book.state = state
        self._outcome.changed[PORTFOLIO_PREFIX + state.definition.portfolio] = state

    @property
    def _closed_day(self) -> dt.date | None:
        return None if self.market.day is None else self.market.day.date

    def _entries(self, state: PortfolioState) -> list[Entry]:
        trades = self._trades.counting_states(state.definition.portfolio)
        return open_entries(state, trades, self.market.taken)

    # -- snapshots ----------------------------------------------------------------------

    def _name_held(self) -> None:
        """Note which quotes and trades wait for a mark; who has them is valued when it changes."""
        held = self._partitions.held_names
        for portfolio, name in sorted(held ^ self._held):
            if not portfolio:
                self._touched.by_series(name)
            elif portfolio in self.portfolios:
                self._touched.touch(portfolio)
        self._held = held
        self.market.held = frozenset(name for portfolio, name in held if not portfolio)
        self._waiting_trades = {
            portfolio: tuple(name for _, name in group)
            for portfolio, group in groupby(sorted(held), key=itemgetter(0))
            if portfolio
        }

    def _take_live(self, changed: Mapping[str, bytes | None]) -> None:
        names, time_ns = self._touched.portfolios(), self.market.newest_event_ns
        order = self._order(names, SnapshotKind.LIVE, time_ns)
        taken = self._valuer(order, changed) if self._valuer else None
        self._outcome.snapshots += (
            valued(self.portfolios, self.market, order) if taken is None else taken
        )
        self._touched.clear()

    def _order(self, names: Iterable[str], kind: SnapshotKind, time_ns: int) -> ValuationOrder:
        moment = StreamPosition(kind, *self._batch, self._partitions.offsets, time_ns)
        order = ValuationOrder(tuple(names), moment, self._touched.trades())
        if kind is SnapshotKind.END_OF_DAY:  # lacks nothing from before its mark
            return order
        return replace(order, held=self.market.held, waiting_trades=self._waiting_trades)

    # -- end of day ---------------------------------------------------------------------

    def _close_day(self, mark: Mark) -> None:
        self._book_amended()
        for queue in self._partitions.queues:
            front = queue.mark
            assert front is not None, f"{queue.name} has no mark at the barrier"
            if front.date == mark.date:
                queue.take()
                self.ledger.count(queue.topic, "mark")
        day = DayState(date=mark.date, event_time_ns=mark.event_time_ns)
        self.market.held = frozenset()
        self._close_market(day)
        names = sorted(self.portfolios)
        order = self._order(names, SnapshotKind.END_OF_DAY, mark.event_time_ns)
        taken = valued(self.portfolios, self.market, order)
        self._outcome.snapshots += taken
        self._touched.clear()
        for state in self.market.adjustments.due(mark.date):
            self._adjust(self.market.adjust(state, mark.date))
        prices = MarketPrices(self.market)  # in the shares of the day to come
        for name, snapshot in zip(names, taken, strict=True):
            self._close_portfolio(self.portfolios[name], day, snapshot, prices)
        self._close_trades(day)

    def _close_market(self, day: DayState) -> None:
        market, changed = self.market, self._outcome.changed
        for series in market.close_day(day):
            changed[CLOSES_PREFIX + series] = market.closes[series]
        tickers, currencies = market.hold_back_clocks(day.event_time_ns)
        changed.update({QUOTE_PREFIX + name: market.quotes[name] for name in tickers})
        changed.update({FX_PREFIX + name: market.rates[name] for name in currencies})
        for queue in self._partitions.queues:
            if queue.topic in {MARKET_DATA.name, FX_RATES.name}:
                market.note_mark(queue.name, day.event_time_ns)
                changed[PARTITION_PREFIX + queue.name] = market.partitions[queue.name]
        changed[DAY_KEY] = day

    def _adjust(self, effect: AdjustmentState) -> None:
        """Let a split or dividend take effect on quotes and positions."""
        self._outcome.changed[adjustment_row(effect.adjustment)] = effect
        for name in (effect.adjustment.instrument, *effect.options):
            if name in self.market.quotes:
                self._outcome.changed[QUOTE_PREFIX + name] = self.market.quotes[name]
        for name, book in sorted(self.portfolios.items()):
            if book.holds(effect):
                if is_on_top(effect, book.state):
                    book.adjust(effect)
                else:
                    self._book_anew(book, book.state)
                self._touched.index(name, book.shape)
                self._touched.touch(name)

    def _close_portfolio(
        self, book: PortfolioBook, day: DayState, snapshot: RiskSnapshot, prices: MarketPrices
    ) -> None:
        close = DayClose(
            date=day.date,
            nav=None if snapshot.missing else snapshot.nav,
            var=snapshot.var,
            positions=() if snapshot.inputs_hash == UNVALUED else book.held(prices),
        )
        state = msgspec.structs.replace(book.state, close=close)
        if state.pending is None:
            self._keep(book, state)
        else:
            self._redefine(book, state, day)

    def _redefine(self, book: PortfolioBook, state: PortfolioState, day: DayState) -> None:
        """Put new settings in force; amounts of another base currency are not compared."""
        name, before = state.definition.portfolio, state.definition.base_currency
        state = brought_forward(state, self._entries(state), self.market.listing, day)
        if state.definition.base_currency != before:
            state = msgspec.structs.replace(state, close=None)
        self._book_anew(book, state)
        self._touched.index(name, book.shape)
        self._touched.touch(name)

    def _close_trades(self, day: DayState) -> None:
        """Roll up the oldest trades of each portfolio; no number changes."""
        self._marks = self._outcome.changed[MARKS_KEY] = marks_with(self._marks, day)
        mark = closing_mark(self._marks)
        if mark is None:
            return
        for name, book in sorted(self.portfolios.items()):
            closing = self._trades.closing(name, mark.date)
            if closing:
                listing, taken = self.market.listing, self.market.taken
                self._keep(book, rolled_up(book.state, closing, taken, listing, mark))
                self._outcome.changed.update(self._trades.close(name, closing, day.date))
                for state in closing:
                    self._outcome.changed[TRADE_PREFIX + state.trade.trade_id] = None
