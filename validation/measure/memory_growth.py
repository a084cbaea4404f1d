"""Memory of a soak: does a process need more and more of it? Pure.

Judged is what a process has to itself (resident, without shared pages and mapped files: those
would be counted once for each of PostgreSQL's processes), over the second half of the measured
part, when bounded stores have filled. The half is taken in thirds. A leak lifts what is typical
of each third and the least of each; a heap that rises and falls back within four fifths of the
half does not lift all of them enough. A slower one cannot be told from a leak: soak longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from validation.verdict import Finding, judged, unknown

SOAK_LEAST_S: Final = 600.0
"""A shorter measured part says nothing about growth: bounded stores still fill."""
SHARE_ALLOWED: Final = 0.15
MB_ALLOWED: Final = 50.0
"""Over the half; a process has to exceed both. A slower leak needs a longer soak."""
LEAST_SAMPLES: Final = 20
"""Of each third. What is seen less often in a whole run is a helper of a moment."""
THIRDS: Final = 3
SECONDS_PER_HOUR: Final = 3_600.0
SLOPE_SAMPLES: Final = 300
"""About as many of the half are compared with each other for its slope."""
POINTS_APART_S: Final = 10.0

MemoryPoint = tuple[float, float]
"""Seconds since the measured part began, and the memory then, MB (2**20 bytes)."""


class MemorySamples(msgspec.Struct, frozen=True, kw_only=True):
    """Private memory of a process over time, MB; ``at_ns`` is CLOCK_MONOTONIC."""

    name: str
    at_ns: tuple[int, ...]
    own_mb: tuple[float, ...]


class MemoryGrowth(msgspec.Struct, frozen=True, kw_only=True):
    """Growth of a process's memory over the second half of the measured part.

    ``growth_mb`` is the least of three measures of it, of which each is the growth over the
    half where that is a straight line; ``share`` is that of ``first_mb``, the median of the
    first third. ``slope_mb_per_h`` is Theil and Sen's of the half (the median of the slopes
    between its samples), and judges nothing. All are None where a third has too few samples.
    ``points`` are of the whole measured part, thinned.
    """

    name: str
    first_mb: float | None
    growth_mb: float | None
    share: float | None
    slope_mb_per_h: float | None
    points: tuple[MemoryPoint, ...]

    @property
    def grows(self) -> bool:
        """True if the growth is more than ``MB_ALLOWED`` and more than ``SHARE_ALLOWED``."""
        if self.growth_mb is None or self.share is None:
            return False
        return self.growth_mb > MB_ALLOWED and self.share > SHARE_ALLOWED

    def sentence(self) -> str:
        """Return it as a person reads it."""
        if self.growth_mb is None or self.share is None:
            return f"{self.name}: too few samples"
        return (
            f"{self.name} {self.growth_mb:+.0f} MB ({self.share:+.1%}) "
            f"in the half, {self.slope_mb_per_h:+.0f} MB per hour"
        )


def memory_growth(
    samples: Sequence[MemorySamples], *, first_ns: int, last_ns: int
) -> tuple[MemoryGrowth, ...]:
    """Return the growth of each process, the largest first.

    Parameters
    ----------
    samples : sequence of MemorySamples
        Of the whole run.
    first_ns, last_ns : int
        Ends of the measured part, CLOCK_MONOTONIC.
    """
    growths = [
        _growth(sample, first_ns, last_ns)
        for sample in samples
        if len(sample.at_ns) >= LEAST_SAMPLES
    ]
    return tuple(sorted(growths, key=lambda growth: -(growth.growth_mb or 0.0)))


def check_memory(check: str, growths: Sequence[MemoryGrowth]) -> Finding:
    """Return whether no process grows; unknown where one could not be judged and none grows."""
    growing = [growth.sentence() for growth in growths if growth.grows]
    unseen = [growth.name for growth in growths if growth.growth_mb is None]
    if not growths or (unseen and not growing):
        return unknown(check, f"too few samples of {', '.join(unseen) or 'every process'}")
    return judged(
        check,
        [f"{growth}; {MB_ALLOWED:.0f} MB or {SHARE_ALLOWED:.0%} are allowed" for growth in growing],
        passed=f"{len(growths)} processes; most: {growths[0].sentence()}",
        figures={
            growth.name: growth.growth_mb for growth in growths if growth.growth_mb is not None
        },
    )


def _growth(samples: MemorySamples, first_ns: int, last_ns: int) -> MemoryGrowth:
    at_s = (np.array(samples.at_ns, dtype=np.int64) - first_ns) / 1e9
    own_mb = np.array(samples.own_mb, dtype=np.float64)
    seconds = (last_ns - first_ns) / 1e9
    points = tuple(_thinned(at_s, own_mb, seconds))
    edges = np.linspace(seconds / 2, seconds, THIRDS + 1)
    thirds = [own_mb[(at_s >= low) & (at_s < high)] for low, high in pairwise(edges.tolist())]
    if min(len(third) for third in thirds) < LEAST_SAMPLES:
        return MemoryGrowth(
            name=samples.name,
            first_mb=None,
            growth_mb=None,
            share=None,
            slope_mb_per_h=None,
            points=points,
        )
    half = (at_s >= edges[0]) & (at_s < edges[-1])
    slope = _slope(at_s[half], own_mb[half])
    first_mb = float(np.median(thirds[0]))
    growth_mb = _least_growth(thirds)
    return MemoryGrowth(
        name=samples.name,
        first_mb=first_mb,
        growth_mb=growth_mb,
        share=growth_mb / max(first_mb, 1e-9),
        slope_mb_per_h=slope * SECONDS_PER_HOUR,
        points=points,
    )


def _least_growth(thirds: Sequence[np.ndarray]) -> float:
    """Return the least of what medians and minima say, as growth over three thirds.

    Between the first third and the last a straight line makes two thirds of its growth, and
    between the first and the second one third.
    """
    low = [float(third.min()) for third in thirds]
    typical = [float(np.median(third)) for third in thirds]
    return min(
        (typical[-1] - typical[0]) * THIRDS / 2,
        (low[-1] - low[0]) * THIRDS / 2,
        (low[1] - low[0]) * THIRDS,
    )


def _slope(at_s: np.ndarray, own_mb: np.ndarray) -> float:
    """Return the median of the slopes between samples: a peak of a moment does not bend it."""
    step = max(len(at_s) // SLOPE_SAMPLES, 1)
    at_s, own_mb = at_s[::step], own_mb[::step]
    earlier, other = np.triu_indices(len(at_s), 1)
    return float(np.median((own_mb[other] - own_mb[earlier]) / (at_s[other] - at_s[earlier])))


def _thinned(at_s: np.ndarray, own_mb: np.ndarray, seconds: float) -> Iterator[MemoryPoint]:
    next_s = 0.0
    for at, megabytes in zip(at_s.tolist(), own_mb.tolist(), strict=True):
        if next_s <= at <= seconds:
            next_s = at + POINTS_APART_S
            yield round(at, 1), round(megabytes, 1)
