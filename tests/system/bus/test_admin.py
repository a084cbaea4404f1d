import pytest

from system.bus.admin import (
    changed_settings,
    create_topics,
    max_record_bytes,
    topic_settings,
)
from system.bus.errors import BusUnavailableError
from system.contracts.codec import MAX_MESSAGE_BYTES
from system.contracts.topics import INPUT_TOPICS, MARKET_DATA, REFERENCE, TOPICS, TRADES, Retention

NO_BROKER = "127.0.0.1:1"


def test_history_is_bounded_by_time_and_bytes_unless_it_is_compacted():
    for topic in TOPICS:
        settings = topic_settings(topic)
        if topic.compacted:
            assert settings["cleanup.policy"] == "compact"
            assert not {"retention.ms", "retention.bytes"} & settings.keys()
        else:
            assert settings["cleanup.policy"] == "delete"
            assert settings["retention.ms"] == str(topic.retention.hours * 3_600_000)
            assert settings["retention.bytes"] == str(topic.retention.mib * 2**20)


def test_what_is_kept_can_be_set_for_each_topic():
    settings = topic_settings(MARKET_DATA, {"market_data": Retention(2, 100)})
    assert settings["retention.ms"] == str(2 * 3_600_000)
    assert settings["retention.bytes"] == str(100 * 2**20)
    assert topic_settings(TRADES, {"market_data": Retention(2, 100)}) == topic_settings(TRADES)


@pytest.mark.parametrize("hours", [1, 10_000])
def test_compaction_touches_nothing_that_the_other_topics_still_hold(hours):
    kept = {"fx_rates": Retention(hours, 64)}
    lag_ms = int(topic_settings(REFERENCE, kept)["min.compaction.lag.ms"])
    others = [topic for topic in INPUT_TOPICS if not topic.compacted]
    assert lag_ms == max(int(topic_settings(each, kept)["retention.ms"]) for each in others)


def test_no_topic_keeps_less_than_one_segment_beside_the_one_that_is_written():
    for topic in TOPICS:
        assert topic.retention.mib * 2**20 >= int(topic_settings(topic)["segment.bytes"])


def test_only_settings_that_differ_are_altered():
    held = {
        "retention.ms": {"value": "5"},
        "cleanup.policy": {"value": "delete"},
        "min.insync.replicas": {"value": "1"},
    }
    wanted = {"retention.ms": "6", "cleanup.policy": "delete", "retention.bytes": "7"}
    assert changed_settings(held, wanted) == {"retention.ms": "6", "retention.bytes": "7"}


def test_records_carry_the_brokers_append_time():
    assert {topic_settings(topic)["message.timestamp.type"] for topic in TOPICS} == {
        "LogAppendTime"
    }


def test_the_broker_keeps_records_uncompressed_so_that_their_bound_is_one_on_their_size():
    assert {topic_settings(topic)["compression.type"] for topic in TOPICS} == {"uncompressed"}


def test_every_topic_takes_the_largest_message_that_the_codec_allows():
    for topic in TOPICS:
        assert max_record_bytes(topic) > MAX_MESSAGE_BYTES


def test_an_input_that_was_refused_fits_into_the_output_topics():
    outputs = [topic for topic in TOPICS if topic.messages and topic not in INPUT_TOPICS]
    assert min(map(max_record_bytes, outputs)) >= 6 * MAX_MESSAGE_BYTES


def test_without_a_broker_the_error_names_the_address():
    with pytest.raises(BusUnavailableError, match=NO_BROKER):
        create_topics(NO_BROKER, timeout_seconds=0.0)
