"""Rulings: each is the fold's own, on the message that it names, in whatever order they come."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.book import Book
from system.book.ingest.payloads import payload_of
from system.book.state.events import Event
from system.book.state.rows import update_rows
from system.bus.routing import partition_of
from system.contracts.codec import encode
from system.contracts.kept_values import kept_value
from system.contracts.messages import Mark, Message, Portfolio, RejectReason
from system.contracts.topics import (
    INPUT_TOPICS,
    MARKET_DATA,
    TRADES,
    message_key,
    offset_key,
    split_offset_key,
)
from system.feed.rulings import NO_OFFSETS, WAITS, Judge, Judged, topic_of_bytes
from tests.system.book.feed import history, instrument, mark, rate, tick, trade
from validation.fuzzing.worlds import World

SHARE = instrument("A")


def judged(*messages: Message | bytes, judge: Judge | None = None) -> Judged:
    judge = judge or Judge()
    for number, message in enumerate(messages):
        value = message if isinstance(message, bytes) else encode(message)
        judge.judge(f"line {number}", value)
    return judge.finish()


def outcomes(told: Judged) -> list[str]:
    return [str(ruling.reason or ruling.outcome) for ruling in told.rulings]


def test_each_message_has_the_outcome_that_the_stream_counts_it_as() -> None:
    told = judged(
        SHARE,
        tick("A", 100.0, hour=15, sequence=5),
        tick("A", 100.0, hour=15, sequence=5),
        tick("A", 101.0, hour=14, sequence=4),
        b"garbage",
        tick("B", 1.0),
        mark(0),
        tick("A", 102.0, hour=16, sequence=6),
        mark(0),
        tick("A", 103.0, day=1, sequence=1),
        Portfolio(portfolio="test"),
        trade("t", "A", 1.0, 100.0, book="test"),
        rate("EUR", 1.0),
    )
    assert outcomes(told) == [
        "applied", "applied", "duplicate", "superseded", "not_json", "unknown_instrument", "mark",
        "late", "duplicate", "applied", "applied", "applied", "unknown_currency",
    ]  # fmt: skip
    assert [ruling.place for ruling in told.rejected] == ["line 4", "line 5", "line 7", "line 12"]
    assert told.counts["rejected: late"] == 1
    assert told.rulings[6].topic == "every topic"


def test_a_tick_that_is_contradicted_later_is_rejected_and_the_next_ones_are_not() -> None:
    told = judged(
        SHARE,
        history("A", [100.0, 101.0]),
        tick("A", 100.0, hour=10),
        tick("A", 900.0, hour=11),
        tick("A", 101.0, hour=12),
        tick("A", 102.0, hour=13),
    )
    assert outcomes(told)[2:] == ["applied", "contradicted", "applied", "applied"]


def test_a_message_judged_for_a_topic_that_is_not_its_own_is_refused_there() -> None:
    judge = Judge()
    judge.judge("line 1", encode(trade("t", "A", 1.0, 1.0)), MARKET_DATA)
    judge.judge("line 2", encode(mark(0)), TRADES)
    told = judge.finish()
    assert outcomes(told) == ["invalid", WAITS]
    assert set(told.waiting_for) == {place for place in NO_OFFSETS if "trades" not in place}


def test_what_the_stream_has_is_known() -> None:
    book = Book(dict(NO_OFFSETS))
    value = encode(SHARE)
    events = {"reference:0": [Event(0, payload_of(value, INPUT_TOPICS[3]), [kept_value(value)], 0)]}
    fold = book.fold(events, fence=1, epoch=1)
    kept: dict[str, bytes] = {}
    update_rows(kept, fold.state)
    judge = Judge(kept, fold.offsets)
    assert outcomes(judged(tick("A", 100.0), SHARE, judge=judge)) == ["applied", "duplicate"]
    assert outcomes(judged(tick("A", 100.0))) == ["unknown_instrument"]


def test_a_mark_is_judged_as_if_it_were_sent_now_however_long_partitions_were_quiet() -> None:
    quiet = {"reference:0": 1_000, "market_data:0": 10_000_000}
    judge = Judge({"appended": msgspec.json.encode(quiet)}, NO_OFFSETS, appended_at_ms=10_000_001)
    told = judged(SHARE, tick("A", 1.0), mark(0), tick("A", 2.0, day=1), mark(1), judge=judge)
    assert outcomes(told) == ["applied", "applied", "mark", "applied", "mark"]


def test_a_suspect_tick_of_the_state_is_no_message_of_the_feed() -> None:
    first = [SHARE, history("A", [100.0]), tick("A", 100.0, hour=10), tick("A", 900.0, hour=11)]
    book, offsets = Book(dict(NO_OFFSETS)), dict(NO_OFFSETS)
    state: dict[str, bytes] = {}
    for message in first:
        fold = book.fold(taken(message, offsets), fence=1, epoch=1)
        update_rows(state, fold.state)
    judge = Judge(state, fold.offsets)
    later = [tick("A", 101.0 + step, hour=12 + step) for step in range(3)]
    assert outcomes(judged(*later, judge=judge)) == ["applied"] * 3


def taken(message: Message | bytes, offsets: dict[str, int]) -> dict[str, list[Event]]:
    """Return a message as events, as a broker with one key rule would place it."""
    value = message if isinstance(message, bytes) else encode(message)
    topic = topic_of_bytes(value)
    if topic is None:
        places = list(offsets)
    else:
        key = b"" if isinstance(message, bytes) else message_key(message).encode()
        places = [offset_key(topic.name, partition_of(key, topic.partition_count))]
    events = {}
    for place in places:
        home = next(each for each in INPUT_TOPICS if each.name == split_offset_key(place)[0])
        payload = payload_of(value, home)
        events[place] = [Event(offsets[place], payload, [kept_value(value)], 0)]
        offsets[place] += 1
    return events


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 100))
def test_rulings_are_those_of_the_fold_that_the_stream_runs(seed: int, damage: int) -> None:
    messages: list[Message | bytes] = list(World(seed, usual=0.9).messages(40))
    for index in range(0, len(messages), 7):
        value = messages[index]
        if damage and not isinstance(value, bytes | Mark):
            messages[index] = encode(value)[: -1 - crc32(encode(value)) % 9]
    told = judged(*messages)
    book, offsets = Book(dict(NO_OFFSETS)), dict(NO_OFFSETS)
    rejected: Counter[str] = Counter()
    for message in messages:
        fold = book.fold(taken(message, offsets), fence=0, epoch=0)
        rejected.update(row.reason for row in fold.rejected if not is_mark(row.value))
    marks = sum(isinstance(message, Mark) for message in messages)
    counted: Counter[str] = Counter()
    for counts in book.ledger.topics().values():
        counted.update(
            applied=counts.applied, superseded=counts.superseded, duplicate=counts.duplicate
        )
    mine = Counter(
        str(ruling.reason or ruling.outcome)
        for ruling, message in zip(told.rulings, messages, strict=True)
        if not isinstance(message, Mark)
    )
    of_marks = sum(ruling.topic == "every topic" for ruling in told.rulings)
    duplicate_marks = sum(
        ruling.outcome == "duplicate" and ruling.topic == "every topic" for ruling in told.rulings
    )
    assert of_marks == marks
    assert mine["applied"] == counted["applied"]
    assert mine["superseded"] == counted["superseded"]
    assert mine["duplicate"] == counted["duplicate"] - duplicate_marks * len(NO_OFFSETS)
    assert {name: mine[name] for name in rejected} == dict(rejected)


def is_mark(text: str) -> bool:
    return '"type":"mark"' in text


@pytest.mark.parametrize("value", [b"", b"[]", b'{"type":1}', b'{"type":"nonsense"}', b"\xff"])
def test_bytes_of_no_type_are_judged_as_market_data(value: bytes) -> None:
    assert topic_of_bytes(value) == MARKET_DATA


def test_every_message_of_an_input_topic_is_known_by_its_type() -> None:
    assert topic_of_bytes(encode(Mark(date=dt.date(2020, 3, 5), event_time_ns=1))) is None
    for topic in INPUT_TOPICS:
        for message in topic.messages:
            tag = message.__struct_config__.tag
            expected = None if message is Mark else topic
            assert topic_of_bytes(b'{"type":"%b"}' % str(tag).encode()) == expected


def test_a_ruling_names_its_reason() -> None:
    (ruling,) = judged(b"garbage").rulings
    assert ruling.reason is RejectReason.NOT_JSON
    assert "malformed" in ruling.detail
