"""The stream's heartbeat: beats only while numbers are really kept current."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

from system.clock import Clock
from system.contracts.api import StreamState
from system.errors import UnavailableError

INTERVAL_S: Final = 0.5
STUCK_AFTER_NS: Final = 2_000_000_000
"""A batch takes tens of milliseconds; one that takes this long is not current any more."""
ASK_BOUND_S: Final = 1.0
"""Less than the expiry of the heartbeat: one slow answer of the broker is not told."""

_LOG: Final = logging.getLogger(__name__)


class Beat(Protocol):
    """What is needed of ``system.store.latest.LatestStore``."""

    def beat(self, fence: int, epoch: int, *, monotonic_ns: int, state: StreamState) -> None:
        """Renew the heartbeat; it expires by itself."""
        ...


class Pulse:
    """A thread that beats twice a second until it is stopped.

    Parameters
    ----------
    latest : Beat
        Redis.
    clock : Clock
        Judges whether a batch is stuck.
    fence : int
        Of this driver.
    place : callable
        Returns (epoch of the newest batch, when it was finished, whether data wait).
        ``finished`` is CLOCK_MONOTONIC, nanoseconds.
    ask_broker : callable
        Asks the broker anything, within ``ASK_BOUND_S``. Without an answer nobody knows
        whether data wait.
    caught_up : callable
        Returns whether everything that lay in the topics when this driver began has been
        read. Until then its numbers are those of the past, however fast they come.
    on_fenced : callable
        Called once with the error when a newer driver has taken over.
    """

    def __init__(
        self,
        latest: Beat,
        clock: Clock,
        *,
        fence: int,
        place: Callable[[], tuple[int, int, bool]],
        ask_broker: Callable[[], object],
        caught_up: Callable[[], bool],
        on_fenced: Callable[[Exception], None],
    ) -> None:
        self._latest = latest
        self._clock = clock
        self._fence = fence
        self._place = place
        self._ask_broker = ask_broker
        self._caught_up = caught_up
        self._on_fenced = on_fenced
        self._reads = False
        self._state = StreamState.WARMING
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin to beat, in the state *warming*."""
        self._thread.start()

    def ready(self) -> None:
        """Say that the stream is running, as soon as it has caught up."""
        self._reads = True

    def stop(self) -> None:
        """Stop beating; the key expires by itself."""
        self._stop.set()
        self._thread.join(timeout=INTERVAL_S * 4)

    def is_current(self) -> bool:
        """Return whether numbers are kept current: nothing waits, or batches get done."""
        _, finished_ns, waits = self._place()
        return not waits or self._clock.monotonic_ns() - finished_ns < STUCK_AFTER_NS

    def beat(self) -> None:
        """Renew the heartbeat, unless numbers are not kept current.

        Raises
        ------
        UnavailableError
            If the broker or Redis does not answer.
        """
        if not self.is_current():
            return
        self._ask_broker()
        if self._reads and self._state is StreamState.WARMING and self._caught_up():
            self._state = StreamState.RUNNING
        epoch = self._place()[0]
        now_ns = self._clock.monotonic_ns()
        self._latest.beat(self._fence, epoch, monotonic_ns=now_ns, state=self._state)

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            try:
                self.beat()
            except UnavailableError as error:
                _LOG.warning("no heartbeat: %s", error)
            except Exception as error:
                self._on_fenced(error)
                return
