"""Routes for what-if questions: requests with a body, answered without changing any state."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from system.book.questions.change import var_change
from system.contracts.api.questions import (
    ReverseStress,
    Scenario,
    ScenarioRequest,
    VarChange,
    WhatIf,
    WhatIfRequest,
)
from system.contracts.codec import decode
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.serve.http.errors import NoCloseYetError
from system.serve.http.parameters import PortfolioName, SnapshotFilter
from system.serve.http.requests import question_body
from system.serve.http.responses import answers, json_answer, takes
from system.serve.questions.shocks import reverse_stress_of, scenario_of
from system.serve.questions.what_if import what_if_of
from system.serve.services.connections import services_of
from system.serve.services.registry import desks_of, names_of
from system.store.records import SnapshotQuery

ENDS_LOOKED_AT: Final = 2
router = APIRouter(prefix="/v1", tags=["questions"])


@router.post(
    "/portfolios/{portfolio:path}/what-if",
    openapi_extra=takes(WhatIfRequest),
    **answers(WhatIf, 404, 413, 422, 503),
)
async def ask_what_if(request: Request, portfolio: PortfolioName) -> Response:
    """Return the risk without and with proposed trades; nothing is sent or kept."""
    question = await question_body(request, WhatIfRequest)
    named = [trade.instrument for trade in question.trades]
    answer = await desks_of(request).recall.ask(
        portfolio, named, lambda recalled: what_if_of(question, recalled), prompt=True
    )
    return json_answer(answer)


@router.post(
    "/portfolios/{portfolio:path}/scenarios",
    openapi_extra=takes(ScenarioRequest),
    **answers(Scenario, 404, 413, 422, 503),
)
async def ask_scenario(request: Request, portfolio: PortfolioName) -> Response:
    """Return the P&L of the portfolio under shocks, or under the moves of a day of history."""
    question = await question_body(request, ScenarioRequest)
    named = [shock.instrument for shock in question.shocks if shock.instrument is not None]
    answer = await desks_of(request).recall.ask(
        portfolio, named, lambda recalled: scenario_of(question, recalled)
    )
    return json_answer(answer)


@router.get("/portfolios/{portfolio:path}/reverse-stress", **answers(ReverseStress, 404, 422, 503))
async def ask_reverse_stress(
    request: Request,
    portfolio: PortfolioName,
    loss: Annotated[float, Query(gt=0, lt=1e15, description="Base currency, positive.")],
) -> Response:
    """Return the smallest uniform move of all prices that loses an amount."""
    answer = await desks_of(request).recall.ask(
        portfolio, (), lambda recalled: reverse_stress_of(loss, recalled)
    )
    return json_answer(answer)


@router.get("/portfolios/{portfolio:path}/var/change", **answers(VarChange, 404, 422, 503))
async def explain_var_change(
    request: Request,
    portfolio: PortfolioName,
    from_: Annotated[
        SnapshotFilter | None,
        Query(alias="from", description="A snapshot's id; the last end of day by default."),
    ] = None,
    to: Annotated[
        SnapshotFilter | None, Query(description="A snapshot's id; the newest by default.")
    ] = None,
) -> Response:
    """Return what changed VaR between two snapshots; the last step states the later one's."""
    recall = desks_of(request).recall
    before = await recall.stored(portfolio, from_ or await _last_close(request, portfolio, to))
    named = [row.instrument for row in before.positions]
    answer = await recall.ask(
        portfolio,
        named,
        lambda recalled: var_change(before, recalled.snapshot, recalled.recall),
        at=to,
    )
    return json_answer(answer)


async def _last_close(request: Request, portfolio: str, to: str | None) -> str:
    """Return the id of the newest end of day that is not the later snapshot itself."""
    services = services_of(request)
    query = SnapshotQuery(
        portfolio, kind=SnapshotKind.END_OF_DAY, limit=ENDS_LOOKED_AT, newest_first=True
    )
    ends = await services.read(services.history.points, query)
    newest = await services.latest.snapshot(portfolio)
    later = to or (None if newest is None else decode(newest.json, RiskSnapshot).snapshot_id)
    for end in ends:
        if end.snapshot_id != later:
            return end.snapshot_id
    await names_of(request).check_portfolio(portfolio)
    raise NoCloseYetError(f"portfolio {portfolio!r} has no end of day yet: give `from`")
