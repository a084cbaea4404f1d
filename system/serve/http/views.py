"""Views made from a stored record: pure functions, each of one snapshot only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import msgspec

from system.contracts.api.limits import PortfolioLimit
from system.contracts.api.pnl import PnlExplained, pnl_explained
from system.contracts.api.portfolios import PortfolioSummary, worst_use
from system.contracts.api.risk import (
    AssetClassVar,
    Attribution,
    AttributionRow,
    CurrentRisk,
    Positions,
)
from system.contracts.codec import decode
from system.contracts.limits import LimitMeasure, LimitUse, TrailRow, limit_statuses
from system.contracts.messages import PositionRisk, RiskSnapshot
from system.contracts.oracle import OracleStatus, OracleVerdict
from system.store.redis.redis_values import LatestRecord

_CURRENT: Final = msgspec.json.Decoder(CurrentRisk)


class _Named(msgspec.Struct):
    snapshot_id: str


class _Line(msgspec.Struct):
    """Fields of a ``CurrentRisk`` that a line of a list needs; the others are not decoded."""

    portfolio: str
    snapshot_id: str
    event_time_ns: int
    base_currency: str
    nav: float
    var: float | None
    var_fraction: float | None
    var_limit_fraction: float
    over_limit: bool | None
    complete: bool
    asof: dt.date | None
    expected_shortfall: float | None
    daily_pnl: float | None
    unrealised_pnl: float
    not_available: str
    stale: tuple[str, ...]
    desk: str | None = None
    limits: tuple[LimitUse, ...] = ()


_LINE: Final = msgspec.json.Decoder(_Line)
_TAKEN_OVER: Final = tuple(
    name for name in _Line.__struct_fields__ if name in PortfolioSummary.__struct_fields__
)


def current_var_json(record: LatestRecord, oracle: OracleStatus | None = None) -> bytes:
    """Return the JSON of a ``CurrentVar``: the stored JSON with its flags put in front."""
    durable = "true" if record.durable else "false"
    verdict = oracle_verdict(msgspec.json.decode(record.json, type=_Named).snapshot_id, oracle)
    flags = f'{{"durable":{durable},"stream":"{record.stream}","oracle":"{verdict}",'
    return flags.encode("ascii") + record.json[1:]


def oracle_verdict(snapshot_id: str, oracle: OracleStatus | None) -> OracleVerdict:
    """Return what the oracle has said of exactly this snapshot."""
    checks = oracle.newest.values() if oracle else ()
    verdicts = (check.verdict for check in checks if check.snapshot_id == snapshot_id)
    return next(verdicts, OracleVerdict.UNCHECKED)


def asset_class_var(record: LatestRecord) -> AssetClassVar:
    """Return VaR by asset class, of the record of a ``CurrentRisk``."""
    risk = _CURRENT.decode(record.json)
    return AssetClassVar(
        portfolio=risk.portfolio,
        snapshot_id=risk.snapshot_id,
        event_time_ns=risk.event_time_ns,
        base_currency=risk.base_currency,
        var=risk.var,
        expected_shortfall=risk.expected_shortfall,
        diversification=risk.diversification,
        asset_classes=risk.asset_classes,
        durable=record.durable,
        stream=record.stream,
    )


def pnl(record: LatestRecord) -> PnlExplained:
    """Return a portfolio's P&L part by part, of the record of a ``CurrentRisk``."""
    return pnl_explained(_CURRENT.decode(record.json), durable=record.durable, stream=record.stream)


def portfolio_summary(
    record: LatestRecord, measure: LimitMeasure | None = None
) -> PortfolioSummary:
    """Return one line about a portfolio, of the record of a ``CurrentRisk``.

    Parameters
    ----------
    record : LatestRecord
        JSON of a ``CurrentRisk``.
    measure : LimitMeasure or None
        Limit that gives level and use; None: the worst one.
    """
    line = _LINE.decode(record.json)
    use = worst_use(line.limits, measure)
    limited: dict[str, object] = {}
    if use is not None:
        limited = {
            "level": use.level,
            "limit_measure": use.measure,
            "limit_used": use.used,
            "raised": use.raised,
        }
    return PortfolioSummary(
        **{name: getattr(line, name) for name in _TAKEN_OVER},
        **limited,  # type: ignore[arg-type]
        stale_count=len(line.stale),
        durable=record.durable,
    )


def portfolio_limits(
    record: LatestRecord, standing: Sequence[TrailRow]
) -> tuple[PortfolioLimit, ...]:
    """Return each limit of a portfolio, of the record of a ``CurrentRisk``.

    Parameters
    ----------
    record : LatestRecord
        JSON of a ``CurrentRisk``.
    standing : sequence of TrailRow
        The newest level and acknowledgement of each measure of the portfolio.
    """
    line = _LINE.decode(record.json)
    return tuple(
        PortfolioLimit(
            portfolio=line.portfolio,
            desk=line.desk,
            snapshot_id=line.snapshot_id,
            event_time_ns=line.event_time_ns,
            nav=line.nav,
            base_currency=line.base_currency,
            limit=limit,
        )
        for limit in limit_statuses(line.limits, tuple(standing))
    )


def attribution(record: LatestRecord) -> Attribution:
    """Return component VaR per position, largest first, of the record of a snapshot."""
    snapshot = decode(record.json, RiskSnapshot)
    rows = (_attribution_row(position, snapshot.var) for position in snapshot.positions)
    return Attribution(
        portfolio=snapshot.portfolio,
        snapshot_id=snapshot.snapshot_id,
        event_time_ns=snapshot.event_time_ns,
        base_currency=snapshot.base_currency,
        estimator=snapshot.estimator,
        var=snapshot.var,
        expected_shortfall=snapshot.expected_shortfall,
        scenario_date=snapshot.scenario_date,
        rows=tuple(sorted(rows, key=_largest_first)),
        durable=record.durable,
        stream=record.stream,
    )


def positions(record: LatestRecord) -> Positions:
    """Return what a portfolio holds, of the record of a snapshot."""
    snapshot = decode(record.json, RiskSnapshot)
    return Positions(
        portfolio=snapshot.portfolio,
        snapshot_id=snapshot.snapshot_id,
        event_time_ns=snapshot.event_time_ns,
        base_currency=snapshot.base_currency,
        nav=snapshot.nav,
        value=snapshot.value,
        unrealised_pnl=snapshot.unrealised_pnl,
        realised_pnl=snapshot.realised_pnl,
        positions=tuple(snapshot.positions),
        durable=record.durable,
        stream=record.stream,
    )


def _attribution_row(position: PositionRisk, var: float | None) -> AttributionRow:
    component = position.component_var
    return AttributionRow(
        instrument=position.instrument,
        asset_class=position.asset_class,
        value=position.value,
        exposure=position.exposure,
        delta=position.delta,
        component_var=component,
        share=None if component is None or not var else component / var,
        component_es=position.component_es,
        smoothed_share=position.smoothed_share,
    )


def _largest_first(row: AttributionRow) -> tuple[bool, float, str]:
    return row.component_var is None, -(row.component_var or 0.0), row.instrument
