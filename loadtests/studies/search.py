"""The highest rate that holds: bisection, repeated, with an interval. Pure.

A rate either holds or it does not, and near the limit the answer is a matter of luck; so
the search is repeated with its own probes, and the answer is the median of the repeats with
the spread of what was seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

import msgspec

from loadtests.source.plan import PlanError

RESOLUTION: Final = 1.1
"""Two rates closer than this ratio are not told apart."""
MAX_PROBES: Final = 20


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One rate that was tried; ``holds`` is None where the run showed nothing.

    ``why`` names what did not hold, or why nothing was shown; ``p99_ms`` is None where no tick
    was covered.
    """

    rate: float
    holds: bool | None
    why: str
    p99_ms: float | None


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one search.

    ``highest`` is the highest rate that held with every lower probe of the search holding
    too, 0 where none did; ``lowest_failing`` the lowest that was seen to fail, None where none
    was: a run that showed nothing, for the pump was late, is no failure of the system.
    """

    highest: float
    lowest_failing: float | None
    probes: tuple[Probe, ...]


class CapacityEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """Capacity over repeated searches, messages per second.

    ``rate`` is the median of what held, ``low`` the least of it; ``high`` is the largest
    rate below which a repeat still failed, None where one never failed: then the capacity
    lies at or above ``rate`` (the pump or the ceiling ended the search).
    """

    rate: float
    low: float
    high: float | None
    repeats: int


def search(
    probe: Callable[[float], Probe],
    *,
    floor: float,
    ceiling: float,
    resolution: float = RESOLUTION,
) -> SearchResult:
    """Return the highest rate that holds, by bisection of the logarithm of the rate.

    Parameters
    ----------
    probe : callable
        Runs one rate.
    floor, ceiling : float
        Where to search, messages per second; ``0 < floor <= ceiling``.
    resolution : float
        Ratio at which the search ends, above 1.

    Raises
    ------
    PlanError
        As ``check_range``.

    Notes
    -----
    A run that shows nothing counts as not holding: a rate is only called good when it was
    seen to be. At most ``MAX_PROBES`` runs.
    """
    check_range(floor=floor, ceiling=ceiling, resolution=resolution)
    first = probe(floor)
    probes = [first]
    if not first.holds:
        return _found(0.0, probes)
    good, bad = floor, ceiling * resolution
    while bad / good > resolution and len(probes) < MAX_PROBES:
        rate = min(math.sqrt(good * bad), ceiling)
        if rate <= good:
            break
        probed = probe(rate)
        probes.append(probed)
        good, bad = (rate, bad) if probed.holds else (good, rate)
    return _found(good, probes)


def check_range(*, floor: float, ceiling: float, resolution: float) -> None:
    """Refuse a range in which nothing can be searched.

    Raises
    ------
    PlanError
        If the floor is not above 0, or is above the ceiling, or the resolution tells no two rates
        apart.
    """
    if not floor > 0:
        raise PlanError(f"--floor {floor:,.0f}: above 0 ticks/s")
    if not floor <= ceiling:
        raise PlanError(f"--floor {floor:,.0f}: at most the ceiling, {ceiling:,.0f} ticks/s")
    if not resolution > 1:
        raise PlanError(f"--resolution {resolution:g}: a ratio above 1")


def _found(highest: float, probes: Sequence[Probe]) -> SearchResult:
    failing = [probe.rate for probe in probes if probe.holds is False]
    return SearchResult(
        highest=highest, lowest_failing=min(failing, default=None), probes=tuple(probes)
    )


def estimate(results: Sequence[SearchResult]) -> CapacityEstimate:
    """Return the capacity that repeated searches of the same range agree on.

    Parameters
    ----------
    results : sequence of SearchResult
        At least one.
    """
    held = [result.highest for result in results]
    failing = [result.lowest_failing for result in results]
    ends = [rate for rate in failing if rate is not None]
    return CapacityEstimate(
        rate=float(median(held)),
        low=min(held),
        high=max(ends) if len(ends) == len(failing) else None,
        repeats=len(results),
    )
