"""``python -m validation.oracle``: the oracle's process, until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import Final

from system.bus.consumer import Follower
from system.clock import SystemClock
from system.contracts.oracle import OracleStatus
from system.contracts.topics import INPUT_TOPICS, RISK_SNAPSHOTS
from system.errors import RiskstreamError
from system.settings import Settings, load_settings
from system.store.latest import LatestStore
from validation.oracle.following import SAMPLES_PER_S, LiveOracle

POLL_S: Final = 0.1
REST_S: Final = 0.05
RETRY_S: Final = 2.0
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
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with LatestStore(settings.connections().redis_url) as store:
        while not stopping.is_set():
            _live(settings, store, stopping)
    return 0


def _live(settings: Settings, store: LatestStore, stopping: threading.Event) -> None:
    """Follow the stream from its beginning until told to stop, or until a server is away."""
    servers = settings.connections().kafka_bootstrap_servers
    try:
        store.publish_oracle(OracleStatus(running=True, samples_per_s=SAMPLES_PER_S))
        with Follower(servers, INPUT_TOPICS) as inputs, Follower(servers, [RISK_SNAPSHOTS]) as out:
            cut = sorted(place for place, offset in inputs.position.items() if offset)
            if cut:
                _cannot(store, stopping, f"{', '.join(cut)} lack their beginning: it was let go")
                return
            oracle = LiveOracle(
                inputs,
                out,
                store.publish_oracle,
                SystemClock(),
                mark_wait_ms=settings.mark_wait_seconds * 1_000,
            )
            while not stopping.is_set():
                oracle.step(POLL_S)
                stopping.wait(REST_S)
    except RiskstreamError as error:
        _LOG.warning("the oracle begins anew: %s", error)
        stopping.wait(RETRY_S)


def _cannot(store: LatestStore, stopping: threading.Event, why: str) -> None:
    """Say why nothing can be checked, for as long as that is so."""
    status = OracleStatus(running=True, samples_per_s=0.0, problem=why)
    while not stopping.is_set():
        store.publish_oracle(status)
        stopping.wait(RETRY_S)


if __name__ == "__main__":
    sys.exit(main())
