"""Records that retention took: what was read before stays, what nobody had read is gone."""

from system.bus.consumer import Record
from validation.measure.record import SeenWatermark
from validation.run.read_back import Stated
from validation.scenarios.faults.topic_damage import (
    RecreatedTopic,
    RetainedRecords,
    with_retained,
)

RECREATED = RecreatedTopic("trades", {"trades:0": 7}, fence=2)


def record(offset: int, value: bytes = b"old") -> Record:
    return Record("market_data", 0, offset, b"", value, 0)


def test_records_of_before_and_after_are_put_together_without_those_that_nobody_read():
    retained = RetainedRecords(
        [record(offset) for offset in range(6)], frozenset({("market_data", 0, 4)})
    )
    merged = with_retained(retained, [record(offset, b"new") for offset in range(5, 8)])
    assert [each.offset for each in merged] == [0, 1, 2, 3, 5, 6, 7]
    assert with_retained(None, [record(3)]) == [record(3)]


def test_records_of_a_topic_that_was_made_again_lie_behind_those_of_the_one_that_is_gone():
    new = [Record("trades", 0, 0, b"", b"new", 0), record(4)]
    assert [each.offset for each in RECREATED.continued(new)] == [7, 4]


def test_offsets_of_drivers_behind_a_recovery_are_moved_and_those_before_it_are_not():
    offsets = {"trades:0": 1, "market_data:0": 9}
    lines = [
        SeenWatermark(received_ns=1, fence=fence, epoch=0, offsets=offsets) for fence in (2, 4)
    ]
    moved = [line.offsets["trades:0"] for line in RECREATED.seen(lines)]
    assert moved == [1, 8]
    stated = RECREATED.stated(Stated({}, [], {}, offsets, []))
    assert stated.covered == {"trades:0": 8, "market_data:0": 9}


def test_a_database_that_is_lost_takes_with_it_what_retention_had_let_go():
    retained = RetainedRecords([record(offset) for offset in range(4)], frozenset())
    there = [record(offset) for offset in range(2, 6)]
    assert len(with_retained(retained, there)) == 6, "the state contains what is gone"
    lost = retained.lost_with_the_database(there)
    assert [each.offset for each in with_retained(lost, there)] == [2, 3, 4, 5]
    assert len(with_retained(lost, there, with_lost=True)) == 6
