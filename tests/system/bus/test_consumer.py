from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaConnectionError, KafkaTimeoutError

from system.bus import consumer as consumer_module
from system.bus.consumer import Follower, Record, TopicEnds, end_offsets, read_topic
from system.bus.errors import BusUnavailableError, ReadTimeoutError, TopicMissingError
from system.clock import ManualClock
from system.contracts.codec import encode
from system.contracts.messages import FxRate
from system.contracts.topics import FX_RATES, MARKET_DATA

CLOCK_STEP_NS = 100_000_000


class FakeLog:
    """Log of a fake broker: records by (topic, partition); gaps where compaction removed some."""

    def __init__(self) -> None:
        self.records: dict[TopicPartition, dict[int, bytes]] = {}
        self.clock = ManualClock()
        self.refuses = False

    def put(self, topic: str, partition: int, offset: int, value: bytes) -> None:
        self.records.setdefault(TopicPartition(topic, partition), {})[offset] = value


class FakeConsumer:
    def __init__(self, log: FakeLog) -> None:
        self.log = log
        self.at: dict[TopicPartition, int] = {}

    def partitions_for_topic(self, topic):
        return {at.partition for at in self.log.records if at.topic == topic}

    def assign(self, partitions):
        self.at = dict.fromkeys(partitions, 0)

    def beginning_offsets(self, partitions):
        return {at: min(self.log.records[at], default=0) for at in partitions}

    def end_offsets(self, partitions, timeout_ms):
        if self.log.refuses:
            raise KafkaTimeoutError("gone")
        return {at: max(self.log.records[at], default=-1) + 1 for at in partitions}

    def seek(self, at, offset):
        self.at[at] = offset

    def position(self, at):
        return self.at[at]

    def poll(self, timeout_ms, max_records):
        if self.log.refuses:
            raise KafkaConnectionError("gone")
        self.log.clock.advance_ns(CLOCK_STEP_NS)
        records = {}
        for at, offset in self.at.items():
            ready = sorted(o for o in self.log.records[at] if o >= offset)[:2]
            if ready:
                records[at] = [self._raw(at, o) for o in ready]
                self.at[at] = ready[-1] + 1
        return records

    def _raw(self, at, offset):
        return SimpleNamespace(
            topic=at.topic,
            partition=at.partition,
            offset=offset,
            key=None,
            value=self.log.records[at][offset],
            timestamp=7,
        )

    def close(self):
        pass


@pytest.fixture
def log(monkeypatch):
    log = FakeLog()
    monkeypatch.setattr(consumer_module, "KafkaConsumer", lambda **_: FakeConsumer(log))
    monkeypatch.setattr(consumer_module, "await_broker", lambda *_, **__: None)
    return log


def offsets_of(records):
    return [(r.partition, r.offset) for r in records]


def test_a_read_gives_what_lies_between_two_offset_vectors(log):
    for partition in (0, 1):
        for offset in range(6):
            log.put("market_data", partition, offset, b"x")
    read = read_topic(
        "b",
        MARKET_DATA,
        start={"market_data:0": 2},
        end={"market_data:0": 4, "market_data:1": 3},
        clock=log.clock,
    )
    assert sorted(offsets_of(read)) == [(0, 2), (0, 3), (1, 0), (1, 1), (1, 2)]


def test_a_read_without_an_end_stops_where_the_topic_ends_now(log):
    for offset in range(5):
        log.put("market_data", 0, offset, b"x")
    assert offsets_of(read_topic("b", MARKET_DATA, clock=log.clock)) == [(0, o) for o in range(5)]


def test_gaps_left_by_compaction_do_not_stop_a_read(log):
    for offset in (3, 7, 9):
        log.put("reference", 0, offset, b"x")
        log.put("market_data", 0, offset, b"x")
    assert offsets_of(read_topic("b", MARKET_DATA, clock=log.clock)) == [(0, 3), (0, 7), (0, 9)]


def test_a_read_that_cannot_reach_its_end_says_how_far_it_came(log):
    log.put("market_data", 0, 0, b"x")
    read = read_topic(
        "b", MARKET_DATA, end={"market_data:0": 5}, timeout_seconds=1, clock=log.clock
    )
    with pytest.raises(ReadTimeoutError, match=r"market_data:0.*1 of 5"):
        list(read)


def test_a_follower_gives_records_up_to_the_one_looked_for(log):
    for offset in range(9):
        log.put("market_data", 0, offset, b"%d" % offset)
    with Follower("b", [MARKET_DATA], clock=log.clock) as follower:
        seen = follower.until(lambda record: record.value == b"4")
    assert offsets_of(seen) == [(0, o) for o in range(5)]


def test_a_follower_that_waits_in_vain_says_where_it_stands(log):
    log.put("market_data", 0, 0, b"x")
    with (
        Follower("b", [MARKET_DATA], clock=log.clock) as follower,
        pytest.raises(ReadTimeoutError, match=r"read 1.*'market_data:0': 1"),
    ):
        follower.until(lambda _: False, timeout_seconds=1)


def test_a_missing_topic_is_named(log):
    with pytest.raises(TopicMissingError, match="market_data"):
        Follower("b", [MARKET_DATA])
    with pytest.raises(TopicMissingError, match="fx_rates"):
        end_offsets("b", [FX_RATES])


def test_a_broker_that_goes_away_is_named(log):
    log.put("market_data", 0, 0, b"x")
    log.refuses = True
    with pytest.raises(BusUnavailableError, match="broker:9"):
        list(read_topic("broker:9", MARKET_DATA, clock=log.clock))


def test_a_record_holds_the_message_that_was_sent():
    rate = FxRate(currency="USD", rate=1.1, event_time_ns=1, sequence=1)
    record = Record("fx_rates", 0, 5, b"USD", encode(rate), 7)
    assert record.message() == rate


def test_ends_are_asked_again_and_again_and_a_broker_without_an_answer_is_named(log):
    log.put("market_data", 0, 0, b"x")
    ends = TopicEnds("b:1", [MARKET_DATA])
    assert ends.ask(1.0) == {"market_data:0": 1}
    log.refuses = True
    with pytest.raises(BusUnavailableError, match="ask where topics end: Kafka at b:1"):
        ends.ask(1.0)
    log.refuses = False
    log.put("market_data", 0, 1, b"x")
    assert ends.ask(1.0) == {"market_data:0": 2}
