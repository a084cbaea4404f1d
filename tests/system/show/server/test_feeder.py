"""The pump: connects, listens, and connects again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from system.client.errors import ApiUnavailableError
from system.contracts.api.risk import SnapshotPoint, StreamState, StreamStatus
from system.contracts.messages import RiskSnapshot
from system.show.server.fanout import Fanout
from system.show.server.feed import Feed, FeedEvent
from system.show.server.feeder import (
    EAGER_BACKFILLS,
    FIRST_RETRY_SECONDS,
    MAX_RETRY_SECONDS,
    Feeder,
)
from system.show.state.dashboard import DashboardState
from system.show.state.freshness import Freshness, Link, freshness
from tests.system.show.market import replace_struct

PATIENCE_SECONDS = 5


class EnoughError(Exception):
    """Ends a pump that would run for ever."""


def status(state: StreamState = StreamState.RUNNING, dropped_count: int = 0) -> StreamStatus:
    return StreamStatus(
        state=state,
        heartbeat_age_ms=1,
        fence=1,
        epoch=2,
        durable_fence=1,
        durable_epoch=2,
        published_ns=3,
        dropped_count=dropped_count,
    )


@dataclass
class ScriptedFeed:
    """Says what it was given, then ends or breaks."""

    script: list[FeedEvent | Exception]
    asked: list[str] = field(default_factory=list)
    stored: dict[str, tuple[SnapshotPoint, ...]] = field(default_factory=dict)
    history_problem: Exception | None = None

    async def events(self) -> AsyncIterator[FeedEvent]:
        for item in self.script:
            if isinstance(item, Exception):
                raise item
            yield item
            await asyncio.sleep(0)

    async def history(self, portfolio: str) -> tuple[SnapshotPoint, ...]:
        self.asked.append(portfolio)
        if self.history_problem is not None:
            raise self.history_problem
        return self.stored.get(portfolio, ())


@dataclass
class Rig:
    """A pump over scripted connections; ends when there is none left."""

    connections: list[ScriptedFeed | Exception]
    desk: DashboardState = field(default_factory=DashboardState)
    fanout: Fanout = field(default_factory=Fanout)
    waits: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def open_feed(self) -> AsyncIterator[Feed]:
        if not self.connections:
            raise EnoughError
        connection = self.connections.pop(0)
        if isinstance(connection, Exception):
            raise connection
        yield connection

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def run(self) -> None:
        pump = Feeder(self.desk, self.fanout, self.open_feed, now_ns=lambda: 0, sleep=self.wait)

        async def bounded() -> None:
            await asyncio.wait_for(pump.run(), PATIENCE_SECONDS)

        try:
            asyncio.run(bounded())
        except EnoughError:
            return
        raise AssertionError("a pump never ends by itself")


def test_what_is_heard_stands_on_the_desk(long_short: RiskSnapshot) -> None:
    rig = Rig([ScriptedFeed([status(), long_short])])
    rig.run()
    assert rig.desk.portfolios() == ("long-short",)
    assert rig.desk.snapshot("long-short") == long_short


def test_a_broken_connection_is_told_and_tried_again(long_short: RiskSnapshot) -> None:
    rig = Rig(
        [
            ScriptedFeed([status(), long_short, ApiUnavailableError("connection reset")]),
            ApiUnavailableError("connection refused"),
        ]
    )
    rig.run()
    assert rig.desk.evidence.link is Link.BROKEN
    verdict = freshness(rig.desk.evidence, 10**10)
    assert verdict.state is Freshness.STALE
    assert "connection refused" in verdict.reason


def test_an_ended_stream_is_no_reason_to_stop(long_short: RiskSnapshot) -> None:
    rig = Rig([ScriptedFeed([status()]), ScriptedFeed([status(), long_short])])
    rig.run()
    assert rig.desk.snapshot("long-short") == long_short


def test_waits_grow_to_a_bound_and_begin_anew_after_success() -> None:
    refused = ApiUnavailableError("refused")
    rig = Rig([refused, refused, refused, refused, refused, ScriptedFeed([]), refused])
    rig.run()
    assert rig.waits[:5] == [0.25, 0.5, 1.0, 2.0, 2.0]
    assert max(rig.waits) == MAX_RETRY_SECONDS
    assert rig.waits[5] == FIRST_RETRY_SECONDS


def test_the_history_is_asked_once_per_connection_and_portfolio(
    long_short: RiskSnapshot, long_equities: RiskSnapshot
) -> None:
    first = ScriptedFeed([status(), long_short, long_short, long_equities, status(), status()])
    again = ScriptedFeed([long_short, status(), status()])
    Rig([first, again]).run()
    assert first.asked == ["long-short", "long-equities"]
    assert again.asked == ["long-short"]


def test_of_many_books_only_the_first_histories_are_fetched_unasked(
    long_short: RiskSnapshot,
) -> None:
    names = [f"book-{index:02}" for index in range(EAGER_BACKFILLS + 1)]
    books = [replace_struct(long_short, portfolio=name, snapshot_id=name) for name in names]
    feed = ScriptedFeed([*books, status(), *(status() for _ in names)])
    Rig([feed]).run()
    assert feed.asked == names[:-1]


def test_the_history_is_asked_again_when_the_api_left_snapshots_out(
    long_short: RiskSnapshot,
) -> None:
    feed = ScriptedFeed(
        [long_short, status(), status(dropped_count=3), long_short, status(dropped_count=3)]
    )
    Rig([feed]).run()
    assert feed.asked == ["long-short", "long-short"]


def test_a_history_that_cannot_be_had_does_not_stop_the_numbers(
    long_short: RiskSnapshot, long_equities: RiskSnapshot
) -> None:
    feed = ScriptedFeed(
        [long_short, status(), long_equities, status()],
        history_problem=ApiUnavailableError("PostgreSQL does not answer"),
    )
    rig = Rig([feed])
    rig.run()
    assert rig.desk.portfolios() == ("long-equities", "long-short")
    assert feed.asked == ["long-short", "long-equities"]


def test_browsers_are_woken_by_numbers_and_by_a_break(long_short: RiskSnapshot) -> None:
    woken: list[int] = []

    class Counting(Fanout):
        def wake(self) -> None:
            woken.append(1)

    rig = Rig([ScriptedFeed([status(), long_short])], fanout=Counting())
    rig.run()
    assert len(woken) >= 4
