"""The codec says what is valid: strictly, the same every time, and always in its own words."""

from __future__ import annotations

import json
import math
import struct

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from system.contracts.codec import (
    MAX_MESSAGE_BYTES,
    decode,
    decode_topic,
    encode,
    encoded_by_rows,
)
from system.contracts.messages import (
    FxRate,
    Message,
    PositionColumns,
    Rejected,
    RejectReason,
    RiskSnapshot,
    Tick,
    by_rows,
)
from system.contracts.text.columns import column_of
from system.contracts.topics import (
    FX_RATES,
    INPUT_TOPICS,
    MARKET_DATA,
    REFERENCE,
    REJECTED,
    RISK_SNAPSHOTS,
    TRADES,
    Topic,
)
from system.errors import MessageError
from system.store.sample_snapshots import sample_snapshot
from tests import message_strategies as messages
from tests.by_columns import by_columns
from tests.raw_messages import (
    BOOK,
    TICK,
    TRADE,
    decoded_or_refused,
    raw,
    refusal,
    text,
    without,
)

# -- round trip -----------------------------------------------------------------------------


def topic_and(strategy: st.SearchStrategy, topic: Topic) -> st.SearchStrategy:
    return strategy.map(lambda message: (message, topic))


@given(
    st.one_of(
        topic_and(messages.market_messages, MARKET_DATA),
        topic_and(messages.fx_messages, FX_RATES),
        topic_and(messages.trade_messages, TRADES),
        topic_and(messages.reference_messages, REFERENCE),
        topic_and(messages.rejected, REJECTED),
    )
)
@settings(max_examples=300, deadline=None)
def test_what_is_encoded_is_decoded_to_the_same_message(case: tuple[Message, Topic]) -> None:
    message, topic = case
    value = encode(message)
    assert decode_topic(value, topic) == message
    assert decode(value.decode(), type(message)) == message
    assert encode(decode_topic(value, topic)) == value


@given(messages.positive)
@example(1e-9)
@example(5e-9)
@example(math.nextafter(1e15, 0.0))
def test_a_price_keeps_its_bits(price: float) -> None:
    rate = FxRate(currency="USD", rate=price, event_time_ns=0, sequence=0)
    again = decode_topic(encode(rate), FX_RATES)
    assert isinstance(again, FxRate)
    assert struct.pack("<d", again.rate) == struct.pack("<d", price)


def test_a_snapshot_comes_back_as_it_was() -> None:
    snapshot = sample_snapshot(position_count=5, trade_ids=("t-1",), breach=True)
    assert decode(encode(snapshot), RiskSnapshot) == snapshot
    assert decode_topic(encode(snapshot), RISK_SNAPSHOTS) == snapshot


def test_what_has_a_default_may_be_left_out() -> None:
    message = decode_topic(text(TICK), MARKET_DATA)
    assert isinstance(message, Tick)
    assert message.intended_monotonic_ns == 0


def test_an_integer_is_a_number_too() -> None:
    message = decode_topic(raw("bid", "1"), MARKET_DATA)
    assert isinstance(message, Tick)
    assert message.bid == 1.0


# -- refusals: each with its reason -----------------------------------------------------------


@pytest.mark.parametrize("field", [name for name in TICK if name != "type"])
def test_a_missing_field_is_refused_by_name(field: str) -> None:
    error = refusal(without(TICK, field))
    assert error.reason == RejectReason.INVALID
    assert field in error.detail


@pytest.mark.parametrize("name", ["surprise", "Bid", "bid ", "", "_corrupt"])
def test_an_unknown_field_is_refused(name: str) -> None:
    assert refusal(text(TICK, **{name: 1})).reason == RejectReason.INVALID


@pytest.mark.parametrize("field", TICK)
def test_a_field_that_stands_twice_is_refused_by_name(field: str) -> None:
    twice = text(TICK)[:-1] + f", {json.dumps({field: TICK[field]})[1:]}".encode()
    error = refusal(twice)
    assert error.reason == RejectReason.INVALID
    assert error.detail == f"field {field} stands twice"


