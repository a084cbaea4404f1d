"""The stream's heartbeat: beats only while numbers are really kept current."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from system.clock import Clock
from system.contracts.api.risk import StreamState
from system.errors import UnavailableError
from system.stream.lifecycle.backlog import Backlog

INTERVAL_S: Final = 0.5
STUCK_AFTER_NS: Final = 2_000_000_000
"""A batch takes tens of milliseconds; one that takes this long is not current any more."""
ASK_BOUND_S: Final = 1.0
"""Less than the expiry of the heartbeat: one slow answer of the broker is not told."""

_LOG: Final = logging.getLogger(__name__)


class Beat(Protocol):
    """Part of ``system.store.redis.latest.LatestStore`` that is used here."""

    def clock_ms(self) -> int:
        """Return Redis's own time, milliseconds since 1970."""
        ...

    def beat(
        self,
        fence: int,
        epoch: int,
        *,
        monotonic_ns: int,
        state: StreamState,
        portfolio_count: int = 0,
        observed_ms: int | None = None,
    ) -> bool:
        """Renew the heartbeat; return whether Redis still holds what was published."""
        ...


@dataclass(frozen=True)
class Progress:
    """Questions about how far the stream is; safe to ask from another thread.

    Parameters
    ----------
    place : callable
        Returns (epoch of the newest batch, when it was finished, whether data wait).
        ``finished`` is CLOCK_MONOTONIC, nanoseconds.
    covered : callable
        Returns the first offset of each partition that the numbers do not contain.
    caught_up : callable
        Returns whether everything that lay in the topics when this driver began has been
        read. Until then its numbers are those of the past, however fast they come.
    portfolio_count : callable
        Returns how many portfolios have been published.
    """

    place: Callable[[], tuple[int, int, bool]]
    covered: Callable[[], Mapping[str, int]]
    caught_up: Callable[[], bool]
    portfolio_count: Callable[[], int]


class Pulse:
    """A thread that beats twice a second until it is stopped.

    Parameters
    ----------
    latest : Beat
        Redis.
    clock : Clock
        Judges whether a batch is stuck, and how old messages are.
    fence : int
        Of this driver.
    progress : Progress
        How far the stream is.
    ask_broker : callable
        Returns where the input topics end, ``topic:partition``, within ``ASK_BOUND_S``. Without
        an answer nobody knows whether data wait.
    lag_bound_ns : int
        Age of the oldest message that is not covered beyond which *running* becomes *lagging*.
    on_emptied : callable
        Called when Redis no longer holds the portfolios that were published.
    on_fenced : callable
        Called once with the error when a newer driver has taken over.
    """

    def __init__(
        self,
        latest: Beat,
        clock: Clock,
        *,
        fence: int,
        progress: Progress,
        ask_broker: Callable[[], Mapping[str, int]],
        lag_bound_ns: int,
        on_emptied: Callable[[], None],
        on_fenced: Callable[[Exception], None],
    ) -> None:
        self._latest = latest
        self._clock = clock
        self._fence = fence
        self._progress = progress
        self._ask_broker = ask_broker
        self._lag_bound_ns = lag_bound_ns
        self._on_emptied = on_emptied
        self._on_fenced = on_fenced
        self._backlog = Backlog(clock)
        self._ready_ns: int | None = None
        self._is_warm = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin to beat, in the state *warming*."""
        self._thread.start()

    def ready(self) -> None:
        """Say that the stream is running, as soon as it has caught up."""
        self._ready_ns = self._clock.monotonic_ns()

    def stop(self) -> None:
        """Stop beating; the key expires by itself."""
        self._stop.set()
        self._thread.join(timeout=INTERVAL_S * 4)

    def is_current(self) -> bool:
        """Return whether numbers are kept current: nothing waits, or batches get done.

        Before the stream reads it says *warming*, and the driver's watchdog bounds that.
        """
        if self._ready_ns is None:
            return True
        _, finished_ns, waits = self._progress.place()
        since_ns = self._clock.monotonic_ns() - max(finished_ns, self._ready_ns)
        return not waits or since_ns < STUCK_AFTER_NS

    def beat(self) -> None:
        """Renew the heartbeat, unless numbers are not kept current.

        Raises
        ------
        UnavailableError
            If the broker or Redis does not answer.
        """
        observed_ms = self._latest.clock_ms()
        asked_ns = self._clock.monotonic_ns()
        self._backlog.note(self._ask_broker(), self._progress.covered(), asked_ns=asked_ns)
        if not self.is_current():
            return
        is_whole = self._latest.beat(
            self._fence,
            self._progress.place()[0],
            monotonic_ns=self._clock.monotonic_ns(),
            state=self._state(),
            portfolio_count=self._progress.portfolio_count(),
            observed_ms=observed_ms,
        )
        if not is_whole:
            self._on_emptied()

    def _state(self) -> StreamState:
        self._is_warm = self._is_warm or (self._ready_ns is not None and self._progress.caught_up())
        if not self._is_warm:
            return StreamState.WARMING
        is_late = self._backlog.oldest_age_ns > self._lag_bound_ns
        return StreamState.LAGGING if is_late else StreamState.RUNNING

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            try:
                self.beat()
            except UnavailableError as error:
                _LOG.warning("no heartbeat: %s", error)
            except Exception as error:
                self._on_fenced(error)
                return
