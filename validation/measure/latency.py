"""Latency of covered messages, as HdrHistogram sees it, and its stages.

Percentiles come from an HdrHistogram (Tene) with three significant digits over
1 microsecond .. 10 minutes; the maximum and the means are exact. Percentiles of stages do
not add up, their means do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Final

import msgspec
import numpy as np
from hdrh.histogram import HdrHistogram

from validation.measure.coverage import (
    NEVER,
    STAGES,
    BoolArray,
    Coverage,
    Inputs,
    Int64Array,
    Observations,
    stage_durations,
)

COLD_SECONDS: Final = 60
LARGEST_US: Final = 600_000_000
SIGNIFICANT_DIGITS: Final = 3
RANKS: Final = (50, 90, 99, 99.9)
NS_PER_US: Final = 1_000
NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution of durations in milliseconds; all 0 when ``count`` is 0."""

    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    mean_ms: float


class LatencySummary(msgspec.Struct, frozen=True, kw_only=True):
    """Latency of one part of a run: every message in it is counted once.

    ``count = covered.count + uncovered``; ``negative`` counts messages of which the total
    or a stage is below zero, which no honest clock gives.
    """

    part: str
    count: int
    uncovered: int
    negative: int
    covered: Percentiles
    stages: dict[str, Percentiles]

    @property
    def is_whole(self) -> bool:
        """True if the percentiles are those of every message: none uncovered, none impossible."""
        return self.count > 0 and not self.uncovered and not self.negative


LatencyPoint = tuple[float, float, float]
"""Seconds since the first message, p50 and p99 in milliseconds."""


@dataclass(frozen=True)
class TickLatencies:
    """Messages, and what became of them: what the summaries are made of."""

    inputs: Inputs
    coverage: Coverage
    durations_ns: Int64Array

    @classmethod
    def of(cls, inputs: Inputs, observations: Observations, coverage: Coverage) -> TickLatencies:
        """Return the messages with their stage durations."""
        return cls(inputs, coverage, stage_durations(inputs, observations, coverage))

    def only(self, chosen: BoolArray) -> TickLatencies:
        """Return the chosen messages alone."""
        inputs, coverage = self.inputs, self.coverage
        return TickLatencies(
            Inputs(*(getattr(inputs, column.name)[chosen] for column in fields(inputs))),
            Coverage(*(getattr(coverage, column.name)[chosen] for column in fields(coverage))),
            self.durations_ns[chosen],
        )

    @property
    def total_ns(self) -> Int64Array:
        """Covered minus intended per message, nanoseconds; meaningless where not covered."""
        return self.coverage.covered_ns - self.inputs.intended_ns


def percentiles(durations_ns: Int64Array) -> Percentiles:
    """Return the distribution of durations.

    Parameters
    ----------
    durations_ns : ndarray of int64, shape (n,)
        Nanoseconds; negative ones count as 0 here (the caller counts them as defects).
    """
    if not len(durations_ns):
        return Percentiles(count=0, p50_ms=0, p90_ms=0, p99_ms=0, p999_ms=0, max_ms=0, mean_ms=0)
    at = _at_ranks(durations_ns)
    return Percentiles(
        count=len(durations_ns),
        p50_ms=at[50],
        p90_ms=at[90],
        p99_ms=at[99],
        p999_ms=at[99.9],
        max_ms=float(durations_ns.max()) / NS_PER_MS,
        mean_ms=float(durations_ns.mean()) / NS_PER_MS,
    )


def _at_ranks(durations_ns: Int64Array) -> dict[float, float]:
    """Return what an HdrHistogram of durations states at each of ``RANKS``, milliseconds.

    Without filling it: a histogram takes a Python call for each value, a run has hundreds of them.
    """
    micros = _micros(durations_ns)
    places = {rank: max(int(rank * len(micros) / 100 + 0.5), 1) - 1 for rank in RANKS}
    ordered = np.partition(micros, sorted(set(places.values())))
    buckets = _buckets()
    return {
        rank: buckets.get_highest_equivalent_value(int(ordered[place])) / 1_000
        for rank, place in places.items()
    }


@cache
def _buckets() -> HdrHistogram:
    """Return an empty histogram: it knows which values it counts as one."""
    return HdrHistogram(1, LARGEST_US, SIGNIFICANT_DIGITS)


def _micros(durations_ns: Int64Array) -> Int64Array:
    return np.clip(durations_ns // NS_PER_US, 0, LARGEST_US)


def summary(part: str, judged: TickLatencies, chosen: BoolArray) -> LatencySummary:
    """Return the latency of the chosen messages.

    Parameters
    ----------
    part : str
        What they are, for the report.
    judged : TickLatencies
        All messages of the run.
    chosen : ndarray of bool, shape (message_count,)
        Which of them belong to this part.
    """
    covered = chosen & (judged.coverage.covered_ns != NEVER)
    staged = covered & (judged.coverage.completed_by != NEVER)
    below_zero = (judged.total_ns < 0) | (judged.durations_ns < 0).any(axis=1)
    return LatencySummary(
        part=part,
        count=int(chosen.sum()),
        uncovered=int((chosen & ~covered).sum()),
        negative=int((covered & below_zero).sum()),
        covered=percentiles(judged.total_ns[covered]),
        stages={
            stage: percentiles(judged.durations_ns[staged, column])
            for column, stage in enumerate(STAGES)
        },
    )


def summaries(
    judged: TickLatencies, *, cold_seconds: float = COLD_SECONDS
) -> tuple[LatencySummary, ...]:
    """Return the latency of a run: all, cold, warm, and what nobody holds.

    The cold part is what was meant to be sent in the first ``cold_seconds`` after the
    first message; the warm part is the rest. What concerns nobody stands apart and in
    none of the others.
    """
    held = judged.coverage.holder_count > 0
    intended = judged.inputs.intended_ns
    first = int(intended.min()) if len(intended) else 0
    cold = intended < first + round(cold_seconds * NS_PER_S)
    return (
        summary("all", judged, held),
        summary("cold", judged, held & cold),
        summary("warm", judged, held & ~cold),
        summary("held by nobody", judged, ~held),
    )


def latency_over_time(
    judged: TickLatencies, *, bucket_seconds: int = 1
) -> list[tuple[float, float, float]]:
    """Return one point per bucket of intended time that has covered messages."""
    chosen = (judged.coverage.holder_count > 0) & (judged.coverage.covered_ns != NEVER)
    intended, total = judged.inputs.intended_ns[chosen], judged.total_ns[chosen]
    if not len(intended):
        return []
    bucket = (intended - intended.min()) // (bucket_seconds * NS_PER_S)
    return [
        (float(index * bucket_seconds), *_pair(total[bucket == index]))
        for index in np.unique(bucket)
    ]


def _pair(durations_ns: Int64Array) -> tuple[float, float]:
    quantiles = percentiles(durations_ns)
    return quantiles.p50_ms, quantiles.p99_ms


def histogram_of(durations_ns: Int64Array) -> HdrHistogram:
    """Return durations as an HdrHistogram in microseconds; negative ones count as 0."""
    histogram = HdrHistogram(1, LARGEST_US, SIGNIFICANT_DIGITS)
    for value, count in zip(*np.unique(_micros(durations_ns), return_counts=True), strict=True):
        histogram.record_value(int(value), int(count))
    return histogram
