"""The bus and the publisher against a real broker of these tests' own."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from loadtests.source.load_generator import read_pump_line
from loadtests.source.plan import load_plan, load_replay, scheduled_days
from system.bus.admin import create_topics
from system.bus.announced import announced_fence
from system.bus.consumer import Follower, end_offsets, read_topic
from system.bus.errors import TopicMismatchError, TopicMissingError
from system.bus.fetching import RecordFetcher
from system.bus.producer import MessageProducer
from system.clock import SystemClock
from system.contracts.codec import MAX_MESSAGE_BYTES, encode
from system.contracts.messages import (
    CloseHistory,
    FxRate,
    Instrument,
    Mark,
    Portfolio,
    StressedHistory,
    Tick,
    Trade,
)
from system.contracts.topics import (
    FX_RATES,
    INPUT_TOPICS,
    MARKET_DATA,
    REFERENCE,
    RISK_SNAPSHOTS,
    TOPICS,
    TRADES,
    Retention,
    Topic,
)
from system.exits import ExitCode
from system.runtime.components.ports import free_ports
from system.runtime.stack import EmbeddedStack
from system.settings import Settings, load_settings
from system.simulate.datasets import load_market
from system.simulate.progress import DaySent, PublishSummary, ReferenceSent, read_progress
from system.simulate.publisher import OpenLoopPublisher
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from system.store.sample_snapshots import sample_snapshot
from tests.integration import containers
from validation.measure.sent_ticks import sent_ticks

pytestmark = pytest.mark.integration

FIRST, LAST = dt.date(2020, 4, 9), dt.date(2020, 4, 14)
EASTER_MONDAY = dt.date(2020, 4, 13)
DAY_COUNT = 3
PROCESS_BOUND_S = 60


IN_CONTAINER = pytest.param("container", marks=pytest.mark.containers)


@pytest.fixture(
    scope="module", params=["embedded"] if containers.why_not() else ["embedded", IN_CONTAINER]
)
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "container":
        (port,) = free_ports([None])
        with containers.kafka_servers(port) as servers:
            create_topics(servers, {})
            yield servers
        return
    settings: Settings = load_settings().model_copy(
        update={"state_dir": tmp_path_factory.mktemp("bus"), "kafka_bootstrap_servers": None}
    )
    with EmbeddedStack(settings, components=("kafka",)) as stack:
        yield stack.connections.kafka_bootstrap_servers


@pytest.fixture
def before(broker) -> dict[str, int]:
    """Ends of the topics before the test."""
    return end_offsets(broker, TOPICS)


def tick(sequence: int, ticker: str) -> Tick:
    return Tick(
        ticker=ticker, bid=1.0, ask=1.0, mid=1.0, volume=1.0, event_time_ns=1, sequence=sequence
    )


def sent_since(broker, before, topic):
    return list(read_topic(broker, topic, start=before))


def test_topics_can_be_created_again_and_again_but_not_with_other_partitions(broker):
    assert create_topics(broker) == ()
    with pytest.raises(TopicMismatchError, match="market_data has 2 partitions, asked for 3"):
        create_topics(broker, {"market_data": 3})


def test_a_new_topic_has_the_partitions_asked_for(broker):
    topic = Topic("bus_partitions", (Tick,), partition_count=1)
    assert create_topics(broker, {topic.name: 4}, topics=[topic]) == (topic.name,)
    assert sorted(end_offsets(broker, [topic])) == [f"{topic.name}:{p}" for p in range(4)]


def test_a_topic_that_is_there_is_given_the_retention_that_is_set(broker):
    topic = Topic("bus_retention", (Tick,), partition_count=1)
    assert create_topics(broker, topics=[topic]) == (topic.name,)
    assert kept_by(broker, topic) == (str(7 * 24 * 3_600_000), str(2 * 2**30))
    kept = {topic.name: Retention(2, 100)}
    assert create_topics(broker, topics=[topic], retentions=kept) == ()
    assert kept_by(broker, topic) == (str(2 * 3_600_000), str(100 * 2**20))


def kept_by(broker: str, topic: Topic) -> tuple[str, str]:
    names = ("retention.ms", "retention.bytes")
    asked = ConfigResource(ConfigResourceType.TOPIC, topic.name, dict.fromkeys(names))
    with closing(KafkaAdminClient(bootstrap_servers=[broker])) as admin:
        held = admin.describe_configs([asked], config_filter="all")["topic"][topic.name]
    return held[names[0]]["value"], held[names[1]]["value"]


def test_what_is_sent_is_read_back_in_order_with_the_brokers_time(broker, before):
    tickers = ("AAPL", "MSFT", "XOM")
    earliest_ms = SystemClock().wall_ns() // 10**6
    with MessageProducer(broker) as producer:
        for sequence in range(200):
            for ticker in tickers:
                producer.send(tick(sequence, ticker))
        producer.flush()
        assert producer.counts.acked == 600
        offsets = producer.offsets
    records = sent_since(broker, before, MARKET_DATA)
    for ticker in tickers:
        own = [record for record in records if record.key == ticker.encode()]
        assert [record.message().sequence for record in own] == list(range(200))
        assert len({record.partition for record in own}) == 1
    assert end_offsets(broker, [MARKET_DATA]) == {
        **{place: before[place] for place in before if place.startswith("market_data")},
        **offsets,
    }
    assert all(
        earliest_ms - 1 <= r.appended_at_ms <= SystemClock().wall_ns() // 10**6 for r in records
    )


def test_each_message_stands_on_its_own_topic(broker, before):
    messages = {
        FX_RATES: FxRate(currency="USD", rate=1.1, event_time_ns=1, sequence=1),
        TRADES: Trade(trade_id="t", portfolio="p", instrument="A", quantity=1.0, price=1.0),
        REFERENCE: Portfolio(portfolio="p"),
    }
    with MessageProducer(broker) as producer:
        for topic, message in messages.items():
            position = producer.deliver(message)
            place = f"{topic.name}:{position.partition}"
            assert (position.topic, position.offset) == (topic.name, before[place])
    for topic, message in messages.items():
        assert [r.message() for r in sent_since(broker, before, topic)] == [message]


def test_a_mark_is_the_last_record_of_every_partition_of_every_input_topic(broker, before):
    mark = Mark(date=dt.date(2020, 2, 3), event_time_ns=1)
    with MessageProducer(broker) as producer:
        for sequence in range(50):
            producer.send(tick(sequence, f"T{sequence}"))
        assert producer.send_mark_everywhere(mark) == 5
    for topic in INPUT_TOPICS:
        last = {r.partition: r for r in sent_since(broker, before, topic)}
        assert len(last) == topic.partition_count
        assert all(record.message() == mark for record in last.values())


def test_the_largest_message_that_the_codec_allows_passes(broker, before):
    with MessageProducer(broker) as producer:
        producer.send_bytes(MARKET_DATA, b"big", b"x" * MAX_MESSAGE_BYTES)
    (record,) = sent_since(broker, before, MARKET_DATA)
    assert len(record.value) == MAX_MESSAGE_BYTES


def compressing(broker: str, codec: str):
    """Return a producer of librdkafka's, which knows every codec (extra ``load``)."""
    return pytest.importorskip("confluent_kafka").Producer(
        {
            "bootstrap.servers": broker,
            "compression.type": codec,
            "message.max.bytes": 1_000_000_000,
            "message.send.max.retries": 0,
        }
    )


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_a_record_of_any_codec_is_read_by_every_consumer(broker, before, codec):
    sender = compressing(broker, codec)
    value = encode(tick(1, "T1")) + b" " * 5_000
    sender.produce(MARKET_DATA.name, value, partition=0)
    assert sender.flush(PROCESS_BOUND_S) == 0
    (record,) = sent_since(broker, before, MARKET_DATA)
    assert record.value == value
    with closing(RecordFetcher(broker)) as fetcher:
        assert fetcher.value(MARKET_DATA.name, record.partition, record.offset) == value


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_record_that_is_small_only_when_compressed_is_refused_by_the_broker(
    broker, before, codec
):
    sender, refused = compressing(broker, codec), []

    def note(error, _):
        refused.append(error)

    for size in (1_200_000, 300_000_000):
        sender.produce(TRADES.name, bytes(size), partition=0, on_delivery=note)
        assert sender.flush(PROCESS_BOUND_S) == 0
    assert all(error is not None for error in refused)
    assert refused[0].name() == "MSG_SIZE_TOO_LARGE"  # the other one is more than a broker unfolds
    assert sent_since(broker, before, TRADES) == []
    with MessageProducer(broker) as producer:
        producer.deliver(tick(2, "T2"))
    assert len(sent_since(broker, before, MARKET_DATA)) == 1


