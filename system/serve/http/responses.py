"""Responses of the endpoints and their OpenAPI description, both made from the contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from msgspec import Struct

from system.contracts import limits
from system.contracts.api import (
    adjustments,
    days,
    decomposition,
    pnl,
    portfolios,
    questions,
    reference,
    risk,
    trades,
)
from system.contracts.api.limits import LimitPage
from system.contracts.codec import encode
from system.contracts.messages import CloseHistory, Instrument, Portfolio, RiskSnapshot
from system.contracts.oracle import OracleStatus
from system.contracts.replay import ReplayStatus
from system.serve.http.field_notes import describe_fields
from system.web.conditional import IMMUTABLE
from system.web.hosts import PROBLEM_MEDIA_TYPE

JSON_MEDIA_TYPE: Final = "application/json"
DRY_RUN_STATUS: Final = 200
_REFERENCE: Final = "#/components/schemas/{name}"
_TAG_PARAMETER: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "`ETag` of an answer that the client has.",
}
_DESCRIBED: Final[tuple[type[Struct], ...]] = (
    adjustments.AdjustmentAccepted,
    adjustments.Adjustments,
    adjustments.DividendRequest,
    adjustments.SplitRequest,
    days.DayAccepted,
    days.DayRequest,
    days.Days,
    risk.AmendRequest,
    risk.AssetClassVar,
    risk.Attribution,
    risk.CurrentRisk,
    risk.CurrentVar,
    risk.Health,
    risk.Liveness,
    risk.Readiness,
    risk.HealthState,
    risk.PortfolioAccepted,
    risk.PortfolioImport,
    portfolios.Portfolios,
    risk.Positions,
    risk.Problem,
    risk.RejectedPage,
    risk.SnapshotPage,
    risk.StreamGap,
    risk.StreamStatus,
    risk.TradeAccepted,
    risk.TradeRequest,
    decomposition.Contributions,
    decomposition.DeskVar,
    decomposition.GroupsRequest,
    decomposition.VarGroups,
    limits.Acknowledgement,
    limits.Limits,
    limits.TrailPage,
    limits.TrailRow,
    pnl.PnlExplained,
    questions.ReverseStress,
    questions.Scenario,
    questions.ScenarioRequest,
    questions.VarChange,
    questions.WhatIf,
    questions.WhatIfRequest,
    LimitPage,
    reference.Closes,
    reference.Instruments,
    trades.TradePage,
    trades.TradeStatus,
    RiskSnapshot,
    OracleStatus,
    ReplayStatus,
)


def json_answer(value: Struct, status: int = 200) -> Response:
    """Return a value of the contracts as JSON."""
    return json_bytes(encode(value), status)


def json_bytes(body: bytes, status: int = 200, *, immutable: bool = False) -> Response:
    """Return bytes that are JSON already.

    Parameters
    ----------
    body : bytes
        JSON.
    status : int
        HTTP status.
    immutable : bool
        Whether the address never answers with anything else: caches may keep it. How long other
        answers may be kept, `system.web.conditional` says.
    """
    headers = {"Cache-Control": IMMUTABLE} if immutable else None
    return Response(body, status, headers, JSON_MEDIA_TYPE)


def answers(
    kind: type[Struct],
    *refused: int,
    status: int = 200,
    has_dry_run: bool = False,
    without_token: type[Struct] | None = None,
) -> dict[str, Any]:
    """Return what a route says of its answers, for its decorator.

    Parameters
    ----------
    kind : type of Struct
        What it answers with.
    *refused : int
        Statuses that it refuses with, besides 401 and 429.
    status : int
        The status of success.
    has_dry_run : bool
        Whether a request that sends nothing is answered too, by 200.
    without_token : type of Struct or None
        What it answers with to whom has no token; None: it is refused.
    """
    answered = _described(kind, JSON_MEDIA_TYPE, (kind.__doc__ or "").strip().partition("\n")[0])
    dry_run = {DRY_RUN_STATUS: answered} if has_dry_run else {}
    if without_token is not None:
        either = [_reference(kind), _reference(without_token)]
        answered["content"][JSON_MEDIA_TYPE]["schema"] = {"anyOf": either}
    return {
        "status_code": status,
        "response_class": Response,
        "responses": {**dry_run, status: answered, **refusals(401, 429, *refused)},
    }


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route says of the problems that it refuses with."""
    return {status: _described(risk.Problem, PROBLEM_MEDIA_TYPE) for status in statuses}


def takes(kind: type[Struct]) -> dict[str, Any]:
    """Return what a route says of its request body, for ``openapi_extra``."""
    content = {JSON_MEDIA_TYPE: {"schema": _reference(kind)}}
    return {"requestBody": {"required": True, "content": content}}


def openapi_from_contracts(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return the function that describes an app, with the schemas of the contracts."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            _, schemas = msgspec.json.schema_components(_DESCRIBED, ref_template=_REFERENCE)
            described.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
            _describe_refused_parameters(described)
            _describe_optional_types(described)
            _describe_conditional_reads(described)
            describe_fields(described["components"]["schemas"])
            app.openapi_schema = described
        return app.openapi_schema

    return describe


def _describe_refused_parameters(described: dict[str, Any]) -> None:
    """Say that a parameter is refused by a problem: FastAPI describes an answer of its own."""
    for methods in described["paths"].values():
        for operation in methods.values():
            if "422" in operation["responses"]:
                operation["responses"]["422"] = _described(risk.Problem, PROBLEM_MEDIA_TYPE)
    for name in ("HTTPValidationError", "ValidationError"):
        described["components"]["schemas"].pop(name, None)


def _describe_conditional_reads(described: dict[str, Any]) -> None:
    """Say that a read takes the tag of an answer, and answers 304 where it still holds."""
    for methods in described["paths"].values():
        operation = methods.get("get")
        if operation is None or JSON_MEDIA_TYPE not in operation["responses"]["200"]["content"]:
            continue
        operation.setdefault("parameters", []).append(dict(_TAG_PARAMETER))
        operation["responses"]["304"] = {"description": "The answer with that tag still holds."}


def _describe_optional_types(described: dict[str, Any]) -> None:
    """Say that a book need not name the type of its parts: their place says it."""
    schemas = described["components"]["schemas"]
    for name in (struct.__name__ for struct in (Instrument, CloseHistory, Portfolio)):
        schemas[name]["required"].remove("type")


def _described(kind: type[Struct], media_type: str, description: str = "") -> dict[str, Any]:
    return {
        "description": description or "See `detail`, and `errors` for each field.",
        "content": {media_type: {"schema": _reference(kind)}},
    }


def _reference(kind: type[Struct]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}
