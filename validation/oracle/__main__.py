"""``python -m validation.oracle``: the oracle's process, until it is told to stop."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import Final

from system.bus.consumer import Follower
from system.bus.extents import topic_extents
from system.clock import SystemClock
from system.contracts.topics import INPUT_TOPICS, RISK_SNAPSHOTS
from system.errors import RiskstreamError
from system.runtime.interrupts import StopRequest
from system.settings import Settings, load_settings
from system.store.errors import StoreUnavailableError
from system.store.postgres.identity import recovery_count
from system.store.postgres.oracle_record import OracleRecord
from system.store.redis.latest import LatestStore
from validation.oracle import checkpoint
from validation.oracle.checkpoint import Checkpoint
from validation.oracle.following import LiveOracle, Tally

POLL_S: Final = 0.1
REST_S: Final = 0.05
RETRY_S: Final = 2.0
SYNC_EVERY_NS: Final = 2_000_000_000
UNCOVERED: Final = (
    "coverage unknown: the state went on without messages that Kafka had lost ({} times), so that "
    "its numbers cannot be made anew from the topics"
)
LOWEST_PRIORITY: Final = 19
"""The oracle gives way to everything that it looks at."""
_LOG: Final = logging.getLogger("validation.oracle")


def main() -> int:
    """Run until SIGTERM or SIGINT; a server that is away is waited for."""
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("kafka").setLevel(logging.ERROR)
    os.nice(LOWEST_PRIORITY)
    stopping = StopRequest()
    connections = settings.connections()
    with (
        LatestStore(connections.redis_url) as store,
        OracleRecord(connections.oracle_database_url) as record,
    ):
        process = OracleProcess(settings, store, record, stopping)
        while not stopping.is_set():
            process.live()
    return 0


class OracleProcess:
    """The part of the oracle that outlives a server that is away: its tally, and its memory.

    Parameters
    ----------
    settings : Settings
        Where the servers are, and the folder of the checkpoint.
    store : LatestStore
        Told of the tally.
    record : OracleRecord
        What was committed; keeps the first difference until a person acknowledges it.
    stopping : Event
        Set when the process is to end.
    """

    def __init__(
        self,
        settings: Settings,
        store: LatestStore,
        record: OracleRecord,
        stopping: threading.Event | StopRequest,
    ) -> None:
        self._settings = settings
        self._store = store
        self._record = record
        self._stopping = stopping
        self._clock = SystemClock()
        self._tally = Tally(since_ms=self._clock.wall_ns() // 10**6)
        self._memory = Memory(self._tally, record)

    def live(self) -> None:
        """Follow the stream until told to stop, or until a server is away."""
        try:
            self._store.publish_oracle(self._tally.status)
            self._memory.sync()
            self._follow()
        except RiskstreamError as error:
            _LOG.warning("the oracle begins again: %s", error)
            self._stopping.wait(RETRY_S)

    def _follow(self) -> None:
        if recoveries := recovery_count(self._store.identity()):
            self._cannot(UNCOVERED.format(recoveries))
            return
        servers = self._settings.connections().kafka_bootstrap_servers
        extents = topic_extents(servers, {}, topics=(*INPUT_TOPICS, RISK_SNAPSHOTS))
        source = checkpoint.source_named(extents, self._settings.mark_wait_seconds)
        known = checkpoint.load(self._path, extents, source)
        cut = sorted(
            place for place, first in extents.beginnings.items() if first and is_input(place)
        )
        if known is None and cut:
            self._cannot(f"{', '.join(cut)} lack their beginning: it was let go")
            return
        start = None if known is None else known.inputs
        # Where the topic of snapshots has let go of the next one, what it still has is read.
        seen = known.snapshots if known and checkpoint.fits(known.snapshots, extents) else None
        self._tally.begin("the beginning of the topics" if known is None else "a checkpoint")
        with (
            Follower(servers, INPUT_TOPICS, start) as inputs,
            Follower(servers, [RISK_SNAPSHOTS], seen) as out,
        ):
            oracle = LiveOracle(
                inputs,
                out,
                self._store.publish_oracle,
                self._clock,
                mark_wait_ms=self._settings.mark_wait_seconds * 1_000,
                history=self._record,
                tally=self._tally,
                walk=None if known is None else known.walk,
            )
            self._run(oracle, inputs, out, source)
            # Only here: where a server went away, what was read and not checked would be lost.
            self._save(oracle, inputs, out, source)

    def _run(self, oracle: LiveOracle, inputs: Follower, out: Follower, source: str) -> None:
        synced_ns = saved_ns = self._clock.monotonic_ns()
        while not (self._stopping.is_set() or recovery_count(self._store.identity())):
            oracle.step(POLL_S)
            now_ns = self._clock.monotonic_ns()
            if now_ns > synced_ns + SYNC_EVERY_NS:
                self._memory.sync()
                synced_ns = now_ns
            if now_ns > saved_ns + checkpoint.EVERY_S * 1e9:
                self._save(oracle, inputs, out, source)
                saved_ns = self._clock.monotonic_ns()
            self._stopping.wait(REST_S)

    def _save(self, oracle: LiveOracle, inputs: Follower, out: Follower, source: str) -> None:
        try:
            position, seen = inputs.position, out.position
        except Exception as error:  # a broker that is away does not say: the last one stays
            _LOG.warning("no checkpoint: %s", error)
            return
        code = checkpoint.code_digest()
        checkpoint.save(self._path, Checkpoint(oracle.walk, position, seen, source, code))

    @property
    def _path(self) -> Path:
        return self._settings.state_dir / "oracle" / "checkpoint"

    def _cannot(self, why: str) -> None:
        """Say why nothing can be checked, for as long as that is so."""
        self._tally.say(why)
        while not self._stopping.is_set():
            self._memory.sync()
            self._store.publish_oracle(self._tally.status)
            self._stopping.wait(RETRY_S)


def is_input(place: str) -> bool:
    """Return whether a ``topic:partition`` is of an input topic."""
    return place.rpartition(":")[0] in {topic.name for topic in INPUT_TOPICS}


class Memory:
    """The first difference, in PostgreSQL: red survives a crash, and goes by acknowledgement only.

    Parameters
    ----------
    tally : Tally
        What is shown.
    record : OracleRecord
        Where it is kept.
    """

    def __init__(self, tally: Tally, record: OracleRecord) -> None:
        self._tally = tally
        self._record = record
        self._kept = False

    def sync(self) -> None:
        """Keep what was found, recall what is open, forget what a person has acknowledged.

        A PostgreSQL that does not answer is asked again the next time; nothing is forgotten.
        """
        try:
            difference = self._tally.status.first_difference
            if difference is not None and not self._kept:
                self._record.keep(difference)
            still_open = self._record.open_difference()
        except StoreUnavailableError as error:
            _LOG.warning("the oracle's memory: %s", error)
            return
        if still_open is not None:
            self._kept = True
            self._tally.recall(still_open)
        elif self._kept:
            self._kept = False
            self._tally.acknowledge()


if __name__ == "__main__":
    sys.exit(main())