def test_long_records_are_fetched_one_by_one_in_any_order(broker, before):
    values = [bytes([number]) * 900_000 for number in range(4)]
    with MessageProducer(broker) as producer:
        for value in values:
            producer.send_bytes(TRADES, b"k", value)
    records = sent_since(broker, before, TRADES)
    with closing(RecordFetcher(broker)) as fetcher:
        for record in [*records, *reversed(records)]:
            fetched = fetcher.record(record.topic, record.partition, record.offset)
            assert fetched == record


def test_the_fence_of_the_newest_announced_snapshots_is_the_highest(broker, before):
    assert announced_fence(broker) == 0, "nothing is announced yet"
    with MessageProducer(broker) as producer:
        for portfolio, fence in (("a", 12), ("b", 3), ("c", 5), ("a", 14), ("b", 6)):
            producer.send(sample_snapshot(portfolio=portfolio, fence=fence))
            producer.flush()
    newest: dict[int, int] = {}
    for record in sent_since(broker, before, RISK_SNAPSHOTS):
        newest[record.partition] = record.message().fence
    assert announced_fence(broker) == max(newest.values())


def test_a_topic_that_does_not_exist_is_named(broker, monkeypatch):
    monkeypatch.setattr("system.bus.producer.METADATA_TIMEOUT_SECONDS", 1.0)
    with MessageProducer(broker) as producer, pytest.raises(TopicMissingError, match="nowhere"):
        producer.send_bytes(Topic("nowhere", (Tick,), 1), b"k", b"v")
    with pytest.raises(TopicMissingError, match="nowhere"):
        end_offsets(broker, [Topic("nowhere", (Tick,), 1)])


