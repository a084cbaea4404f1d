"""Topics, keys and partitions: one home, complete, and the same for equal things."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings

from system.contracts.codec import decode_topic, encode
from system.contracts.messages import (
    CloseHistory,
    FxRate,
    InputMessage,
    Instrument,
    Mark,
    Portfolio,
    Rejected,
    RejectReason,
    Tick,
    Trade,
)
from system.contracts.topics import (
    INPUT_TOPICS,
    REFERENCE,
    REJECTED,
    RISK_SNAPSHOTS,
    TOPICS,
    message_key,
    offset_key,
    split_offset_key,
)
from system.store.sample_snapshots import sample_snapshot
from tests import message_strategies as messages


def test_topics_have_names_of_their_own() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_a_mark_may_stand_on_every_input_topic_and_on_no_other() -> None:
    assert {topic for topic in TOPICS if Mark in topic.messages} == set(INPUT_TOPICS)


def test_every_input_message_but_the_mark_has_one_topic() -> None:
    for message_type in InputMessage.__args__:
        homes = [topic.name for topic in INPUT_TOPICS if message_type in topic.messages]
        assert len(homes) == (len(INPUT_TOPICS) if message_type is Mark else 1), message_type


def test_only_reference_data_is_kept_for_ever() -> None:
    assert [topic for topic in TOPICS if topic.compacted] == [REFERENCE]


@given(messages.input_messages)
@settings(max_examples=200, deadline=None)
def test_every_message_has_a_key_that_survives_the_wire(message: InputMessage) -> None:
    topic = next(topic for topic in INPUT_TOPICS if isinstance(message, topic.messages))
    key = message_key(message)
    assert key
    assert message_key(decode_topic(encode(message), topic)) == key


DAY = dt.date(2020, 2, 3)


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (
            Tick(ticker="A", bid=1, ask=1, mid=1, volume=0, event_time_ns=0, sequence=0),
            "A",
        ),
        (FxRate(currency="USD", rate=1.1, event_time_ns=0, sequence=0), "USD"),
        (Trade(trade_id="t", portfolio="P", instrument="A", quantity=1, price=1), "P"),
        (Portfolio(portfolio="P"), "portfolio:P"),
        (CloseHistory(series="P", closes=()), "history:P"),
        (Instrument(instrument="P", asset_class="equity", currency="USD"), "instrument:P"),
        (Mark(date=DAY, event_time_ns=0), "mark:2020-02-03"),
        (sample_snapshot("P"), "P"),
        (
            Rejected(
                topic="trades",
                partition=1,
                offset=9,
                reason=RejectReason.LATE,
                detail="",
                value="",
            ),
            "trades:1:9",
        ),
    ],
)
def test_keys_are_what_order_is_wanted_within(message, key: str) -> None:
    assert message_key(message) == key


def test_reference_data_of_different_kinds_never_replaces_one_another() -> None:
    """The topic is compacted by key: a book and an instrument may have the same name."""
    same_name = (
        Portfolio(portfolio="X"),
        CloseHistory(series="X", closes=()),
        Instrument(instrument="X", asset_class="equity", currency="USD"),
    )
    assert len({message_key(message) for message in same_name}) == 3


def test_what_has_no_key_rule_is_refused() -> None:
    with pytest.raises(KeyError):
        message_key(sample_snapshot().stages)


def test_the_outputs_are_no_inputs() -> None:
    assert not {RISK_SNAPSHOTS, REJECTED} & set(INPUT_TOPICS)


def test_a_partition_is_named_by_topic_and_number() -> None:
    assert offset_key("market_data", 1) == "market_data:1"
    assert split_offset_key("market_data:1") == ("market_data", 1)
