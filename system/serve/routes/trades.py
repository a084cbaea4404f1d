"""Routes for trades, their amendments and cancellations, and imported books."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from system.contracts.api.risk import (
    AmendRequest,
    PortfolioAccepted,
    PortfolioImport,
    TradeAccepted,
    TradeRequest,
)
from system.contracts.api.trades import TradePage, TradeStatus
from system.serve.http.parameters import PortfolioName, TradeId
from system.serve.http.requests import amend_body, import_body, trade_body
from system.serve.http.responses import DRY_RUN_STATUS, answers, json_answer, takes
from system.serve.services.registry import desks_of
from system.store.postgres.reads.trades import MAX_TRADE_ROWS

ACCEPTED = 202
router = APIRouter(prefix="/v1")


@router.post(
    "/trades",
    tags=["trades"],
    openapi_extra=takes(TradeRequest),
    **answers(TradeAccepted, 404, 409, 413, 422, 503, status=ACCEPTED),
)
async def send_trade(request: Request) -> Response:
    """Send a trade; accepted means that the broker keeps it. Counts once per `trade_id`."""
    trade = await trade_body(request)
    return json_answer(await desks_of(request).trades.send(trade), ACCEPTED)


@router.get("/portfolios/{portfolio:path}/trades", tags=["trades"], **answers(TradePage, 404, 503))
async def trades(
    request: Request,
    portfolio: PortfolioName,
    limit: Annotated[int, Query(ge=1, le=MAX_TRADE_ROWS, description="Trades per page.")] = 1_000,
    before: Annotated[
        int | None, Query(ge=0, lt=2**63, description="`next` of the page before.")
    ] = None,
) -> Response:
    """List a portfolio's open trades in their newest versions, newest first."""
    page = await desks_of(request).trades.page(portfolio, limit=limit, before=before)
    return json_answer(page)


@router.get("/trades/{trade_id:path}", tags=["trades"], **answers(TradeStatus, 404, 503))
async def trade_status(request: Request, trade_id: TradeId) -> Response:
    """Return a trade, how far it has come (`stage`), and the snapshot that has it.

    Read as committed: a trade that a number on the stream contains can be *accepted* here for a
    second more.
    """
    return json_answer(await desks_of(request).trades.status(trade_id))


@router.put(
    "/trades/{trade_id:path}",
    tags=["trades"],
    openapi_extra=takes(AmendRequest),
    **answers(TradeAccepted, 404, 409, 413, 422, 503, status=ACCEPTED),
)
async def amend_trade(request: Request, trade_id: TradeId) -> Response:
    """Restate a trade's quantity and price. Counts once per version."""
    amendment = await amend_body(request)
    return json_answer(await desks_of(request).trades.amend(trade_id, amendment), ACCEPTED)


@router.delete(
    "/trades/{trade_id:path}",
    tags=["trades"],
    **answers(TradeAccepted, 404, 409, 503, status=ACCEPTED),
)
async def cancel_trade(
    request: Request,
    trade_id: TradeId,
    version: Annotated[
        int | None, Query(ge=1, description="The version this makes; the next by default.")
    ] = None,
) -> Response:
    """Cancel a trade. Cancelling it again changes nothing."""
    return json_answer(await desks_of(request).trades.cancel(trade_id, version), ACCEPTED)


@router.post(
    "/portfolios",
    tags=["trades"],
    openapi_extra=takes(PortfolioImport),
    **answers(PortfolioAccepted, 413, 422, 503, status=ACCEPTED, has_dry_run=True),
)
async def import_portfolio(
    request: Request,
    dry_run: Annotated[
        bool, Query(description="Check and compare only; nothing is sent or kept.")
    ] = False,
) -> Response:
    """Import a book: instruments, closes, settings, and positions as of a moment.

    Positions replace the effect of every trade, split and dividend up to their moment
    (`as_of_ns` or `as_of_day` of the portfolio; now by default). `reconciliation` lists what
    they change.
    """
    book = await import_body(request)
    accepted = await desks_of(request).imports.send(book, dry_run=dry_run)
    return json_answer(accepted, DRY_RUN_STATUS if dry_run else ACCEPTED)
