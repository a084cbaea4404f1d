"""``python -m system.alerts``: the process of alerts, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import sys
from contextlib import suppress
from typing import Final

from system.alerts.rounds import Rounds
from system.alerts.sending import Sender
from system.alerts.staleness import StreamWatch
from system.alerts.target import target_of
from system.clock import SystemClock
from system.contracts.api.risk import StreamState
from system.errors import UnavailableError
from system.exits import ExitCode, print_error
from system.settings import load_settings
from system.store.alerts.record import AlertRecord
from system.store.redis.latest import LatestStore

ROUND_S: Final = 1.0
RETRY_S: Final = 2.0
SLICE_S: Final = 0.2
"""Longest wait for a signal that asks the process to end."""
_LOG: Final = logging.getLogger("system.alerts")


class Stopping:
    """SIGTERM or SIGINT, noted for a loop that ends after the round under way."""

    def __init__(self) -> None:
        self.is_set = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: object) -> None:
        self.is_set = True

    def wait(self, seconds: float) -> None:
        """Wait, in slices: until then or until a signal has come."""
        clock = SystemClock()
        until_ns = clock.monotonic_ns() + round(seconds * 1e9)
        while not self.is_set and clock.monotonic_ns() < until_ns:
            clock.sleep(SLICE_S)


def run(rounds: Rounds, stopping: Stopping) -> None:
    """Run rounds until a signal comes; a server that is away is waited for."""
    is_sending = True
    while not stopping.is_set:
        try:
            is_holder = rounds.run()
        except UnavailableError as error:
            _LOG.warning("alerts wait: %s", error)
            stopping.wait(RETRY_S)
            continue
        if is_holder is not is_sending:
            is_sending = is_holder
            _LOG.info("sends alerts" if is_holder else "waits: another process sends alerts")
        stopping.wait(ROUND_S)


def stream_state(latest: LatestStore) -> StreamState | None:
    """Return the stream's state, None where Redis does not answer."""
    with suppress(UnavailableError):
        return latest.status().state
    return None


def main() -> int:
    """Send alerts until SIGTERM or SIGINT.

    Raises
    ------
    AlertTargetError, AlertSecretError
        If the receiver is not complete.
    """
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # These write addresses, and an address of Slack is a secret.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    clock, connections = SystemClock(), settings.connections()
    send = Sender(target_of(settings), clock)
    stopping = Stopping()
    with (
        AlertRecord(connections.alerts_database_url) as alerts,
        LatestStore(connections.redis_url) as latest,
    ):
        run(Rounds(alerts, lambda: stream_state(latest), StreamWatch(clock), send), stopping)
    return ExitCode.PASSED


if __name__ == "__main__":
    from system.errors import InputError

    try:
        sys.exit(main())
    except InputError as error:
        print_error(str(error))
        sys.exit(ExitCode.WRONG_INPUT)
