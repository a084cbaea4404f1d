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
from validation.measure.usage import ProcessUsage
from validation.verdict import Finding, Verdict, judged

FLOOR_RATE: Final = 10_000.0
"""Up to this rate the floor of the warm p99 is 500 ms, above it 1 s."""
FLOOR_MS: Final = (500.0, 1_000.0)
COLD_FLOOR_MS: Final = 1_000.0
GROWING_SHAPES: Final = ("ramp", "step", "spike")
"""Shapes whose backlog moves with their rate: its growth shows nothing there."""
SOAK: Final = "soak"
MOST_CORES: Final = {"pump": 0.5, "observer": 0.25}
"""Most of a core that a measuring process may take: more of it is missed by what is measured."""
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
    usage : tuple of ProcessUsage
        CPU of the processes; those of the measurement are judged.
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
    usage: tuple[ProcessUsage, ...] = ()


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
    share = check_share(evidence.usage)
    yield share
    is_valid = Verdict.PASSED is share.verdict
    parts = {latency.part: latency for latency in latencies}
    for budget in budgets:
        check = f"latency: {budget.part}, p99 under {budget.p99_ms:.0f} ms, every tick covered"
        latency = check_latency(check, parts[budget.part], budget, schedule=evidence.schedule)
        yield latency if is_valid else as_unknown(latency)
    if evidence.plan.shape not in GROWING_SHAPES:
        backlog = check_lag("lag: the backlog does not grow", lag)
        is_valid = is_valid and schedule.verdict is Verdict.PASSED
        yield backlog if is_valid else as_unknown(backlog)


def check_share(usage: Sequence[ProcessUsage]) -> Finding:
    """Return whether generator and observer left the machine to what is measured.

    Parameters
    ----------
    usage : sequence of ProcessUsage
        Of the run's processes; unknown, not failed, where one of ``MOST_CORES`` took more.
    """
    cores = {process.name: process.cores for process in usage if process.name in MOST_CORES}
    excess = [
        f"the {name} took {cores[name]:.2f} of a core, and may take {most}: "
        "times of this run say nothing about the product"
        for name, most in MOST_CORES.items()
        if cores.get(name, 0.0) > most
    ]
    took = ", ".join(f"the {name} took {share:.2f} of a core" for name, share in cores.items())
    return as_unknown(
        judged(
            "measurement: generator and observer leave the machine to the system",
            excess,
            passed=took or "not sampled",
            figures={f"{name}_cores": round(share, 3) for name, share in cores.items()},
        )
    )


def as_unknown(finding: Finding) -> Finding:
    """Return what a late pump made fail as unknown: it shows nothing about the product."""
    kept = finding.verdict is Verdict.PASSED
    return finding if kept else msgspec.structs.replace(finding, verdict=Verdict.UNKNOWN)
