import datetime as dt
import threading
from types import SimpleNamespace

import pytest
from kafka.errors import KafkaTimeoutError

from system.bus import producer as producer_module
from system.bus.errors import DeliveryError, RecordTooLargeError, TopicMissingError
from system.bus.producer import MessageProducer, SendCounts
from system.contracts.codec import MAX_MESSAGE_BYTES, decode_topic
from system.contracts.messages import FxRate, Mark, Tick
from system.contracts.topics import FX_RATES, INPUT_TOPICS, MARKET_DATA

PARTITIONS = {"market_data": 3, "fx_rates": 2, "trades": 1, "reference": 1}
MARK = Mark(date=dt.date(2020, 2, 3), event_time_ns=1)


def tick(sequence: int, ticker: str = "AAPL") -> Tick:
    return Tick(
        ticker=ticker, bid=1.0, ask=1.0, mid=1.0, volume=1.0, event_time_ns=1, sequence=sequence
    )


class _Future:
    def __init__(self) -> None:
        self.callbacks, self.errbacks = [], []
        self.outcome: object = None

    def add_callback(self, call):
        self.callbacks.append(call)

    def add_errback(self, call):
        self.errbacks.append(call)

    def get(self, timeout):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class FakeKafka:
    """The client's seam: keeps records per partition; acknowledges them when flushed."""

    def __init__(self, **options) -> None:
        self.options = options
        self.records: list[SimpleNamespace] = []
        self.waiting: list[tuple[_Future, SimpleNamespace]] = []
        self.fail_with: Exception | None = None
        self.is_silent = False
        self.flush_bound_s = 0.0
        self.closed = False

    def partitions_for(self, topic):
        if topic not in PARTITIONS:
            raise KafkaTimeoutError("no such topic")
        return set(range(PARTITIONS[topic]))

    def send(self, topic, *, key, value, partition):
        offset = sum(r.topic == topic and r.partition == partition for r in self.records)
        record = SimpleNamespace(
            topic=topic, partition=partition, offset=offset, key=key, value=value
        )
        self.records.append(record)
        future = _Future()
        future.outcome = self.fail_with or record
        self.waiting.append((future, record))
        return future

    def flush(self, timeout):
        self.flush_bound_s = timeout
        if self.is_silent:
            raise KafkaTimeoutError("flush")
        for future, record in self.waiting:
            for call in future.errbacks if self.fail_with else future.callbacks:
                call(self.fail_with or record)
        self.waiting = []

    def close(self, timeout):
        self.closed = True
        if self.is_silent:
            raise KafkaTimeoutError("close")


@pytest.fixture
def kafka(monkeypatch):
    made = []

    def build(**options):
        made.append(FakeKafka(**options))
        return made[-1]

    monkeypatch.setattr(producer_module, "KafkaProducer", build)
    monkeypatch.setattr(producer_module, "await_broker", lambda *_: None)
    return made


@pytest.fixture
def producer(kafka):
    return MessageProducer("broker:1")


def test_the_client_is_idempotent_and_waits_for_all_replicas(producer, kafka):
    assert kafka[0].options["enable_idempotence"] is True
    assert kafka[0].options["acks"] == "all"
    assert kafka[0].options["allow_auto_create_topics"] is False
    assert kafka[0].options["reconnect_backoff_max_ms"] <= 1_000
    assert "retries" not in kafka[0].options


def test_messages_of_one_key_stay_on_one_partition_in_order(producer, kafka):
    for sequence in range(20):
        producer.send(tick(sequence, "AAPL"))
        producer.send(tick(sequence, "MSFT"))
    apples = [r for r in kafka[0].records if r.key == b"AAPL"]
    assert len({r.partition for r in apples}) == 1
    sequences = [decode_topic(r.value, MARKET_DATA).sequence for r in apples]
    assert sequences == list(range(20))


def test_counts_and_offsets_follow_the_acknowledgements(producer):
    producer.send(FxRate(currency="USD", rate=1.1, event_time_ns=1, sequence=1))
    producer.send(FxRate(currency="USD", rate=1.2, event_time_ns=1, sequence=2))
    assert producer.counts == SendCounts(sent=2, acked=0, failed=0)
    assert producer.offsets == {}
    producer.flush()
    assert producer.counts == SendCounts(sent=2, acked=2, failed=0)
    assert list(producer.offsets.values()) == [2]


