"""The latency budget, and whether the run that measured it was valid at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from validation.measure.latency import LatencySummary
from validation.verdict import Finding, judged, unknown

LEAST_ACHIEVED_FRACTION: Final = 0.999
LARGEST_SLIP_MS_P99: Final = 5.0


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """The longest p99, in milliseconds, of one part of a run."""

    part: str
    p99_ms: float


FLOOR: Final = (Budget(part="cold", p99_ms=1_000.0), Budget(part="warm", p99_ms=500.0))
"""Floors of the performance document at 1,000 ticks/s: first minute, and after it."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Punctuality of the open-loop publisher.

    ``achieved_fraction`` is the achieved over the intended rate; ``slip_ms_p99`` how late
    messages were handed over, 99th percentile.
    """

    messages_per_s: float
    achieved_fraction: float
    slip_ms_p99: float


def check_schedule(check: str, schedule: Schedule | None) -> Finding:
    """Return whether the publisher kept its schedule; if not, latencies mean nothing."""
    if schedule is None:
        return unknown(check, "the publisher left no summary")
    problems = list(_slips(schedule))
    finding = judged(
        check,
        problems,
        passed=f"{schedule.messages_per_s:,.0f} per s, slip p99 {schedule.slip_ms_p99:.2f} ms",
        figures={
            "messages_per_s": schedule.messages_per_s,
            "achieved_fraction": schedule.achieved_fraction,
            "slip_ms_p99": schedule.slip_ms_p99,
        },
    )
    return msgspec.structs.replace(finding, timing_only=bool(problems))


def check_latency(
    check: str, summary: LatencySummary, budget: Budget, *, schedule: Schedule | None
) -> Finding:
    """Return whether one part of a run kept its budget.

    Failed when a message stayed uncovered, when a latency or stage is negative, or when
    p99 is over the budget. Unknown when nothing was measured or the run is not valid.
    """
    if not summary.count:
        return unknown(check, f"no message fell into the {summary.part} part")
    defects = list(_defects(summary))
    if not defects and (schedule is None or any(_slips(schedule))):
        finding = unknown(check, _invalid(summary))
        return msgspec.structs.replace(finding, timing_only=schedule is not None)
    late = list(_over_budget(summary, budget))
    finding = judged(
        check,
        [*defects, *late],
        passed=f"p50 {summary.covered.p50_ms:.0f} ms, p99 {summary.covered.p99_ms:.0f} ms",
        figures={"p50_ms": summary.covered.p50_ms, "p99_ms": summary.covered.p99_ms},
    )
    return msgspec.structs.replace(finding, timing_only=bool(late) and not defects)


def _over_budget(summary: LatencySummary, budget: Budget) -> Iterator[str]:
    if summary.covered.p99_ms > budget.p99_ms:
        yield f"p99 {summary.covered.p99_ms:.0f} ms, budget {budget.p99_ms:.0f} ms"


def _invalid(summary: LatencySummary) -> str:
    covered = f"p50 {summary.covered.p50_ms:.0f} ms, p99 {summary.covered.p99_ms:.0f} ms"
    return f"the publisher did not keep, or did not report, its schedule ({covered})"


def _slips(schedule: Schedule) -> Iterator[str]:
    if schedule.achieved_fraction < LEAST_ACHIEVED_FRACTION:
        yield f"achieved {schedule.achieved_fraction:.4f} of the intended rate"
    if schedule.slip_ms_p99 > LARGEST_SLIP_MS_P99:
        yield f"slip p99 {schedule.slip_ms_p99:.1f} ms, {LARGEST_SLIP_MS_P99:.0f} allowed"


def _defects(summary: LatencySummary) -> Iterator[str]:
    if summary.uncovered:
        yield f"{summary.uncovered} of {summary.count} messages were never covered"
    if summary.negative:
        yield f"{summary.negative} latencies or stages are negative: the clocks do not agree"
