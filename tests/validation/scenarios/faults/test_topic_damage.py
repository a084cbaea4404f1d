"""Records that retention took: what was read before stays, what nobody had read is gone."""

from system.bus.consumer import Record
from validation.scenarios.faults.topic_damage import RetainedRecords, with_retained


def record(offset: int, value: bytes = b"old") -> Record:
    return Record("market_data", 0, offset, b"", value, 0)


def test_records_of_before_and_after_are_put_together_without_those_that_nobody_read():
    retained = RetainedRecords(
        [record(offset) for offset in range(6)], frozenset({("market_data", 0, 4)})
    )
    merged = with_retained(retained, [record(offset, b"new") for offset in range(5, 8)])
    assert [each.offset for each in merged] == [0, 1, 2, 3, 5, 6, 7]
    assert with_retained(None, [record(3)]) == [record(3)]
