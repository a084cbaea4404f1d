"""Trades in: checked, given a version, kept by the broker before they are accepted."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from typing import Final

import anyio
import msgspec

from system.book.state.closed_ids import ClosedTrade, closed_trade_in, searched_text
from system.book.state.rows import (
    CLOSED_IDS_PREFIX,
    PORTFOLIO_PREFIX,
    TRADE_PREFIX,
    ClosedIds,
    PortfolioState,
    TradeState,
)
from system.book.state.trades import closed_trade_problem
from system.contracts.api.risk import AmendRequest, RejectedRow, TradeAccepted, TradeRequest
from system.contracts.api.trades import TradeLine, TradePage, TradeStage, TradeStatus
from system.contracts.messages import Trade, TradeAction
from system.errors import UnavailableError
from system.serve.http.errors import (
    ClosedTradeError,
    UnansweredTradeError,
    UnknownTradeError,
    VersionConflictError,
    invalid_field,
)
from system.serve.http.parameters import stream_of
from system.serve.services.catalogue import Catalogue
from system.serve.services.connections import Services
from system.serve.services.event_clock import EventClock

MAX_RECENT_TRADES: Final = 10_000
_TRADE_STATE: Final = msgspec.json.Decoder(TradeState)
_PORTFOLIO_STATE: Final = msgspec.json.Decoder(PortfolioState)
_TERMS: Final = (
    "version",
    "action",
    "portfolio",
    "instrument",
    "quantity",
    "price",
    "event_time_ns",
)
_CLOSED_IDS: Final = msgspec.json.Decoder(ClosedIds)


class TradeService:
    """Sends new trades, amendments and cancellations, each once per (id, version).

    Parameters
    ----------
    services : Services
        The bus to send on and the history to look trades up in.
    names : Catalogue
        What may be traded.
    clock : EventClock
        Says when a trade was made that does not say so itself.
    """

    def __init__(self, services: Services, names: Catalogue, clock: EventClock) -> None:
        self._services = services
        self._names = names
        self._clock = clock
        self._recent: OrderedDict[str, Trade] = OrderedDict()
        self._changing = anyio.Lock()

    async def send(self, request: TradeRequest) -> TradeAccepted:
        """Send a new trade; the same one again is sent again and counts once.

        Raises
        ------
        UnknownPortfolioError, UnknownInstrumentError
            If the stream would reject it.
        InvalidRequestError
            If its quantity is 0.
        VersionConflictError
            If another trade has its id.
        UnansweredTradeError
            If a server does not answer; names the id, also one that was made up here.
        """
        trade_id = request.trade_id or str(uuid.uuid4())
        try:
            return await self._send(trade_id, request)
        except UnavailableError as error:
            raise UnansweredTradeError(trade_id, error) from error

    async def _send(self, trade_id: str, request: TradeRequest) -> TradeAccepted:
        await self._names.check(request.portfolio, request.instrument)
        await self._names.check_price(request.instrument, request.price)
        known = await self._find(request.trade_id) if request.trade_id else None
        if known is not None and not _is_same_trade(known, request):
            raise VersionConflictError(
                f"trade_id {known.trade_id!r} is another trade ({_told(known)}): "
                "amend it by PUT, or send a new id"
            )
        if known is not None:
            return await self._deliver(known)
        made_ns = request.event_time_ns or await self._clock.now_ns()
        return await self._deliver(_new_trade(trade_id, request, made_ns))

    async def amend(self, trade_id: str, request: AmendRequest) -> TradeAccepted:
        """Send new terms of a trade; the same amendment again is sent again and counts once.

        Raises
        ------
        UnknownTradeError
            If no such trade has come.
        ClosedTradeError
            If it is closed.
        InvalidRequestError
            If its quantity is 0.
        VersionConflictError
            If the version is not the next one, or the trade is cancelled.
        StoreUnavailableError, BusUnavailableError, DeliveryError
            If a server does not answer.
        """
        async with self._changing:
            known = await self._known(trade_id)
            await self._names.check_price(known.instrument, request.price)
            if _is_same_amendment(known, request):
                return await self._deliver(known)
            version = _next_version(known, request.version)
            return await self._deliver(_amended(known, version, request))

    async def cancel(self, trade_id: str, version: int | None) -> TradeAccepted:
        """Send the cancellation of a trade; cancelling again changes nothing.

        Raises
        ------
        UnknownTradeError
            If no such trade has come.
        ClosedTradeError
            If it is closed.
        VersionConflictError
            If the version is not the next one.
        StoreUnavailableError, BusUnavailableError, DeliveryError
            If a server does not answer.
        """
        async with self._changing:
            known = await self._known(trade_id)
            if known.action is TradeAction.CANCEL and version in (None, known.version):
                return await self._deliver(known)
            cancelled = msgspec.structs.replace(
                known, version=_next_version(known, version), action=TradeAction.CANCEL
            )
            return await self._deliver(cancelled)

    async def status(self, trade_id: str) -> TradeStatus:
        """Return how far a trade has come, and the snapshot that has it.

        Raises
        ------
        UnknownTradeError
            If no such trade has come.
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        history, read = self._services.history, self._services.read
        booked, sent = await self._booked(trade_id), self._recent.get(trade_id)
        closed = None if booked is not None else await self._closed(trade_id)
        held = closed if booked is None else booked
        is_pending = sent is not None and (held is None or sent.version > held.version)
        rejected = None
        if is_pending or held is None:
            rejected = await read(history.rejected_trade, trade_id)
        newest = _newest(booked, sent)
        if newest is None and closed is None and rejected is None:
            raise _unknown_trade(trade_id)
        terms = {} if newest is None else {name: getattr(newest, name) for name in _TERMS}
        return TradeStatus(
            trade_id=trade_id,
            stage=_stage(booked, closed, rejected),
            **{"version": None if closed is None else closed.version, **terms},
            snapshot_id=None if held is None else await read(history.naming_snapshot, trade_id),
            closed_day=None if closed is None else closed.day,
            pending_version=sent.version if sent is not None and is_pending else None,
            rejected=rejected,
        )

    async def page(self, portfolio: str, *, limit: int, before: int | None) -> TradePage:
        """Return open trades of a portfolio, newest first.

        Raises
        ------
        UnknownPortfolioError
            If nobody imported the portfolio; lists those that are known.
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        history, key = self._services.history, PORTFOLIO_PREFIX + portfolio
        row = (await self._services.read(history.state_values, [key])).get(key)
        if row is None:
            await self._names.check_portfolio(portfolio)
        closed = None if row is None else _PORTFOLIO_STATE.decode(row).closed
        rows = await self._services.read(history.trade_page, portfolio, limit=limit, before=before)
        trades = tuple(map(_trade_line, rows))
        return TradePage(
            portfolio=portfolio,
            trades=trades,
            closed_count=0 if closed is None else closed.count,
            closed_day=None if closed is None else closed.day,
            next=trades[-1].rank if len(trades) == limit else None,
        )

    async def _known(self, trade_id: str) -> Trade:
        """Return a trade that can be changed, in its newest version."""
        booked = await self._booked(trade_id)
        known = _newest(booked, self._recent.get(trade_id))
        if booked is None and (closed := await self._closed(trade_id)) is not None:
            raise ClosedTradeError(closed_trade_problem(trade_id, closed.day))
        if known is None:
            raise _unknown_trade(trade_id)
        return known

    async def _find(self, trade_id: str) -> Trade | None:
        """Return a trade's newest version, of what was sent here and what the book has open."""
        return _newest(await self._booked(trade_id), self._recent.get(trade_id))

    async def _booked(self, trade_id: str) -> Trade | None:
        """Return the newest version of an open trade that the book has."""
        key = TRADE_PREFIX + trade_id
        state = (await self._services.read(self._services.history.state_values, [key])).get(key)
        return None if state is None else _TRADE_STATE.decode(state).trade

    async def _closed(self, trade_id: str) -> ClosedTrade | None:
        """Return a closed trade; takes the longer, the more trades are closed."""
        contains, text = self._services.history.state_containing, searched_text(trade_id)
        rows = await self._services.read(contains, CLOSED_IDS_PREFIX, text)
        trades = (closed_trade_in(_CLOSED_IDS.decode(row), trade_id) for row in rows)
        return next((trade for trade in trades if trade is not None), None)

    async def _deliver(self, trade: Trade) -> TradeAccepted:
        place = await self._services.send(self._services.bus.deliver, trade)
        self._recent[trade.trade_id] = trade
        while len(self._recent) > MAX_RECENT_TRADES:
            self._recent.popitem(last=False)
        return TradeAccepted(
            trade_id=trade.trade_id,
            version=trade.version,
            action=trade.action,
            portfolio=trade.portfolio,
            instrument=trade.instrument,
            quantity=trade.quantity,
            price=trade.price,
            topic=place.topic,
            partition=place.partition,
            offset=place.offset,
            watch=stream_of(trade.portfolio),
        )


