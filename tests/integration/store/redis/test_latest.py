"""The laws of the newest risk, for Redis and for its fake alike."""

from __future__ import annotations

import msgspec
import pytest

from system.clock import monotonic_ns
from system.contracts.api.risk import CurrentRisk, StreamState, current_risk
from system.contracts.codec import decode
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.store.errors import FencedError
from system.store.records import Position
from system.store.redis.keyspace import BEAT_AGE_MS
from system.store.redis.latest import LatestStore
from system.store.redis.latest_fake import MemoryLatest
from system.store.redis.redis_values import entry_id
from system.store.sample_snapshots import sample_snapshot

Latest = LatestStore | MemoryLatest


def publish(latest: Latest, *snapshots: RiskSnapshot, fence: int = 1, epoch: int = 0) -> int:
    return latest.publish(
        snapshots, fence=fence, epoch=epoch, offsets={"trades:0": epoch}, published_ns=77
    )


def epoch_of(latest: Latest, portfolio: str = "alpha") -> int:
    read_back = latest.latest(portfolio)
    assert read_back is not None
    return read_back.snapshot.epoch


def test_an_empty_store_has_no_snapshot_and_a_stale_stream(latest: Latest) -> None:
    assert latest.latest("alpha") is None
    assert latest.watermark() is None
    assert latest.portfolios() == []
    assert latest.read_since("0") == []
    status = latest.status()
    assert (status.state, status.heartbeat_age_ms) == (StreamState.STALE, None)
    assert (status.fence, status.epoch, status.durable_epoch) == (-1, -1, -1)


def test_what_is_published_is_what_is_read(latest: Latest) -> None:
    alpha, beta = sample_snapshot("alpha", position_count=9), sample_snapshot("beta")
    assert publish(latest, alpha, beta) == 2
    read_back = latest.latest("alpha")
    assert read_back is not None
    assert (read_back.snapshot, read_back.durable) == (alpha, False)
    assert latest.portfolios() == ["alpha", "beta"]
    watermark = latest.watermark()
    assert watermark is not None
    assert (watermark.fence, watermark.epoch, watermark.published_ns) == (1, 0, 77)
    assert watermark.offsets == {"trades:0": 0}


@pytest.mark.parametrize(("fence", "epoch"), [(2, 4), (2, 5), (1, 9)])
def test_what_is_not_newer_changes_nothing(latest: Latest, fence: int, epoch: int) -> None:
    publish(latest, sample_snapshot(epoch=5), fence=2, epoch=5)
    if fence == 2:
        assert publish(latest, sample_snapshot(epoch=epoch, nav=1.0), fence=fence, epoch=epoch) == 0
    else:
        with pytest.raises(FencedError):
            publish(latest, sample_snapshot(epoch=epoch), fence=fence, epoch=epoch)
    assert epoch_of(latest) == 5
    assert len(latest.read_since("0")) == 1
    watermark = latest.watermark()
    assert watermark is not None
    assert watermark.offsets == {"trades:0": 5}


def test_a_new_fence_is_newer_however_small_its_epoch(latest: Latest) -> None:
    publish(latest, sample_snapshot(epoch=50), fence=1, epoch=50)
    assert publish(latest, sample_snapshot(epoch=0), fence=2, epoch=0) == 1
    assert epoch_of(latest) == 0


def test_a_claimed_fence_refuses_older_writers_at_once(latest: Latest) -> None:
    publish(latest, sample_snapshot(), fence=3)
    latest.claim(4)
    with pytest.raises(FencedError, match="fence 3 is superseded by 4"):
        publish(latest, sample_snapshot(epoch=1), fence=3, epoch=1)
    with pytest.raises(FencedError):
        latest.beat(3, 1, monotonic_ns=1, state=StreamState.RUNNING)
    with pytest.raises(FencedError):
        latest.mark_durable(3, 1)
    with pytest.raises(FencedError):
        latest.claim(3)
    assert publish(latest, sample_snapshot(epoch=0), fence=4, epoch=0) == 1


def test_of_one_batch_the_last_snapshot_stands_and_all_are_pushed(latest: Latest) -> None:
    live = sample_snapshot(epoch=1)
    close = sample_snapshot(epoch=1, kind=SnapshotKind.END_OF_DAY)
    assert publish(latest, live, close, epoch=1) == 2
    read_back = latest.latest("alpha")
    assert read_back is not None
    assert read_back.snapshot == close
    pushed = latest.read_since("0")
    assert [entry.kind for entry in pushed] == [SnapshotKind.LIVE, SnapshotKind.END_OF_DAY]


def test_a_batch_without_snapshots_moves_the_watermark(latest: Latest) -> None:
    assert publish(latest, epoch=8) == 0
    watermark = latest.watermark()
    assert watermark is not None
    assert watermark.offsets == {"trades:0": 8}


def test_push_goes_on_after_the_last_entry_seen(latest: Latest) -> None:
    for epoch in range(5):
        publish(latest, sample_snapshot(epoch=epoch), epoch=epoch)
    first = latest.read_since("0", count=2)
    rest = latest.read_since(first[-1].entry_id)
    assert [entry.epoch for entry in (*first, *rest)] == [0, 1, 2, 3, 4]
    assert decode(rest[-1].snapshot, RiskSnapshot) == sample_snapshot(epoch=4)
    assert latest.read_since(rest[-1].entry_id) == []


def test_entries_are_called_by_their_batch_and_never_by_a_clock(latest: Latest) -> None:
    publish(latest, sample_snapshot("alpha"), sample_snapshot("beta"), fence=3, epoch=7)
    publish(latest, sample_snapshot("alpha"), fence=4, epoch=0)
    ids = [entry.entry_id for entry in latest.read_since("0")]
    assert ids == [entry_id(3, 7, 0), entry_id(3, 7, 1), entry_id(4, 0, 0)]


