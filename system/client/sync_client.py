"""The client for threads: commands, tests, scripts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self, TypeVar, cast

import httpx
from httpx_sse import SSEError, connect_sse
from msgspec import Struct
from tenacity import Retrying

from system.client import bounds, calls
from system.client.call import Call, LimitQuestion, SeriesQuestion, raise_refusal
from system.client.errors import ApiUnavailableError
from system.client.events import SnapshotEvent, StreamEvent, event_from
from system.clock import Clock, SystemClock
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


class RiskClient:
    """Asks the API, with bounded retries; safe because nothing that is sent counts twice.

    Parameters
    ----------
    base_url : str
        ``http://host:port``.
    token : str
        The bearer token; never printed.
    transport : httpx.BaseTransport or None
        For tests: an app in this process.
    clock : Clock or None
        Waits between two connections of the stream.

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
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._clock = clock or SystemClock()
        self._http = httpx.Client(
            base_url=self.base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=bounds.TIMEOUT,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RiskClient({self.base_url!r})"

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
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
        return cast(T, Retrying(**bounds.retry_options())(self._send_once, call))

    def _send_once(self, call: Call[T]) -> T:
        try:
            response = self._http.request(
                call.method, call.path, params=call.query, content=call.body
            )
        except httpx.HTTPError as error:
            raise bounds.unreachable(self.base_url, error) from error
        return call.answer(response.status_code, response.content)

    # -- questions ----------------------------------------------------------------------

    def health(self) -> Health:
        """Return whether every server answers and the stream runs."""
        return self.send(calls.health())

    def ready(self) -> Readiness:
        """Return that every server behind the API answers; raises where one does not."""
        return self.send(calls.ready())

    def portfolios(self, question: PortfolioQuestion | None = None) -> Portfolios:
        """Return portfolios with their VaR and limits: all by name, or a page of a question."""
        return self.send(calls.portfolios(question))

    def current_var(self, portfolio: str) -> CurrentVar:
        """Return a portfolio's current VaR with its conventions and limit."""
        return self.send(calls.current_var(portfolio))

    def asset_class_var(self, portfolio: str) -> AssetClassVar:
        """Return each asset class's own VaR."""
        return self.send(calls.asset_class_var(portfolio))

    def attribution(self, portfolio: str) -> Attribution:
        """Return component VaR per position, largest first."""
        return self.send(calls.attribution(portfolio))

    def positions(self, portfolio: str) -> Positions:
        """Return what a portfolio holds."""
        return self.send(calls.positions(portfolio))

    def snapshot(self, snapshot_id: str) -> RiskSnapshot:
        """Return one whole snapshot of the history."""
        return self.send(calls.snapshot(snapshot_id))

    def what_if(self, portfolio: str, question: WhatIfRequest) -> WhatIf:
        """Return the risk without and with proposed trades; nothing is sent."""
        return self.send(calls.what_if(portfolio, question))

    def scenario(self, portfolio: str, question: ScenarioRequest) -> Scenario:
        """Return the P&L of a portfolio under shocks, or under the moves of a day."""
        return self.send(calls.scenario(portfolio, question))

    def reverse_stress(self, portfolio: str, loss: float) -> ReverseStress:
        """Return the smallest uniform move of all prices that loses an amount."""
        return self.send(calls.reverse_stress(portfolio, loss))

    def var_change(
        self, portfolio: str, from_id: str | None = None, to_id: str | None = None
    ) -> VarChange:
        """Return what changed VaR: by default since the last close, up to now."""
        return self.send(calls.var_change(portfolio, from_id, to_id))

    def desk_var(self, desk: str, base_currency: str | None = None) -> DeskVar:
        """Return the VaR of a desk's books together; by default in the currency they share."""
        return self.send(calls.desk_var(desk, base_currency))

    def contributions(self, portfolio: str) -> Contributions:
        """Return component, marginal and incremental VaR of each position."""
        return self.send(calls.contributions(portfolio))

    def var_groups(self, portfolio: str, by: VarGrouping) -> VarGroups:
        """Return VaR by a property of the instruments; the components add up to VaR."""
        return self.send(calls.var_groups(portfolio, by))

    def var_tags(self, portfolio: str, question: GroupsRequest) -> VarGroups:
        """Return VaR by groups of one's own, such as sectors."""
        return self.send(calls.var_tags(portfolio, question))

    def pnl(self, portfolio: str) -> PnlExplained:
        """Return a portfolio's P&L, that of its options explained."""
        return self.send(calls.pnl(portfolio))

    def limits(self, portfolio: str) -> Limits:
        """Return every limit, what is raised, and who has seen it."""
        return self.send(calls.limits(portfolio))

    def all_limits(self, question: LimitQuestion | None = None) -> LimitPage:
        """Return a page of the limits of all portfolios, worst first."""
        return self.send(calls.all_limits(question))

    def trades(self, portfolio: str, *, limit: int = 1_000, before: int | None = None) -> TradePage:
        """Return a page of a portfolio's open trades, newest first."""
        return self.send(calls.trades(portfolio, limit=limit, before=before))

    def trade_status(self, trade_id: str) -> TradeStatus:
        """Return how far a trade has come, and which snapshot has it."""
        return self.send(calls.trade_status(trade_id))

    def instruments(
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
        return self.send(call)

    def instrument(self, name: str) -> Instrument:
        """Return the reference data of one instrument."""
        return self.send(calls.instrument(name))

    def closes(
        self, series: str, *, first: dt.date | None = None, last: dt.date | None = None
    ) -> Closes:
        """Return daily closes of an instrument or of ``fx:CCY``; both days are included."""
        return self.send(calls.closes(series, first=first, last=last))

    def limit_events(
        self, portfolio: str, *, limit: int = 100, before: int | None = None
    ) -> TrailPage:
        """Return a page of the audit trail, newest first."""
        return self.send(calls.limit_events(portfolio, limit=limit, before=before))

    def acknowledge_limit(
        self, portfolio: str, measure: LimitMeasure, said: Acknowledgement
    ) -> TrailRow:
        """Acknowledge what is raised."""
        return self.send(calls.acknowledge_limit(portfolio, measure, said))

    def rejected(
        self, reason: RejectReason | None = None, *, limit: int = 100, after: str | None = None
    ) -> RejectedPage:
        """Return a page of the messages that were not applied, newest first."""
        return self.send(calls.rejected_page(reason, limit=limit, after=after))

    def series(self, portfolio: str, question: SeriesQuestion = _WHOLE) -> Iterator[SnapshotPoint]:
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
            page = self.send(calls.snapshot_page(portfolio, question, after))
            yield from page.points
            if page.next is None:
                return
            after = page.next

    # -- messages -----------------------------------------------------------------------

    def send_trade(self, trade: TradeRequest) -> TradeAccepted:
        """Send a trade; accepted means that the broker keeps it."""
        return self.send(calls.send_trade(trade))

    def amend_trade(self, trade_id: str, amendment: AmendRequest) -> TradeAccepted:
        """Restate a trade's quantity and price."""
        return self.send(calls.amend_trade(trade_id, amendment))

    def cancel_trade(self, trade_id: str, version: int | None = None) -> TradeAccepted:
        """Cancel a trade; cancelling again changes nothing."""
        return self.send(calls.cancel_trade(trade_id, version))

    def import_portfolio(
        self, book: PortfolioImport, *, dry_run: bool = False
    ) -> PortfolioAccepted:
        """Import a book; a dry run shows what that would change."""
        return self.send(calls.import_portfolio(book, dry_run=dry_run))

    def send_split(self, split: SplitRequest) -> AdjustmentAccepted:
        """Announce a split."""
        return self.send(calls.send_split(split))

    def send_dividend(self, dividend: DividendRequest) -> AdjustmentAccepted:
        """Announce a dividend."""
        return self.send(calls.send_dividend(dividend))

    def adjustments(self, instrument: str = "") -> Adjustments:
        """Return splits and dividends, of one instrument or of all."""
        return self.send(calls.adjustments(instrument))

    def days(self) -> Days:
        """Return the last day that was closed, and until when prices have come since."""
        return self.send(calls.days())

    def close_day(self, date: dt.date | None = None, *, dry_run: bool = False) -> DayAccepted:
        """Send the end-of-day marks of a session date; a dry run checks it only."""
        return self.send(calls.close_day(date, dry_run=dry_run))

    # -- push ---------------------------------------------------------------------------

    def stream(
        self, portfolio: str | None = None, *, compact: bool = False, last_event_id: str = ""
    ) -> Iterator[StreamEvent]:
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
                for event in self._stream_once(portfolio, compact, last_event_id):
                    failures = 0
                    if isinstance(event, SnapshotEvent):
                        last_event_id = event.event_id or last_event_id
                    yield event
            except ApiUnavailableError as error:
                cause = str(error)
            failures += 1
            self._clock.sleep(bounds.RECONNECT_S)
        raise ApiUnavailableError(f"no stream after {failures} attempts: {cause}")

    def _stream_once(
        self, portfolio: str | None, compact: bool, last_event_id: str
    ) -> Iterator[StreamEvent]:
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        parameters = calls.stream_parameters(portfolio, compact=compact)
        try:
            with connect_sse(
                self._http,
                "GET",
                calls.STREAM_PATH,
                params=parameters,
                headers=headers,
                timeout=bounds.STREAM_TIMEOUT,
            ) as source:
                if source.response.is_error:
                    raise_refusal(source.response.status_code, source.response.read())
                for received in source.iter_sse():
                    event = event_from(received, compact=compact)
                    if event is not None:
                        yield event
        except (httpx.HTTPError, SSEError) as error:
            raise bounds.unreachable(self.base_url, error) from error
