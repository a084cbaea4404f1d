"""The fan-out: order, conflation, heartbeats, resuming; over fakes, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from system.clock import ManualClock
from system.contracts.api.risk import CurrentRisk, StreamState, StreamStatus
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.serve.routes.stream import events
from system.serve.services import hub as hub_module
from system.serve.services.bus_fake import MemoryBus
from system.serve.services.connections import Services
from system.serve.services.hub import NO_STATUS, PushedSnapshot, SnapshotHub, Subscription
from system.store.errors import StoreUnavailableError
from system.store.postgres.history_fake import MemoryHistory
from system.store.redis.latest_fake import MemoryLatest
from system.store.redis.redis_values import entry_id
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


# -- one client's queue -------------------------------------------------------------------


def test_a_fast_client_gets_every_snapshot_in_order() -> None:
    async def test(world: World) -> None:
        subscription = Subscription()
        pushed = [push for _ in range(5) for push in world.pushed("alpha", "beta")]
        for push in pushed:
            subscription.offer(push)
        assert [event.id for event in await drained(subscription)] == ids(pushed)
        assert subscription.dropped_count == 0

    run(test, with_hub=False)


def test_a_slow_client_keeps_the_newest_of_every_portfolio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PENDING_MAX", 4)

    async def test(world: World) -> None:
        subscription = Subscription()
        rare = world.pushed("rare")
        often = [push for _ in range(20) for push in world.pushed("often")]
        for push in (*rare, *often):
            subscription.offer(push)
        subscription.offer_status(NO_STATUS)
        *snapshots, last = await drained(subscription)
        assert [event.id for event in snapshots] == ids([*rare, *often[-3:]])
        assert (last.kind, last.status.dropped_count) == ("stale", 17)

    run(test, with_hub=False)


def test_a_slow_client_loses_no_end_of_day_to_a_newer_live_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "PENDING_MAX", 4)

    async def test(world: World) -> None:
        subscription = Subscription()
        closes = world.pushed("often", kind=SnapshotKind.END_OF_DAY)
        often = [pushed for _ in range(20) for pushed in world.pushed("often")]
        for snapshot in (*closes, *often):
            subscription.offer(snapshot)
        assert [event.id for event in await drained(subscription)] == ids([*closes, *often[-3:]])
        assert subscription.dropped_count == 17

    run(test, with_hub=False)


def test_a_client_that_leaves_too_many_ends_of_day_is_ended_and_can_resume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "PENDING_MAX", 4)
    monkeypatch.setattr(hub_module, "UNDROPPED_MAX", 8)

    async def test(world: World) -> None:
        subscription = Subscription()
        pushed = [close for _ in range(20) for close in world.pushed(kind=SnapshotKind.END_OF_DAY)]
        for close in pushed:
            subscription.offer(close)
        received = [event.id for event in await drained(subscription)]
        assert received == ids(pushed[:9]), "no hole before the end: it resumes from the last one"

    run(test, with_hub=False)


def test_nothing_is_dropped_that_nothing_newer_replaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "PENDING_MAX", 4)

    async def test(world: World) -> None:
        subscription = Subscription()
        pushed = world.pushed(*(f"p{number:02}" for number in range(10)))
        for push in pushed:
            subscription.offer(push)
        assert [event.id for event in await drained(subscription)] == ids(pushed)

    run(test, with_hub=False)


def test_a_client_gets_only_the_portfolio_it_asked_for() -> None:
    async def test(world: World) -> None:
        subscription = Subscription("beta", compact=True)
        for push in world.pushed("alpha", "beta", "gamma"):
            subscription.offer(push)
        (event,) = await drained(subscription)
        assert msgspec.json.decode(event.data, type=CurrentRisk).portfolio == "beta"

    run(test, with_hub=False)


def test_of_several_states_of_the_stream_only_the_newest_waits() -> None:
    async def test(_: World) -> None:
        subscription = Subscription()
        for epoch in range(3):
            subscription.offer_status(msgspec.structs.replace(NO_STATUS, epoch=epoch))
        (event,) = await drained(subscription)
        assert event.status.epoch == 2

    run(test, with_hub=False)


# -- a client's stream --------------------------------------------------------------------


def test_a_new_client_gets_the_newest_of_each_and_then_what_comes() -> None:
    async def test(world: World) -> None:
        world.publish("alpha", "beta")
        world.publish("alpha")
        stream = world.stream()
        assert [(await stream.next()).snapshot_id for _ in range(2)] == ["alpha-1-1", "beta-1-0"]
        world.publish("beta")
        event = await stream.next()
        assert event.snapshot_id == "beta-1-2"
        assert event.id == world.latest.kept_range()[1]

    run(test)


def test_the_first_thing_told_is_where_the_stream_stands() -> None:
    async def test(world: World) -> None:
        world.latest.beat(1, 0, monotonic_ns=1, state=StreamState.RUNNING)
        stream = world.stream()
        assert (await stream.next("stale")).status.state is StreamState.STALE
        assert (await stream.next("heartbeat")).status.state is StreamState.RUNNING

    run(test)


def test_a_snapshot_decodes_as_its_contract() -> None:
    async def test(world: World) -> None:
        world.publish()
        event = await world.stream().next()
        assert msgspec.json.decode(event.data, type=RiskSnapshot) == sample_snapshot()

    run(test)


def test_what_was_missed_is_replayed_from_the_last_event_seen() -> None:
    async def test(world: World) -> None:
        for _ in range(100):
            world.publish("alpha", "beta")
        stream = world.stream("beta", resume=entry_id(1, 9, 1))
        await asyncio.sleep(0)
        world.publish("beta")
        seen = [(await stream.next()).snapshot_id for _ in range(91)]
        assert seen == [f"beta-1-{epoch}" for epoch in range(10, 101)]

    run(test)


def test_a_client_that_missed_what_is_gone_is_told_and_gets_the_newest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("system.store.redis.latest_fake.STREAM_MAX_ENTRIES", 3)

    async def test(world: World) -> None:
        for _ in range(10):
            world.publish()
        resumed_from, oldest = entry_id(1, 1, 0), entry_id(1, 7, 0)
        stream = world.stream(resume=resumed_from)
        gap = await stream.next("gap")
        assert msgspec.json.decode(gap.data) == {
            "resumed_from": resumed_from,
            "oldest_kept": oldest,
        }
        assert (await stream.next()).snapshot_id == "alpha-1-9"

    run(test)


def test_an_id_beyond_the_newest_is_of_another_stream_and_a_gap() -> None:
    async def test(world: World) -> None:
        world.publish()
        stream = world.stream(resume=entry_id(7, 0, 0))
        gap = await stream.next("gap")
        assert msgspec.json.decode(gap.data)["resumed_from"] == entry_id(7, 0, 0)
        assert (await stream.next()).snapshot_id == "alpha-1-0"

    run(test)


@pytest.mark.parametrize("fence", [1, 2])
def test_a_stream_that_begins_again_below_the_last_id_is_pushed_with_a_gap(
    monkeypatch: pytest.MonkeyPatch, fence: int
) -> None:
    monkeypatch.setattr(hub_module, "PUMP_BLOCK_MS", 20)

    async def test(world: World) -> None:
        world.fence = 2
        stream = world.stream()
        world.publish("alpha", "beta")
        for _ in range(2):
            await stream.next()
        world.publish("alpha")
        await stream.next()
        world.latest.empty()
        gap = await stream.next("gap")
        assert msgspec.json.decode(gap.data)["resumed_from"] == entry_id(2, 1, 0)
        world.fence, world.epoch = fence, -1
        world.publish("alpha")
        event = await stream.next()
        assert (event.kind, event.id) == ("snapshot", entry_id(fence, 0, 0))

    run(test)


def test_nothing_comes_twice_and_nothing_goes_back() -> None:
    async def test(world: World) -> None:
        stream = world.stream()
        seen: list[int] = []
        for _ in range(30):
            world.publish()
            if world.epoch % 3 == 0:
                event = await stream.next()
                seen.append(int(event.snapshot_id.rpartition("-")[2]))
        assert seen == sorted(set(seen))

    run(test)


def test_all_clients_share_one_reader_of_the_stream() -> None:
    async def test(world: World) -> None:
        streams = [world.stream() for _ in range(50)]
        world.publish()
        for stream in streams:
            await stream.next()
        calls = 0
        original = world.reader.read_since

        async def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            return await original(*args, **kwargs)

        world.reader.read_since = counted  # type: ignore[method-assign]
        for _ in range(10):
            world.publish()
            for stream in streams:
                await stream.next()
        assert calls < 50

    run(test)


def test_a_client_that_leaves_is_forgotten() -> None:
    async def test(world: World) -> None:
        world.publish()
        stream = world.stream()
        await stream.next()
        assert world.hub.client_count == 1
        await stream.close()
        assert world.hub.client_count == 0

    run(test)


# -- the stream of the stream -------------------------------------------------------------


def test_a_heartbeat_that_stops_is_told_as_stale() -> None:
    async def test(world: World) -> None:
        world.latest.beat(1, 0, monotonic_ns=1, state=StreamState.RUNNING)
        stream = world.stream()
        await stream.next("heartbeat")
        world.now_ms += 2_000
        told = await stream.next("stale")
        assert told.status.heartbeat_age_ms is None

    run(test)


def test_a_silent_redis_is_stale_and_its_return_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "STATUS_EVERY_S", 0.01)
    monkeypatch.setattr(hub_module, "RECONNECT_S", 0.01)

    async def test(world: World) -> None:
        world.latest.beat(1, 0, monotonic_ns=1, state=StreamState.RUNNING)
        stream = world.stream()
        await stream.next("heartbeat")
        answering = (world.reader.status, world.reader.read_since)

        async def silent(*_: Any, **__: Any) -> Any:
            raise StoreUnavailableError("Redis does not answer")

        world.reader.status = world.reader.read_since = silent  # type: ignore[method-assign]
        await stream.next("stale")
        world.publish()
        world.reader.status, world.reader.read_since = answering  # type: ignore[method-assign]
        told = {(await stream.next("heartbeat", "snapshot")).kind for _ in range(2)}
        assert told == {"heartbeat", "snapshot"}

    run(test)


def test_when_the_hub_ends_its_clients_end() -> None:
    async def test(world: World) -> None:
        running = asyncio.create_task(world.hub.run())
        await world.hub.ready()
        stream = world.stream()
        await stream.next("stale")
        running.cancel()
        with pytest.raises(StopAsyncIteration):
            await stream.next("none")

    run(test, with_hub=False)
