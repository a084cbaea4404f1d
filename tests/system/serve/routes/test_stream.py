"""Events of one client: the newest first, then each in order, resumed after a break."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from system.contracts.api.risk import StreamState
from system.contracts.messages import RiskSnapshot
from system.serve.services import hub as hub_module
from system.store.redis.redis_values import entry_id
from system.store.sample_snapshots import sample_snapshot
from tests.system.serve.pushed import World, run


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
