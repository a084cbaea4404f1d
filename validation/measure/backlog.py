"""Lag: what was due and not yet covered, and whether that grows. Pure.

No broker is asked: the schedule says what was due, coverage when it was readable, so the
backlog of each moment is known exactly. It includes the source's own slip.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from validation.measure.coverage import NEVER, Coverage, Inputs
from validation.verdict import Finding, judged, unknown

POINTS_PER_SECOND: Final = 2
LEAST_POINTS: Final = 10
GROWTH_ALLOWED_S: Final = 0.1
"""A backlog that grows by less than this much time's worth of messages over the measured
part does not show a stream that falls behind: a batch more or less is as much."""

LagPoint = tuple[float, float]
"""Seconds since the first message, and the backlog then, messages."""


class LagSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The backlog of a run: messages due and not yet covered.

    ``slope_per_s`` is its least-squares growth over the measured part, messages per second;
    ``growth_s`` the same over the whole part, as time at the mean rate.
    """

    mean: float
    largest: float
    slope_per_s: float
    growth_s: float
    points: tuple[LagPoint, ...]


def lag_summary(inputs: Inputs, coverage: Coverage, *, warm_up_s: float) -> LagSummary:
    """Return the backlog over time, its growth taken after the warm-up.

    Parameters
    ----------
    inputs : Inputs
        Every message of the run.
    coverage : Coverage
        What became of them; uncovered ones stay in the backlog for ever.
    warm_up_s : float
        Seconds after the first message that the growth leaves out.
    """
    if not len(inputs):
        return LagSummary(mean=0, largest=0, slope_per_s=0, growth_s=0, points=())
    due = np.sort(inputs.intended_ns)
    covered = np.sort(coverage.covered_ns[coverage.covered_ns != NEVER])
    seconds = float(due[-1] - due[0]) / 1e9
    at_s = np.arange(0, seconds, 1 / POINTS_PER_SECOND)
    at_ns = due[0] + np.rint(at_s * 1e9).astype(np.int64)
    behind = np.searchsorted(due, at_ns, "right") - np.searchsorted(covered, at_ns, "right")
    measured = at_s >= warm_up_s
    slope = _slope(at_s[measured], behind[measured])
    rate = len(due) / max(seconds, 1e-9)
    return LagSummary(
        mean=float(behind[measured].mean()) if measured.any() else 0.0,
        largest=float(behind.max(initial=0)),
        slope_per_s=slope,
        growth_s=slope * max(seconds - warm_up_s, 0.0) / rate,
        points=tuple(zip(at_s.tolist(), behind.astype(float).tolist(), strict=True)),
    )


def check_lag(check: str, lag: LagSummary) -> Finding:
    """Return whether the stream kept up: the backlog did not grow beyond what noise explains."""
    if len(lag.points) < LEAST_POINTS:
        return unknown(check, f"{len(lag.points)} moments are too few to tell a growth")
    grows = lag.growth_s > GROWTH_ALLOWED_S
    said = f"{lag.slope_per_s:+.1f} messages per s, {lag.growth_s:+.3f} s over the measured part"
    finding = judged(
        check,
        [f"the backlog grows: {said}"] if grows else [],
        passed=f"{said}; mean backlog {lag.mean:,.0f}",
        figures={"slope_per_s": lag.slope_per_s, "growth_s": lag.growth_s, "mean": lag.mean},
    )
    return msgspec.structs.replace(finding, timing_only=grows)


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) < 2:
        return 0.0
    return float(np.polyfit(x - x.mean(), y.astype(float), 1)[0])
