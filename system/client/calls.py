"""Every request of the API as a value: what is asked, and what type the answer has.

The synchronous and the asynchronous client send the same values.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Final

import msgspec

from system.client.call import Call, LimitQuestion, Parameters, SeriesQuestion, changed, quoted
from system.contracts.api.adjustments import (
    AdjustmentAccepted,
    Adjustments,
    DividendRequest,
    SplitRequest,
)
from system.contracts.api.days import DayAccepted, DayRequest, Days
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
    SnapshotPage,
    TradeAccepted,
    TradeRequest,
)
from system.contracts.api.trades import TradePage, TradeStatus
from system.contracts.codec import encode
from system.contracts.limits import (
    Acknowledgement,
    LimitMeasure,
    Limits,
    TrailPage,
    TrailRow,
)
from system.contracts.messages import (
    AssetClass,
    Instrument,
    RejectReason,
    RiskSnapshot,
)

STREAM_PATH: Final = "/v1/stream"


def stream_parameters(portfolio: str | None, *, compact: bool) -> dict[str, str]:
    """Return the query of the push stream."""
    named = {} if portfolio is None else {"portfolio": portfolio}
    return {**named, "compact": "true"} if compact else named


def health() -> Call[Health]:
    """Ask whether everything answers."""
    return Call("GET", "/v1/health", Health)


def ready() -> Call[Readiness]:
    """Ask whether every server behind the API answers; refused as unavailable where not."""
    return Call("GET", "/v1/ready", Readiness)


def portfolios(question: PortfolioQuestion | None = None) -> Call[Portfolios]:
    """Ask for portfolios with their VaR and limits, every one of them or a page of a question."""
    parameters: Parameters = {} if question is None else changed(question)
    return Call("GET", "/v1/portfolios", Portfolios, parameters)


def current_var(portfolio: str) -> Call[CurrentVar]:
    """Ask for a portfolio's current risk."""
    return Call("GET", f"{_portfolio(portfolio)}/var", CurrentVar)


def asset_class_var(portfolio: str) -> Call[AssetClassVar]:
    """Ask for each asset class's own VaR."""
    return Call("GET", f"{_portfolio(portfolio)}/var/asset-classes", AssetClassVar)


def attribution(portfolio: str) -> Call[Attribution]:
    """Ask for component VaR per position."""
    return Call("GET", f"{_portfolio(portfolio)}/attribution", Attribution)


def positions(portfolio: str) -> Call[Positions]:
    """Ask what a portfolio holds."""
    return Call("GET", f"{_portfolio(portfolio)}/positions", Positions)


def snapshot_page(
    portfolio: str, question: SeriesQuestion, after: str | None = None
) -> Call[SnapshotPage]:
    """Ask for one page of a time series."""
    parameters: Parameters = {
        "kind": question.kind,
        "from": question.from_ns,
        "to": question.to_ns,
        "components": question.components or None,
        "newest_first": question.newest_first or None,
        "limit": question.page_rows,
        "after": after,
        "resolution": question.resolution,
    }
    return Call("GET", f"{_portfolio(portfolio)}/snapshots", SnapshotPage, parameters)


def snapshot(snapshot_id: str) -> Call[RiskSnapshot]:
    """Ask for one whole snapshot."""
    return Call("GET", f"/v1/snapshots/{quoted(snapshot_id)}", RiskSnapshot)


def rejected_page(
    reason: RejectReason | None = None, *, limit: int = 100, after: str | None = None
) -> Call[RejectedPage]:
    """Ask for messages that were not applied."""
    parameters: Parameters = {"reason": reason, "limit": limit, "after": after}
    return Call("GET", "/v1/rejected", RejectedPage, parameters)


def what_if(portfolio: str, question: WhatIfRequest) -> Call[WhatIf]:
    """Ask what proposed trades would do."""
    return Call("POST", f"{_portfolio(portfolio)}/what-if", WhatIf, body=encode(question))


def scenario(portfolio: str, question: ScenarioRequest) -> Call[Scenario]:
    """Ask for the P&L under shocks, or under the moves of a day."""
    return Call("POST", f"{_portfolio(portfolio)}/scenarios", Scenario, body=encode(question))


def reverse_stress(portfolio: str, loss: float) -> Call[ReverseStress]:
    """Ask for the smallest uniform move that loses an amount."""
    parameters: Parameters = {"loss": repr(loss)}
    return Call("GET", f"{_portfolio(portfolio)}/reverse-stress", ReverseStress, parameters)


def var_change(
    portfolio: str, from_id: str | None = None, to_id: str | None = None
) -> Call[VarChange]:
    """Ask what changed VaR between two snapshots."""
    parameters: Parameters = {"from": from_id, "to": to_id}
    return Call("GET", f"{_portfolio(portfolio)}/var/change", VarChange, parameters)


def desk_var(desk: str, base_currency: str | None = None) -> Call[DeskVar]:
    """Ask for the VaR of a desk's books together."""
    parameters: Parameters = {"base_currency": base_currency}
    return Call("GET", f"/v1/desks/{quoted(desk)}/var", DeskVar, parameters)


def contributions(portfolio: str) -> Call[Contributions]:
    """Ask what each position adds to VaR."""
    return Call("GET", f"{_portfolio(portfolio)}/contributions", Contributions)


def var_groups(portfolio: str, by: VarGrouping) -> Call[VarGroups]:
    """Ask for VaR by a property of the instruments."""
    return Call("GET", f"{_portfolio(portfolio)}/var/groups", VarGroups, {"by": by})


def var_tags(portfolio: str, question: GroupsRequest) -> Call[VarGroups]:
    """Ask for VaR by groups of one's own, such as sectors."""
    path = f"{_portfolio(portfolio)}/var/groups"
    return Call("POST", path, VarGroups, body=encode(question))


