"""Transitions of alerts: a pure function of the news and of the stream's state.

Laws of this file: an alert that is open is not raised again, one that is not open is not cleared;
news are judged in the order in which PostgreSQL recorded them; what is unknown changes nothing.

=================================  =====================================  =========================
key                                raised                                 cleared
=================================  =====================================  =========================
``limit:PORTFOLIO:MEASURE:LEVEL``  the level is raised, or a higher one   a lower level is left
``breach:PORTFOLIO:DAY``           the day's loss exceeded VaR            the portfolio's next end
                                                                          of day
``stream``                         stale or lagging for ``SETTLED_S``     current for ``SETTLED_S``
``oracle:EVENT``                   a difference was kept                  a person acknowledges it
``missing_mark``                   a mark was given up                    the next end of day
=================================  =====================================  =========================
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from system.contracts.api.alerts import AlertAction, AlertKind, AlertSubject, Severity
from system.contracts.limits import LimitLevel, LimitMeasure, TrailRow
from system.store.alerts.news import EndOfDay, MissingMark, News, OracleEvent, Transition

STREAM_KEY: Final = "stream"
MISSING_MARK_KEY: Final = "missing_mark"
_RANKS: Final = {LimitLevel.OK: 0, LimitLevel.WARNING: 1, LimitLevel.BREACH: 2}
_LEVELS: Final = (LimitLevel.WARNING, LimitLevel.BREACH)
_MEASURE_NAMES: Final = {
    LimitMeasure.VAR: "VaR",
    LimitMeasure.EXPECTED_SHORTFALL: "expected shortfall",
    LimitMeasure.GROSS: "gross exposure",
    LimitMeasure.NET: "net exposure",
    LimitMeasure.SINGLE_NAME: "the largest exposure to one name",
    LimitMeasure.VEGA: "vega per vol point",
}


def transitions(news: News, stream: Transition | None = None) -> list[Transition]:
    """Return what is raised and cleared, in the order in which notices are sent.

    Parameters
    ----------
    news : News
        Rows that came since the last round, and the alerts that are open.
    stream : Transition or None
        What the state of the stream asks for; None: nothing.
    """
    is_open = set(news.open_keys)
    changes = []
    for wanted in _wanted(news, stream, is_open):
        is_raised = wanted.action is AlertAction.RAISED
        if is_raised is (wanted.key in is_open):
            continue
        changes.append(wanted)
        (is_open.add if is_raised else is_open.discard)(wanted.key)
    return changes


def _wanted(news: News, stream: Transition | None, is_open: set[str]) -> Iterator[Transition]:
    """Yield what each row asks for; ``is_open`` follows what was decided meanwhile."""
    rows: list[TrailRow | EndOfDay | OracleEvent | MissingMark] = [
        *news.levels,
        *news.ends_of_day,
        *news.oracle_events,
        *news.missing_marks,
    ]
    for row in sorted(rows, key=lambda row: row.recorded_at_ns):
        if isinstance(row, TrailRow):
            yield from limit_changes(row)
        elif isinstance(row, EndOfDay):
            yield from day_changes(row, is_open)
        elif isinstance(row, OracleEvent):
            yield oracle_change(row)
        else:
            yield mark_change(row)
    if stream is not None:
        yield stream


def limit_changes(row: TrailRow) -> Iterator[Transition]:
    """Yield a transition per level: raised where the row's level is as high, else cleared.

    A level that is not known asks for nothing.
    """
    if row.after not in _RANKS:
        return
    falling = _RANKS[row.after] < _RANKS.get(row.before, 0)
    for level in reversed(_LEVELS) if falling else _LEVELS:
        is_raised = _RANKS[row.after] >= _RANKS[level]
        bound = row.warning if level is LimitLevel.WARNING else row.breach
        relation = "above" if is_raised else "no longer above"
        summary = (
            f"{_MEASURE_NAMES[row.measure]} of {row.portfolio} is {row.value:.2%} of NAV, "
            f"{relation} its {level} level of {bound:.2%}"
        )
        subject = AlertSubject(
            kind=AlertKind.LIMIT,
            severity=Severity.CRITICAL if level is LimitLevel.BREACH else Severity.WARNING,
            summary=summary,
            portfolio=row.portfolio,
            snapshot_id=row.snapshot_id,
            event_time_ns=row.event_time_ns,
        )
        key = f"limit:{row.portfolio}:{row.measure}:{level}"
        yield Transition(key, _action(is_raised=is_raised), subject)


def day_changes(end: EndOfDay, is_open: set[str]) -> Iterator[Transition]:
    """Yield what an end of day clears, then the breach that it is, if it is one.

    Parameters
    ----------
    end : EndOfDay
        A portfolio's day.
    is_open : set of str
        Keys that are raised: earlier breaches of the portfolio end here, and a missing mark.
    """
    own = f"breach:{end.portfolio}:"
    key = f"{own}{end.day}"
    for earlier in sorted(is_open):
        if earlier.startswith(own) and earlier != key:
            text = f"{end.portfolio} closed {end.day} after its breach of {earlier[len(own) :]}"
            yield Transition(earlier, AlertAction.CLEARED, _day_subject(end, text))
    if MISSING_MARK_KEY in is_open:
        text = f"days are closed again: {end.day} by every end-of-day mark"
        subject = AlertSubject(
            kind=AlertKind.MISSING_MARK,
            severity=Severity.WARNING,
            summary=text,
            snapshot_id=end.snapshot_id,
            event_time_ns=end.event_time_ns,
        )
        yield Transition(MISSING_MARK_KEY, AlertAction.CLEARED, subject)
    if end.breach:
        loss = -(end.hypothetical_pnl or 0.0)
        text = (
            f"{end.portfolio} lost {loss:,.2f} {end.base_currency} on {end.day}, more than the VaR "
            f"of {end.previous_var or 0.0:,.2f} of the day before"
        )
        yield Transition(key, AlertAction.RAISED, _day_subject(end, text))


def oracle_change(event: OracleEvent) -> Transition:
    """Return what a row of the oracle's trail asks for."""
    check = event.finding
    is_raised = event.acknowledges is None
    text = f"the oracle differs on {check.snapshot_id}: {check.detail}"
    if not is_raised:
        text = f"the oracle's difference on {check.snapshot_id} was acknowledged"
    subject = AlertSubject(
        kind=AlertKind.ORACLE,
        severity=Severity.CRITICAL,
        summary=text,
        portfolio=check.portfolio,
        snapshot_id=check.snapshot_id,
    )
    key = f"oracle:{event.event_id if event.acknowledges is None else event.acknowledges}"
    return Transition(key, _action(is_raised=is_raised), subject)


