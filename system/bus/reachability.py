"""Check that a broker answers at all, made before a Kafka client is created.

kafka-python 3.0.12 goes on dialling in a thread of its own after its constructor has
failed; asking first means that no client is made in vain.
"""

from __future__ import annotations

import socket
from typing import Any, Final

from system.bus.errors import BusUnavailableError
from system.clock import Clock, SystemClock

RETRY_SECONDS: Final = 0.2
DIAL_SECONDS: Final = 5.0
REQUEST_TIMEOUT_SECONDS: Final = 10.0
SOCKET_OPTIONS: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000),
)
"""Seconds, but for the last one (milliseconds): the same as of connections to PostgreSQL."""
RECONNECT_BACKOFF_MAX_MS: Final = 500
"""Of every client. kafka-python doubles its pauses up to 30 s: a source would stay silent for
as long again as its broker had been away."""


def link_options(
    bootstrap_servers: str,
    timeout_seconds: float,
    *,
    request_seconds: float = REQUEST_TIMEOUT_SECONDS,
) -> dict[str, Any]:
    """Return the bounds of a connection to the brokers, for every client of them.

    An answer that does not come, from a stopped broker or a vanished host, is noticed within
    ``request_seconds``, and the connection is made again.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    timeout_seconds : float
        Bound of the first connection.
    request_seconds : float
        Bound of each request.
    """
    return {
        "bootstrap_servers": bootstrap_servers.split(","),
        "bootstrap_timeout_ms": round(timeout_seconds * 1000),
        "reconnect_backoff_max_ms": RECONNECT_BACKOFF_MAX_MS,
        "request_timeout_ms": round(request_seconds * 1000),
        "socket_options": SOCKET_OPTIONS,
    }


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
