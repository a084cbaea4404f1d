"""What would be: questions with a body, answered without touching any state."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from system.contracts.questions import WhatIf, WhatIfRequest
from system.serve.answers import answers, json_answer, takes
from system.serve.bodies import question_body
from system.serve.desks import desks_of
from system.serve.parameters import PortfolioName
from system.serve.proposing import what_if_of

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