def _unknown_trade(trade_id: str) -> UnknownTradeError:
    return UnknownTradeError(
        f"no trade {trade_id!r}: it was never sent, or the stream rejected it (see /v1/rejected)"
    )


def _stage(
    booked: Trade | None, closed: ClosedTrade | None, rejected: RejectedRow | None
) -> TradeStage:
    if booked is not None:
        return TradeStage.APPLIED
    if closed is not None:
        return TradeStage.CLOSED
    return TradeStage.ACCEPTED if rejected is None else TradeStage.REJECTED


def _trade_line(row: bytes) -> TradeLine:
    """Return what is shown of an open trade, of its row in the book state."""
    state = _TRADE_STATE.decode(row)
    trade = state.trade
    return TradeLine(
        trade_id=trade.trade_id,
        version=trade.version,
        action=trade.action,
        instrument=trade.instrument,
        quantity=trade.quantity,
        price=trade.price,
        event_time_ns=trade.event_time_ns,
        rank=state.rank,
        day=state.day,
    )


def _newest(*versions: Trade | None) -> Trade | None:
    known = (trade for trade in versions if trade is not None)
    return max(known, key=lambda trade: trade.version, default=None)


def _new_trade(trade_id: str, request: TradeRequest, made_ns: int) -> Trade:
    return Trade(
        trade_id=trade_id,
        portfolio=request.portfolio,
        instrument=request.instrument,
        quantity=_traded(request.quantity),
        price=request.price,
        event_time_ns=made_ns,
        intended_monotonic_ns=request.intended_monotonic_ns,
    )


