"""VaR taken apart: the books of a desk together, and what each position adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from fastapi import APIRouter, Query, Request, Response

from system.book.questions.consolidation import consolidated_risk
from system.book.questions.snapshot_book import recalled_book, restated
from system.book.state.errors import NotRecalledError
from system.book.valuation.measures import revalued_factors
from system.contracts.api.decomposition import (
    BookRisk,
    Contribution,
    Contributions,
    DeskVar,
    GroupsRequest,
    StatedGrouping,
    VarGrouping,
    VarGroups,
)
from system.contracts.api.risk import CurrentRisk
from system.contracts.codec import decode
from system.contracts.messages import RiskSnapshot
from system.risk.decomposition import incremental_var, marginal_var
from system.serve.http.errors import UnknownDeskError, invalid_field
from system.serve.http.parameters import BaseCurrency, DeskName, PortfolioName
from system.serve.http.requests import question_body
from system.serve.http.responses import answers, json_answer, takes
from system.serve.questions.var_groups import tags_of, var_by, var_by_tag
from system.serve.services.connections import Services, services_of
from system.serve.services.registry import desks_of
from system.serve.services.snapshot_books import Recalled

router = APIRouter(prefix="/v1", tags=["risk"])
_CURRENT = msgspec.json.Decoder(CurrentRisk)


@router.get("/desks/{desk:path}/var", **answers(DeskVar, 404, 422, 503))
async def desk_var(
    request: Request,
    desk: DeskName,
    base_currency: BaseCurrency = None,
) -> Response:
    """Return the VaR of a desk's books together, with what diversification saves."""
    snapshots = await _desk_snapshots(services_of(request), desk)
    currency = base_currency or _shared(snapshots, "base_currency")
    settings = (_shared(snapshots, "confidence"), _shared(snapshots, "window"))
    named = {row.instrument for snapshot in snapshots for row in snapshot.positions}
    answer = await desks_of(request).recall.ask(
        snapshots[0].portfolio,
        {*named, f"cash:{currency}"},
        lambda recalled: _desk_var(desk, snapshots, recalled, currency, *settings),
    )
    return json_answer(answer)


@router.get("/portfolios/{portfolio:path}/contributions", **answers(Contributions, 404, 422, 503))
async def contributions(request: Request, portfolio: PortfolioName) -> Response:
    """Return component, marginal and incremental VaR of each position, and its tail shares."""
    return json_answer(await desks_of(request).recall.ask(portfolio, (), contributions_of))


@router.get("/portfolios/{portfolio:path}/var/groups", **answers(VarGroups, 404, 422, 503))
async def var_groups(
    request: Request,
    portfolio: PortfolioName,
    by: Annotated[StatedGrouping, Query(description="Property of the instruments.")],
) -> Response:
    """Return VaR by currency, class, underlying or instrument; the components add up to VaR."""
    grouping = VarGrouping(by.value)
    recall = desks_of(request).recall
    return json_answer(await recall.ask(portfolio, (), lambda known: var_by(known, grouping)))


@router.post(
    "/portfolios/{portfolio:path}/var/groups",
    openapi_extra=takes(GroupsRequest),
    **answers(VarGroups, 404, 413, 422, 503),
)
async def var_tags(request: Request, portfolio: PortfolioName) -> Response:
    """Return VaR by groups of your own, such as sectors; the components add up to VaR."""
    question = await question_body(request, GroupsRequest)
    tags_of(question)
    recall = desks_of(request).recall
    return json_answer(await recall.ask(portfolio, (), lambda known: var_by_tag(known, question)))


async def _desk_snapshots(services: Services, desk: str) -> list[RiskSnapshot]:
    names = await services.latest.portfolios()
    current = [_CURRENT.decode(record.json) for record in await services.latest.currents(names)]
    members = [summary.portfolio for summary in current if summary.desk == desk]
    if not members:
        known = tuple(sorted({summary.desk for summary in current if summary.desk}))
        raise UnknownDeskError(f"no portfolio is on a desk {desk!r}", known=known)
    records = await services.latest.snapshots(members)
    return [decode(record.json, RiskSnapshot) for record in records]


def _shared(snapshots: Sequence[RiskSnapshot], setting: str) -> str:
    values = sorted({str(getattr(snapshot, setting)) for snapshot in snapshots})
    if len(values) > 1:
        raise invalid_field(
            setting, f"the books of the desk differ in it ({', '.join(values)}): make it one"
        )
    return values[0]


def _desk_var(
    desk: str,
    snapshots: Sequence[RiskSnapshot],
    recalled: Recalled,
    base_currency: str,
    confidence: str,
    window: str,
) -> DeskVar:
    desk_risk = consolidated_risk(
        snapshots,
        recalled.recall,
        base_currency=base_currency,
        confidence=confidence,
        window=int(window),
    )
    ids = {snapshot.portfolio: snapshot.snapshot_id for snapshot in snapshots}
    return DeskVar(
        desk=desk,
        base_currency=base_currency,
        estimator=snapshots[0].estimator,
        confidence=confidence,
        window=int(window),
        var=desk_risk.var,
        expected_shortfall=desk_risk.expected_shortfall,
        tail_rank=desk_risk.tail_rank,
        scenario_date=desk_risk.scenario_date,
        diversification=desk_risk.diversification,
        books=tuple(
            BookRisk(
                portfolio=member.name,
                snapshot_id=ids[member.name],
                var=member.var,
                expected_shortfall=member.expected_shortfall,
                component_var=member.component_var,
            )
            for member in desk_risk.members
        ),
        stream=recalled.record.stream,
    )


def contributions_of(recalled: Recalled) -> Contributions:
    """Return each position's weight in the VaR of a recalled snapshot.

    Raises
    ------
    NotRecalledError
        If the snapshot has no VaR; says why.
    """
    snapshot = recalled.snapshot
    book = recalled_book(snapshot, recalled.recall, close=recalled.close)
    stated = restated(snapshot, book)
    if stated.var is None or stated.expected_shortfall is None:
        raise NotRecalledError(f"snapshot {snapshot.snapshot_id}: {stated.not_available}")
    marked = book.marked()
    factors = revalued_factors(book.scenarios(marked.shape), marked)
    incremental = incremental_var(marked.valuation.exposures, factors, confidence=book.confidence)
    components = np.array([row.component_var for row in stated.positions], dtype=np.float64)
    shortfall = stated.expected_shortfall
    rows = [
        Contribution(
            instrument=row.instrument,
            asset_class=row.asset_class,
            quantity=row.quantity,
            component_var=row.component_var or 0.0,
            smoothed_share=row.smoothed_share,
            es_share=(row.component_es or 0.0) / shortfall if shortfall > 0.0 else None,
            marginal_var=float(marginal),
            incremental_var=float(own),
        )
        for row, own, marginal in zip(
            stated.positions,
            incremental,
            marginal_var(components, marked.shape.holdings.quantity),
            strict=True,
        )
    ]
    return Contributions(
        portfolio=snapshot.portfolio,
        snapshot_id=snapshot.snapshot_id,
        base_currency=snapshot.base_currency,
        estimator=snapshot.estimator,
        var=stated.var,
        expected_shortfall=shortfall,
        rows=tuple(sorted(rows, key=lambda row: (-row.component_var, row.instrument))),
        durable=recalled.record.durable,
        stream=recalled.record.stream,
    )