def test_a_mark_goes_behind_everything_on_every_partition_of_every_input_topic(producer, kafka):
    producer.send(tick(1))
    assert producer.send_mark_everywhere(MARK) == sum(PARTITIONS.values())
    assert producer.counts.acked == 1, "what was before it must be acknowledged first"
    marks = [(r.topic, r.partition) for r in kafka[0].records if r.key == b"mark:2020-02-03"]
    assert sorted(marks) == sorted(
        (topic.name, p) for topic in INPUT_TOPICS for p in range(PARTITIONS[topic.name])
    )


def test_a_lost_message_is_told_once_and_stays_counted(producer, kafka):
    kafka[0].fail_with = KafkaTimeoutError("expired")
    producer.send(tick(1))
    producer.send(tick(2))
    with pytest.raises(DeliveryError, match=r"2 messages were given up.*expired"):
        producer.flush()
    kafka[0].fail_with = None
    producer.send(tick(3))
    producer.flush()
    assert producer.counts == SendCounts(sent=3, acked=1, failed=2)


def test_a_lost_message_stops_the_mark_of_its_day(producer, kafka):
    kafka[0].fail_with = KafkaTimeoutError("expired")
    producer.send(tick(1))
    with pytest.raises(DeliveryError):
        producer.send_mark_everywhere(MARK)
    assert all(r.key != b"mark:2020-02-03" for r in kafka[0].records)


def test_a_lost_message_is_told_to_the_next_sender_too(producer, kafka):
    kafka[0].fail_with = KafkaTimeoutError("expired")
    producer.send(tick(1))
    kafka[0].flush(1)
    with pytest.raises(DeliveryError):
        producer.send(tick(2))


def test_closing_tells_of_lost_messages_and_closes_all_the_same(producer, kafka):
    kafka[0].fail_with = KafkaTimeoutError("expired")
    producer.send(tick(1))
    with pytest.raises(DeliveryError):
        producer.close()
    assert kafka[0].closed


def test_who_waits_longer_for_a_silent_broker_says_so_once_for_every_wait(kafka):
    patient = MessageProducer("broker:1", delivery_seconds=240.0)
    assert kafka[0].options["delivery_timeout_ms"] == 240_000
    patient.send(tick(1))
    patient.send_mark_everywhere(MARK)
    assert kafka[0].flush_bound_s == 240.0


def test_closing_beside_a_silent_broker_tells_what_was_lost_and_not_that_closing_failed(kafka):
    kept = MessageProducer("broker:1")
    kept.send(tick(1))
    kafka[0].is_silent = True
    with pytest.raises(DeliveryError, match="1 messages are not acknowledged"):
        kept.close()
    assert kafka[0].closed


def test_an_error_on_its_way_is_not_hidden_by_a_producer_that_cannot_close(kafka):
    def opened_and_broken():
        with MessageProducer("broker:1"):
            kafka[0].is_silent = True
            raise KeyError("on its way")

    with pytest.raises(KeyError, match="on its way"):
        opened_and_broken()
    assert kafka[0].closed


def test_a_delivery_waits_and_says_where_the_message_lies(producer, kafka):
    producer.deliver(tick(1))
    position = producer.deliver(tick(2))
    assert (position.topic, position.offset) == ("market_data", 1)


def test_a_failed_delivery_is_told_to_its_caller_only(producer, kafka):
    kafka[0].fail_with = KafkaTimeoutError("expired")
    with pytest.raises(DeliveryError, match=r"Tick for topic market_data .* expired"):
        producer.deliver(tick(1))
    kafka[0].flush(1)
    kafka[0].fail_with = None
    producer.send(tick(2))
    producer.flush()
    assert producer.counts == SendCounts(sent=2, acked=1, failed=1)


def test_what_is_unacknowledged_is_bounded(producer, kafka, monkeypatch):
    monkeypatch.setattr(producer_module, "MAX_UNACKED_COUNT", 10)
    for sequence in range(25):
        producer.send(tick(sequence))
        counts = producer.counts
        assert counts.sent - counts.acked <= 10


def test_a_missing_topic_is_named(producer, monkeypatch):
    monkeypatch.delitem(PARTITIONS, FX_RATES.name)
    with pytest.raises(TopicMissingError, match="fx_rates"):
        producer.send(FxRate(currency="USD", rate=1.1, event_time_ns=1, sequence=1))


def test_a_message_larger_than_its_topic_takes_is_refused_with_both_sizes(producer):
    with pytest.raises(RecordTooLargeError, match=f"1000001 bytes .* {MAX_MESSAGE_BYTES} are"):
        producer.send_bytes(MARKET_DATA, b"AAPL", b"x" * 1_000_001)


def test_threads_that_share_a_producer_lose_no_count(producer):
    def send_many():
        for sequence in range(500):
            producer.send(tick(sequence))

    threads = [threading.Thread(target=send_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert producer.counts.sent == 2_000
