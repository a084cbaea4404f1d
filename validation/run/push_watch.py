"""Watches the push stream of one portfolio, as a reader of the API does."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from system.client.errors import ApiUnavailableError
from system.client.events import SnapshotEvent
from system.client.sync_client import RiskClient
from system.clock import Clock, SystemClock
from system.contracts.messages import RiskSnapshot
from validation.measure.sampler_thread import Background

MAX_KEPT: Final = 4_096
STOP_BOUND_S: Final = 10.0


@dataclass(frozen=True)
class Pushed:
    """A snapshot and when it was received, CLOCK_MONOTONIC nanoseconds."""

    received_ns: int
    snapshot: RiskSnapshot


class PushWatch(Background):
    """Receives pushed snapshots in a thread of its own; a context manager.

    Parameters
    ----------
    client : RiskClient
        Used by this watch alone.
    portfolio : str
        Whose snapshots.
    clock : Clock, optional
        Stamps the receipts.
    """

    def __init__(self, client: RiskClient, portfolio: str, *, clock: Clock | None = None) -> None:
        super().__init__("push-watch", join_bound_s=STOP_BOUND_S)
        self._client = client
        self._portfolio = portfolio
        self._clock = clock or SystemClock()
        self._changed = threading.Condition()
        self._pushed: deque[Pushed] = deque(maxlen=MAX_KEPT)

    def first(
        self, condition: Callable[[RiskSnapshot], bool], *, timeout_s: float
    ) -> Pushed | None:
        """Return the first snapshot that meets a condition, None when none came in time.

        Parameters
        ----------
        condition : callable
            Asked of each snapshot in the order of receipt.
        timeout_s : float
            Bound, seconds.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._found(condition) is not None, timeout_s)
            return self._found(condition)

    def before(self, one: Pushed) -> Pushed | None:
        """Return what was pushed right before, None where it was the first."""
        with self._changed:
            pushed = list(self._pushed)
        place = pushed.index(one)
        return pushed[place - 1] if place else None

    def _found(self, condition: Callable[[RiskSnapshot], bool]) -> Pushed | None:
        return next((push for push in self._pushed if condition(push.snapshot)), None)

    def _run(self) -> None:
        try:
            for event in self._client.stream(self._portfolio):
                received_ns = self._clock.monotonic_ns()
                if self._stopped.is_set():
                    return
                if isinstance(event, SnapshotEvent) and isinstance(event.risk, RiskSnapshot):
                    self._keep(Pushed(received_ns, event.risk))
        except ApiUnavailableError:
            return  # first() then finds nothing, and says so by its bound

    def _keep(self, pushed: Pushed) -> None:
        with self._changed:
            self._pushed.append(pushed)
            self._changed.notify_all()
