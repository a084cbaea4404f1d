"""The intraday P&L curve of one portfolio: bounded, thinned, sent to browsers by its new end.

Laws of this file: time on the curve never goes back; the newest point is always the newest
snapshot; a browser that holds the points of one generation needs only what follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from system.show.format import NANOSECONDS_PER_SECOND

MAX_POINTS: Final = 1_600
BUCKET_SECONDS: Final = 5
MAX_STEP_SECONDS: Final = 1_800
"""Nights and weekends are drawn this wide: the axis counts time in which prices move."""

MAX_BACKWARD_SECONDS: Final = 3_600
"""A smaller step back is jitter and stays on the last point; a larger one is another replay."""


class CurvePoint(Struct, frozen=True, array_like=True):
    """One point.

    Parameters
    ----------
    x : int
        Seconds on the axis, closed hours cut.
    time : int
        Event time, seconds since 1970-01-01 UTC.
    total : float
        P&L against entry prices, realised and unrealised, base currency.
    day : float or None
        P&L since the last close, base currency.
    """

    x: int
    time: int
    total: float
    day: float | None


class CurvePart(Struct, frozen=True, kw_only=True):
    """Points that a browser lacks, from index ``start`` on; they replace what it has there."""

    generation: int
    start: int
    points: list[CurvePoint]


class PnlCurve:
    """P&L over event time, at most ``max_points`` long.

    Parameters
    ----------
    max_points : int
        When it is full, every second point goes and the generation grows by one.
    """

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        assert max_points >= 4, f"a curve of {max_points} points cannot be thinned"
        self._max_points = max_points
        self._points: list[CurvePoint] = []
        self.generation = 0

    def __len__(self) -> int:
        return len(self._points)

    def add(self, event_time_ns: int, total: float, day: float | None) -> None:
        """Take one snapshot's P&L; within a bucket of time the newest stays.

        Parameters
        ----------
        event_time_ns : int
            Nanoseconds since 1970-01-01 UTC. A time far before the last point's begins
            the curve anew: the market was wound back.
        total, day : float
            P&L against entry prices and since the last close, base currency.
        """
        time = self._not_before_last(event_time_ns // NANOSECONDS_PER_SECOND)
        if self._points and _bucket(time) == _bucket(self._points[-1].time):
            self._points.pop()
        self._points.append(CurvePoint(self._x(time), time, total, day))
        if len(self._points) > self._max_points:
            self._thin()

    def fill(self, earlier: Iterable[tuple[int, float, float | None]]) -> None:
        """Put what was stored before the first point in front of it.

        Parameters
        ----------
        earlier : iterable of (event_time_ns, total, day)
            As ``add`` takes them, in any order; what is not older than the first point
            is left out.
        """
        held = self._points
        before = held[0].time if held else None
        self._restart()
        for event_time_ns, total, day in sorted(earlier, key=lambda point: point[0]):
            if before is None or event_time_ns // NANOSECONDS_PER_SECOND < before:
                self.add(event_time_ns, total, day)
        for point in held:
            self.add(point.time * NANOSECONDS_PER_SECOND, point.total, point.day)

    def since(self, generation: int, count: int) -> CurvePart:
        """Return what a browser with ``count`` points of a generation lacks.

        Its last point is sent again: it may have moved within its bucket.
        """
        known = generation == self.generation and count <= len(self._points)
        start = max(0, count - 1) if known else 0
        return CurvePart(generation=self.generation, start=start, points=self._points[start:])

    def _not_before_last(self, time: int) -> int:
        last = self._points[-1].time if self._points else time
        if time < last - MAX_BACKWARD_SECONDS:
            self._restart()
            return time
        return max(time, last)

    def _x(self, time: int) -> int:
        if not self._points:
            return 0
        last = self._points[-1]
        return last.x + min(time - last.time, MAX_STEP_SECONDS)

    def _thin(self) -> None:
        self._points = self._points[::-2][::-1]
        self.generation += 1

    def _restart(self) -> None:
        self._points = []
        self.generation += 1


def _bucket(time: int) -> int:
    return time // BUCKET_SECONDS
