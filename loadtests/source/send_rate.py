"""Rate of a load generator: what it sent each second, and how late."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

PULSE_NS: Final = 1_000_000_000


class SendRate(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="pulse"):
    """Counts and delays of one second of sending.

    ``sent`` counts ticks of this pulse, ``slip_ms_p99`` and ``slip_ms_max`` how late they
    were handed over, ``slip_counts`` how many were late by so many whole milliseconds;
    ``at_ns`` is CLOCK_MONOTONIC at its end.
    """

    at_ns: int
    sent: int
    slip_ms_p99: float
    slip_ms_max: float
    slip_counts: dict[int, int]


class SendRates:
    """Collects delays, and tells them once a second.

    Parameters
    ----------
    tell : callable
        Receives each pulse; must be quick, the schedule goes on.
    """

    def __init__(self, tell: Callable[[SendRate], None]) -> None:
        self._tell = tell
        self._late_ns: list[int] = []
        self._due_ns = 0

    def add(self, late_ns: Iterable[int], now_ns: int) -> None:
        """Count messages that were handed over now.

        Parameters
        ----------
        late_ns : iterable of int
            How late each was, nanoseconds.
        now_ns : int
            CLOCK_MONOTONIC.
        """
        self._late_ns.extend(late_ns)
        if not self._due_ns:
            self._due_ns = now_ns + PULSE_NS
        elif now_ns >= self._due_ns:
            self.end(now_ns)

    def end(self, now_ns: int) -> None:
        """Tell what has not been told."""
        self._due_ns = now_ns + PULSE_NS
        if not self._late_ns:
            return
        late_ms = np.array(self._late_ns) / 1e6
        self._late_ns.clear()
        self._tell(
            SendRate(
                at_ns=now_ns,
                sent=len(late_ms),
                slip_ms_p99=float(np.quantile(late_ms, 0.99, method="inverted_cdf")),
                slip_ms_max=float(late_ms.max()),
                slip_counts=_whole_milliseconds(late_ms),
            )
        )


def _whole_milliseconds(late_ms: npt.NDArray[np.float64]) -> dict[int, int]:
    """Return how many are late by so many whole milliseconds: 0.1 ms for 20,000 of them.

    Parameters
    ----------
    late_ms : ndarray of float64, shape (n,)
        At least one.
    """
    counts = np.bincount(late_ms.clip(0.0).astype(np.int64))
    (present,) = counts.nonzero()
    return dict(zip(present.tolist(), counts[present].tolist(), strict=True))
