"""Routes for portfolios, VaR, attribution, positions, history and rejected messages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from system.contracts.api.pnl import PnlExplained
from system.contracts.api.portfolios import Portfolios
from system.contracts.api.risk import (
    AssetClassVar,
    Attribution,
    CurrentVar,
    Positions,
    RejectedPage,
    SnapshotPage,
    SnapshotPoint,
)
from system.contracts.codec import encoded_by_rows
from system.contracts.messages import RejectReason, RiskSnapshot
from system.contracts.oracle import NO_ORACLE, OracleStatus
from system.contracts.replay import NO_REPLAY, ReplayStatus
from system.serve.http import views
from system.serve.http.errors import emptied_snapshot, unknown_snapshot
from system.serve.http.parameters import AskedPortfolios, AskedSnapshots, PortfolioName, SnapshotId
from system.serve.http.responses import answers, json_answer, json_bytes
from system.serve.questions.portfolio_list import portfolio_page
from system.serve.services.connections import services_of
from system.serve.services.registry import names_of
from system.store.records import MAX_PAGE_ROWS, PageKey, RejectedKey
from system.store.redis.redis_values import LatestRecord

router = APIRouter(prefix="/v1")


@router.get("/portfolios", tags=["risk"], **answers(Portfolios, 422, 503))
async def portfolios(request: Request, question: AskedPortfolios) -> Response:
    """List portfolios with their VaR and limits, filtered, ordered and paged.

    Without parameters, every portfolio by name. Numbers move between two pages: a portfolio whose
    number crosses the end of a page meanwhile may be listed twice or not at all.
    """
    services = services_of(request)
    valued = await services.latest.portfolios()
    records = await services.latest.currents(valued)
    imported = await names_of(request).imported()
    return json_answer(
        portfolio_page(
            [views.portfolio_summary(record, question.measure) for record in records],
            question,
            unvalued=tuple(sorted(set(imported) - set(valued))),
            stream=services.hub.status.state,
        )
    )


@router.get("/portfolios/{portfolio:path}/var", tags=["risk"], **answers(CurrentVar, 404, 503))
async def current_var(request: Request, portfolio: PortfolioName) -> Response:
    """Return the current VaR with its conventions, inputs, completeness and limit."""
    services = services_of(request)
    record = await services.latest.current(portfolio)
    if record is None:
        raise await names_of(request).unknown_portfolio(portfolio)
    return json_bytes(views.current_var_json(record, services.hub.status.oracle))


@router.get(
    "/portfolios/{portfolio:path}/var/asset-classes",
    tags=["risk"],
    **answers(AssetClassVar, 404, 503),
)
async def var_by_asset_class(request: Request, portfolio: PortfolioName) -> Response:
    """Return each asset class's own VaR; the difference to the total is diversification."""
    record = await services_of(request).latest.current(portfolio)
    if record is None:
        raise await names_of(request).unknown_portfolio(portfolio)
    return json_answer(views.asset_class_var(record))


@router.get(
    "/portfolios/{portfolio:path}/attribution", tags=["risk"], **answers(Attribution, 404, 503)
)
async def attribution(request: Request, portfolio: PortfolioName) -> Response:
    """Return component VaR per position, largest first; the components add up to VaR."""
    return json_answer(views.attribution(await _snapshot_of(request, portfolio)))


@router.get("/portfolios/{portfolio:path}/positions", tags=["risk"], **answers(Positions, 404, 503))
async def positions(request: Request, portfolio: PortfolioName) -> Response:
    """Return what the portfolio holds now, marked to market."""
    return json_answer(views.positions(await _snapshot_of(request, portfolio)))


@router.get("/portfolios/{portfolio:path}/pnl", tags=["risk"], **answers(PnlExplained, 404, 503))
async def pnl(request: Request, portfolio: PortfolioName) -> Response:
    """Return realised and unrealised P&L, that of the day, and what options' came of."""
    record = await services_of(request).latest.current(portfolio)
    if record is None:
        raise await names_of(request).unknown_portfolio(portfolio)
    return json_answer(views.pnl(record))


@router.get(
    "/portfolios/{portfolio:path}/snapshots", tags=["history"], **answers(SnapshotPage, 404, 503)
)
async def snapshots(
    request: Request,
    portfolio: PortfolioName,
    query: AskedSnapshots,
    components: Annotated[
        bool, Query(description="Each point with its component VaR per instrument.")
    ] = False,
) -> Response:
    """Return the portfolio's time series, a page at a time, in order of event time."""
    services = services_of(request)
    points = await services.read(services.history.points, query, with_components=components)
    if not points and query.after is None:
        await names_of(request).check_portfolio(portfolio)
    more = _place_of(points[-1]).token() if len(points) == query.limit else None
    return json_answer(SnapshotPage(portfolio=portfolio, points=tuple(points), next=more))


@router.get("/snapshots/{snapshot_id:path}", tags=["history"], **answers(RiskSnapshot, 404, 503))
async def snapshot(request: Request, snapshot_id: SnapshotId) -> Response:
    """Return one snapshot with the numbers that were committed, to the bit."""
    services = services_of(request)
    snapshot = await services.read(services.history.snapshot_json, snapshot_id)
    if snapshot is None:
        rest = await services.read(services.history.emptied_snapshot, snapshot_id)
        raise emptied_snapshot(snapshot_id, rest) if rest else unknown_snapshot(snapshot_id)
    return json_bytes(encoded_by_rows(snapshot), immutable=True)


@router.get("/oracle", tags=["risk"], **answers(OracleStatus, 503))
async def oracle(request: Request) -> Response:
    """Return what the independent oracle has found: agreed, differs or not yet checked."""
    status = await services_of(request).latest.status()
    return json_answer(status.oracle or NO_ORACLE)


@router.get("/replay", tags=["risk"], **answers(ReplayStatus, 503))
async def replay(request: Request) -> Response:
    """Return which scenario is replayed, its clock, speed and faults; or that none is."""
    status = await services_of(request).latest.status()
    return json_answer(status.replay or NO_REPLAY)


@router.get("/rejected", tags=["history"], **answers(RejectedPage, 503))
async def rejected(
    request: Request,
    reason: Annotated[RejectReason | None, Query(description="Only these.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_ROWS, description="Messages per page.")] = 100,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> Response:
    """List the messages that were not applied, newest first, with the reason of each."""
    services = services_of(request)
    before = None if after is None else RejectedKey.from_token(after)
    rows, more = await services.read(
        services.history.rejected, limit=limit, before=before, reason=reason
    )
    counts = await services.read(services.history.rejected_counts)
    return json_answer(
        RejectedPage(rows=tuple(rows), counts=counts, next=more.token() if more else None)
    )


async def _snapshot_of(request: Request, portfolio: str) -> LatestRecord:
    record = await services_of(request).latest.snapshot(portfolio)
    if record is None:
        raise await names_of(request).unknown_portfolio(portfolio)
    return record


def _place_of(point: SnapshotPoint) -> PageKey:
    return PageKey(point.event_time_ns, point.fence, point.epoch, point.snapshot_id)
