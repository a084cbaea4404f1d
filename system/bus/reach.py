"""Whether a broker answers at all, asked before a Kafka client is made.

kafka-python 3.0.12 goes on dialling in a thread of its own after its constructor has
failed; asking first means that no client is made in vain.
"""

from __future__ import annotations

import socket
from typing import Final

from system.bus.errors import BusUnavailableError
from system.clock import Clock, SystemClock

RETRY_SECONDS: Final = 0.2
DIAL_SECONDS: Final = 5.0
RECONNECT_BACKOFF_MAX_MS: Final = 500
"""Of every client. kafka-python doubles its pauses up to 30 s: a source would stay silent for
as long again as its broker had been away."""


def await_broker(
    bootstrap_servers: str, timeout_seconds: float, *, clock: Clock | None = None
) -> None:
    """Return when one of the brokers takes a connection.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    timeout_seconds : float
        Bound of the wait; each is tried at least once.
    clock : Clock, optional
        Measures the bound.

    Raises
    ------
    BusUnavailableError
        If none took one in time, or an address is no ``host:port``.
    """
    clock = clock or SystemClock()
    deadline_ns = clock.monotonic_ns() + round(timeout_seconds * 1e9)
    while True:
        problems = [
            problem for server in bootstrap_servers.split(",") if (problem := _dial(server))
        ]
        if len(problems) < len(bootstrap_servers.split(",")):
            return
        if clock.monotonic_ns() >= deadline_ns:
            raise BusUnavailableError(
                f"no Kafka broker answers within {timeout_seconds} s: {'; '.join(problems)}; "
                "start one (`riskstream up`) or check KAFKA_BOOTSTRAP_SERVERS"
            )
        clock.sleep(RETRY_SECONDS)


def _dial(server: str) -> str:
    """Return what is wrong with a server, or nothing when it takes a connection."""
    host, _, port = server.strip().rpartition(":")
    if not host or not port.isdigit():
        return f"{server!r} is no host:port"
    try:
        socket.create_connection((host.strip("[]"), int(port)), DIAL_SECONDS).close()
    except OSError as error:
        return f"{server}: {error.strerror or error}"
    return ""
