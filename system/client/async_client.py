"""The client for event loops: dashboard, load tests, services."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self, TypeVar

import anyio
import httpx
from httpx_sse import SSEError, aconnect_sse
from msgspec import Struct
from tenacity import AsyncRetrying

from system.client import bounds, calls
from system.client.call import Call, LimitQuestion, SeriesQuestion, raise_refusal
from system.client.errors import ApiUnavailableError
from system.client.events import SnapshotEvent, StreamEvent, event_from
from system.contracts.api.adjustments import (
    AdjustmentAccepted,
    Adjustments,
    DividendRequest,
    SplitRequest,
)
from system.contracts.api.days import DayAccepted, Days
from system.contracts.api.decomposition import (
    Contributions,
    DeskVar,
    GroupsRequest,
    VarGrouping,
    VarGroups,
)
from system.contracts.api.limits import LimitPage
from system.contracts.api.pnl import PnlExplained
from system.contracts.api.portfolios import PortfolioQuestion, Portfolios
from system.contracts.api.questions import (
    ReverseStress,
    Scenario,
    ScenarioRequest,
    VarChange,
    WhatIf,
    WhatIfRequest,
)
from system.contracts.api.reference import Closes, Instruments
from system.contracts.api.risk import (
    AmendRequest,
    AssetClassVar,
    Attribution,
    CurrentVar,
    Health,
    PortfolioAccepted,
    PortfolioImport,
    Positions,
    Readiness,
    RejectedPage,
    SnapshotPoint,
    TradeAccepted,
    TradeRequest,
)
from system.contracts.api.trades import TradePage, TradeStatus
from system.contracts.limits import (
    Acknowledgement,
    LimitMeasure,
    Limits,
    TrailPage,
    TrailRow,
)
from system.contracts.messages import AssetClass, Instrument, RejectReason, RiskSnapshot

T = TypeVar("T", bound=Struct)
_WHOLE: Final = SeriesQuestion()


class AsyncRiskClient:
    """Asks the API, with bounded retries; safe because nothing that is sent counts twice.

    Parameters
    ----------
    base_url : str
        ``http://host:port``.
    token : str
        The bearer token; never printed.
    transport : httpx.AsyncBaseTransport or None
        For tests: an app in this process.

    Notes
    -----
    Every method may raise ``ApiRefusedError`` (the API's problem), ``ApiUnavailableError``
    (no answer within the attempts) and ``ApiMismatchError`` (an answer of another version).
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=self.base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=bounds.TIMEOUT,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncRiskClient({self.base_url!r})"

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Send one request, again when no answer came, and return its answer.

        Raises
        ------
        ApiRefusedError
            If the API refused; carries its problem.
        ApiUnavailableError
            If the API does not answer within ``ATTEMPTS``.
        ApiMismatchError
            If the answer is not of its type.
        """
        return await AsyncRetrying(**bounds.retry_options())(self._send_once, call)

    async def _send_once(self, call: Call[T]) -> T:
        try:
            response = await self._http.request(
                call.method, call.path, params=call.query, content=call.body
            )
        except httpx.HTTPError as error:
            raise bounds.unreachable(self.base_url, error) from error
        return call.answer(response.status_code, response.content)

    # -- questions ----------------------------------------------------------------------

    async def health(self) -> Health:
        """Return whether every server answers and the stream runs."""
        return await self.send(calls.health())

    async def ready(self) -> Readiness:
        """Return that every server behind the API answers; raises where one does not."""
        return await self.send(calls.ready())

    async def portfolios(self, question: PortfolioQuestion | None = None) -> Portfolios:
        """Return portfolios with their VaR and limits: all by name, or a page of a question."""
        return await self.send(calls.portfolios(question))

    async def current_var(self, portfolio: str) -> CurrentVar:
        """Return a portfolio's current VaR with its conventions and limit."""
        return await self.send(calls.current_var(portfolio))

    async def asset_class_var(self, portfolio: str) -> AssetClassVar:
        """Return each asset class's own VaR."""
        return await self.send(calls.asset_class_var(portfolio))

    async def attribution(self, portfolio: str) -> Attribution:
        """Return component VaR per position, largest first."""
        return await self.send(calls.attribution(portfolio))

    async def positions(self, portfolio: str) -> Positions:
        """Return what a portfolio holds."""
        return await self.send(calls.positions(portfolio))

    async def snapshot(self, snapshot_id: str) -> RiskSnapshot:
        """Return one whole snapshot of the history."""
        return await self.send(calls.snapshot(snapshot_id))

    async def what_if(self, portfolio: str, question: WhatIfRequest) -> WhatIf:
        """Return the risk without and with proposed trades; nothing is sent."""
        return await self.send(calls.what_if(portfolio, question))

    async def scenario(self, portfolio: str, question: ScenarioRequest) -> Scenario:
        """Return the P&L of a portfolio under shocks, or under the moves of a day."""
        return await self.send(calls.scenario(portfolio, question))

    async def reverse_stress(self, portfolio: str, loss: float) -> ReverseStress:
        """Return the smallest uniform move of all prices that loses an amount."""
        return await self.send(calls.reverse_stress(portfolio, loss))

    async def var_change(
        self, portfolio: str, from_id: str | None = None, to_id: str | None = None
    ) -> VarChange:
        """Return what changed VaR: by default since the last close, up to now."""
        return await self.send(calls.var_change(portfolio, from_id, to_id))

    async def desk_var(self, desk: str, base_currency: str | None = None) -> DeskVar:
        """Return the VaR of a desk's books together; by default in the currency they share."""
        return await self.send(calls.desk_var(desk, base_currency))

    async def contributions(self, portfolio: str) -> Contributions:
        """Return component, marginal and incremental VaR of each position."""
        return await self.send(calls.contributions(portfolio))

    async def var_groups(self, portfolio: str, by: VarGrouping) -> VarGroups:
        """Return VaR by a property of the instruments; the components add up to VaR."""
        return await self.send(calls.var_groups(portfolio, by))

    async def var_tags(self, portfolio: str, question: GroupsRequest) -> VarGroups:
        """Return VaR by groups of one's own, such as sectors."""
        return await self.send(calls.var_tags(portfolio, question))

    async def pnl(self, portfolio: str) -> PnlExplained:
        """Return a portfolio's P&L, that of its options explained."""
        return await self.send(calls.pnl(portfolio))

    async def limits(self, portfolio: str) -> Limits:
        """Return every limit, what is raised, and who has seen it."""
        return await self.send(calls.limits(portfolio))

    async def all_limits(self, question: LimitQuestion | None = None) -> LimitPage:
        """Return a page of the limits of all portfolios, worst first."""
        return await self.send(calls.all_limits(question))

    async def trades(
        self, portfolio: str, *, limit: int = 1_000, before: int | None = None
    ) -> TradePage:
        """Return a page of a portfolio's open trades, newest first."""
        return await self.send(calls.trades(portfolio, limit=limit, before=before))

    async def trade_status(self, trade_id: str) -> TradeStatus:
        """Return how far a trade has come, and which snapshot has it."""
        return await self.send(calls.trade_status(trade_id))

    async def instruments(
        self,
        *,
        asset_class: AssetClass | None = None,
        contains: str | None = None,
        limit: int = 1_000,
        after: str | None = None,
    ) -> Instruments:
        """Return a page of the instruments that the stream knows, by name."""
        call = calls.instruments(
            asset_class=asset_class, contains=contains, limit=limit, after=after
        )
        return await self.send(call)

    async def instrument(self, name: str) -> Instrument:
        """Return the reference data of one instrument."""
        return await self.send(calls.instrument(name))

    async def closes(
        self, series: str, *, first: dt.date | None = None, last: dt.date | None = None
    ) -> Closes:
        """Return daily closes of an instrument or of ``fx:CCY``; both days are included."""
        return await self.send(calls.closes(series, first=first, last=last))

    async def limit_events(
        self, portfolio: str, *, limit: int = 100, before: int | None = None
    ) -> TrailPage:
        """Return a page of the audit trail, newest first."""
        return await self.send(calls.limit_events(portfolio, limit=limit, before=before))

    async def acknowledge_limit(
        self, portfolio: str, measure: LimitMeasure, said: Acknowledgement
    ) -> TrailRow:
        """Acknowledge what is raised."""
        return await self.send(calls.acknowledge_limit(portfolio, measure, said))

    async def rejected(
        self, reason: RejectReason | None = None, *, limit: int = 100, after: str | None = None
    ) -> RejectedPage:
        """Return a page of the messages that were not applied, newest first."""
        return await self.send(calls.rejected_page(reason, limit=limit, after=after))

    async def series(
        self, portfolio: str, question: SeriesQuestion = _WHOLE
    ) -> AsyncIterator[SnapshotPoint]:
        """Yield a portfolio's time series in order of event time, page after page.

        Raises
        ------
        ApiRefusedError
            If the portfolio is unknown.
        ApiUnavailableError
            If the API does not answer within its attempts.
        """
        after: str | None = None
        while True:
            page = await self.send(calls.snapshot_page(portfolio, question, after))
            for point in page.points:
                yield point
            if page.next is None:
                return
            after = page.next

    # -- messages -----------------------------------------------------------------------

    async def send_trade(self, trade: TradeRequest) -> TradeAccepted:
        """Send a trade; accepted means that the broker keeps it."""
        return await self.send(calls.send_trade(trade))

    async def amend_trade(self, trade_id: str, amendment: AmendRequest) -> TradeAccepted:
        """Restate a trade's quantity and price."""
        return await self.send(calls.amend_trade(trade_id, amendment))

    async def cancel_trade(self, trade_id: str, version: int | None = None) -> TradeAccepted:
        """Cancel a trade; cancelling again changes nothing."""
        return await self.send(calls.cancel_trade(trade_id, version))

    async def import_portfolio(
        self, book: PortfolioImport, *, dry_run: bool = False
    ) -> PortfolioAccepted:
        """Import a book; a dry run shows what that would change."""
        return await self.send(calls.import_portfolio(book, dry_run=dry_run))

    async def send_split(self, split: SplitRequest) -> AdjustmentAccepted:
        """Announce a split."""
        return await self.send(calls.send_split(split))

    async def send_dividend(self, dividend: DividendRequest) -> AdjustmentAccepted:
        """Announce a dividend."""
        return await self.send(calls.send_dividend(dividend))

    async def adjustments(self, instrument: str = "") -> Adjustments:
        """Return splits and dividends, of one instrument or of all."""
        return await self.send(calls.adjustments(instrument))

    async def days(self) -> Days:
        """Return the last day that was closed, and until when prices have come since."""
        return await self.send(calls.days())

    async def close_day(self, date: dt.date | None = None, *, dry_run: bool = False) -> DayAccepted:
        """Send the end-of-day marks of a session date; a dry run checks it only."""
        return await self.send(calls.close_day(date, dry_run=dry_run))

    # -- push ---------------------------------------------------------------------------

    async def stream(
        self, portfolio: str | None = None, *, compact: bool = False, last_event_id: str = ""
    ) -> AsyncIterator[StreamEvent]:
        """Yield what moves, for ever; a lost connection is resumed where it was lost.

        Parameters
        ----------
        portfolio : str or None
            Only this one's snapshots; None: all.
        compact : bool
            Whether events carry ``CurrentRisk`` instead of the whole snapshot.
        last_event_id : str
            Where to resume; empty: begin with the newest of each portfolio.

        Raises
        ------
        ApiRefusedError
            If the portfolio is unknown or the token is another one.
        ApiUnavailableError
            If ``RECONNECTS_MAX`` attempts in a row brought nothing.
        """
        failures, cause = 0, "it ended the stream"
        while failures <= bounds.RECONNECTS_MAX:
            try:
                async for event in self._stream_once(portfolio, compact, last_event_id):
                    failures = 0
                    if isinstance(event, SnapshotEvent):
                        last_event_id = event.event_id or last_event_id
                    yield event
            except ApiUnavailableError as error:
                cause = str(error)
            failures += 1
            await anyio.sleep(bounds.RECONNECT_S)
        raise ApiUnavailableError(f"no stream after {failures} attempts: {cause}")

    async def _stream_once(
        self, portfolio: str | None, compact: bool, last_event_id: str
    ) -> AsyncIterator[StreamEvent]:
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        parameters = calls.stream_parameters(portfolio, compact=compact)
        try:
            async with aconnect_sse(
                self._http,
                "GET",
                calls.STREAM_PATH,
                params=parameters,
                headers=headers,
                timeout=bounds.STREAM_TIMEOUT,
            ) as source:
                if source.response.is_error:
                    raise_refusal(source.response.status_code, await source.response.aread())
                async for received in source.aiter_sse():
                    event = event_from(received, compact=compact)
                    if event is not None:
                        yield event
        except (httpx.HTTPError, SSEError) as error:
            raise bounds.unreachable(self.base_url, error) from error
