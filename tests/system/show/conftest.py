"""One snapshot of each kind of book, after enough days for everything to exist."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.show.server import runtime
from system.show.server.fanout import Fanout
from system.show.state.dashboard import DashboardState
from tests.system.show.market import Market
from tests.system.show.panels.test_ticket_panel import no_connections

DAYS = 12
STEPS = 4


@pytest.fixture(scope="session")
def batches() -> tuple[tuple[RiskSnapshot, ...], ...]:
    """All batches of some days, in order; the last is an end of day."""
    market = Market()
    return tuple(tuple(batch) for _ in range(DAYS) for batch in market.one_day(STEPS))


@pytest.fixture
def running() -> Iterator[runtime.Dashboard]:
    """A dashboard of this process without an API, stopped at the end."""
    made = runtime.Dashboard(DashboardState(), Fanout(), asyncio.new_event_loop(), no_connections)
    runtime.start(made)
    yield made
    runtime.stop()
    made.loop.close()


@pytest.fixture
def long_equities(batches: tuple[tuple[RiskSnapshot, ...], ...]) -> RiskSnapshot:
    return _newest_live(batches, "long-equities")


@pytest.fixture
def long_short(batches: tuple[tuple[RiskSnapshot, ...], ...]) -> RiskSnapshot:
    return _newest_live(batches, "long-short")


@pytest.fixture
def ends_of_day(batches: tuple[tuple[RiskSnapshot, ...], ...]) -> tuple[RiskSnapshot, ...]:
    """The long-short book at each close."""
    return tuple(
        snapshot
        for batch in batches
        for snapshot in batch
        if (snapshot.portfolio, snapshot.kind) == ("long-short", SnapshotKind.END_OF_DAY)
    )


def _newest_live(batches: tuple[tuple[RiskSnapshot, ...], ...], portfolio: str) -> RiskSnapshot:
    live = (s for batch in reversed(batches) for s in batch if s.kind is SnapshotKind.LIVE)
    return next(snapshot for snapshot in live if snapshot.portfolio == portfolio)
