"""Behaviour that only a real Redis can show: expiry, bounds, waiting readers, concurrency."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import redis

from system.book.book import Book
from system.book.valuation.limits import LimitAlerts
from system.clock import SystemClock
from system.contracts.api.risk import StreamState, current_risk
from system.contracts.codec import encode
from system.settings import load_settings
from system.store.errors import StoreUnavailableError
from system.store.postgres.history_fake import MemoryHistory
from system.store.redis import keyspace
from system.store.redis.async_latest import OLDEST_ID, LatestReader
from system.store.redis.latest import LatestStore
from system.store.redis.redis_values import entry_id
from system.store.sample_snapshots import sample_snapshot
from system.stream.batch.durable import DurableWriter
from system.stream.batch.micro_batch import MicroBatch
from system.stream.driver import Driver
from system.stream.lifecycle.heartbeat import Progress, Pulse
from system.stream.lifecycle.watchdog import Watchdog
from tests.system.book.feed import holding, partition_names, portfolio
from tests.system.stream.tables import reference_table

pytestmark = pytest.mark.integration


@pytest.fixture
def latest(redis_url: str) -> Iterator[LatestStore]:
    store = LatestStore(redis_url)
    yield store
    store.close()


def publish(latest: LatestStore, epoch: int, *portfolios: str) -> None:
    snapshots = [sample_snapshot(name, epoch=epoch) for name in portfolios or ("alpha",)]
    latest.publish(snapshots, fence=1, epoch=epoch, offsets={"trades:0": epoch}, published_ns=1)


def wait_until(condition: Callable[[], bool], bound_s: float = 5.0) -> None:
    bound = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < bound, "the condition did not come true in time"
        time.sleep(0.01)


def test_a_stream_that_stops_beating_is_stale_within_the_expiry(latest: LatestStore) -> None:
    latest.beat(1, 0, monotonic_ns=1, state=StreamState.RUNNING)
    assert latest.status().state is StreamState.RUNNING
    wait_until(lambda: latest.status().state is StreamState.STALE)
    assert latest.status().heartbeat_age_ms is None


@pytest.mark.parametrize("with_batch", [False, True], ids=["quiet market", "one book ticks"])
def test_an_emptied_redis_has_every_book_again_within_two_seconds(
    latest: LatestStore, redis_url: str, *, with_batch: bool
) -> None:
    """Also a book of cash, which no tick ever touches; also where a batch writes another first."""
    clock, history = SystemClock(), MemoryHistory()
    fence = history.acquire_fence()
    durable = DurableWriter(history, latest, NoAnnouncer())
    names = partition_names()
    batch = MicroBatch(
        Book(dict.fromkeys(names, 0)),
        latest,
        durable,
        clock=clock,
        fence=fence,
        published={},
        alerts=LimitAlerts(),
    )
    batch.run(lambda: reference_table(portfolio("CASH", holding("cash:USD", 5.0))))
    watchdog = Watchdog(clock, lambda code: pytest.fail(f"ended with {code}"))
    settings = load_settings()
    driver = Driver(settings, settings.connections(), cores=1, watchdog=watchdog)
    pulse = Pulse(
        latest,
        clock,
        fence=fence,
        progress=Progress(
            place=lambda: (batch.epoch, batch.finished_ns, False),
            covered=lambda: batch.covered({}),
            caught_up=lambda: True,
            portfolio_count=lambda: batch.published_count,
        ),
        ask_broker=lambda: dict.fromkeys(names, 0),
        lag_bound_ns=10**9,
        on_emptied=driver.fill_redis_again,
        on_fenced=lambda error: pytest.fail(str(error)),
    )
    pulse.start()
    try:
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        assert latest.portfolios() == []
        if with_batch:
            other = portfolio("OTHER", holding("cash:USD", 6.0))
            batch.run(lambda: reference_table(other, first_offset=1))

        def is_filled() -> bool:
            driver.publish_what_redis_lost(batch)
            return {"CASH"} <= set(latest.portfolios())

        wait_until(is_filled, 2.0)
        read_back = latest.latest("CASH")
        assert read_back is not None
        assert read_back.snapshot.nav == 5.0
        durable.wait()
        wait_until(lambda: bool(current := latest.latest("CASH")) and current.durable, 2.0)
    finally:
        pulse.stop()
        durable.close()


class NoAnnouncer:
    """Output topics that nobody reads."""

    def send(self, message: object) -> None:
        pass

    def flush(self) -> None:
        pass


def test_the_push_stream_keeps_a_bounded_number(
    latest: LatestStore, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyspace, "STREAM_MAX_ENTRIES", 50)
    for epoch in range(300):
        publish(latest, epoch)
    with redis.Redis.from_url(redis_url) as client:
        assert 50 <= client.xlen(keyspace.SNAPSHOTS_KEY) < 200
    assert latest.read_since("0")[0].epoch > 0


def test_writers_at_once_leave_the_newest(latest: LatestStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda epoch: publish(latest, epoch), range(100)))
    found, watermark = latest.latest("alpha"), latest.watermark()
    assert found is not None
    assert watermark is not None
    assert (found.snapshot.epoch, watermark.epoch) == (99, 99)


def test_the_event_loop_reads_what_threads_read(latest: LatestStore, redis_url: str) -> None:
    publish(latest, 3, "alpha", "beta")
    latest.mark_durable(1, 3)
    latest.beat(1, 3, monotonic_ns=1, state=StreamState.RUNNING)

    async def read() -> None:
        reader = LatestReader(redis_url)
        record = await reader.current("alpha")
        assert record is not None
        assert record.json == encode(current_risk(sample_snapshot("alpha", epoch=3)))
        assert (record.durable, record.stream) == (True, StreamState.RUNNING)
        whole = await reader.snapshot("beta")
        assert whole is not None
        assert whole.json == encode(sample_snapshot("beta", epoch=3))
        assert await reader.current("gamma") is None
        assert await reader.portfolios() == ["alpha", "beta"]
        assert len(await reader.currents(["alpha", "gamma", "beta"])) == 2
        assert await reader.watermark() == latest.watermark()
        assert (await reader.status()).durable_epoch == 3
        await reader.aclose()

    asyncio.run(read())


def test_a_waiting_reader_gets_an_entry_as_soon_as_it_comes(
    latest: LatestStore, redis_url: str
) -> None:
    async def read() -> None:
        reader = LatestReader(redis_url)
        assert await reader.kept_range() == (OLDEST_ID, OLDEST_ID)
        assert await reader.read_since(OLDEST_ID, block_ms=20) == []
        waiting = asyncio.create_task(reader.read_since(OLDEST_ID, block_ms=4_000))
        await asyncio.to_thread(publish, latest, 0)
        (entry,) = await asyncio.wait_for(waiting, 2)
        assert await reader.kept_range() == (entry.entry_id, entry.entry_id)
        await reader.aclose()

    asyncio.run(read())


def test_a_push_stream_with_ids_of_a_clock_is_begun_again(
    latest: LatestStore, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.xadd(keyspace.SNAPSHOTS_KEY, {"portfolio": "old"}, id="1900000000000-0")
    publish(latest, 3, "alpha", "beta")
    publish(latest, 4, "alpha")
    assert [entry.entry_id for entry in latest.read_since("0")] == [
        entry_id(1, 3, 0),
        entry_id(1, 3, 1),
        entry_id(1, 4, 0),
    ]


def test_a_heartbeat_that_a_clock_set_back_keeps_alive_is_stale(
    latest: LatestStore, redis_url: str
) -> None:
    publish(latest, 3)
    latest.beat(1, 3, monotonic_ns=1, state=StreamState.RUNNING)
    assert latest.status().state is StreamState.RUNNING
    with redis.Redis.from_url(redis_url) as client:
        client.pexpire(keyspace.HEARTBEAT_KEY, 3_600_000)  # as after a step of an hour
    assert latest.status().state is StreamState.STALE

    async def read() -> None:
        reader = LatestReader(redis_url)
        record = await reader.current("alpha")
        assert record is not None
        assert record.stream is StreamState.STALE
        assert (await reader.status()).state is StreamState.STALE
        await reader.aclose()

    asyncio.run(read())


def test_silence_names_the_server_and_not_its_password() -> None:
    store = LatestStore("redis://:s3cret@127.0.0.1:1/0")
    with pytest.raises(StoreUnavailableError, match="Redis does not answer") as caught:
        store.latest("alpha")
    assert "s3cret" not in str(caught.value)


def test_scripts_survive_a_server_that_forgot_them(latest: LatestStore, redis_url: str) -> None:
    publish(latest, 0)
    with redis.Redis.from_url(redis_url) as client:
        client.script_flush()
    publish(latest, 1)
    read_back = latest.latest("alpha")
    assert read_back is not None
    assert read_back.snapshot.epoch == 1


def test_large_snapshots_are_kept_in_smaller_number(
    latest: LatestStore, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyspace, "STREAM_MAX_BYTES", 100_000)
    monkeypatch.setattr(keyspace, "STREAM_MIN_ENTRIES", 2)
    for epoch in range(30):
        big = sample_snapshot(epoch=epoch, position_count=100)
        latest.publish([big], fence=1, epoch=epoch, offsets={}, published_ns=1)
    with redis.Redis.from_url(redis_url) as client:
        assert 2 <= client.xlen(keyspace.SNAPSHOTS_KEY) <= 4


@pytest.fixture
def nearly_full(redis_url: str) -> Iterator[redis.Redis]:
    """A Redis whose memory holds nothing more, until the test gives it back."""
    with redis.Redis.from_url(redis_url) as client:
        held = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", 1)  # what is in use now may be less in a moment
        yield client
        client.config_set("maxmemory", held)


def test_a_full_memory_is_said_to_be_unavailable(nearly_full: redis.Redis, redis_url: str) -> None:
    full = LatestStore(redis_url, attempts=1)
    with pytest.raises(StoreUnavailableError, match="memory is full"):
        publish(full, 0)
    with pytest.raises(StoreUnavailableError, match="memory is full"):
        full.beat(1, 0, monotonic_ns=1, state=StreamState.RUNNING)
    assert full.latest("alpha") is None
    full.close()


def test_a_write_waits_until_memory_is_free_again(nearly_full: redis.Redis, redis_url: str) -> None:
    waiting = LatestStore(redis_url, attempts=keyspace.STREAM_ATTEMPTS)
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(publish, waiting, 0)
        time.sleep(0.2)
        assert not written.done()
        nearly_full.config_set("maxmemory", 0)
        written.result(timeout=10)
    assert waiting.latest("alpha") is not None
    waiting.close()


def test_a_wrong_type_is_refused_in_our_own_words(latest: LatestStore, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(keyspace.SNAPSHOTS_KEY, "no stream")
    with pytest.raises(StoreUnavailableError, match=r"Redis refuses.*WRONGTYPE"):
        publish(latest, 0)


@pytest.mark.parametrize("password", ["", "the right one"])
def test_a_client_that_asks_and_never_reads_fills_nothing(
    latest: LatestStore, redis_url: str, password: str
) -> None:
    url = urlsplit(redis_url)
    greeting = f"AUTH {url.password}\r\n" if password else ""
    publish(latest, 0)
    with socket.create_connection((url.hostname, url.port), timeout=1) as greedy:
        greedy.sendall(greeting.encode())
        with contextlib.suppress(OSError):  # refused, or closed while we write
            for _ in range(60):
                greedy.sendall(b"a\r\n" * 350_000)
        publish(latest, 1)
        with redis.Redis.from_url(redis_url) as client:
            assert client.info("memory")["used_memory"] < 256 * 1024**2


def test_a_long_reading_is_many_replies_and_no_entry_is_lost(
    latest: LatestStore, redis_url: str
) -> None:
    for epoch in range(4):
        publish(latest, epoch, *(f"book-{number}" for number in range(10)))
    whole = latest.read_since("0", count=256)
    assert [entry.epoch for entry in whole] == [epoch for epoch in range(4) for _ in range(10)]
    assert latest.read_since("0", count=33) == whole[:33]

    async def read() -> None:
        reader = LatestReader(redis_url)
        assert await reader.read_since(OLDEST_ID, block_ms=1_000, count=256) == whole
        assert await reader.read_since(OLDEST_ID, count=16) == whole[:16]
        names = [f"book-{number}" for number in range(10)] * 4
        assert [record.portfolio for record in await reader.snapshots(names)] == names
        await reader.aclose()

    asyncio.run(read())


def test_a_write_waits_until_a_replica_is_primary_again(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.replicaof("127.0.0.1", 9)
        refused = LatestStore(redis_url, attempts=1)
        with pytest.raises(StoreUnavailableError, match="Redis refuses"):
            publish(refused, 0)
        waiting = LatestStore(redis_url, attempts=keyspace.STREAM_ATTEMPTS)
        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(publish, waiting, 0)
            time.sleep(0.2)
            assert not written.done()
            client.replicaof("NO", "ONE")
            written.result(timeout=10)
        for store in (refused, waiting):
            store.close()


def test_a_write_waits_until_a_script_of_somebody_has_ended(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, ThreadPoolExecutor(2) as pool:
        before = client.config_get("busy-reply-threshold")["busy-reply-threshold"]
        client.config_set("busy-reply-threshold", 50)
        endless = pool.submit(lambda: client.eval("while true do end", 0))
        time.sleep(0.3)
        waiting = LatestStore(redis_url, attempts=keyspace.STREAM_ATTEMPTS)
        written = pool.submit(publish, waiting, 0)
        time.sleep(0.2)
        assert not written.done()
        with redis.Redis.from_url(redis_url) as other:
            other.script_kill()
        with pytest.raises(redis.ResponseError):
            endless.result(timeout=10)
        written.result(timeout=10)
        client.config_set("busy-reply-threshold", before)
        waiting.close()


def test_an_emptied_redis_knows_again_whose_numbers_it_holds(redis_url: str) -> None:
    with LatestStore(redis_url) as store, redis.Redis.from_url(redis_url) as plain:
        store.claim(1, identity="a/1/0")
        plain.flushdb()
        store.beat(1, 0, monotonic_ns=1, state=StreamState.RUNNING)
        assert store.identity() == "a/1/0"
