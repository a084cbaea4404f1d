"""Answers of the API about risk: server, client and dashboard share these types.

Views are made from a snapshot by pure functions, so that the number on a screen is the
number of the record. Amounts are in the portfolio's base currency; VaR and its kin are
losses, positive. Unknown fields are ignored on reading: a client outlives a new field.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from operator import attrgetter
from typing import Annotated, Final

from msgspec import Meta, Struct

from system.contracts.limits import LimitUse
from system.contracts.measures import (
    DeltaGammaVega,
    ExplainedPnl,
    PortfolioGreeks,
    StressedRisk,
)
from system.contracts.messages import (
    CARRY_MAX_SESSIONS,
    CARRY_MAX_SHARE,
    AssetClass,
    AssetClassRisk,
    CarriedSeries,
    CloseHistory,
    ExchangeClose,
    Instrument,
    Nanoseconds,
    Portfolio,
    PositionRisk,
    Price,
    RejectReason,
    RiskSnapshot,
    Signed,
    SnapshotKind,
    StageTimes,
    TailScenario,
    TradeAction,
    field_names,
)
from system.contracts.oracle import OracleStatus, OracleVerdict
from system.contracts.replay import ReplayStatus
from system.contracts.text.checked import Checked
from system.contracts.text.names import Identifier

SNAPSHOT_EVENT: Final = "snapshot"
"""Server-sent event: a ``RiskSnapshot``, or a ``CurrentRisk`` with ``compact=true``."""
HEARTBEAT_EVENT: Final = "heartbeat"
"""Server-sent event: a ``StreamStatus`` while the stream's heart beats."""
STALE_EVENT: Final = "stale"
"""Server-sent event: a ``StreamStatus`` when the stream's heartbeat has stopped."""

LIMIT_EVENT: Final = "limit"
"""Server-sent event: a ``TrailRow`` when a person acknowledges what is raised; what the stream
raises rides in each snapshot's ``limits``."""

GAP_EVENT: Final = "gap"
"""Server-sent event: a ``StreamGap`` when a client resumes from before what is kept."""


class StreamState(StrEnum):
    """State of the stream's numbers; *stale* by the expiry of its heartbeat.

    The stream itself says the others: it is *running*, still *warming* up on what lay in the
    topics when it began, or *lagging*: the oldest message that its numbers do not contain is
    older than ``RISKSTREAM_LAG_BOUND_SECONDS``.
    """

    RUNNING = "running"
    WARMING = "warming"
    LAGGING = "lagging"
    STALE = "stale"


class View(Struct, frozen=True, kw_only=True):
    """Base of what the API answers."""


class CurrentRisk(View, frozen=True, kw_only=True):
    """The newest snapshot of a portfolio without its positions.

    ``var_limit`` is ``var_limit_fraction`` of NAV; it, ``limit_used`` (VaR / limit) and
    ``over_limit`` are None where NAV is not positive or VaR does not exist. ``complete``
    says that no price is stale, no trade waits for an end-of-day mark, no series lacks the close
    of its newest session, and no number is missing.
    """

    portfolio: str
    snapshot_id: str
    kind: SnapshotKind
    fence: int
    epoch: int
    event_time_ns: int
    asof: dt.date | None
    base_currency: str
    var: float | None
    expected_shortfall: float | None
    nav: float
    value: float
    var_fraction: float | None
    var_limit_fraction: float
    var_limit: float | None
    limit_used: float | None
    over_limit: bool | None
    estimator: str
    confidence: str
    window: int
    scenario_count: int
    tail_rank: int
    scenario_date: dt.date | None
    tail: tuple[TailScenario, ...]
    diversification: float | None
    asset_classes: tuple[AssetClassRisk, ...]
    daily_pnl: float | None
    unrealised_pnl: float
    realised_pnl: float
    previous_var: float | None
    hypothetical_pnl: float | None
    breach: bool | None
    complete: bool
    stale: tuple[str, ...]
    carried: tuple[CarriedSeries, ...]
    suspect: tuple[str, ...]
    not_available: str
    inputs_hash: str
    offsets: dict[str, int]
    trade_ids: tuple[str, ...]
    stages: StageTimes
    rates: dict[str, float] = {}
    missing: tuple[str, ...] = ()
    valuation_date: dt.date | None = None
    stressed: tuple[StressedRisk, ...] = ()
    greeks: PortfolioGreeks | None = None
    delta_gamma_vega: DeltaGammaVega | None = None
    option_pnl: tuple[ExplainedPnl, ...] = ()
    proxied: tuple[str, ...] = ()
    desk: str | None = None
    limits: tuple[LimitUse, ...] = ()
    adjustment_count: int = 0
    adjusted: tuple[str, ...] = ()
    suspect_ticks: tuple[str, ...] = ()
    exchange_closes: tuple[ExchangeClose, ...] = ()
    skipped: tuple[str, ...] = ()
    carry_max_sessions: int = CARRY_MAX_SESSIONS
    carry_max_share: float = CARRY_MAX_SHARE
    outside_model: tuple[str, ...] = ()
    positions_unknown: str = ""
    waiting_trades: tuple[str, ...] = ()