def pnl(portfolio: str) -> Call[PnlExplained]:
    """Ask for a portfolio's P&L, part by part."""
    return Call("GET", f"{_portfolio(portfolio)}/pnl", PnlExplained)


def limits(portfolio: str) -> Call[Limits]:
    """Ask for every limit, what is raised, and who has seen it."""
    return Call("GET", f"{_portfolio(portfolio)}/limits", Limits)


def all_limits(question: LimitQuestion | None = None) -> Call[LimitPage]:
    """Ask for a page of the limits of all portfolios, worst first."""
    asked = question or LimitQuestion()
    parameters: Parameters = {
        "level": tuple(asked.level) or None,
        "measure": asked.measure,
        "desk": asked.desk,
        "raised": asked.raised,
        "acknowledged": asked.acknowledged,
        "limit": asked.page_rows,
        "after": asked.after,
    }
    return Call("GET", "/v1/limits", LimitPage, parameters)


def trades(portfolio: str, *, limit: int = 1_000, before: int | None = None) -> Call[TradePage]:
    """Ask for a page of a portfolio's open trades, newest first."""
    parameters: Parameters = {"limit": limit, "before": before}
    return Call("GET", f"{_portfolio(portfolio)}/trades", TradePage, parameters)


def trade_status(trade_id: str) -> Call[TradeStatus]:
    """Ask how far a trade has come, and which snapshot has it."""
    return Call("GET", f"/v1/trades/{quoted(trade_id)}", TradeStatus)


def instruments(
    *,
    asset_class: AssetClass | None = None,
    contains: str | None = None,
    limit: int = 1_000,
    after: str | None = None,
) -> Call[Instruments]:
    """Ask for a page of the instruments that the stream knows, by name."""
    parameters: Parameters = {
        "asset_class": asset_class,
        "contains": contains,
        "limit": limit,
        "after": after,
    }
    return Call("GET", "/v1/instruments", Instruments, parameters)


def instrument(name: str) -> Call[Instrument]:
    """Ask for the reference data of one instrument."""
    return Call("GET", f"/v1/instruments/{quoted(name)}", Instrument)


def closes(
    series: str, *, first: dt.date | None = None, last: dt.date | None = None
) -> Call[Closes]:
    """Ask for the daily closes of an instrument or of ``fx:CCY``; both days are included."""
    days = {"first": first, "last": last}
    parameters: Parameters = {name: day.isoformat() for name, day in days.items() if day}
    return Call("GET", f"/v1/closes/{quoted(series)}", Closes, parameters)


def limit_events(portfolio: str, *, limit: int = 100, before: int | None = None) -> Call[TrailPage]:
    """Ask for a page of the audit trail."""
    parameters: Parameters = {"limit": limit, "before": before}
    return Call("GET", f"{_portfolio(portfolio)}/limits/events", TrailPage, parameters)


def acknowledge_limit(
    portfolio: str, measure: LimitMeasure, said: Acknowledgement
) -> Call[TrailRow]:
    """Acknowledge what is raised; the same once more changes nothing."""
    path = f"{_portfolio(portfolio)}/limits/{quoted(measure.value)}/acknowledge"
    return Call("POST", path, TrailRow, body=encode(said))


def send_trade(trade: TradeRequest) -> Call[TradeAccepted]:
    """Send a trade; an id is made up here, so that a repeated call counts once."""
    trade_id = trade.trade_id or str(uuid.uuid4())
    body = encode(msgspec.structs.replace(trade, trade_id=trade_id))
    return Call("POST", "/v1/trades", TradeAccepted, body=body)


def amend_trade(trade_id: str, amendment: AmendRequest) -> Call[TradeAccepted]:
    """Restate a trade's quantity and price."""
    path = f"/v1/trades/{quoted(trade_id)}"
    return Call("PUT", path, TradeAccepted, body=encode(amendment))


def cancel_trade(trade_id: str, version: int | None = None) -> Call[TradeAccepted]:
    """Cancel a trade."""
    path = f"/v1/trades/{quoted(trade_id)}"
    return Call("DELETE", path, TradeAccepted, {"version": version})


def import_portfolio(book: PortfolioImport, *, dry_run: bool = False) -> Call[PortfolioAccepted]:
    """Import a book; a dry run checks and compares it only."""
    parameters: Parameters = {"dry_run": True if dry_run else None}
    return Call("POST", "/v1/portfolios", PortfolioAccepted, parameters, encode(book))


def send_split(split: SplitRequest) -> Call[AdjustmentAccepted]:
    """Announce a split."""
    return Call("POST", "/v1/adjustments/splits", AdjustmentAccepted, body=encode(split))


def send_dividend(dividend: DividendRequest) -> Call[AdjustmentAccepted]:
    """Announce a dividend."""
    return Call("POST", "/v1/adjustments/dividends", AdjustmentAccepted, body=encode(dividend))


def adjustments(instrument: str = "") -> Call[Adjustments]:
    """Ask for splits and dividends, of one instrument or of all."""
    parameters: Parameters = {"instrument": instrument or None}
    return Call("GET", "/v1/adjustments", Adjustments, parameters)


def days() -> Call[Days]:
    """Ask for the last day that was closed."""
    return Call("GET", "/v1/days", Days)


def close_day(date: dt.date | None = None, *, dry_run: bool = False) -> Call[DayAccepted]:
    """Close a day; a dry run checks it only."""
    parameters: Parameters = {"dry_run": True if dry_run else None}
    return Call("POST", "/v1/days", DayAccepted, parameters, encode(DayRequest(date=date)))


def _portfolio(name: str) -> str:
    return f"/v1/portfolios/{quoted(name)}"
