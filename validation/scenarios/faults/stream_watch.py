"""Looks at the stream while faults are made, written down for later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from system.bus.consumer import TopicEnds
from system.clock import Clock, SystemClock
from system.contracts.topics import INPUT_TOPICS
from system.errors import RiskstreamError
from system.settings import Connections
from system.store.redis.latest import LatestStore
from validation.measure.sampler_thread import Background
from validation.scenarios.faults.recovery import Look

POLL_S: Final = 0.25
ASK_BOUND_S: Final = 2.0
JOIN_BOUND_S: Final = 30.0
MAX_LOOKS: Final = 100_000
UNREACHABLE: Final = "unreachable"


class StreamWatch(Background):
    """Asks Redis and the broker a few times a second, in a thread of its own; a context manager.

    Parameters
    ----------
    connections : Connections
        Of the stack: the servers themselves, no relay.
    clock : Clock, optional
        Stamps the looks.
    """

    def __init__(self, connections: Connections, *, clock: Clock | None = None) -> None:
        super().__init__("stream-watch", join_bound_s=JOIN_BOUND_S)
        self._connections = connections
        self._clock = clock or SystemClock()
        self._topic_ends: TopicEnds | None = None
        self.looks: list[Look] = []

    def _run(self) -> None:
        try:
            while not self._stopped.wait(POLL_S) and len(self.looks) < MAX_LOOKS:
                self.looks.append(self._look())
        finally:
            self._drop_connection()

    def _look(self) -> Look:
        at_ns = self._clock.monotonic_ns()
        ends = self._ends()
        try:
            with LatestStore(self._connections.redis_url) as store:
                status, watermark = store.status(), store.watermark()
        except RiskstreamError:
            return Look(at_ns=at_ns, state=UNREACHABLE, covered=None, ends=ends)
        covered = None if watermark is None else watermark.offsets
        return Look(at_ns=at_ns, state=status.state.value, covered=covered, ends=ends)

    def _ends(self) -> Mapping[str, int] | None:
        """Return where the input topics end; None where the broker does not answer."""
        try:
            if self._topic_ends is None:
                self._topic_ends = TopicEnds(
                    self._connections.kafka_bootstrap_servers,
                    INPUT_TOPICS,
                    timeout_seconds=ASK_BOUND_S,
                )
            return self._topic_ends.ask(ASK_BOUND_S)
        except RiskstreamError:
            self._drop_connection()
            return None

    def _drop_connection(self) -> None:
        if self._topic_ends is not None:
            self._topic_ends.close()
            self._topic_ends = None