_TAKEN_OVER: Final = tuple(
    name for name in field_names(CurrentRisk) if name in frozenset(field_names(RiskSnapshot))
)
_taken_over: Final = attrgetter(*_TAKEN_OVER)


class CurrentVar(CurrentRisk, frozen=True, kw_only=True):
    """``GET /v1/portfolios/{id}/var``: the current risk and how far it can be trusted.

    ``durable``: the snapshot's transaction is committed. ``stream``: whether it is kept
    current. ``oracle``: what the independent oracle has said of exactly this snapshot.
    """

    durable: bool
    stream: StreamState
    oracle: OracleVerdict = OracleVerdict.UNCHECKED


class AssetClassVar(View, frozen=True, kw_only=True):
    """``GET .../var/asset-classes``: each class on its own; they do not add up to VaR."""

    portfolio: str
    snapshot_id: str
    event_time_ns: int
    base_currency: str
    var: float | None
    expected_shortfall: float | None
    diversification: float | None
    asset_classes: tuple[AssetClassRisk, ...]
    durable: bool
    stream: StreamState


class AttributionRow(View, frozen=True, kw_only=True):
    """One position's part of VaR; ``share`` is ``component_var`` / VaR."""

    instrument: str
    asset_class: AssetClass
    value: float
    exposure: float
    delta: float
    component_var: float | None
    share: float | None
    component_es: float | None
    smoothed_share: float | None


class Attribution(View, frozen=True, kw_only=True):
    """``GET .../attribution``: component VaR, largest first; the components sum to VaR."""

    portfolio: str
    snapshot_id: str
    event_time_ns: int
    base_currency: str
    estimator: str
    var: float | None
    expected_shortfall: float | None
    scenario_date: dt.date | None
    rows: tuple[AttributionRow, ...]
    durable: bool
    stream: StreamState


class Positions(View, frozen=True, kw_only=True):
    """``GET .../positions``: what the portfolio holds now."""

    portfolio: str
    snapshot_id: str
    event_time_ns: int
    base_currency: str
    nav: float
    value: float
    unrealised_pnl: float
    realised_pnl: float
    positions: tuple[PositionRisk, ...]
    durable: bool
    stream: StreamState


class SnapshotPoint(View, frozen=True, kw_only=True):
    """One point of a portfolio's time series, as PostgreSQL keeps it in typed columns.

    ``component_var`` maps each instrument to its part of VaR, only where asked for.
    """

    snapshot_id: str
    kind: SnapshotKind
    fence: int
    epoch: int
    event_time_ns: int
    asof: dt.date | None
    nav: float
    value: float
    var: float | None
    expected_shortfall: float | None
    var_fraction: float | None
    daily_pnl: float | None
    unrealised_pnl: float
    realised_pnl: float
    previous_var: float | None
    hypothetical_pnl: float | None
    breach: bool | None
    component_var: dict[str, float | None] | None = None


class SnapshotPage(View, frozen=True, kw_only=True):
    """``GET .../snapshots``: a page in order of time; ``next`` asks for the one after it."""

    portfolio: str
    points: tuple[SnapshotPoint, ...]
    next: str | None = None