def test_a_follower_sees_what_comes_after_it_began(broker, before):
    with (
        Follower(broker, [FX_RATES], before) as follower,
        MessageProducer(broker) as producer,
    ):
        for sequence in range(5):
            producer.send(FxRate(currency="USD", rate=1.1, event_time_ns=1, sequence=sequence))
        seen = follower.until(lambda record: record.message().sequence == 3)
    assert [record.message().sequence for record in seen] == [0, 1, 2, 3]


def real_replay(**changes) -> Replay:
    market = load_market(load_settings().wheels_dir)
    part = replayed_market(market, instruments=("AAPL", "SP500.FUT"), currencies=("USD",))
    return Replay(
        part, ReplaySpec(**{"first_day": FIRST, "last_day": LAST, "ticks_per_day": 300, **changes})
    )


def test_a_replay_through_the_broker_ends_each_day_on_the_real_closes(broker, before):
    replay = real_replay()
    with MessageProducer(broker) as producer:
        summary = OpenLoopPublisher(producer, SystemClock()).publish(
            replay.day_plans(), day_count=DAY_COUNT
        )
    assert summary.acked == summary.sent == DAY_COUNT * (300 + 5)
    closes: dict[tuple[dt.date, str], float] = {}
    for topic in (MARKET_DATA, FX_RATES):
        for record in sent_since(broker, before, topic):
            match record.message():
                case Tick(ticker=ticker, mid=mid, event_time_ns=at):
                    closes[_day(at), ticker] = mid
                case FxRate(currency=currency, rate=rate, event_time_ns=at):
                    closes[_day(at), f"fx:{currency}"] = rate
    assert closes == {
        (day, name): series.closes[day]
        for name, series in replay.market.series.items()
        for day in replay.days
        if day in series.closes
    }
    assert (EASTER_MONDAY, "fx:USD") not in closes


