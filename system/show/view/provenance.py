"""Provenance of the number: its inputs, its age and its qualifications."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from system.contracts.messages import CarriedSeries, RiskSnapshot, StageTimes
from system.show import format as text
from system.show.view.base import View

HASH_LENGTH: Final = 12


class TailRow(View, frozen=True, kw_only=True):
    """One of the worst scenario days; ``is_var`` marks the one that VaR is."""

    rank: int
    date: str
    pnl: str
    size: float
    is_var: bool
    in_tail: bool


class Fact(View, frozen=True, kw_only=True):
    """One line of how the number was made."""

    name: str
    value: str
    note: str = ""


class Notice(View, frozen=True, kw_only=True):
    """Something about the number that a reader must know before using it."""

    level: str
    text: str


class Stages(View, frozen=True, kw_only=True):
    """Time spent in each stage since the newest message was due, up to the last stage stamped."""

    total_ms: float | None
    text: str
    parts: str


def tail_rows(snapshot: RiskSnapshot) -> tuple[TailRow, ...]:
    """Return the worst scenario days, worst first; rank k is VaR, ranks to k make ES."""
    worst = max((abs(day.pnl) for day in snapshot.tail), default=0.0)
    return tuple(
        TailRow(
            rank=rank,
            date=text.day(day.date),
            pnl=text.amount(day.pnl, signed=True),
            size=abs(day.pnl) / worst if worst else 0.0,
            is_var=rank == snapshot.tail_rank,
            in_tail=rank <= snapshot.tail_rank,
        )
        for rank, day in enumerate(snapshot.tail, start=1)
    )


def facts(snapshot: RiskSnapshot) -> tuple[Fact, ...]:
    """Return how the number was made: estimator, n, k, scenario day, inputs."""
    offsets = ", ".join(f"{key}\u2009=\u2009{offset:,}" for key, offset in snapshot.offsets.items())
    return (
        Fact(name="Estimator", value=snapshot.estimator, note="observed loss, no interpolation"),
        Fact(name="Confidence", value=text.confidence_label(snapshot.confidence), note="one day"),
        Fact(name="Scenarios n", value=str(snapshot.scenario_count), note=_window_note(snapshot)),
        Fact(name="Tail rank k", value=str(snapshot.tail_rank), note="k-th worst day is VaR"),
        Fact(name="Scenario day", value=text.day(snapshot.scenario_date)),
        Fact(name="Last close", value=text.day(snapshot.asof)),
        Fact(name="Inputs", value=snapshot.inputs_hash[:HASH_LENGTH] or text.NOTHING, note=offsets),
    )


def notices(snapshot: RiskSnapshot) -> tuple[Notice, ...]:
    """Return what qualifies the number, worst first; empty for a complete snapshot."""
    since = {row.instrument: row.stale_since_ns for row in snapshot.positions}
    stale = [_with_time(name, since.get(name)) for name in snapshot.stale]
    lines = (
        ("bad", snapshot.not_available),
        ("warn", _listing("Stale prices", stale)),
        ("warn", _listing("Trades that wait for an end-of-day mark", snapshot.waiting_trades)),
        ("warn", _listing("Closes missing, carried", _carried(snapshot, has_missed=True))),
        ("warn", _listing("Suspect moves, counted", snapshot.suspect)),
        (
            "warn",
            _listing("Suspect ticks and rates, counted until contradicted", snapshot.suspect_ticks),
        ),
        ("warn", _listing("Price that no volatility gives", snapshot.outside_model)),
        ("info", _listing("Restated for", snapshot.adjusted)),
        ("info", _asynchronous(snapshot)),
        ("info", _listing("Carried over days without a session", _carried(snapshot))),
        ("info", _listing("No scenario days", snapshot.skipped)),
    )
    return tuple(Notice(level=level, text=line) for level, line in lines if line)


def _asynchronous(snapshot: RiskSnapshot) -> str:
    """Return between when the exchanges of the book closed on its last day, if not at once."""
    closes = snapshot.exchange_closes
    if len({close.close_ns for close in closes}) < 2:
        return ""
    first, last = (
        f"{text.utc(close.close_ns):%H:%M} UTC ({close.exchange})"
        for close in (closes[0], closes[-1])
    )
    return f"Closes of {snapshot.asof} lie between {first} and {last}"


def stages(times: StageTimes) -> Stages:
    """Return the time since the newest message was due, whole and by stage.

    Parameters
    ----------
    times : StageTimes
        CLOCK_MONOTONIC nanoseconds of the stream's host; 0 means unknown.
    """
    total = stage_span_ns(times)
    marks = (
        ("waiting for its batch", times.intended_ns, times.batch_started_ns),
        ("read by Spark", times.batch_started_ns, times.read_ns),
        ("folded", times.read_ns, times.folded_ns),
        ("valued", times.folded_ns, times.valued_ns),
        ("published", times.valued_ns, times.published_ns),
    )
    parts = [
        f"{name} {text.milliseconds(end - start)}" for name, start, end in marks if start and end
    ]
    return Stages(
        total_ms=None if total is None else total / text.NANOSECONDS_PER_MILLISECOND,
        text=text.milliseconds(total),
        parts=", ".join(parts) if total is not None else "",
    )


def stage_span_ns(times: StageTimes) -> int | None:
    """Return the last stamp (published, else valued) minus intended, nanoseconds, or None."""
    last_ns = times.published_ns or times.valued_ns
    if not times.intended_ns or not last_ns:
        return None
    return last_ns - times.intended_ns


def _window_note(snapshot: RiskSnapshot) -> str:
    if snapshot.scenario_count == snapshot.window:
        return "the whole window"
    return f"of a window of {snapshot.window}"


def _with_time(instrument: str, since_ns: int | None) -> str:
    return f"{instrument} since {text.event_time(since_ns)}" if since_ns else instrument


def _carried(snapshot: RiskSnapshot, *, has_missed: bool = False) -> list[str]:
    """Return the carried series that missed sessions, or those that missed none, in words."""
    return [
        f"{series.series} {_days(series)}, {text.percent(series.share, digits=1)} of gross exposure"
        for series in snapshot.carried
        if bool(series.missed_sessions) is has_missed
    ]


def _days(series: CarriedSeries) -> str:
    newest = text.day(series.dates[-1])
    days = newest if series.day_count == 1 else f"{series.day_count} days up to {newest}"
    silent = f", no close since {text.day(series.last_close)}" if series.silent_sessions else ""
    return f"{days}{silent}"


def _listing(title: str, names: Iterable[str]) -> str:
    joined = ", ".join(names)
    return f"{title}: {joined}" if joined else ""
