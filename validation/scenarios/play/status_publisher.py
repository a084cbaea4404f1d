"""Tells the product's readers which scenario is replayed, while it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from system.contracts.replay import ReplayStatus
from system.errors import UnavailableError
from system.settings import Connections
from system.store.redis.latest import LatestStore
from validation.measure.sampler_thread import Background

EVERY_S: Final = 0.5
JOIN_BOUND_S: Final = 30.0


class StatusPublisher(Background):
    """Writes where a replay stands twice a second; a context manager.

    A Redis that does not answer, because it was killed on purpose, is told later.

    Parameters
    ----------
    connections : Connections
        Of the pipeline.
    standing : callable
        Returns where the replay stands.
    """

    def __init__(self, connections: Connections, standing: Callable[[], ReplayStatus]) -> None:
        super().__init__("replay-teller", join_bound_s=JOIN_BOUND_S)
        self._redis_url = connections.redis_url
        self._standing = standing

    def _run(self) -> None:
        with LatestStore(self._redis_url) as latest:
            while not self._stopped.is_set():
                with suppress(UnavailableError):
                    latest.publish_replay(self._standing())
                self._stopped.wait(EVERY_S)
