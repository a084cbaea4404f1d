"""Connections that the endpoints share: the stores, the bus, the fan-out, and their bounds."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar

import anyio
import anyio.to_thread
from fastapi import Request

from system.book.book import DEFAULT_STALE_AFTER_NS
from system.clock import Clock, SystemClock
from system.serve.services.hub import SnapshotHub
from system.serve.services.protocols import Bus, History, Latest
from system.store.postgres.history import READERS_MAX
from system.web.rates import RequestRates

SENDERS_MAX: Final = 8
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(eq=False)
class Services:
    """One per process; made without connecting to anything.

    Parameters
    ----------
    latest, history, bus
        The seams.
    hub : SnapshotHub
        The fan-out of the push stream.
    token : str
        The bearer token; never printed.
    stale_after_ns : int
        Event time after which a price is stale, as the stream judges it.
    clock : Clock
        What is sent without a time is stamped with it.
    hosts : frozenset of str
        Names that the API is asked under, besides those of loopback.
    rates : RequestRates
        How many requests the token may send.
    """

    latest: Latest
    history: History
    bus: Bus
    hub: SnapshotHub
    token: str = field(repr=False)
    stale_after_ns: int = DEFAULT_STALE_AFTER_NS
    clock: Clock = field(default_factory=SystemClock)
    hosts: frozenset[str] = frozenset()
    rates: RequestRates = field(default_factory=RequestRates)
    _readers: anyio.CapacityLimiter = field(
        default_factory=lambda: anyio.CapacityLimiter(READERS_MAX), repr=False
    )
    _senders: anyio.CapacityLimiter = field(
        default_factory=lambda: anyio.CapacityLimiter(SENDERS_MAX), repr=False
    )

    def admits(self, token: str) -> bool:
        """Return whether a bearer token is ours, in time that does not tell how near it is."""
        return hmac.compare_digest(token.encode("utf-8"), self.token.encode("utf-8"))

    async def read(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the history in a thread, at most as many at once as it has connections.

        An answer that nobody waits for any more is dropped when it comes.
        """
        return await anyio.to_thread.run_sync(
            lambda: question(*args, **kwargs), limiter=self._readers, abandon_on_cancel=True
        )

    async def send(self, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Use the bus in a thread, ``SENDERS_MAX`` at once."""
        return await anyio.to_thread.run_sync(
            lambda: action(*args, **kwargs), limiter=self._senders
        )


def services_of(request: Request) -> Services:
    """Return the services of the app that serves a request."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services