def mark_change(mark: MissingMark) -> Transition:
    """Return the alert of a mark that was given up."""
    subject = AlertSubject(
        kind=AlertKind.MISSING_MARK,
        severity=Severity.WARNING,
        summary=f"the end-of-day mark at {mark.place} closes no day: {mark.detail}",
    )
    return Transition(MISSING_MARK_KEY, AlertAction.RAISED, subject)


def stream_change(*, is_current: bool, state: str) -> Transition:
    """Return what the stream's state asks for, once it has lasted."""
    text = (
        "the stream's numbers are current again"
        if is_current
        else f"the stream's numbers are not current: {state}"
    )
    subject = AlertSubject(kind=AlertKind.STREAM, severity=Severity.CRITICAL, summary=text)
    return Transition(STREAM_KEY, _action(is_raised=not is_current), subject)


def _day_subject(end: EndOfDay, summary: str) -> AlertSubject:
    return AlertSubject(
        kind=AlertKind.BREACH,
        severity=Severity.WARNING,
        summary=summary,
        portfolio=end.portfolio,
        snapshot_id=end.snapshot_id,
        event_time_ns=end.event_time_ns,
    )


def _action(*, is_raised: bool) -> AlertAction:
    return AlertAction.RAISED if is_raised else AlertAction.CLEARED
