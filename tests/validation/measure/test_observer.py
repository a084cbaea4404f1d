"""The observer: receipt is stamped first, everything seen is written down once."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from system.contracts.messages import AssetClass, SnapshotKind, StageTimes
from system.contracts.text.columns import column_of
from system.store.errors import StoreUnavailableError
from system.store.redis.redis_values import StreamEntry, Watermark
from validation.measure.observer import (
    READ_COUNT,
    HeldColumns,
    HeldPosition,
    Observer,
    SnapshotHead,
    moving_keys,
)
from validation.measure.record import (
    Holding,
    RecordLine,
    RecordWriter,
    SeenSnapshot,
    SeenWatermark,
    read_record,
)


def head(number: int, *positions: HeldPosition, base: str = "USD") -> SnapshotHead:
    return SnapshotHead(
        snapshot_id=f"long-1-{number}",
        base_currency=base,
        offsets={"market_data:0": number},
        event_time_ns=number,
        asof=None,
        var=1.5,
        positions=positions,
        trade_ids=(),
        stages=StageTimes(intended_ns=1, batch_started_ns=2),
    )


def entry(number: int, *positions: HeldPosition) -> StreamEntry:
    payload = msgspec.json.encode(head(number, *positions))
    return StreamEntry(
        entry_id=f"{number}-0",
        portfolio="long",
        kind=SnapshotKind.LIVE,
        fence=1,
        epoch=number,
        snapshot=payload[:-1] + b',"nav":1.0,"tail":[{"a":[1,2]}]}',
        current=b"{}",
    )


APPLE = HeldPosition("AAPL", AssetClass.EQUITY, "USD", 10.0)
SOLD = HeldPosition("MSFT", AssetClass.EQUITY, "USD", 0.0)
YEN = HeldPosition("cash:JPY", AssetClass.CASH, "JPY", 5.0)
PENCE = HeldPosition("VOD", AssetClass.EQUITY, "GBp", 5.0)


class FakeRedis:
    """A stream that grows while it is read, and a watermark that moves with it."""

    def __init__(self, batches: Sequence[Sequence[StreamEntry]]) -> None:
        self._batches = list(batches)
        self.asked: list[str] = []
        self.epoch = 0

    def read_since(self, last_id: str, *, block_ms: int, count: int) -> Sequence[StreamEntry]:
        assert block_ms > 0
        assert count == READ_COUNT
        self.asked.append(last_id)
        return self._batches.pop(0) if self._batches else []

    def watermark(self) -> Watermark | None:
        return Watermark(1, self.epoch, {"market_data:0": self.epoch}, 7) if self.epoch else None


class Ticking:
    """A clock that moves by ten with every reading."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 10
        return self.now


@pytest.fixture
def seen(tmp_path: Path):
    def lines(redis: FakeRedis, *, rounds: int, epochs: Sequence[int] = ()) -> list[RecordLine]:
        stream = io.BytesIO()
        observer = Observer(redis, RecordWriter(stream), Ticking())
        for index in range(rounds):
            redis.epoch = epochs[index] if epochs else 0
            observer.observe_once()
        path = tmp_path / "record"
        path.write_bytes(stream.getvalue())
        return list(read_record(path))

    return lines


def test_entries_of_one_answer_share_the_stamp_taken_before_anything_else(seen) -> None:
    lines = seen(FakeRedis([[entry(1, APPLE), entry(2, APPLE)], [entry(3, APPLE)]]), rounds=2)
    snapshots = [line for line in lines if isinstance(line, SeenSnapshot)]
    assert [snapshot.received_ns for snapshot in snapshots] == [10, 10, 30]
    assert [snapshot.snapshot_id for snapshot in snapshots] == ["long-1-1", "long-1-2", "long-1-3"]


def test_reading_goes_on_after_the_last_entry_seen(seen) -> None:
    redis = FakeRedis([[entry(1, APPLE), entry(2, APPLE)], [], [entry(3, APPLE)], []])
    seen(redis, rounds=4)
    assert redis.asked == ["0", "2-0", "2-0", "3-0"]


def test_a_holding_is_written_once_and_referred_to_by_number(seen) -> None:
    lines = seen(FakeRedis([[entry(1, APPLE), entry(2, YEN), entry(3, APPLE)]]), rounds=1)
    assert [line for line in lines if isinstance(line, Holding)] == [
        Holding(index=0, keys=("AAPL",)),
        Holding(index=1, keys=("fx:JPY", "fx:USD")),
    ]
    assert [line.holding for line in lines if isinstance(line, SeenSnapshot)] == [0, 1, 0]


def test_a_watermark_is_written_when_it_moves_and_only_then(seen) -> None:
    lines = seen(FakeRedis([]), rounds=4, epochs=[0, 4, 4, 5])
    assert [line.epoch for line in lines if isinstance(line, SeenWatermark)] == [4, 5]


def test_what_was_published_before_the_stop_is_still_written_down() -> None:
    redis = FakeRedis([[], [entry(1, APPLE)]])
    stream = io.BytesIO()
    answers = iter([False, True])
    Observer(redis, RecordWriter(stream)).observe_until(lambda: next(answers))
    assert b"long-1-1" in stream.getvalue()


def test_only_a_patient_observer_goes_on_when_redis_is_away() -> None:
    class AwayOnce(FakeRedis):
        rounds = 0

        def read_since(self, last_id, *, block_ms, count):
            self.rounds += 1
            if self.rounds == 1:
                raise StoreUnavailableError("away")
            return super().read_since(last_id, block_ms=block_ms, count=count)

    stream, answers = io.BytesIO(), iter([False, True])
    observer = Observer(AwayOnce([[entry(1, APPLE)], []]), RecordWriter(stream))
    observer.observe_until(lambda: next(answers), patient=True)
    assert b"long-1-1" in stream.getvalue()
    with pytest.raises(StoreUnavailableError):
        Observer(AwayOnce([[]]), RecordWriter(io.BytesIO())).observe_until(lambda: False)


def test_a_position_of_nothing_moves_nothing() -> None:
    assert moving_keys(head(1, APPLE, SOLD)) == ("AAPL",)


def test_positions_by_column_are_moved_by_what_moves_their_rows() -> None:
    rows = (APPLE, SOLD, YEN)
    columns = HeldColumns(
        instrument=tuple(row.instrument for row in rows),
        asset_class=tuple(row.asset_class for row in rows),
        currency=tuple(row.currency for row in rows),
        quantity=column_of(row.quantity for row in rows),
    )
    value = msgspec.json.encode(msgspec.structs.replace(head(1), positions=columns))
    assert moving_keys(msgspec.json.decode(value, type=SnapshotHead)) == moving_keys(head(1, *rows))


def test_foreign_money_is_moved_by_both_quotes_per_euro() -> None:
    assert moving_keys(head(1, APPLE, YEN)) == ("AAPL", "fx:JPY", "fx:USD")


def test_a_book_in_euro_is_moved_by_the_foreign_quote_alone() -> None:
    assert moving_keys(head(1, APPLE, base="EUR")) == ("AAPL", "fx:USD")


def test_pence_are_moved_by_the_pound() -> None:
    assert moving_keys(head(1, PENCE)) == ("VOD", "fx:GBP", "fx:USD")