def _amended(known: Trade, version: int, request: AmendRequest) -> Trade:
    return msgspec.structs.replace(
        known,
        version=version,
        action=TradeAction.AMEND,
        quantity=_traded(request.quantity),
        price=request.price,
    )


def _traded(quantity: float) -> float:
    """Return a quantity that buys or sells something.

    Raises
    ------
    InvalidRequestError
        If it is 0.
    """
    if quantity == 0:
        raise invalid_field("quantity", "0 buys and sells nothing; to undo a trade, cancel it")
    return quantity


def _next_version(known: Trade, wanted: int | None) -> int:
    if known.action is TradeAction.CANCEL:
        raise VersionConflictError(
            f"trade {known.trade_id!r} is cancelled (version {known.version}): send a new trade"
        )
    if wanted is not None and wanted != known.version + 1:
        raise VersionConflictError(
            f"version {wanted} of trade {known.trade_id!r} is not the next one: it stands at "
            f"version {known.version} ({_told(known)}), so that {known.version + 1} is next"
        )
    return known.version + 1


def _is_same_trade(known: Trade, request: TradeRequest) -> bool:
    terms = (known.portfolio, known.instrument, known.quantity, known.price)
    return known.version == 0 and terms == (
        request.portfolio,
        request.instrument,
        request.quantity,
        request.price,
    )


def _is_same_amendment(known: Trade, request: AmendRequest) -> bool:
    return (
        known.action is TradeAction.AMEND
        and request.version == known.version
        and (known.quantity, known.price) == (request.quantity, request.price)
    )


def _told(trade: Trade) -> str:
    return f"{trade.action} of {trade.quantity:g} {trade.instrument} at {trade.price:g}"
