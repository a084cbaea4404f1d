"""Keeping the history within its bound, beside the batches and never ahead of one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Final, Protocol

from system.clock import Clock
from system.errors import RiskstreamError

EVERY_S: Final = 60.0
"""Time from one beginning to the next, if that leaves time."""
SHARE: Final = 0.2
"""Of its time that it keeps PostgreSQL busy: the batches' commits have the rest."""
_LOG: Final = logging.getLogger(__name__)


class PrunedHistory(Protocol):
    """The part of ``system.store.postgres.history.RiskHistory`` that is needed."""

    def prune(self) -> Iterator[int]:
        """Delete what outgrows the bound, a transaction for each item."""
        ...


class Pruner:
    """Prunes once a minute on a thread of its own, with pauses.

    What it cannot delete now it deletes a minute later: a failure is logged and stops nothing.

    Parameters
    ----------
    history : PrunedHistory
        PostgreSQL.
    clock : Clock
        Measures how long a piece takes, and so the pause after it.
    """

    def __init__(self, history: PrunedHistory, clock: Clock) -> None:
        self._history = history
        self._clock = clock
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pruner", daemon=True)

    def start(self) -> None:
        """Begin; the first time is ``EVERY_S`` from now."""
        self._thread.start()

    def close(self) -> None:
        """End after the transaction under way, and wait for that."""
        self._ending.set()
        self._thread.join()

    def prune(self) -> int:
        """Prune once, or until closed, and return how many rows were deleted or emptied."""
        deleted = 0
        began_ns = self._clock.monotonic_ns()
        for piece in self._history.prune():
            deleted += piece
            took_s = (self._clock.monotonic_ns() - began_ns) / 1e9
            if self._ending.wait(took_s * (1 / SHARE - 1)):
                break
            began_ns = self._clock.monotonic_ns()
        return deleted

    def _run(self) -> None:
        rest_s = EVERY_S
        while not self._ending.wait(rest_s):
            began_ns = self._clock.monotonic_ns()
            try:
                if deleted := self.prune():
                    _LOG.info("%d rows outgrew the history's bounds: deleted, or emptied", deleted)
            except RiskstreamError as error:
                _LOG.warning("the history is not pruned, in a minute again: %s", error)
            rest_s = max(EVERY_S - (self._clock.monotonic_ns() - began_ns) / 1e9, 0.0)
