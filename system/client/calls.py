"""Every request of the API as a value: what is asked, and what type the answer has.

The synchronous and the asynchronous client send the same values.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Generic, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from system.client.errors import ApiMismatchError, ApiRefusedError, ApiUnavailableError
from system.contracts.api.adjustments import (
    AdjustmentAccepted,
    Adjustments,
    DividendRequest,
    SplitRequest,
)
from system.contracts.api.days import DayAccepted, DayRequest, Days
from system.contracts.api.decomposition import Contributions, DeskVar
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
from system.contracts.api.risk import (
    AmendRequest,
    AssetClassVar,
    Attribution,
    CurrentVar,
    Health,
    PortfolioAccepted,
    PortfolioImport,
    Positions,
    Problem,
    RejectedPage,
    SnapshotPage,
    TradeAccepted,
    TradeRequest,
)
from system.contracts.codec import encode
from system.contracts.limits import (
    Acknowledgement,
    LimitMeasure,
    Limits,
    TrailPage,
    TrailRow,
)
from system.contracts.messages import RejectReason, RiskSnapshot, SnapshotKind
from system.contracts.text.names import checked_label

T = TypeVar("T", bound=Struct)
STREAM_PATH: Final = "/v1/stream"
Parameters = Mapping[str, str | int | bool | Sequence[str] | None]
RETRIED_STATUSES: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. Every call can be repeated: nothing that is sent counts twice.

    Parameters
    ----------
    method, path : str
        Of HTTP; the path is quoted.
    kind : type
        Of the answer.
    parameters : mapping
        Of the query; None is left out, a sequence is a parameter that is repeated.
    body : bytes or None
        JSON.
    """

    method: str
    path: str
    kind: type[T]
    parameters: Parameters = field(default_factory=dict)
    body: bytes | None = None

    @property
    def query(self) -> dict[str, str | list[str]]:
        """The parameters as text, those that are set."""
        return {name: _text(value) for name, value in self.parameters.items() if value is not None}

    def answer(self, status: int, body: bytes) -> T:
        """Return the answer of a response.

        Raises
        ------
        ApiRefusedError
            If the API refused; carries its problem.
        ApiUnavailableError
            If a server behind the API does not answer.
        ApiMismatchError
            If the answer is not of its type.
        """
        raise_refusal(status, body)
        try:
            return msgspec.json.decode(body, type=self.kind)
        except msgspec.MsgspecError as error:
            raise ApiMismatchError(f"{self.method} {self.path}: {error}") from error


def raise_refusal(status: int, body: bytes) -> None:
    """Raise what a response's status says, if it is not success.

    Raises
    ------
    ApiRefusedError
        If the API refused; carries its problem.
    ApiUnavailableError
        If a server behind the API does not answer.
    """
    if status in RETRIED_STATUSES:
        raise ApiUnavailableError(f"the API says {status}: {_problem(status, body).detail}")
    if status >= HTTPStatus.BAD_REQUEST:
        raise ApiRefusedError(_problem(status, body))


def stream_parameters(portfolio: str | None, *, compact: bool) -> dict[str, str]:
    """Return the query of the push stream."""
    named = {} if portfolio is None else {"portfolio": portfolio}
    return {**named, "compact": "true"} if compact else named


def health() -> Call[Health]:
    """Ask whether everything answers."""
    return Call("GET", "/v1/health", Health)


def portfolios(question: PortfolioQuestion | None = None) -> Call[Portfolios]:
    """Ask for portfolios with their VaR and limits, every one of them or a page of a question."""
    parameters: Parameters = {} if question is None else _changed(question)
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


