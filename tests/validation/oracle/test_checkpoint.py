"""The oracle goes on from a checkpoint as if it had read everything; from no other file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from system.bus.extents import TopicExtents
from system.clock import ManualClock
from tests.system.book.feed import tick, trade
from tests.validation.oracle.recorded import MemoryReader, announced, opened_and_recorded
from validation.oracle.checkpoint import Checkpoint, code_digest, load, save, source_named
from validation.oracle.following import LiveOracle

EXTENTS = TopicExtents("cluster", {"trades": "1", "market_data": "2"}, {}, {})


def read_to(records: list) -> dict[str, int]:
    position: dict[str, int] = {}
    for record in records:
        position[f"{record.topic}:{record.partition}"] = record.offset + 1
    return position


def extents_of(records: list) -> TopicExtents:
    ends = read_to(records)
    return replace(EXTENTS, ends=ends, beginnings=dict.fromkeys(ends, 0))


def checkpoint_of(oracle: LiveOracle, records: list) -> Checkpoint:
    return Checkpoint(oracle.walk, read_to(records), {}, source_named(EXTENTS, 60), code_digest())


def loaded(path: Path, extents: TopicExtents, mark_wait_seconds: int = 60) -> Checkpoint | None:
    return load(path, extents, source_named(extents, mark_wait_seconds))


def follower(records: list, snapshots: list, **more: object) -> LiveOracle:
    topic = MemoryReader(announced(snapshots), 1_000)
    return LiveOracle(
        MemoryReader(records),
        topic,
        lambda _: None,
        ManualClock(),
        **more,  # type: ignore[arg-type]
    )


def test_an_oracle_goes_on_from_its_checkpoint_with_the_same_inputs(tmp_path: Path) -> None:
    feed = opened_and_recorded()
    feed.send(trade("t1", "A", 5.0, 100.5), tick("A", 101.0))
    feed.close(0, tick("B", 90.0))
    read, seen = len(feed.records), len(feed.announced)
    first = follower(feed.records[:read], feed.announced[:seen])
    first.step(0.0)
    save(tmp_path / "oracle" / "checkpoint", checkpoint_of(first, feed.records[:read]))
    feed.send(tick("A", 103.0, day=1), trade("t2", "B", -2.0, 91.0))
    feed.close(1, tick("B", 92.0, day=1))
    kept = loaded(tmp_path / "oracle" / "checkpoint", extents_of(feed.records))
    assert kept is not None
    second = follower(feed.records[read:], feed.announced[seen:], walk=kept.walk)
    second.step(0.0)
    ends = feed.ends_of_day(seen)
    status = second.tally.status
    assert status.checked == status.agreed >= len(ends) == 1
    assert (tmp_path / "oracle" / "checkpoint").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, TopicExtents]:
    feed = opened_and_recorded()
    oracle = follower(feed.records, feed.announced)
    oracle.step(0.0)
    path = tmp_path / "checkpoint"
    save(path, checkpoint_of(oracle, feed.records))
    extents = extents_of(feed.records)
    assert loaded(path, extents) is not None
    return path, extents


def test_topics_that_are_others_have_no_checkpoint(kept: tuple[Path, TopicExtents]) -> None:
    path, extents = kept
    assert loaded(path, replace(extents, cluster_id="other")) is None
    assert loaded(path, extents, 61) is None
    assert loaded(path, replace(extents, topic_ids={**extents.topic_ids, "trades": "9"})) is None
    cut = {place: end - 1 for place, end in extents.ends.items()}
    assert loaded(path, replace(extents, ends=cut)) is None
    let_go = {place: end + 1 for place, end in extents.ends.items()}
    assert loaded(path, replace(extents, beginnings=let_go, ends=let_go)) is None


def test_a_damaged_a_foreign_and_an_open_file_are_left_out(
    kept: tuple[Path, TopicExtents],
) -> None:
    path, extents = kept
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert loaded(path, extents) is None
    path.write_bytes(b"garbage")
    assert loaded(path, extents) is None
    path.write_bytes(whole)
    path.chmod(0o644)
    assert loaded(path, extents) is None
    path.unlink()
    assert loaded(path, extents) is None


def test_a_checkpoint_of_other_code_is_left_out(
    kept: tuple[Path, TopicExtents], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, extents = kept
    monkeypatch.setattr("validation.oracle.checkpoint.code_digest", lambda: "other")
    assert loaded(path, extents) is None
