"""What would be: questions with a body, answered without touching any state."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from system.contracts.questions import (
    ReverseStress,
    Scenario,
    ScenarioRequest,
    WhatIf,
    WhatIfRequest,
)
from system.serve.answers import answers, json_answer, takes
from system.serve.bodies import question_body
from system.serve.desks import desks_of
from system.serve.parameters import PortfolioName
from system.serve.proposing import what_if_of
from system.serve.shocking import reverse_stress_of, scenario_of

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
    found = await desks_of(request).recall.ask(
        portfolio, named, lambda recalled: what_if_of(question, recalled)
    )
    return json_answer(found)


@router.post(
    "/portfolios/{portfolio:path}/scenarios",
    openapi_extra=takes(ScenarioRequest),
    **answers(Scenario, 404, 413, 422, 503),
)
async def ask_scenario(request: Request, portfolio: PortfolioName) -> Response:
    """Return the P&L of the portfolio under shocks, or under the moves of a day of history."""
    question = await question_body(request, ScenarioRequest)
    named = [shock.instrument for shock in question.shocks if shock.instrument is not None]
    found = await desks_of(request).recall.ask(
        portfolio, named, lambda recalled: scenario_of(question, recalled)
    )
    return json_answer(found)


@router.get("/portfolios/{portfolio:path}/reverse-stress", **answers(ReverseStress, 404, 422, 503))
async def ask_reverse_stress(
    request: Request,
    portfolio: PortfolioName,
    loss: Annotated[float, Query(gt=0, lt=1e15, description="Base currency, positive.")],
) -> Response:
    """Return the smallest uniform move of all prices that loses an amount."""
    found = await desks_of(request).recall.ask(
        portfolio, (), lambda recalled: reverse_stress_of(loss, recalled)
    )
    return json_answer(found)
