"""Free ports on the loopback address.

No port can be promised before its server listens on it. So ports are chosen below the
range from which the kernel serves outgoing connections, held all at once while choosing,
and a server that still meets a taken port is started again with another one.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from system.runtime.errors import StackError
from system.settings import LOOPBACK

LOWEST_PORT: Final = 15_000
HIGHEST_PORT: Final = 32_000
MAX_TRIES_PER_PORT: Final = 200
EPHEMERAL_RANGE_PATH: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(preferred: Iterable[int | None], rng: random.Random | None = None) -> list[int]:
    """Return one free loopback port per entry, all different.

    Parameters
    ----------
    preferred : iterable of int or None
        Taken when it is free; None, or one that is taken, becomes a random port.
    rng : random.Random, optional
        Where random ports come from; the system's entropy by default.

    Raises
    ------
    StackError
        If no free port is found within a bounded number of tries.
    """
    generator = rng or random.SystemRandom()
    with ExitStack() as held:
        sockets = [held.enter_context(_held_port(port, generator)) for port in preferred]
        return [each.getsockname()[1] for each in sockets]


def is_free(port: int) -> bool:
    """Return whether a loopback port could be listened on just now."""
    try:
        with _bound(port):
            return True
    except OSError:
        return False


def _held_port(preferred: int | None, rng: random.Random) -> socket.socket:
    for port in _tries(preferred, rng):
        with suppress(OSError):
            return _bound(port)
    raise StackError(f"no free port on {LOOPBACK} after {MAX_TRIES_PER_PORT} tries")


def _tries(preferred: int | None, rng: random.Random) -> Iterator[int]:
    if preferred is not None:
        yield preferred
    highest = min(HIGHEST_PORT, _lowest_ephemeral_port() - 1)
    for _ in range(MAX_TRIES_PER_PORT):
        yield rng.randint(min(LOWEST_PORT, highest - 1), highest)


def _bound(port: int) -> socket.socket:
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        held.bind((LOOPBACK, port))
    except OSError:
        held.close()
        raise
    return held


def _lowest_ephemeral_port() -> int:
    try:
        return int(EPHEMERAL_RANGE_PATH.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return HIGHEST_PORT
