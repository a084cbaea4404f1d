"""Health of the stack: servers, lag by partition, stages, rejected messages, the oracle."""

from __future__ import annotations

from typing import Final

from system.contracts.api.risk import Health, RejectedPage
from system.contracts.messages import RiskSnapshot, StageTimes
from system.contracts.oracle import OracleStatus
from system.show import format as text
from system.show.sheets.contents import Column, Row, Sheet, share

VALUE_SHOWN: Final = 120
STAGES: Final = (
    ("waiting for its batch", "intended_ns", "batch_started_ns"),
    ("read by Spark", "batch_started_ns", "read_ns"),
    ("folded", "read_ns", "folded_ns"),
    ("valued", "folded_ns", "valued_ns"),
    ("published", "valued_ns", "published_ns"),
)


def servers_sheet(health: Health) -> Sheet:
    """Return each server with its answer and how long that took."""
    rows = [
        Row(
            cells=(
                part.name,
                "answers" if part.ok else "does not answer",
                f"{part.latency_ms:,.1f}",
                part.detail,
            ),
            kind="" if part.ok else "bad",
        )
        for part in health.components
    ]
    return Sheet(
        title="Servers",
        note=f"version {health.version}; all well" if health.ok else "not well",
        columns=(
            Column(name="Server"),
            Column(name="State", kind="text"),
            Column(name="ms"),
            Column(name="Detail", kind="text"),
        ),
        rows=tuple(rows),
    )


def lag_sheet(health: Health) -> Sheet:
    """Return how many messages of each partition the numbers do not contain yet."""
    lag = health.lag or {}
    widest = max(lag.values(), default=0)
    rows = [
        Row(
            cells=(
                partition,
                f"{offset:,}",
                f"{lag[partition]:,}" if partition in lag else text.NOTHING,
                share(lag.get(partition), widest),
            )
        )
        for partition, offset in sorted(health.offsets.items())
    ]
    stream = health.stream
    age = text.NOTHING if stream.heartbeat_age_ms is None else f"{stream.heartbeat_age_ms:,} ms"
    unknown = "; the broker does not say how far its topics reach" if health.lag is None else ""
    return Sheet(
        title="Lag by partition",
        note=f"stream {stream.state.value}, heartbeat {age} ago",
        words=f"messages that the newest numbers do not contain{unknown}",
        columns=(
            Column(name="Partition"),
            Column(name="Read to"),
            Column(name="Lag"),
            Column(name="", kind="bar"),
        ),
        rows=tuple(rows),
        empty="The stream has read nothing yet.",
    )


def stages_sheet(snapshot: RiskSnapshot | None) -> Sheet:
    """Return the time that the newest number spent in each stage."""
    columns = (Column(name="Stage"), Column(name="ms"), Column(name="", kind="bar"))
    title = "Stages of the newest number"
    spans = [] if snapshot is None else stage_spans_ms(snapshot.stages)
    widest = max((span for _, span in spans), default=0.0)
    rows = [Row(cells=(name, f"{span:,.1f}", share(span, widest))) for name, span in spans]
    if spans:
        total = sum(span for _, span in spans)
        rows.append(Row(cells=("together", f"{total:,.1f}", share(0, 1)), kind="total"))
    return Sheet(
        title=title,
        note="" if snapshot is None else snapshot.snapshot_id,
        words="from the moment at which its newest message was due",
        columns=columns,
        rows=tuple(rows),
        empty="The newest number carries no times: an end of day, or none came.",
    )


def stage_spans_ms(times: StageTimes) -> list[tuple[str, float]]:
    """Return each stage that both its stamps are known of, milliseconds."""
    spans = ((name, getattr(times, start), getattr(times, end)) for name, start, end in STAGES)
    return [
        (name, (end - start) / text.NANOSECONDS_PER_MILLISECOND)
        for name, start, end in spans
        if start and end
    ]


def rejected_sheet(page: RejectedPage) -> Sheet:
    """Return the newest messages that were not applied, with their reasons."""
    counts = ", ".join(f"{reason} {count:,}" for reason, count in sorted(page.counts.items()))
    rows = [
        Row(
            cells=(
                f"{row.topic}:{row.partition} @ {row.offset:,}",
                row.reason.value,
                row.detail,
                row.value[:VALUE_SHOWN] + ("…" if len(row.value) > VALUE_SHOWN else ""),
            )
        )
        for row in page.rows
    ]
    return Sheet(
        title="Rejected messages",
        note=counts or "none",
        columns=(
            Column(name="Where"),
            Column(name="Reason", kind="text"),
            Column(name="Detail", kind="text"),
            Column(name="Message", kind="text"),
        ),
        rows=tuple(rows),
        empty="No message has been rejected.",
    )


def oracle_sheet(oracle: OracleStatus | None) -> Sheet:
    """Return what the independent oracle has found, and its last check of each portfolio."""
    columns = (
        Column(name="Portfolio"),
        Column(name="Verdict", kind="text"),
        Column(name="Largest difference"),
        Column(name="Snapshot", kind="text"),
        Column(name="Detail", kind="text"),
    )
    title = "Independent oracle"
    if oracle is None or (not oracle.running and not oracle.checked):
        return Sheet(title=title, columns=columns, rows=(), empty="No oracle runs.")
    rows = [
        Row(
            cells=(
                check.portfolio,
                check.verdict.value,
                _difference(check.largest_difference),
                check.snapshot_id,
                check.detail,
            ),
            kind="bad" if check.verdict.value == "differs" else "",
        )
        for check in sorted(oracle.newest.values(), key=lambda check: check.portfolio)
    ]
    return Sheet(
        title=title,
        note=f"{oracle.agreed:,} of {oracle.checked:,} agree, worst difference "
        f"{_difference(oracle.worst_difference)}",
        words=f"not checked: {oracle.skipped:,} not sampled, {oracle.behind:,} behind, "
        f"{oracle.not_stored:,} not stored, {oracle.unreadable:,} unreadable, "
        f"{oracle.not_compared:,} not recomputed. {oracle.problem}".strip(),
        columns=columns,
        rows=tuple(rows),
        empty="The oracle has checked nothing yet.",
    )


def _difference(number: float | None) -> str:
    return text.NOTHING if number is None else f"{number:.1e}"