def _day(event_time_ns: int) -> dt.date:
    return dt.datetime.fromtimestamp(event_time_ns / 1e9, dt.UTC).date()


def test_the_source_runs_as_a_process_that_reports_in_lines(broker, before):
    window = ["--from", str(FIRST), "--to", str(LAST), "--bootstrap", broker]
    market = ["--instruments", "AAPL,SP500.FUT", "--currencies", "USD"]
    speed = ["--ticks-per-second", "500", "--seconds-per-day", "0.5"]
    process = subprocess.run(
        [sys.executable, "-m", "system.simulate", "replay", *window, *market, *speed],
        capture_output=True,
        timeout=PROCESS_BOUND_S,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    reference, *days, summary = map(read_progress, process.stdout.splitlines())
    assert reference == ReferenceSent(instruments=3, histories=3, stressed=9)
    assert [(d.date, d.tick_count) for d in days if isinstance(d, DaySent)] == [
        (FIRST, 250),
        (EASTER_MONDAY, 250),
        (LAST, 250),
    ]
    assert isinstance(summary, PublishSummary)
    assert (summary.tick_count, summary.failed) == (750, 0)
    assert summary.acked == summary.sent == 6 + 9 + 750 + DAY_COUNT * 5
    assert summary.offsets == {
        place: offset
        for place, offset in end_offsets(broker, INPUT_TOPICS).items()
        if place in summary.offsets
    }
    kinds = [type(record.message()) for record in sent_since(broker, before, REFERENCE)]
    assert (
        kinds == [Instrument] * 3 + [CloseHistory] * 3 + [StressedHistory] * 9 + [Mark] * DAY_COUNT
    )


@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
def test_the_pump_of_a_load_sends_its_plan_with_either_client(broker, before, tmp_path, client):
    plan = load_plan(
        rate=300, seconds=2, warm_up_seconds=1, instruments=5, seconds_per_day=1.5, client=client
    )
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(plan))
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "loadtests.source.load_generator",
            tmp_path / "plan.json",
            "--bootstrap",
            broker,
        ],
        capture_output=True,
        timeout=PROCESS_BOUND_S,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    _prepared, *pulses, summary = map(read_pump_line, process.stdout.splitlines())
    assert isinstance(summary, PublishSummary)
    ends = end_offsets(broker, INPUT_TOPICS)
    assert summary.offsets == {place: ends[place] for place in summary.offsets}
    sent = sent_ticks(sent_since(broker, before, MARKET_DATA))
    assert len(sent.inputs) == summary.tick_count == sum(pulse.sent for pulse in pulses)
    assert summary.acked == summary.sent == summary.tick_count + len(sent.marks) * 5
    planned = list(scheduled_days(plan, load_replay(plan)))
    assert len(sent.marks) == len(planned)
    assert sorted(sent.mid.tolist()) == sorted(mid for day in planned for mid in day.mid.tolist())


def test_a_source_that_is_told_to_stop_delivers_what_it_has_sent_and_says_so(broker):
    window = ["--from", str(FIRST), "--to", str(LAST), "--bootstrap", broker]
    speed = ["--ticks-per-second", "200", "--seconds-per-day", "2", "--skip-reference"]
    process = subprocess.Popen(
        [sys.executable, "-m", "system.simulate", "replay", *window, *speed],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        first = read_progress(process.stdout.readline())
        process.terminate()
        rest, complaints = process.communicate(timeout=PROCESS_BOUND_S)
    assert isinstance(first, DaySent)
    assert process.returncode == ExitCode.INTERRUPTED
    assert (rest, complaints) == (b"", b"")