class RejectedRow(View, frozen=True, kw_only=True):
    """A message that was not applied: where it lies, why, and its bytes as text.

    ``value`` is cut at some 4 KiB; ``size_bytes`` and ``sha256`` are of the whole value (0 and
    empty where an earlier version has kept it).
    """

    topic: str
    partition: int
    offset: int
    reason: RejectReason
    detail: str
    value: str
    size_bytes: int = 0
    sha256: str = ""


class RejectedPage(View, frozen=True, kw_only=True):
    """``GET /v1/rejected``, newest first; ``counts`` are of all that is kept, by reason."""

    rows: tuple[RejectedRow, ...]
    counts: dict[str, int]
    next: str | None = None


class StreamStatus(View, frozen=True, kw_only=True):
    """Status of the stream.

    ``heartbeat_age_ms`` by Redis's own clock, None when no heartbeat is left.
    ``(fence, epoch)`` is the newest batch in Redis, ``(durable_fence, durable_epoch)`` the
    newest in PostgreSQL; -1 before the first. ``dropped_count``: snapshots that this
    client was too slow for, each replaced by a newer one of its portfolio. ``oracle`` is
    what the independent oracle has found, None where none runs; ``replay`` which scenario
    is replayed, None while none is.
    """

    state: StreamState
    heartbeat_age_ms: int | None
    fence: int
    epoch: int
    durable_fence: int
    durable_epoch: int
    published_ns: int
    dropped_count: int = 0
    oracle: OracleStatus | None = None
    replay: ReplayStatus | None = None


class StreamGap(View, frozen=True, kw_only=True):
    """Snapshots that a resuming client cannot get any more: everything up to ``oldest_kept``."""

    resumed_from: str
    oldest_kept: str


class ComponentHealth(View, frozen=True, kw_only=True):
    """Health of one server, and its response time."""

    name: str
    ok: bool
    latency_ms: float
    detail: str = ""


class Liveness(View, frozen=True, kw_only=True):
    """``GET /v1/live``: the process answers; no server behind it is asked."""

    live: bool


class Readiness(View, frozen=True, kw_only=True):
    """``GET /v1/ready``: every server behind the API answers; its numbers may be old, see `state`.

    503 where one does not.
    """

    ready: bool
    state: StreamState


class HealthState(View, frozen=True, kw_only=True):
    """``GET /v1/health`` without the token: nothing that tells servers or messages."""

    ok: bool
    state: StreamState


class Health(View, frozen=True, kw_only=True):
    """``GET /v1/health`` with the token.

    ``ok`` when every component answers and the stream runs or warms up.

    ``offsets`` is the watermark, ``lag`` the messages per partition behind it (None:
    the broker did not say).
    """

    ok: bool
    stream: StreamStatus
    components: tuple[ComponentHealth, ...]
    offsets: dict[str, int]
    lag: dict[str, int] | None
    version: str


class TradeRequest(Checked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/trades``: quantity signed (long positive), price per unit.

    The price is in the instrument's currency (fx and cash: in the portfolio's base
    currency). ``trade_id`` is made up where it is missing, and named in the answer, an
    answer 503 included; send it to retry safely also where no answer comes.
    ``event_time_ns`` is when the trade was made; 0: when it is accepted. Positions that were
    stated as of a later moment contain it.
    """

    portfolio: Identifier
    instrument: Identifier
    quantity: Signed
    price: Price
    trade_id: Identifier | None = None
    event_time_ns: Nanoseconds = 0
    intended_monotonic_ns: Nanoseconds = 0


class AmendRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``PUT /v1/trades/{id}``: the new quantity and price.

    ``version`` is the version this makes, one more than the present one; where it is
    missing, the API takes the next. Send it to retry safely.
    """

    quantity: Signed
    price: Price
    version: Annotated[int, Meta(ge=1)] | None = None


class Delivered(View, frozen=True, kw_only=True):
    """Place of a message on the broker: the first offset after it covers the message."""

    topic: str
    partition: int
    offset: int


class TradeAccepted(View, frozen=True, kw_only=True):
    """The broker keeps the trade; ``watch`` is the stream of the VaR that it makes.

    A snapshot whose ``trade_ids`` holds the id, or whose ``offsets`` lie beyond
    ``offset`` in its partition, covers the trade.
    """

    trade_id: str
    version: int
    action: TradeAction
    portfolio: str
    instrument: str
    quantity: float
    price: float
    topic: str
    partition: int
    offset: int
    watch: str


