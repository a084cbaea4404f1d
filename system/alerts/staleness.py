"""State of the stream over time: an alert only of what has lasted."""

from __future__ import annotations

from typing import Final

from system.alerts.machine import stream_change
from system.clock import Clock
from system.contracts.api.risk import StreamState
from system.store.alerts.news import Transition

SETTLED_S: Final = 10.0
"""A driver that is started again needs less; a state that changes to and fro raises no alert."""
NO_REDIS: Final = "Redis does not answer"


class StreamWatch:
    """Waits until a state of the stream has lasted.

    Parameters
    ----------
    clock : Clock
        Measures, by its monotonic time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._is_current: bool | None = None
        self._since_ns = 0

    def seen(self, state: StreamState | None) -> Transition | None:
        """Return what the state asks for once it has lasted for ``SETTLED_S``, else None.

        Parameters
        ----------
        state : StreamState or None
            As Redis says; None: Redis does not answer, so that nobody has current numbers.
        """
        is_current = state is StreamState.RUNNING
        now_ns = self._clock.monotonic_ns()
        if is_current is not self._is_current:
            self._is_current, self._since_ns = is_current, now_ns
        if (now_ns - self._since_ns) / 1e9 < SETTLED_S:
            return None
        return stream_change(is_current=is_current, state=NO_REDIS if state is None else state)
