"""A hub over a fake Redis, and the events that its clients read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from system.clock import ManualClock
from system.contracts.api.risk import StreamStatus
from system.contracts.messages import SnapshotKind
from system.serve.routes.stream import events
from system.serve.services.bus_fake import MemoryBus
from system.serve.services.connections import Services
from system.serve.services.hub import PushedSnapshot, SnapshotHub, Subscription
from system.store.postgres.history_fake import MemoryHistory
from system.store.redis.latest_fake import MemoryLatest
from system.store.sample_snapshots import sample_snapshot

BOUND_S = 5.0


class Event:
    """One server-sent event as a client reads it."""

    def __init__(self, text: str) -> None:
        fields = dict(line.split(": ", 1) for line in text.split("\r\n") if line)
        self.kind = fields.get("event", "")
        self.id = fields.get("id")
        self.data = fields.get("data", "").encode()

    @property
    def snapshot_id(self) -> str:
        return msgspec.json.decode(self.data)["snapshot_id"]

    @property
    def status(self) -> StreamStatus:
        return msgspec.json.decode(self.data, type=StreamStatus)


def parsed(chunk: bytes) -> list[Event]:
    return [Event(text) for text in chunk.decode().split("\r\n\r\n") if text]


class World:
    """A hub over a fake Redis."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.latest = MemoryLatest(now_ms=lambda: self.now_ms)
        reader = self.latest.reader()
        self.reader = reader
        self.hub = SnapshotHub(reader, ManualClock())
        self.services = Services(reader, MemoryHistory(), MemoryBus(), self.hub, "t")
        self.fence, self.epoch = 1, -1

    def publish(self, *portfolios: str, kind: SnapshotKind = SnapshotKind.LIVE) -> None:
        self.epoch += 1
        snapshots = [
            sample_snapshot(name, epoch=self.epoch, kind=kind) for name in portfolios or ("alpha",)
        ]
        self.latest.publish(
            snapshots, fence=self.fence, epoch=self.epoch, offsets={}, published_ns=1
        )

    def pushed(
        self, *portfolios: str, kind: SnapshotKind = SnapshotKind.LIVE
    ) -> list[PushedSnapshot]:
        _, before = self.latest.kept_range()
        self.publish(*portfolios, kind=kind)
        return [PushedSnapshot(entry) for entry in self.latest.read_since(before)]

    def stream(
        self, portfolio: str | None = None, *, compact: bool = False, resume: str | None = None
    ) -> Stream:
        subscription = Subscription(portfolio, compact=compact)
        return Stream(events(self.services, subscription, resume))


class Stream:
    """Events that a client gets, one by one."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._events: list[Event] = []

    async def next(self, *kinds: str) -> Event:
        """Return the next event of these kinds (snapshots by default), within the bound."""
        async with asyncio.timeout(BOUND_S):
            while True:
                while self._events:
                    event = self._events.pop(0)
                    if event.kind in (kinds or ("snapshot",)):
                        return event
                self._events = parsed(await anext(self._chunks))

    async def close(self) -> None:
        await self._chunks.aclose()  # type: ignore[attr-defined]


def run(test: Callable[[World], Awaitable[None]], *, with_hub: bool = True) -> None:
    async def body() -> None:
        world = World()
        running = asyncio.create_task(world.hub.run()) if with_hub else None
        try:
            if with_hub:
                await world.hub.ready()
            await test(world)
        finally:
            if running is not None:
                running.cancel()

    asyncio.run(body())


def ids(pushed: list[PushedSnapshot]) -> list[str]:
    return [push.entry.entry_id for push in pushed]


async def drained(subscription: Subscription) -> list[Event]:
    subscription.close()
    events: list[Event] = []
    while (chunk := await subscription.next_chunk()) is not None:
        events += parsed(chunk)
    return events