@pytest.mark.parametrize("space", ["", " ", "\n\t"])
def test_a_repeat_is_found_however_it_is_written(space: str) -> None:
    as_written_by_us = encode(decode_topic(text(TICK), MARKET_DATA))
    error = refusal(as_written_by_us[:-1] + f',"bid"{space}:1.0}}'.encode())
    assert error.detail == "field bid stands twice"


def test_a_field_that_stands_twice_inside_is_refused() -> None:
    position = '{"instrument":"A","quantity":1,"entry_price":1,"quantity":2}'
    error = refusal(raw("positions", f"[{position}]", BOOK), REFERENCE)
    assert error.detail == "field quantity stands twice in positions[0]"


@pytest.mark.parametrize(
    ("field", "literal"),
    [
        ("bid", '"1.0"'),
        ("bid", "true"),
        ("bid", "null"),
        ("bid", "[1]"),
        ("bid", "{}"),
        ("mid", "1e400"),
        ("mid", "-1e400"),
        ("mid", "1e-400"),
        ("mid", "5e-324"),
        ("mid", "0.99"),
        ("bid", "-1e15"),
        ("ask", "1e15"),
        ("ask", "1" + "0" * 400),
        ("volume", "-1e-300"),
        ("volume", "1e15"),
        ("event_time_ns", "-1"),
        ("event_time_ns", "1.0"),
        ("event_time_ns", "1e3"),
        ("event_time_ns", str(2**62 + 1)),
        ("event_time_ns", str(2**64)),
        ("sequence", '"7"'),
        ("sequence", "7.5"),
        ("ticker", '""'),
        ("ticker", "7"),
        ("ticker", '" AAPL"'),
        ("ticker", '"AAPL "'),
        ("ticker", '"AAPL\\n"'),
        ("ticker", '"A\\u0000"'),
        ("ticker", '"A\\u202eB"'),
        ("ticker", '"A  B"'),
        ("ticker", '"' + "A" * 65 + '"'),
        ("type", '"trade"'),
        ("type", '"nothing"'),
        ("type", "1"),
        ("type", "null"),
    ],
)
def test_a_value_out_of_its_bounds_or_type_is_invalid(field: str, literal: str) -> None:
    error = refusal(raw(field, literal))
    assert error.reason == RejectReason.INVALID
    assert field in error.detail


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_has_a_reason_of_its_own(literal: str) -> None:
    assert refusal(raw("mid", literal)).reason == RejectReason.NOT_FINITE


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"garbage",
        b"{",
        b'{"type":"tick"',
        text(TICK) + b"x",
        text(TICK) + text(TICK),
        b"\xef\xbb\xbf" + text(TICK),
        text(TICK).replace(b'"', b"'"),
        text(TICK).replace(b"AAPL", b"A\xff"),
        text(TICK).replace(b"AAPL", b"\\ud800"),
        text(TICK).replace(b"AAPL", b"A\tB"),
        text(TICK).replace(b"AAPL", b"\x00"),
        text(TICK)[:-1] + b",}",
        b"/* a */" + text(TICK),
        raw("bid", "01"),
        raw("bid", "+1"),
        raw("bid", ".5"),
        raw("bid", "1."),
        raw("bid", "1x1"),
        b"\x00" * 100,
    ],
)
def test_what_is_no_json_is_called_so(value: bytes) -> None:
    assert refusal(value).reason == RejectReason.NOT_JSON


