import pytest

from system.bus.admin import RETENTION_HOURS, create_topics, max_record_bytes, topic_settings
from system.bus.errors import BusUnavailableError
from system.contracts.codec import MAX_MESSAGE_BYTES
from system.contracts.topics import INPUT_TOPICS, MARKET_DATA, REFERENCE, TOPICS

NO_BROKER = "127.0.0.1:1"


def test_history_is_bounded_by_time_unless_it_is_compacted():
    for topic in TOPICS:
        settings = topic_settings(topic)
        if topic.compacted:
            assert settings["cleanup.policy"] == "compact"
            assert "retention.ms" not in settings
        else:
            assert settings["cleanup.policy"] == "delete"
            assert settings["retention.ms"] == str(RETENTION_HOURS * 3_600_000)


def test_compaction_touches_nothing_that_the_other_topics_still_hold():
    reference, ticks = topic_settings(REFERENCE), topic_settings(MARKET_DATA)
    assert reference["min.compaction.lag.ms"] == ticks["retention.ms"]


def test_records_carry_the_brokers_append_time():
    assert {topic_settings(topic)["message.timestamp.type"] for topic in TOPICS} == {
        "LogAppendTime"
    }


def test_every_topic_takes_the_largest_message_that_the_codec_allows():
    for topic in TOPICS:
        assert max_record_bytes(topic) > MAX_MESSAGE_BYTES


def test_an_input_that_was_refused_fits_into_the_output_topics():
    outputs = [topic for topic in TOPICS if topic.messages and topic not in INPUT_TOPICS]
    assert min(map(max_record_bytes, outputs)) >= 6 * MAX_MESSAGE_BYTES


def test_without_a_broker_the_error_names_the_address():
    with pytest.raises(BusUnavailableError, match=NO_BROKER):
        create_topics(NO_BROKER, timeout_seconds=0.0)
