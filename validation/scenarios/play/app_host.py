"""Drivers, or APIs, one after the other in a process of the harness.

``python -m validation.scenarios.play.app_host stream`` (or ``api``) begins a life of the product's
own driver or API for each ``begin`` line on standard input, and ends it for each ``end`` line.
Java, Spark's session, its executor and Python's modules start once instead of once for each story,
where they take most of the processor time. A life takes everything else from the servers, as in a
process of its own. Stories with faults and restarts do not run here (decision 0143).
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from importlib import import_module
from typing import Final, Protocol

import msgspec

from system.settings import Settings, load_settings

STARTED: Final = b"started"
ENDED: Final = b"ended"
MODULES: Final = {
    "stream": "validation.scenarios.play.driver_life",
    "api": "validation.scenarios.play.api_life",
}


class Begin(msgspec.Struct, frozen=True, tag_field="do", tag="begin"):
    """Begin a life with these environment variables."""

    environment: dict[str, str]


class End(msgspec.Struct, frozen=True, tag_field="do", tag="end"):
    """End the life after the batch under way."""


ORDERS: Final = msgspec.json.Decoder(Begin | End)


class Living(Protocol):
    """A life that has begun."""

    def end(self) -> None:
        """End it, and return when it has ended."""


def host(
    orders: Iterable[bytes],
    say: Callable[[bytes], None],
    begin: Callable[[Mapping[str, str]], Living],
) -> None:
    """Begin and end lives as ordered, until the orders end.

    Parameters
    ----------
    orders : iterable of bytes
        A line for each order; begin and end in turn.
    say : callable
        Takes ``STARTED`` and ``ENDED`` as answers.
    begin : callable
        Begins a life with environment variables.

    Raises
    ------
    BaseException
        What a driver has ended with: this process ends with it.
    """
    life: Living | None = None
    try:
        for line in orders:
            order = ORDERS.decode(line)
            if isinstance(order, Begin):
                assert life is None, "one driver at a time"
                life = begin(order.environment)
                say(STARTED)
            else:
                assert life is not None, "a driver has begun before it ends"
                ending, life = life, None
                ending.end()
                say(ENDED)
    finally:
        if life is not None:
            life.end()


def forget() -> None:
    """Free what a life has set aside from Python's collector."""
    gc.unfreeze()
    gc.collect()


class Lives(Protocol):
    """Begins lives of one process of the product."""

    def begin(self, settings: Settings) -> Living:
        """Begin a life with settings."""

    def close(self) -> None:
        """Let go of what lives share."""


def lives_of(component: str) -> Lives:
    """Return what begins lives of the stream or of the API; imports what these need alone."""
    lives: Lives = import_module(MODULES[component]).Lives()
    return lives


def main(component: str) -> int:
    """Host lives of a component until standard input ends."""
    logging.basicConfig(
        level=load_settings().log_level,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )

    def say(word: bytes) -> None:
        sys.stdout.buffer.write(word + b"\n")
        sys.stdout.buffer.flush()

    with closing(lives_of(component)) as lives:

        def begin(environment: Mapping[str, str]) -> Living:
            os.environ.update(environment)
            return lives.begin(load_settings())

        host(sys.stdin.buffer, say, begin)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
