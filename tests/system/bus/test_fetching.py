"""Single records: fetched with one seek for those that follow each other, within a bound."""

from __future__ import annotations

import pytest
from kafka import TopicPartition

from system.bus import fetching
from system.bus.consumer import READ_TIMEOUT_SECONDS
from system.bus.errors import BusUnavailableError, ReadTimeoutError
from system.bus.fetching import RecordFetcher
from system.clock import ManualClock
from tests.system.bus.test_consumer import FakeConsumer, FakeLog

PLACE = TopicPartition("market_data", 1)


class OneByOne(FakeConsumer):
    """Consumer that returns one record a poll, notes its seeks and can be closed."""

    def __init__(self, log):
        super().__init__(log)
        self.seeks = []
        self.closed = False

    def assign(self, partitions):
        self.at = {at: self.at.get(at, 0) for at in partitions}

    def seek(self, at, offset):
        self.seeks.append((at, offset))
        super().seek(at, offset)

    def poll(self, timeout_ms, max_records):
        batches = super().poll(timeout_ms, max_records)
        for at, records in batches.items():
            self.at[at] = records[0].offset + 1
        return {at: records[:max_records] for at, records in batches.items()}

    def close(self):
        self.closed = True


@pytest.fixture
def log() -> FakeLog:
    log = FakeLog()
    for offset in (3, 4, 7):
        log.put(PLACE.topic, PLACE.partition, offset, b"value %d" % offset)
    log.put("trades", 0, 0, b"trade")
    return log


@pytest.fixture
def consumer(log, monkeypatch) -> OneByOne:
    consumer = OneByOne(log)
    monkeypatch.setattr(fetching, "connected_consumer", lambda *_: (consumer, []))
    return consumer


def fetcher(log) -> RecordFetcher:
    return RecordFetcher("kafka.example:9092", clock=log.clock)


def test_records_that_follow_each_other_cost_one_seek(log, consumer):
    records = fetcher(log)
    assert [records.value(*PLACE, offset) for offset in (3, 4)] == [b"value 3", b"value 4"]
    assert consumer.seeks == [(PLACE, 3)]


def test_another_place_is_sought_and_back_again(log, consumer):
    records = fetcher(log)
    assert records.value(*PLACE, 7) == b"value 7"
    assert records.value("trades", 0, 0) == b"trade"
    assert records.value(*PLACE, 3) == b"value 3"
    assert consumer.seeks == [(PLACE, 7), (TopicPartition("trades", 0), 0), (PLACE, 3)]


def test_a_record_that_was_compacted_away_is_none(log, consumer):
    assert fetcher(log).record(*PLACE, 5) is None


def test_a_record_that_does_not_come_is_given_up_at_the_bound(log, consumer):
    began_ns = log.clock.monotonic_ns()
    with pytest.raises(ReadTimeoutError, match="market_data:1 offset 9"):
        fetcher(log).record(*PLACE, 9)
    assert log.clock.monotonic_ns() - began_ns >= READ_TIMEOUT_SECONDS * 1e9


def test_a_broker_that_is_gone_is_an_error_of_ours(log, consumer):
    log.refuses = True
    with pytest.raises(BusUnavailableError, match="market_data:1 at 3"):
        fetcher(log).record(*PLACE, 3)


def test_only_a_connection_that_was_made_is_closed(log, consumer):
    RecordFetcher("kafka.example:9092", clock=ManualClock()).close()
    assert not consumer.closed
    records = fetcher(log)
    records.value(*PLACE, 3)
    records.close()
    assert consumer.closed
