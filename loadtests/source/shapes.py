"""Rate of a load over time. Pure: a shape is a few straight legs.

A schedule is the inverse of a shape's cumulative count: message i is due when the area
under the rate reaches i. So any shape sends whole messages on an absolute schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

from system.errors import InputError

Float64Array = npt.NDArray[np.float64]

STEP_COUNT: Final = 4
RAMP_START_SHARE: Final = 0.1
SPIKE_BASE_SHARE: Final = 0.25
SPIKE_TIME_SHARE: Final = 0.2


class ShapeError(InputError):
    """A shape that no schedule has; names the value and what it must be."""


@dataclass(frozen=True)
class Leg:
    """A part of a shape in which the rate changes evenly.

    Parameters
    ----------
    seconds : float
        Length, above 0.
    first_rate, last_rate : float
        Messages per second at its beginning and at its end, above 0.
    """

    seconds: float
    first_rate: float
    last_rate: float

    def __post_init__(self) -> None:
        """Refuse a leg without length or without messages.

        Raises
        ------
        ShapeError
            If the length or a rate is not above 0.
        """
        if not (self.seconds > 0 and self.first_rate > 0 and self.last_rate > 0):
            raise ShapeError(f"{self}: length and rates must be above 0")

    @property
    def message_count(self) -> float:
        """Area under the rate."""
        return self.seconds * (self.first_rate + self.last_rate) / 2


Shape = tuple[Leg, ...]


def steady(rate: float, seconds: float) -> Shape:
    """Return one rate all the time; a soak is a long one."""
    return (Leg(seconds, rate, rate),)


def ramp(rate: float, seconds: float) -> Shape:
    """Return a rate that rises evenly from a tenth of ``rate`` to ``rate``."""
    return (Leg(seconds, RAMP_START_SHARE * rate, rate),)


def step(rate: float, seconds: float) -> Shape:
    """Return a rate that rises to ``rate`` in four equal steps."""
    shares = [number / STEP_COUNT for number in range(1, STEP_COUNT + 1)]
    return tuple(Leg(seconds / STEP_COUNT, share * rate, share * rate) for share in shares)


def spike(rate: float, seconds: float) -> Shape:
    """Return a quarter of ``rate`` with ``rate`` itself in the middle fifth of the time."""
    base = SPIKE_BASE_SHARE * rate
    around = seconds * (1 - SPIKE_TIME_SHARE) / 2
    return (Leg(around, base, base), *steady(rate, seconds - 2 * around), Leg(around, base, base))


SHAPES: Final[Mapping[str, Callable[[float, float], Shape]]] = {
    "steady": steady,
    "ramp": ramp,
    "step": step,
    "spike": spike,
    "soak": steady,
}


def duration_s(shape: Shape) -> float:
    """Return how long a shape lasts, seconds."""
    return sum(leg.seconds for leg in shape)


def rate_at(shape: Shape, second: float) -> float:
    """Return the rate at a moment; beyond the end the last one."""
    for leg in shape:
        if second <= leg.seconds:
            return leg.first_rate + (leg.last_rate - leg.first_rate) * second / leg.seconds
        second -= leg.seconds
    return shape[-1].last_rate


def message_count(shape: Shape) -> int:
    """Return how many messages a shape sends, rounded up."""
    return int(np.ceil(sum(leg.message_count for leg in shape) - 1e-9))


def due_s(shape: Shape, index: Float64Array) -> Float64Array:
    """Return when messages are due.

    Parameters
    ----------
    shape : tuple of Leg
        At least one.
    index : ndarray of float64, shape (n,)
        0-based numbers of messages; beyond the last one the last rate goes on.

    Returns
    -------
    ndarray of float64, shape (n,)
        Seconds after the beginning; grows with the index.

    Raises
    ------
    ShapeError
        If the shape has no leg.

    Examples
    --------
    >>> due_s(steady(10.0, 1.0), np.array([0.0, 5.0, 10.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    if not shape:
        raise ShapeError("a shape has at least one leg")
    counts = np.array([0.0, *accumulate(leg.message_count for leg in shape)])
    starts = np.array([0.0, *accumulate(leg.seconds for leg in shape)])
    leg = np.clip(np.searchsorted(counts, index, side="right") - 1, 0, len(shape) - 1)
    rate = np.array([stretch.first_rate for stretch in shape])[leg]
    slope = np.array(
        [(stretch.last_rate - stretch.first_rate) / stretch.seconds for stretch in shape]
    )[leg]
    inside = index - counts[leg]
    within = np.minimum(inside, np.array([stretch.message_count for stretch in shape])[leg])
    beyond = (inside - within) / shape[-1].last_rate
    root = np.sqrt(rate * rate + 2 * slope * within)
    return np.asarray(starts[leg] + 2 * within / (rate + root) + beyond)
