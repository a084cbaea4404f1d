"""Payloads: what the fold takes of each message, and of bytes that are none."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given

from system.book.ingest.payloads import payload_of
from system.book.state.events import QuoteRow, Unreadable
from system.contracts.codec import encode
from system.contracts.messages import FxRate, Mark, Message, RejectReason, Tick
from system.contracts.topics import FX_RATES, INPUT_TOPICS, MARKET_DATA, Topic
from tests import message_strategies as drawn

TICK = Tick(
    ticker="A", bid=1.0, ask=3.0, mid=2.0, volume=4.0, event_time_ns=5, sequence=6,
    intended_monotonic_ns=7,
)  # fmt: skip


def test_a_tick_is_taken_by_its_mid_and_keeps_its_bid() -> None:
    assert payload_of(encode(TICK), MARKET_DATA) == QuoteRow("A", 2.0, 5, 6, 7, 1.0)


def test_a_rate_is_taken_by_its_rate() -> None:
    rate = FxRate(currency="USD", rate=1.1, event_time_ns=5, sequence=6)
    assert payload_of(encode(rate), FX_RATES) == QuoteRow("USD", 1.1, 5, 6, 0)


@pytest.mark.parametrize("topic", INPUT_TOPICS, ids=lambda topic: topic.name)
def test_a_mark_is_taken_as_it_is_from_every_topic(topic: Topic) -> None:
    mark = Mark(date=dt.date(2020, 3, 5), event_time_ns=1)
    assert payload_of(encode(mark), topic) == mark


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", RejectReason.NOT_JSON),
        (b"garbage", RejectReason.NOT_JSON),
        (encode(TICK).replace(b"2.0", b"NaN"), RejectReason.NOT_FINITE),
        (encode(TICK).replace(b"2.0", b"9.0"), RejectReason.INVALID),
        (b'{"type":"trade"}', RejectReason.INVALID),
    ],
)
def test_bytes_that_are_no_message_are_unreadable_with_their_reason(value, reason) -> None:
    payload = payload_of(value, MARKET_DATA)
    assert isinstance(payload, Unreadable)
    assert payload.reason is reason


@given(drawn.adjustments() | drawn.trades())
def test_other_messages_are_taken_as_they_are(message: Message) -> None:
    topic = next(topic for topic in INPUT_TOPICS if type(message) in topic.messages)
    assert payload_of(encode(message), topic) == message
    assert msgspec.json.decode(encode(message))
