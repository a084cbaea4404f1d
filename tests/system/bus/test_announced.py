"""The fence of what was announced last; a record that is no snapshot says nothing."""

from __future__ import annotations

import pytest

from system.bus import announced
from system.bus.consumer import Record
from system.contracts.codec import encode
from system.store.sample_snapshots import sample_snapshot


def newest(monkeypatch: pytest.MonkeyPatch, *values: bytes) -> int:
    records = [
        Record("risk_snapshots", number, 4, b"", value, 7) for number, value in enumerate(values)
    ]
    monkeypatch.setattr(announced, "newest_records", lambda *_: records)
    return announced.announced_fence("127.0.0.1:1")


def test_the_highest_of_the_newest_snapshots(monkeypatch):
    snapshots = [encode(sample_snapshot(fence=fence)) for fence in (3, 12)]
    assert newest(monkeypatch, *snapshots) == 12


@pytest.mark.parametrize(
    "value",
    [b"", b"garbage", b"\xff", b'{"fence": "12"}', b"[" * 60_000, b'{"fence": 4503599627370496}'],
    ids=["empty", "no JSON", "no UTF-8", "no number", "deep", "forged"],
)
def test_a_record_that_is_no_snapshot_says_nothing(monkeypatch, value):
    assert newest(monkeypatch, value, encode(sample_snapshot(fence=2))) == 2


def test_an_empty_topic_says_nothing(monkeypatch):
    assert newest(monkeypatch) == 0