def test_an_older_batch_that_comes_late_is_not_pushed_before_newer_ones(latest: Latest) -> None:
    publish(latest, sample_snapshot("alpha", epoch=5), epoch=5)
    assert publish(latest, sample_snapshot("beta", epoch=4), epoch=4) == 1
    assert [entry.portfolio for entry in latest.read_since("0")] == ["alpha"]


def test_the_short_form_is_the_snapshot_without_its_positions(latest: Latest) -> None:
    snapshot = sample_snapshot()
    publish(latest, snapshot)
    (entry,) = latest.read_since("0")
    assert b'"positions"' not in entry.current
    short = msgspec.json.decode(entry.current, type=CurrentRisk)
    assert short == current_risk(snapshot)
    assert short.var_limit == 0.02 * snapshot.nav
    assert len(entry.current) < len(entry.snapshot)


def test_a_snapshot_is_durable_once_its_batch_is_committed(latest: Latest) -> None:
    publish(latest, sample_snapshot("alpha", epoch=4), epoch=4)
    publish(latest, sample_snapshot("beta", epoch=5), epoch=5)
    latest.mark_durable(1, 4)
    latest.mark_durable(1, 3)
    durable = {name: latest.latest(name) for name in ("alpha", "beta")}
    assert [found is not None and found.durable for found in durable.values()] == [True, False]


def test_what_a_dead_driver_never_committed_does_not_become_durable(latest: Latest) -> None:
    publish(latest, sample_snapshot("alpha", epoch=4), epoch=4)
    publish(latest, sample_snapshot("beta", epoch=5), epoch=5)
    latest.claim(2, committed=Position(1, 4))
    latest.mark_durable(2, 0)
    durable = {name: latest.latest(name) for name in ("alpha", "beta")}
    assert [found is not None and found.durable for found in durable.values()] == [True, False]


def test_what_a_restored_database_lacks_is_not_durable(latest: Latest) -> None:
    publish(latest, sample_snapshot("alpha", epoch=4), fence=6, epoch=4)
    latest.mark_durable(6, 4)
    publish(latest, sample_snapshot("beta", epoch=5), fence=9, epoch=5)
    latest.mark_durable(9, 5)
    latest.claim(10, committed=Position(6, 4))
    latest.mark_durable(10, 0)
    durable = {name: latest.latest(name) for name in ("alpha", "beta")}
    assert [found is not None and found.durable for found in durable.values()] == [True, False]


def test_commits_that_were_taken_back_under_one_fence_are_not_durable(latest: Latest) -> None:
    publish(latest, sample_snapshot("alpha", epoch=4), epoch=4)
    publish(latest, sample_snapshot("beta", epoch=5), epoch=5)
    latest.mark_durable(1, 5)
    latest.claim(2, committed=Position(1, 4))
    durable = {name: latest.latest(name) for name in ("alpha", "beta")}
    assert [found is not None and found.durable for found in durable.values()] == [True, False]


def test_another_database_finds_nothing_and_the_same_one_all(latest: Latest) -> None:
    latest.claim(1, identity="a/1/0")
    publish(latest, sample_snapshot(), fence=1)
    latest.beat(1, 0, monotonic_ns=5, state=StreamState.RUNNING)
    latest.claim(2, committed=Position(1, 0), identity="a/1/0")
    assert latest.identity() == "a/1/0"
    assert latest.portfolios() == ["alpha"]
    latest.claim(3, identity="b/1/0")
    assert (latest.identity(), latest.claimed_fence()) == ("b/1/0", 3)
    assert latest.portfolios() == []
    assert latest.latest("alpha") is None
    assert latest.watermark() is None
    assert latest.read_since("0") == []
    assert latest.status().heartbeat_age_ms is None
    with pytest.raises(FencedError):
        publish(latest, sample_snapshot(), fence=2)


def test_a_heartbeat_says_that_the_stream_lives(latest: Latest) -> None:
    began_ns = monotonic_ns()
    latest.beat(1, 0, monotonic_ns=5, state=StreamState.WARMING)
    status = latest.status()
    assert status.state is StreamState.WARMING
    assert status.heartbeat_age_ms is not None
    elapsed_ms = (monotonic_ns() - began_ns) / 1e6
    assert 0 <= status.heartbeat_age_ms <= elapsed_ms + 1, "no older than it can be"


def test_a_heartbeat_that_reaches_the_store_too_late_is_dropped(latest: Latest) -> None:
    """As after the store stood still while the beat lay in its socket."""
    latest.beat(1, 0, monotonic_ns=5, state=StreamState.LAGGING, observed_ms=latest.clock_ms())
    past_ms = latest.clock_ms() - BEAT_AGE_MS - 1
    assert latest.beat(1, 1, monotonic_ns=6, state=StreamState.RUNNING, observed_ms=past_ms)
    assert latest.status().state is StreamState.LAGGING


def test_a_heartbeat_finds_that_a_portfolio_is_not_held(latest: Latest) -> None:
    """As after the store was emptied and a batch has written but one of two books again."""

    def beat(portfolio_count: int) -> bool:
        return latest.beat(
            1, 0, monotonic_ns=5, state=StreamState.RUNNING, portfolio_count=portfolio_count
        )

    assert beat(0)
    assert not beat(1)
    publish(latest, sample_snapshot("alpha"))
    assert beat(1)
    assert not beat(2)
    publish(latest, sample_snapshot("beta", epoch=1), epoch=1)
    assert beat(2)
