"""The fan-out: order, conflation, heartbeats, resuming; over fakes, without a server."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from system.contracts.api.risk import CurrentRisk, StreamState
from system.contracts.messages import SnapshotKind
from system.serve.services import hub as hub_module
from system.serve.services.hub import NO_STATUS, Subscription
from system.store.errors import StoreUnavailableError
from tests.system.serve.pushed import World, drained, ids, run


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
