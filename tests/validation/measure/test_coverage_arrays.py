"""Tables: names become numbers, and nothing changes its place."""

from __future__ import annotations

import msgspec

from system.contracts.messages import SnapshotKind, StageTimes
from validation.measure.coverage import coverage
from validation.measure.coverage_arrays import SentMessage, tables
from validation.measure.record import Holding, SeenSnapshot, SeenWatermark

RATE = SentMessage("fx_rates", 0, 4, "fx:USD", 90)
TICK = SentMessage("market_data", 1, 7, "AAPL", 100)
OTHER = SentMessage("market_data", 0, 3, "XOM", 110)


def snapshot(
    received_ns: int, portfolio: str, offsets: dict[str, int], *, epoch: int, holding: int
):
    return SeenSnapshot(
        received_ns=received_ns,
        entry_id=f"{received_ns}-0",
        snapshot_id=f"{portfolio}-1-{epoch}",
        portfolio=portfolio,
        kind=SnapshotKind.LIVE,
        fence=1,
        epoch=epoch,
        offsets=offsets,
        holding=holding,
        stages=StageTimes(
            batch_started_ns=120, read_ns=125, folded_ns=130, valued_ns=140, published_ns=150
        ),
        event_time_ns=0,
        asof=None,
        var=None,
    )


RECORD = [
    Holding(index=0, keys=("AAPL", "fx:USD")),
    snapshot(50, "euro", {"market_data:0": 0, "market_data:1": 5}, epoch=0, holding=0),
    SeenWatermark(received_ns=60, fence=1, epoch=0, offsets={"market_data:1": 5}),
    snapshot(
        200, "euro", {"market_data:0": 2, "market_data:1": 8, "fx_rates:0": 5}, epoch=1, holding=0
    ),
    SeenWatermark(
        received_ns=210,
        fence=1,
        epoch=1,
        offsets={"market_data:0": 4, "market_data:1": 8, "fx_rates:0": 5},
    ),
]


def test_a_record_and_messages_give_the_coverage_of_each_message() -> None:
    arrays = tables([RATE, TICK, OTHER], RECORD)
    judged = coverage(arrays.inputs, arrays.observations, arrays.watermarks)
    assert judged.covered_ns.tolist() == [200, 200, 210]
    assert judged.holder_count.tolist() == [1, 1, 0]


def test_names_stand_in_order_whatever_the_order_of_messages() -> None:
    assert (
        tables([TICK, RATE, OTHER], RECORD).partitions == tables([OTHER, TICK, RATE], []).partitions
    )


def test_stage_times_are_those_of_the_snapshots() -> None:
    assert tables([TICK], RECORD).observations.stages_ns.tolist() == [[120, 125, 130, 140, 150]] * 2


def test_a_stage_without_a_stamp_takes_no_time_and_a_snapshot_without_any_only_waits() -> None:
    bare = msgspec.structs.replace(
        RECORD[3], stages=StageTimes(batch_started_ns=120, folded_ns=130, valued_ns=140)
    )
    restored = msgspec.structs.replace(RECORD[3], stages=StageTimes())
    observations = tables([TICK], [RECORD[0], bare, restored]).observations
    assert observations.stages_ns.tolist() == [[120, 120, 130, 140, 140], [200] * 5]


def test_an_empty_record_leaves_every_message_uncovered() -> None:
    arrays = tables([TICK], [])
    judged = coverage(arrays.inputs, arrays.observations, arrays.watermarks)
    assert judged.covered_ns.tolist() == [-1]