@dataclass(frozen=True)
class SeriesQuestion:
    """Which points of a time series: see ``GET .../snapshots``.

    Parameters
    ----------
    kind : SnapshotKind or None
        Only those.
    from_ns, to_ns : int or None
        Event time, nanoseconds since 1970 UTC; the end is excluded.
    components : bool
        Each point with component VaR per instrument.
    newest_first : bool
        Order of time reversed.
    page_rows : int
        Rows per page.
    """

    kind: SnapshotKind | None = None
    from_ns: int | None = None
    to_ns: int | None = None
    components: bool = False
    newest_first: bool = False
    page_rows: int = 1_000


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
    }
    return Call("GET", f"{_portfolio(portfolio)}/snapshots", SnapshotPage, parameters)


def snapshot(snapshot_id: str) -> Call[RiskSnapshot]:
    """Ask for one whole snapshot."""
    return Call("GET", f"/v1/snapshots/{_quoted(snapshot_id)}", RiskSnapshot)


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
    return Call("GET", f"/v1/desks/{_quoted(desk)}/var", DeskVar, parameters)


def contributions(portfolio: str) -> Call[Contributions]:
    """Ask what each position adds to VaR."""
    return Call("GET", f"{_portfolio(portfolio)}/contributions", Contributions)


def pnl(portfolio: str) -> Call[PnlExplained]:
    """Ask for a portfolio's P&L, part by part."""
    return Call("GET", f"{_portfolio(portfolio)}/pnl", PnlExplained)


def limits(portfolio: str) -> Call[Limits]:
    """Ask for every limit, what is raised, and who has seen it."""
    return Call("GET", f"{_portfolio(portfolio)}/limits", Limits)


def limit_events(portfolio: str, *, limit: int = 100, before: int | None = None) -> Call[TrailPage]:
    """Ask for a page of the audit trail."""
    parameters: Parameters = {"limit": limit, "before": before}
    return Call("GET", f"{_portfolio(portfolio)}/limits/events", TrailPage, parameters)


def acknowledge_limit(
    portfolio: str, measure: LimitMeasure, said: Acknowledgement
) -> Call[TrailRow]:
    """Acknowledge what is raised; the same once more changes nothing."""
    path = f"{_portfolio(portfolio)}/limits/{_quoted(measure.value)}/acknowledge"
    return Call("POST", path, TrailRow, body=encode(said))


def send_trade(trade: TradeRequest) -> Call[TradeAccepted]:
    """Send a trade; an id is made up here, so that a repeated call counts once."""
    trade_id = trade.trade_id or str(uuid.uuid4())
    body = encode(msgspec.structs.replace(trade, trade_id=trade_id))
    return Call("POST", "/v1/trades", TradeAccepted, body=body)


def amend_trade(trade_id: str, amendment: AmendRequest) -> Call[TradeAccepted]:
    """Restate a trade's quantity and price."""
    path = f"/v1/trades/{_quoted(trade_id)}"
    return Call("PUT", path, TradeAccepted, body=encode(amendment))


def cancel_trade(trade_id: str, version: int | None = None) -> Call[TradeAccepted]:
    """Cancel a trade."""
    path = f"/v1/trades/{_quoted(trade_id)}"
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
    return f"/v1/portfolios/{_quoted(name)}"


def _quoted(name: str) -> str:
    """Return a name as one segment of a path.

    Raises
    ------
    TextError
        If it holds what no name can: an address could not carry it.
    """
    segment = quote(checked_label(name), safe="")
    # a segment of dots would be taken for a way upwards, and removed, before it is sent
    return segment.replace(".", "%2E") if segment in {".", ".."} else segment


def _text(value: str | int | bool | Sequence[str] | None) -> str | list[str]:
    if isinstance(value, tuple | list):
        return [str(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _changed(question: Struct) -> Parameters:
    """Return the fields of a question that differ from their defaults, as query parameters."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(question)}
    stated = msgspec.structs.asdict(question)
    return {name: value for name, value in stated.items() if value != defaults[name]}


def _problem(status: int, body: bytes) -> Problem:
    try:
        return msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        detail = body[:200].decode("utf-8", "replace") or "no explanation"
        return Problem(title=_phrase(status), status=status, detail=detail)


def _phrase(status: int) -> str:
    """Return the standard phrase of a status; proxies send some that have none (520 to 530)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
