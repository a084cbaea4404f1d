"""Findings from the evidence of a load: record first, judge later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from loadtests.run.price_reference import OracleSummary, PriceOracle, check_oracle
from loadtests.source.plan import LoadPlan, load_replay
from system.contracts.messages import CloseHistory, Portfolio
from validation.checkers.latency import Budget, Schedule, check_latency, check_schedule
from validation.checkers.order import check_monotonic_offsets, check_unique_ids
from validation.measure.backlog import LagSummary, check_lag, lag_summary
from validation.measure.coverage import coverage
from validation.measure.coverage_arrays import tables_of
from validation.measure.latency import LatencySummary, TickLatencies, summaries
from validation.measure.memory_growth import (
    SOAK_LEAST_S,
    MemoryGrowth,
    MemorySamples,
    check_memory,
    memory_growth,
)
from validation.measure.record import RecordLine, SeenSnapshot
from validation.measure.sent_ticks import PlacedTrade, SentTicks
from validation.verdict import Finding, Verdict, judged

FLOOR_RATE: Final = 10_000.0
"""Up to this rate the floor of the warm p99 is 500 ms, above it 1 s."""
FLOOR_MS: Final = (500.0, 1_000.0)
COLD_FLOOR_MS: Final = 1_000.0
GROWING_SHAPES: Final = ("ramp", "step", "spike")
"""Shapes whose backlog moves with their rate: its growth shows nothing there."""
SOAK: Final = "soak"
MEMORY: Final = "memory: no process grows over the second half of the measured part"


@dataclass(frozen=True)
class LoadEvidence:
    """Everything that a load left, gathered before anything is judged.

    Parameters
    ----------
    plan : LoadPlan
        What was to be sent.
    books : tuple of Portfolio
        Who was valued.
    sent : SentTicks
        What lies on the topic.
    record : sequence of RecordLine
        What the observer wrote.
    schedule : Schedule
        How the pump kept its schedule.
    acknowledged : int
        Ticks that the broker acknowledged.
    applied : int or None
        Ticks that the stream counts as applied, by PostgreSQL; None for a peer that keeps
        no count.
    drained : bool
        Whether the stream had covered everything in time.
    trades : tuple of PlacedTrade
        New trades on the topic.
    memory : tuple of MemorySamples
        Of each process over time.
    """

    plan: LoadPlan
    books: tuple[Portfolio, ...]
    sent: SentTicks
    record: Sequence[RecordLine]
    schedule: Schedule
    acknowledged: int
    applied: int | None
    drained: bool
    trades: tuple[PlacedTrade, ...] = ()
    memory: tuple[MemorySamples, ...] = ()


@dataclass(frozen=True)
class LoadJudgement:
    """Findings and figures from the evidence of a load."""

    findings: tuple[Finding, ...]
    latencies: tuple[LatencySummary, ...]
    lag: LagSummary
    oracle: OracleSummary
    ticks: TickLatencies
    memory: tuple[MemoryGrowth, ...] = ()


def is_soak(plan: LoadPlan) -> bool:
    """Return whether a load is long enough to judge the growth of memory, and meant for it."""
    return plan.shape == SOAK and plan.seconds >= SOAK_LEAST_S


def budgets_of(plan: LoadPlan, *, p99_ms: float | None = None) -> tuple[Budget, ...]:
    """Return the longest p99 of the warm-up and of the measured part.

    Parameters
    ----------
    plan : LoadPlan
        Its rate decides the floor.
    p99_ms : float, optional
        For the measured part instead of the floor.
    """
    floor_ms = FLOOR_MS[plan.rate > FLOOR_RATE]
    measured = Budget(part="warm", p99_ms=p99_ms or floor_ms)
    cold = Budget(part="cold", p99_ms=max(COLD_FLOOR_MS, measured.p99_ms))
    return (cold, measured) if plan.warm_up_seconds else (measured,)


def judge_load(evidence: LoadEvidence, budgets: Sequence[Budget]) -> LoadJudgement:
    """Return what the evidence shows.

    Parameters
    ----------
    evidence : LoadEvidence
        Of one run.
    budgets : sequence of Budget
        Longest p99 by part: ``cold`` is the warm-up, ``warm`` the measured part.
    """
    sent, plan = evidence.sent, evidence.plan
    arrays = tables_of(sent.inputs, evidence.record, partitions=sent.partitions, keys=sent.keys)
    covered = coverage(arrays.inputs, arrays.observations, arrays.watermarks)
    ticks = TickLatencies.of(arrays.inputs, arrays.observations, covered)
    latencies = summaries(ticks, cold_seconds=plan.warm_up_seconds)
    lag = lag_summary(arrays.inputs, covered, warm_up_s=plan.warm_up_seconds)
    histories = [
        reference_message
        for reference_message in load_replay(plan).reference_messages()
        if isinstance(reference_message, CloseHistory)
    ]
    snapshots = [line for line in evidence.record if isinstance(line, SeenSnapshot)]
    oracle, summary = check_oracle(
        "oracle: sampled VaR equals the exact reference, 1e-9",
        PriceOracle(sent, histories, evidence.books, evidence.trades),
        own_snapshots(snapshots, sent, evidence.books),
    )
    memory = _memory(evidence) if is_soak(plan) else ()
    findings = (
        *_delivery(evidence),
        oracle,
        *_timing(evidence, latencies, budgets, lag),
        check_unique_ids(snapshots),
        check_monotonic_offsets(snapshots),
        *([check_memory(MEMORY, memory)] if is_soak(plan) else []),
    )
    return LoadJudgement(findings, latencies, lag, summary, ticks, memory)


def own_snapshots(
    snapshots: Sequence[SeenSnapshot], sent: SentTicks, books: Sequence[Portfolio]
) -> list[SeenSnapshot]:
    """Return the snapshots of the load's books that were taken since it began.

    An observer that joins a stream is first told what was published before.
    """
    names = {book.portfolio for book in books}
    first = {
        place: int(sent.inputs.offset[sent.inputs.partition == index].min())
        for index, place in enumerate(sent.partitions)
    }
    return [
        snapshot
        for snapshot in snapshots
        if snapshot.portfolio in names
        and all(snapshot.offsets.get(place, 0) >= offset for place, offset in first.items())
    ]


def _memory(evidence: LoadEvidence) -> tuple[MemoryGrowth, ...]:
    due_ns = evidence.sent.inputs.intended_ns
    if not len(due_ns):
        return ()
    first_ns = int(due_ns.min()) + round(evidence.plan.warm_up_seconds * 1e9)
    return memory_growth(evidence.memory, first_ns=first_ns, last_ns=int(due_ns.max()))


def _delivery(evidence: LoadEvidence) -> Iterator[Finding]:
    on_topic = len(evidence.sent.inputs)
    problems = []
    if on_topic != evidence.acknowledged:
        problems.append(f"{evidence.acknowledged} ticks acknowledged, {on_topic} on the topic")
    if evidence.applied not in {on_topic, None}:
        problems.append(f"{on_topic} ticks on the topic, {evidence.applied} applied")
    if not evidence.drained:
        problems.append("the stream was still behind after its bound")
    yield judged(
        "delivery: each tick is acknowledged, on the topic and applied once",
        problems,
        passed=f"{on_topic:,} ticks",
        figures={"ticks": on_topic},
    )


def _timing(
    evidence: LoadEvidence,
    latencies: Sequence[LatencySummary],
    budgets: Sequence[Budget],
    lag: LagSummary,
) -> Iterator[Finding]:
    schedule = check_schedule("schedule: the pump was in time", evidence.schedule)
    yield as_unknown(schedule)
    parts = {latency.part: latency for latency in latencies}
    for budget in budgets:
        check = f"latency: {budget.part}, p99 under {budget.p99_ms:.0f} ms, every tick covered"
        yield check_latency(check, parts[budget.part], budget, schedule=evidence.schedule)
    if evidence.plan.shape not in GROWING_SHAPES:
        backlog = check_lag("lag: the backlog does not grow", lag)
        yield backlog if schedule.verdict is Verdict.PASSED else as_unknown(backlog)


def as_unknown(finding: Finding) -> Finding:
    """Return what a late pump made fail as unknown: it shows nothing about the product."""
    kept = finding.verdict is Verdict.PASSED
    return finding if kept else msgspec.structs.replace(finding, verdict=Verdict.UNKNOWN)
