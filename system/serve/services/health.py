"""Health of the servers that the API depends on, their response times, and the stream's lag."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from system.clock import Clock, SystemClock
from system.contracts.api.risk import ComponentHealth, Health, StreamState
from system.errors import RiskstreamError
from system.serve.services.connections import Services
from system.version import product_version

CHECK_EVERY_NS: Final = 2_000_000_000
CHECK_BOUND_S: Final = 4.0


class HealthBoard:
    """Asks each server at most once in ``CHECK_EVERY_NS``, however many ask the board.

    Parameters
    ----------
    services : Services
        What is asked.
    clock : Clock
        Times the answers.
    """

    def __init__(self, services: Services, clock: Clock | None = None) -> None:
        self._services = services
        self._clock = clock or SystemClock()
        self._lock = anyio.Lock()
        self._checked_ns: int | None = None
        self._components: tuple[ComponentHealth, ...] = ()
        self._offsets: dict[str, int] = {}
        self._ends: dict[str, int] | None = None

    async def health(self) -> Health:
        """Return the state of everything; never raises for a server that is silent."""
        async with self._lock:
            if self._is_due():
                await self._check()
        status = self._services.hub.status
        running = status.state in {StreamState.RUNNING, StreamState.WARMING}
        return Health(
            ok=running and all(component.ok for component in self._components),
            stream=status,
            components=self._components,
            offsets=self._offsets,
            lag=self._lag(),
            version=product_version(),
        )

    def _is_due(self) -> bool:
        now_ns = self._clock.monotonic_ns()
        return self._checked_ns is None or now_ns - self._checked_ns >= CHECK_EVERY_NS

    async def _check(self) -> None:
        results: dict[str, ComponentHealth] = {}
        checks = {
            "postgresql": self._ask_history,
            "redis": self._ask_latest,
            "kafka": self._ask_bus,
        }

        async def run(name: str, ask: Callable[[], Awaitable[None]]) -> None:
            results[name] = await self._timed(name, ask)

        async with anyio.create_task_group() as tasks:
            for name, ask in checks.items():
                tasks.start_soon(run, name, ask)
        self._components = tuple(results[name] for name in sorted(checks))
        self._checked_ns = self._clock.monotonic_ns()

    async def _timed(self, name: str, ask: Callable[[], Awaitable[None]]) -> ComponentHealth:
        started_ns = self._clock.monotonic_ns()
        detail = f"no answer within {CHECK_BOUND_S:g} s"
        ok = False
        with anyio.move_on_after(CHECK_BOUND_S):
            try:
                await ask()
                ok, detail = True, ""
            except RiskstreamError as error:
                detail = str(error)
        latency_ms = (self._clock.monotonic_ns() - started_ns) / 1e6
        return ComponentHealth(name=name, ok=ok, latency_ms=round(latency_ms, 3), detail=detail)

    async def _ask_history(self) -> None:
        await self._services.read(self._services.history.committed)

    async def _ask_latest(self) -> None:
        watermark = await self._services.latest.watermark()
        self._offsets = watermark.offsets if watermark else {}

    async def _ask_bus(self) -> None:
        self._ends = None
        self._ends = await self._services.read(self._services.bus.end_offsets)

    def _lag(self) -> dict[str, int] | None:
        if self._ends is None:
            return None
        return {
            partition: max(0, end - self._offsets.get(partition, 0))
            for partition, end in sorted(self._ends.items())
        }
