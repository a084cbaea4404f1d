"""Poller of the API: its answers while a scenario runs, recorded for the judge."""

from __future__ import annotations

from typing import Final

import msgspec

from system.client.sync_client import RiskClient
from system.clock import Clock, SystemClock
from system.contracts.api.portfolios import PortfolioSummary
from system.errors import RiskstreamError
from system.settings import Connections
from validation.measure.sampler_thread import Background

POLL_S: Final = 0.25
JOIN_BOUND_S: Final = 30.0
MAX_KEPT: Final = 100_000
UNREACHABLE: Final = "unreachable"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of the API.

    ``asked_ns`` and ``answered_ns`` are CLOCK_MONOTONIC; ``state`` is the stream's, or
    ``unreachable``; ``snapshots`` maps a portfolio to the id of the number shown.
    """

    asked_ns: int
    answered_ns: int
    state: str
    snapshots: dict[str, str]


class ApiPoller(Background):
    """Asks the API a few times a second, in a thread of its own; a context manager.

    Parameters
    ----------
    connections : Connections
        Of the stack.
    clock : Clock, optional
        Stamps the answers.
    """

    def __init__(self, connections: Connections, *, clock: Clock | None = None) -> None:
        super().__init__("shown-watch", join_bound_s=JOIN_BOUND_S)
        self._address = connections.api_url, connections.api_token
        self._clock = clock or SystemClock()
        self.shown: list[Shown] = []
        self.portfolios: tuple[PortfolioSummary, ...] = ()

    def _run(self) -> None:
        while not self._stopped.is_set() and len(self.shown) < MAX_KEPT:
            with RiskClient(*self._address) as client:
                self._ask_until_broken(client)

    def _ask_until_broken(self, client: RiskClient) -> None:
        while not self._stopped.wait(POLL_S) and len(self.shown) < MAX_KEPT:
            asked_ns = self._clock.monotonic_ns()
            try:
                answer = client.portfolios()
            except RiskstreamError:
                self._keep(asked_ns, UNREACHABLE, {})
                return
            self.portfolios = answer.portfolios
            ids = {portfolio.portfolio: portfolio.snapshot_id for portfolio in answer.portfolios}
            self._keep(asked_ns, answer.stream.value, ids)

    def _keep(self, asked_ns: int, state: str, snapshots: dict[str, str]) -> None:
        now_ns = self._clock.monotonic_ns()
        self.shown.append(
            Shown(asked_ns=asked_ns, answered_ns=now_ns, state=state, snapshots=snapshots)
        )
