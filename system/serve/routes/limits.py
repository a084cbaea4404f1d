"""Limits: where they stand, their audit trail, and a person's acknowledgement."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from system.contracts.api.limits import LimitPage
from system.contracts.api.risk import LIMIT_EVENT
from system.contracts.codec import decode, encode
from system.contracts.limits import (
    Acknowledgement,
    LimitMeasure,
    Limits,
    TrailPage,
    TrailRow,
    already_said,
    limit_statuses,
)
from system.contracts.messages import RiskSnapshot
from system.serve.http.errors import NothingRaisedError
from system.serve.http.parameters import AskedLevels, DeskFilter, PortfolioName
from system.serve.http.requests import question_body
from system.serve.http.responses import answers, json_answer, takes
from system.serve.http.views import portfolio_limits
from system.serve.questions.limit_list import LimitFilter, LimitKey, limit_page
from system.serve.services.connections import services_of
from system.serve.services.hub import framed
from system.serve.services.registry import names_of
from system.store.postgres.limit_trail import MAX_TRAIL_ROWS

MAX_LIMIT_LINES: Final = 10_000
DEFAULT_LIMIT_LINES: Final = 1_000
router = APIRouter(prefix="/v1", tags=["limits"])


def limit_filter(
    level: AskedLevels = None,
    measure: Annotated[LimitMeasure | None, Query(description="Only this measure.")] = None,
    desk: DeskFilter = None,
    raised: Annotated[
        bool | None, Query(description="Only limits with a raised level, or only those without.")
    ] = None,
    acknowledged: Annotated[
        bool | None,
        Query(description="Only raised levels that somebody has acknowledged, or that nobody has."),
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT_LINES, description="Limits per page.")
    ] = DEFAULT_LIMIT_LINES,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> LimitFilter:
    """Return the filters and the page that a request's parameters ask for.

    Raises
    ------
    PageTokenError
        If ``after`` is no token of ours.
    """
    return LimitFilter(
        level=tuple(level or ()),
        measure=measure,
        desk=desk,
        raised=raised,
        acknowledged=acknowledged,
        limit=limit,
        after=None if after is None else LimitKey.from_token(after),
    )


LimitedMeasure = Annotated[LimitMeasure, Path(description="Measure that is limited.")]
AskedLimits = Annotated[LimitFilter, Depends(limit_filter)]


@router.get("/limits", **answers(LimitPage, 422, 503))
async def all_limits(request: Request, asked: AskedLimits) -> Response:
    """List the limits of all portfolios, worst first, with what is raised and who has seen it.

    Numbers move between two pages: a limit whose number crosses the end of a page meanwhile may
    be listed twice or not at all.
    """
    services = services_of(request)
    records = await services.latest.currents(await services.latest.portfolios())
    standing = defaultdict(list)
    for row in await services.read(services.history.limit_standings):
        standing[row.portfolio].append(row)
    lines = [
        limit
        for record in records
        for limit in portfolio_limits(record, standing[record.portfolio])
    ]
    return json_answer(limit_page(lines, asked, stream=services.hub.status.state))


@router.get("/portfolios/{portfolio:path}/limits", **answers(Limits, 404, 503))
async def limits(request: Request, portfolio: PortfolioName) -> Response:
    """Return every limit at the newest snapshot, what is raised, and who has seen it."""
    services = services_of(request)
    record = await services.latest.snapshot(portfolio)
    if record is None:
        raise await names_of(request).unknown_portfolio(portfolio)
    snapshot = decode(record.json, RiskSnapshot)
    standing = await services.read(services.history.limit_standing, portfolio)
    return json_answer(
        Limits(
            portfolio=portfolio,
            snapshot_id=snapshot.snapshot_id,
            event_time_ns=snapshot.event_time_ns,
            nav=snapshot.nav,
            base_currency=snapshot.base_currency,
            limits=limit_statuses(snapshot.limits, tuple(standing)),
        )
    )


@router.get("/portfolios/{portfolio:path}/limits/events", **answers(TrailPage, 404, 422, 503))
async def limit_events(
    request: Request,
    portfolio: PortfolioName,
    limit: Annotated[int, Query(ge=1, le=MAX_TRAIL_ROWS, description="Rows per page.")] = 100,
    before: Annotated[
        int | None, Query(ge=0, lt=2**63, description="`next` of the page before.")
    ] = None,
) -> Response:
    """Return the audit trail: levels raised and left, and acknowledgements, newest first."""
    services = services_of(request)
    rows = await services.read(services.history.limit_trail, portfolio, limit=limit, before=before)
    if not rows and before is None:
        await names_of(request).check_portfolio(portfolio)
    more = rows[-1].event_id if len(rows) == limit else None
    return json_answer(TrailPage(portfolio=portfolio, rows=tuple(rows), next=more))


@router.post(
    "/portfolios/{portfolio:path}/limits/{measure}/acknowledge",
    openapi_extra=takes(Acknowledgement),
    **answers(TrailRow, 404, 409, 413, 422, 503),
)
async def acknowledge(
    request: Request, portfolio: PortfolioName, measure: LimitedMeasure
) -> Response:
    """Record that a person has seen what is raised; the same once more changes nothing."""
    services = services_of(request)
    said = await question_body(request, Acknowledgement)
    known = await services.read(services.history.limit_standing, portfolio)
    if (same := already_said(tuple(known), measure, said)) is not None:
        return json_answer(same)
    row = await services.send(
        services.history.acknowledge_limit, portfolio, measure, actor=said.actor, note=said.note
    )
    if row is None:
        await names_of(request).check_portfolio(portfolio)
        raise NothingRaisedError(
            f"no level of {measure} is raised for {portfolio!r}: there is nothing to acknowledge"
        )
    services.hub.tell(portfolio, framed(LIMIT_EVENT, encode(row)))
    return json_answer(row)