@pytest.mark.parametrize("value", [b"[]", b"null", b"1", b'"tick"', b"{}", b"[{}]", b"true"])
def test_json_that_is_no_message_is_invalid(value: bytes) -> None:
    assert refusal(value).reason == RejectReason.INVALID


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"type":{"a":', b'[{"a":'])
def test_json_that_is_nested_without_end_is_refused_and_not_a_crash(opening: bytes) -> None:
    depth = 900_000 // len(opening)
    assert refusal(opening * depth).reason in (RejectReason.INVALID, RejectReason.NOT_JSON)


def test_a_message_is_bounded_in_size_where_it_comes_from_outside() -> None:
    padded = text(TICK) + b" " * MAX_MESSAGE_BYTES
    error = refusal(padded)
    assert error.reason == RejectReason.INVALID
    assert str(len(padded)) in error.detail


def test_a_message_just_within_the_bound_is_read() -> None:
    value = text(TICK)
    padded = value + b" " * (MAX_MESSAGE_BYTES - len(value))
    assert isinstance(decode_topic(padded, MARKET_DATA), Tick)


def test_what_the_product_writes_may_be_larger_than_what_it_takes() -> None:
    rejected = Rejected(
        topic="market_data",
        partition=0,
        offset=0,
        reason=RejectReason.NOT_JSON,
        detail="",
        value="\x01" * MAX_MESSAGE_BYTES,
    )
    value = encode(rejected)
    assert len(value) > 6 * MAX_MESSAGE_BYTES
    assert decode(value, Rejected) == rejected
    assert decode_topic(value, REJECTED) == rejected


@given(st.binary(max_size=200) | st.text(max_size=200), st.sampled_from(INPUT_TOPICS))
@settings(max_examples=300, deadline=None)
def test_whatever_the_bytes_are_only_a_message_error_leaves_the_codec(
    value: bytes | str, topic: Topic
) -> None:
    outcome = decoded_or_refused(value, topic)
    if isinstance(outcome, MessageError):
        assert outcome.reason in set(RejectReason)
        assert outcome.detail


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["tick", "fx", "mark", "trade", "portfolio", "instrument", "history"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*TICK, *TRADE, "positions", "x"]), json_values))
@settings(max_examples=300, deadline=None)
def test_json_that_looks_like_a_message_is_one_or_is_refused(fields: dict[str, object]) -> None:
    value = msgspec.json.encode(fields)
    for topic in INPUT_TOPICS:
        outcome = decoded_or_refused(value, topic)
        if isinstance(outcome, MessageError):
            assert outcome.reason == RejectReason.INVALID
        else:
            assert isinstance(outcome, topic.messages)


def test_a_message_of_another_topic_is_refused() -> None:
    for topic in (FX_RATES, TRADES, REFERENCE):
        assert refusal(text(TICK), topic).reason == RejectReason.INVALID
    assert refusal(text(TRADE), MARKET_DATA).reason == RejectReason.INVALID


def test_a_snapshot_is_encoded_once_and_its_copy_anew() -> None:
    snapshot = sample_snapshot()
    value = encode(snapshot)
    assert encode(snapshot) is value
    changed = msgspec.structs.replace(snapshot, epoch=snapshot.epoch + 1)
    assert decode(encode(changed), RiskSnapshot) == changed
    assert decode(encode(snapshot), RiskSnapshot) == snapshot


def test_positions_are_read_to_the_bit_from_columns_and_from_rows_of_version_1() -> None:
    rows = sample_snapshot(position_count=5)
    columns = by_columns(rows)
    first, second = decode(encode(rows), RiskSnapshot), decode(encode(columns), RiskSnapshot)
    assert (first, second) == (rows, columns)
    assert encode(by_rows(second)) == encode(rows)
    assert len(encode(columns)) < len(encode(rows))


def test_a_snapshot_is_sent_to_readers_with_rows_and_one_that_has_them_as_it_is() -> None:
    rows = sample_snapshot()
    assert encoded_by_rows(encode(by_columns(rows))) == encode(rows)
    value = encode(rows)
    assert encoded_by_rows(value) is value


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_column_that_is_no_number_somewhere_is_refused(number: float) -> None:
    snapshot = by_columns(sample_snapshot(position_count=2))
    assert isinstance(snapshot.positions, PositionColumns)
    positions = msgspec.structs.replace(snapshot.positions, delta=column_of([1.0, number]))
    value = encode(msgspec.structs.replace(snapshot, positions=positions))
    for read in (lambda: decode(value, RiskSnapshot), lambda: decode_topic(value, RISK_SNAPSHOTS)):
        with pytest.raises(MessageError, match="delta") as caught:
            read()
        assert caught.value.reason is RejectReason.NOT_FINITE
