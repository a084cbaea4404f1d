"""The oracle's process over memory: it ends, goes on where it was, and says why it cannot."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from system.bus.consumer import Record
from system.bus.extents import TopicExtents
from system.contracts.codec import encode
from system.contracts.oracle import OracleCheck, OracleStatus, OracleVerdict
from system.contracts.topics import RISK_SNAPSHOTS, Topic
from system.settings import Settings
from system.store.errors import StoreUnavailableError
from system.store.redis.latest_fake import MemoryLatest
from tests.system.book.feed import tick
from tests.validation.oracle.recorded import announced, opened_and_recorded
from validation.oracle import __main__ as module
from validation.oracle.__main__ import OracleProcess


class Broker:
    """Topics in memory, and followers of them."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.snapshots: list[Record] = []
        self.beginnings: dict[str, int] = {}
        self.read: list[Record] = []

    def extents(self, *_: Any, **__: Any) -> TopicExtents:
        ends = {f"{each.topic}:{each.partition}": each.offset + 1 for each in self.all}
        first = {**dict.fromkeys(ends, 0), **self.beginnings}
        return TopicExtents("cluster", {"trades": "1"}, first, ends)

    @property
    def all(self) -> list[Record]:
        return [*self.records, *self.snapshots]

    def follower(
        self, _: str, topics: Sequence[Topic], start: Mapping[str, int] | None = None
    ) -> Follower:
        of_snapshots = topics == [RISK_SNAPSHOTS]
        return Follower(self, start or {}, of_snapshots=of_snapshots)


class Follower:
    """Reads one kind of topics of a broker from given offsets."""

    def __init__(self, broker: Broker, start: Mapping[str, int], *, of_snapshots: bool) -> None:
        self._broker, self._of_snapshots = broker, of_snapshots
        self.position = dict(start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def poll(self, timeout_seconds: float = 0.0) -> list[Record]:
        all_records = self._broker.snapshots if self._of_snapshots else self._broker.records
        fresh = [
            each
            for each in all_records
            if each.offset >= self.position.get(f"{each.topic}:{each.partition}", 0)
        ]
        for each in fresh:
            self.position[f"{each.topic}:{each.partition}"] = each.offset + 1
        if not self._of_snapshots:
            self._broker.read += fresh
        return fresh


class StoredRecord:
    """PostgreSQL's part, in memory."""

    def __init__(self) -> None:
        self.values: set[bytes] = set()
        self.open: OracleCheck | None = None
        self.is_silent = False

    def is_stored(self, _: str, value: bytes) -> bool:
        if self.is_silent:
            raise StoreUnavailableError("PostgreSQL does not answer")
        return value in self.values

    def may_come(self, fence: int, epoch: int) -> bool:
        return False

    def keep(self, check: OracleCheck) -> None:
        self.open = self.open or check

    def open_difference(self) -> OracleCheck | None:
        return self.open


class Latest(MemoryLatest):
    """Redis in memory; ends the oracle once a status is as a test waits for."""

    def __init__(self) -> None:
        super().__init__(now_ms=lambda: 0)
        self.told: list[OracleStatus] = []
        self.stopping = threading.Event()
        self.is_enough: Any = lambda _: False

    def publish_oracle(self, status: OracleStatus) -> None:
        self.told.append(status)
        if self.is_enough(status) or len(self.told) > 400:
            self.stopping.set()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker()
    monkeypatch.setattr(module, "Follower", broker.follower)
    monkeypatch.setattr(module, "topic_extents", broker.extents)
    monkeypatch.setattr(module, "REST_S", 0.001)
    monkeypatch.setattr(module, "RETRY_S", 0.001)
    monkeypatch.setattr("validation.oracle.following.PUBLISH_EVERY_NS", 0)
    return broker


def life(tmp_path: Path, record: StoredRecord, is_enough: Any) -> OracleStatus:
    """Run a process of the oracle until a status is enough, and return that."""
    latest = Latest()
    latest.is_enough = is_enough
    settings = Settings(state_dir=tmp_path, kafka_bootstrap_servers="memory")
    process = OracleProcess(settings, latest, record, latest.stopping)  # type: ignore[arg-type]
    while not latest.stopping.is_set():
        process.live()
    assert is_enough(latest.told[-1]), latest.told[-1]
    return latest.told[-1]


def test_a_new_process_goes_on_where_the_one_before_ended(broker: Broker, tmp_path: Path) -> None:
    feed, record = opened_and_recorded(), StoredRecord()
    feed.close(0, tick("A", 101.0))
    broker.records, broker.snapshots = list(feed.records), announced(feed.announced)
    record.values = {encode(each) for each in feed.announced}
    first = life(tmp_path, record, lambda status: status.agreed >= 1)
    assert first.base == "the beginning of the topics"
    before = len(broker.read)
    assert before == len(feed.records)
    feed.close(1, tick("A", 102.0, day=1))
    broker.records, broker.snapshots = list(feed.records), announced(feed.announced)
    record.values = {encode(each) for each in feed.announced}
    second = life(tmp_path, record, lambda status: status.agreed >= 1)
    assert second.base == "a checkpoint"
    assert second.verdict is OracleVerdict.AGREED
    assert len(broker.read) - before < len(feed.records) - before + 1
    assert broker.read[before:] == feed.records[before:]


def test_topics_without_their_beginning_are_gone_on_with_from_a_checkpoint_and_else_not(
    broker: Broker, tmp_path: Path
) -> None:
    feed, record = opened_and_recorded(), StoredRecord()
    feed.close(0, tick("A", 101.0))
    broker.records, broker.snapshots = list(feed.records), announced(feed.announced)
    record.values = {encode(each) for each in feed.announced}
    life(tmp_path, record, lambda status: status.agreed >= 1)
    broker.beginnings = {"market_data:0": 1}
    goes_on = life(tmp_path, record, lambda status: bool(status.base))
    assert goes_on.base == "a checkpoint"
    cut = life(tmp_path / "other", record, lambda status: bool(status.problem))
    assert "market_data:0 lack their beginning" in cut.problem


def test_a_difference_of_an_earlier_process_is_red_before_anything_is_read(
    broker: Broker, tmp_path: Path
) -> None:
    record = StoredRecord()
    record.open = OracleCheck(
        snapshot_id="P-1.2",
        portfolio="P",
        verdict=OracleVerdict.DIFFERS,
        largest_difference=None,
        detail="nav: off",
        checked_at_ms=1,
    )
    red = life(tmp_path, record, lambda status: status.first_difference is not None)
    assert red.verdict is OracleVerdict.DIFFERS


def test_without_postgresql_nothing_counts_as_checked(broker: Broker, tmp_path: Path) -> None:
    feed, record = opened_and_recorded(), StoredRecord()
    feed.close(0, tick("A", 101.0))
    broker.records, broker.snapshots = list(feed.records), announced(feed.announced)
    record.is_silent = True
    said = life(tmp_path, record, lambda status: status.skipped >= len(feed.announced))
    assert (said.checked, said.verdict) == (0, OracleVerdict.UNCHECKED)
    assert "cannot be told from forged ones" in said.problem
