"""Takeover by a new driver: its fence, Redis, and the offsets before which nothing is shown."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from system.errors import UnavailableError
from system.store.postgres.history_fake import MemoryHistory
from system.store.postgres.identity import StateIdentity
from system.store.records import BatchCommit
from system.store.redis.latest_fake import MemoryLatest
from system.store.redis.redis_values import Watermark
from system.store.sample_snapshots import sample_snapshot
from system.stream.lifecycle import takeover
from system.stream.lifecycle.continuity import Break, BreakKind, StateMismatchError
from system.stream.lifecycle.takeover import BrokerWatch, published_offsets, taken_over


@pytest.fixture
def latest() -> MemoryLatest:
    return MemoryLatest(now_ms=lambda: 0)


def taken(
    monkeypatch: pytest.MonkeyPatch,
    latest: MemoryLatest,
    history: MemoryHistory,
    *,
    database: str = "a",
    announced: int = 0,
) -> int:
    identity = StateIdentity(database, 1, 1)
    monkeypatch.setattr(takeover, "check_state", lambda *_: identity)
    monkeypatch.setattr(takeover, "announced_fence", lambda _: announced)
    stores: Any = (history, latest)
    return taken_over(*stores, "127.0.0.1:1")


def shown(latest: MemoryLatest, fence: int) -> None:
    latest.publish(
        [sample_snapshot(fence=fence)],
        fence=fence,
        epoch=0,
        offsets={"trades:0": 5},
        published_ns=1,
    )


def test_a_restored_database_takes_a_fence_above_the_one_that_redis_has_seen(monkeypatch, latest):
    history = MemoryHistory()
    fence = taken(monkeypatch, latest, history)
    history.commit(BatchCommit(fence, 0, {"trades:0": 2}))
    latest.claim(999)
    shown(latest, 999)
    assert taken(monkeypatch, latest, history) == 1000
    assert latest.portfolios() == ["alpha"], "numbers on screens stay until they are passed"
    newest = latest.latest("alpha")
    assert newest is not None
    assert not newest.durable, "what the restored database lacks is not durable"
    assert history.commit(BatchCommit(1000, 0, {"trades:0": 3}))
    latest.mark_durable(1000, 0)
    newest = latest.latest("alpha")
    assert newest is not None
    assert not newest.durable


def test_numbers_of_another_database_are_removed_from_redis(monkeypatch, latest):
    fence = taken(monkeypatch, latest, MemoryHistory(), database="a")
    shown(latest, fence)
    assert taken(monkeypatch, latest, MemoryHistory(), database="b") == fence + 1
    assert latest.portfolios() == []
    assert latest.watermark() is None
    assert latest.read_since("0") == []


def test_numbers_of_the_same_database_stay(monkeypatch, latest):
    history = MemoryHistory()
    shown(latest, taken(monkeypatch, latest, history))
    taken(monkeypatch, latest, history)
    assert latest.portfolios() == ["alpha"]


def test_a_new_database_does_not_give_out_fences_that_were_announced(monkeypatch, latest, caplog):
    with caplog.at_level(logging.WARNING):
        assert taken(monkeypatch, latest, MemoryHistory(), announced=41) == 42
    assert "an older backup was restored" in caplog.text


def test_nothing_is_published_before_the_offsets_that_screens_have_seen():
    watermark = Watermark(3, 4, {"trades:0": 5, "fx_rates:0": 9}, 1)
    assert published_offsets(None, {"trades:0": 5}) == {}
    ends = {"trades:0": 5, "fx_rates:0": 12}
    assert published_offsets(watermark, ends) == watermark.offsets


def test_offsets_that_kafka_has_lost_are_not_waited_for(caplog):
    watermark = Watermark(3, 4, {"trades:0": 5, "fx_rates:0": 9}, 1)
    with caplog.at_level(logging.WARNING):
        assert published_offsets(watermark, {"trades:0": 4, "fx_rates:0": 12}) == {"fx_rates:0": 9}
    assert "trades:0 up to offset 5, which Kafka has lost" in caplog.text


class Broker:
    """Answers, or is away; and a check that counts."""

    def __init__(self) -> None:
        self.is_away = False
        self.checks = 0
        self.mismatch: Exception | None = None

    def ask(self) -> dict[str, int]:
        if self.is_away:
            raise UnavailableError("away")
        return {"trades:0": 5}

    def check(self) -> None:
        self.checks += 1
        if self.mismatch is not None:
            raise self.mismatch


def test_a_broker_that_comes_back_is_compared_with_the_state_once():
    broker = Broker()
    watch = BrokerWatch(broker.ask, broker.check)
    assert watch() == {"trades:0": 5}
    assert broker.checks == 0
    broker.is_away = True
    for _ in range(2):
        with pytest.raises(UnavailableError):
            watch()
    broker.is_away = False
    assert [watch(), watch()] == [{"trades:0": 5}] * 2
    assert broker.checks == 1


def test_a_broker_that_comes_back_with_other_messages_ends_the_driver():
    broker = Broker()
    watch = BrokerWatch(broker.ask, broker.check)
    broker.is_away = True
    with pytest.raises(UnavailableError):
        watch()
    broker.is_away = False
    broker.mismatch = StateMismatchError([Break(BreakKind.TOPICS, "trades:0", "another record")])
    with pytest.raises(StateMismatchError, match="another record"):
        watch()
