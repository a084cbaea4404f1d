"""Standby: a driver waits for its turn while another one is active."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from system.bus.consumer import end_offsets
from system.clock import Clock, RunningTime
from system.contracts.topics import INPUT_TOPICS
from system.errors import UnavailableError
from system.settings import Connections
from system.store.redis.latest import LatestStore

POLL_S: Final = 1.0
TAKE_OVER_AFTER_S: Final = 210.0
"""Without a heartbeat. The active driver's own watchdog ends it before that (180 s, and 15 s to
end): what is left is one whose process is stopped, so that its watchdog is stopped too."""
SERVER_PATIENCE_S: Final = 120.0
"""PostgreSQL is waited for here: another start would find no other."""
ASK_BOUND_S: Final = 5.0
STANDS_BY: Final = "standby: another driver is active"
TAKES_OVER: Final = "this driver takes over"
_LOG: Final = logging.getLogger(__name__)


class Lease(Protocol):
    """Protocol of ``system.store.postgres.lease.DriverLease``."""

    def acquire(self) -> bool:
        """Ask for the lease and return whether it is held."""
        ...

    def holder(self) -> str:
        """Return who holds it."""
        ...

    def evict(self) -> None:
        """End the connection of who holds it."""
        ...


class Turn:
    """Wait for the lease.

    Parameters
    ----------
    lease : Lease
        Held by the active driver.
    is_beating : callable
        Returns whether the active driver's heartbeat is there.
    broker_answers : callable
        Returns whether Kafka answers. Without it no driver has a heartbeat, so that a silence
        is no reason for a take-over.
    clock : Clock
        Measures silence.
    is_stopping : callable
        Returns whether this driver was asked to stop.
    """

    def __init__(
        self,
        lease: Lease,
        *,
        is_beating: Callable[[], bool],
        broker_answers: Callable[[], bool],
        clock: Clock,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._lease = lease
        self._is_beating = is_beating
        self._broker_answers = broker_answers
        self._clock = clock
        self._is_stopping = is_stopping
        self._unanswered_s = 0.0
        self._silent_s = 0.0
        self._running_time = RunningTime(clock)
        self._waits_for_servers = self._stands_by = False

    def wait(self) -> bool:
        """Return True once the lease is held, False when asked to stop before that.

        Raises
        ------
        UnavailableError
            If PostgreSQL does not answer for ``SERVER_PATIENCE_S``.
        """
        while not self._is_stopping():
            if self._look(self._running_time.step_s()):
                if self._stands_by:
                    _LOG.info(TAKES_OVER)
                return True
            self._clock.sleep(POLL_S)
        return False

    def _look(self, step_s: float) -> bool:
        try:
            if self._lease.acquire():
                return True
            if not self._stands_by:
                self._stands_by = True
                _LOG.info("%s (%s)", STANDS_BY, self._lease.holder())
            self._unanswered_s = 0.0
            self._watch_heartbeat(step_s)
        except UnavailableError as error:
            self._silent_s = 0.0
            self._unanswered_s += step_s
            if self._unanswered_s > SERVER_PATIENCE_S:
                raise
            if not self._waits_for_servers:
                self._waits_for_servers = True
                _LOG.warning("the driver waits for PostgreSQL: %s", error)
        return False

    def _watch_heartbeat(self, step_s: float) -> None:
        if self._is_beating():
            self._silent_s = 0.0
            return
        self._silent_s += step_s
        if self._silent_s <= TAKE_OVER_AFTER_S:
            return
        self._silent_s = 0.0
        if self._broker_answers():
            _LOG.warning(
                "the active driver (%s) has had no heartbeat for %.0f s: its lease is ended",
                self._lease.holder(),
                TAKE_OVER_AFTER_S,
            )
            self._lease.evict()


def await_turn(
    lease: Lease, connections: Connections, clock: Clock, stopping: threading.Event
) -> bool:
    """Wait for the lease as long as another driver is active.

    Parameters
    ----------
    lease : Lease
        To be held.
    connections : Connections
        Servers that the active driver's heartbeat needs.
    clock : Clock
        Measures silence.
    stopping : threading.Event
        Set when this driver is asked to stop.

    Returns
    -------
    bool
        Whether it is held; False when asked to stop before that.

    Raises
    ------
    UnavailableError
        If PostgreSQL does not answer for ``SERVER_PATIENCE_S``.
    """
    with LatestStore(connections.redis_url) as latest:

        def is_beating() -> bool:
            try:
                return latest.status().heartbeat_age_ms is not None
            except UnavailableError:
                return True  # nobody knows, and without Redis no driver has one

        def broker_answers() -> bool:
            with suppress(UnavailableError):
                return bool(
                    end_offsets(
                        connections.kafka_bootstrap_servers,
                        INPUT_TOPICS,
                        timeout_seconds=ASK_BOUND_S,
                    )
                )
            return False

        return Turn(
            lease,
            is_beating=is_beating,
            broker_answers=broker_answers,
            clock=clock,
            is_stopping=stopping.is_set,
        ).wait()
