"""Rows of the trails, and notices, for tests of alerts."""

from __future__ import annotations

import datetime as dt

from system.contracts.api.alerts import (
    AlertAction,
    AlertKind,
    AlertNotice,
    AlertSubject,
    Severity,
)
from system.contracts.limits import LimitLevel, LimitMeasure, TrailKind, TrailRow
from system.contracts.oracle import OracleCheck, OracleVerdict
from system.store.alerts.news import EndOfDay, MissingMark, OracleEvent

OK, WARNING, BREACH = LimitLevel.OK, LimitLevel.WARNING, LimitLevel.BREACH


def level(
    after: LimitLevel, before: LimitLevel = OK, *, event_id: int = 1, portfolio: str = "P"
) -> TrailRow:
    return TrailRow(
        event_id=event_id,
        kind=TrailKind.LEVEL,
        portfolio=portfolio,
        measure=LimitMeasure.VAR,
        before=before,
        after=after,
        value=0.09,
        warning=0.064,
        breach=0.08,
        snapshot_id=f"{portfolio}-1.{event_id}",
        event_time_ns=event_id,
        recorded_at_ns=event_id,
    )


def end_of_day(day: int, *, breach: bool | None = False, portfolio: str = "P") -> EndOfDay:
    return EndOfDay(
        snapshot_id=f"{portfolio}-eod-2020-03-{day:02}",
        portfolio=portfolio,
        base_currency="EUR",
        day=dt.date(2020, 3, day),
        event_time_ns=day,
        breach=breach,
        previous_var=1_000.0,
        hypothetical_pnl=-1_234.5,
        recorded_at_ns=day,
    )


def oracle_event(event_id: int, acknowledges: int | None = None) -> OracleEvent:
    check = OracleCheck(
        snapshot_id="P-1.7",
        portfolio="P",
        verdict=OracleVerdict.DIFFERS,
        largest_difference=0.1,
        detail="var is off",
        checked_at_ms=1,
    )
    return OracleEvent(event_id, acknowledges, check, event_id)


def missing_mark(number: int) -> MissingMark:
    return MissingMark(f"market_data:0@{number}", "trades:0 lacks it", number)


def notice(
    summary: str = "VaR of P is 9.00% of NAV",
    *,
    action: AlertAction = AlertAction.RAISED,
    portfolio: str = "P",
) -> AlertNotice:
    return AlertNotice(
        type=f"alert.{action}",
        alert_id="5f2d0a4e-0000-4000-8000-000000000001",
        key="limit:P:var:breach",
        action=action,
        subject=AlertSubject(
            kind=AlertKind.LIMIT,
            severity=Severity.CRITICAL,
            summary=summary,
            portfolio=portfolio,
            snapshot_id="P-1.7",
            event_time_ns=7,
        ),
        recorded_at_ms=1_583_400_000_000,
    )