class PortfolioImport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/portfolios``: a book with what the stream must know to value it.

    ``instruments`` and ``histories`` may leave out what the stream has already. The positions
    are as of ``as_of_ns`` or the end of ``as_of_day`` of the portfolio, by default as of now.
    """

    portfolio: Portfolio
    instruments: tuple[Instrument, ...] = ()
    histories: tuple[CloseHistory, ...] = ()


class PositionDifference(View, frozen=True, kw_only=True):
    """A quantity that a statement changes: ``difference`` is ``stated`` less ``before``."""

    instrument: str
    before: float
    stated: float
    difference: float


class Reconciliation(View, frozen=True, kw_only=True):
    """Stated positions against those that the book had by its trades at the same moment.

    ``rows`` are the ``different_count`` instruments, cash among them, whose quantity differs by
    more than rounding, by name; ``equal_count`` is the number of the others. Cash is compared
    where the statement names any (``cash_stated``), and stays as it is otherwise.
    ``trades_on_top`` counts the trades after the moment, which are not in the statement: the
    book holds them as well. ``opens`` says that the book is new: all of it is stated for the
    first time, and no row is listed. ``current`` is False where the stream had not read
    everything that was sent before: what it reads next is missing in ``before``.
    """

    opens: bool
    equal_count: int
    different_count: int
    rows: tuple[PositionDifference, ...]
    cash_stated: bool
    trades_on_top: int
    current: bool


class PortfolioAccepted(View, frozen=True, kw_only=True):
    """The broker keeps the book; ``watch`` is the stream of its snapshots.

    The positions are as of ``as_of_ns`` (event time), or of the end of the day ``as_of_day``.
    After a dry run (``dry_run``) nothing is kept: topic and watch are empty, partition and
    offset None.
    """

    portfolio: str
    position_count: int
    instrument_count: int
    history_count: int
    topic: str
    partition: int | None
    offset: int | None
    watch: str
    as_of_ns: int | None = None
    as_of_day: dt.date | None = None
    dry_run: bool = False
    reconciliation: Reconciliation | None = None


class FieldProblem(View, frozen=True, kw_only=True):
    """One thing wrong with a request: the field (as a path) and what it must be."""

    field: str
    detail: str


class Problem(View, frozen=True, kw_only=True, omit_defaults=True):
    """An error as ``application/problem+json`` (RFC 9457).

    ``known`` lists what the name could have been, where the name is unknown. ``trade_id`` is that
    of a trade of which it is not known whether the broker keeps it: sent again under the id, it
    counts once.
    """

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    instance: str = ""
    errors: tuple[FieldProblem, ...] = ()
    known: tuple[str, ...] = ()
    trade_id: str = ""


def current_risk(snapshot: RiskSnapshot) -> CurrentRisk:
    """Return a snapshot without its positions, with its limit worked out.

    Parameters
    ----------
    snapshot : RiskSnapshot
        Its fields are taken over unchanged; nothing but the limit is computed.

    Returns
    -------
    CurrentRisk
        Amounts in the portfolio's base currency; VaR and its limit as losses, positive.
    """
    limit = snapshot.var_limit_fraction * snapshot.nav if snapshot.nav > 0 else None
    return CurrentRisk(
        **dict(zip(_TAKEN_OVER, _taken_over(snapshot), strict=True)),
        var_limit=limit,
        limit_used=None if limit is None or snapshot.var is None else snapshot.var / limit,
        over_limit=is_over_limit(snapshot),
        complete=is_complete(snapshot),
    )


def is_complete(snapshot: RiskSnapshot) -> bool:
    """Return whether nothing is stale, waits or is missing, newest closes among it."""
    is_silent = any(series.silent_sessions for series in snapshot.carried)
    waits = snapshot.stale or snapshot.waiting_trades
    return not (waits or is_silent or snapshot.not_available)


def is_over_limit(snapshot: RiskSnapshot) -> bool | None:
    """Return whether VaR is strictly above its limit; None where VaR / NAV means nothing."""
    fraction = snapshot.var_fraction
    if fraction is None or snapshot.nav <= 0:
        return None
    return fraction > snapshot.var_limit_fraction
