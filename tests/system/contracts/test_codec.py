"""The codec says what is valid: strictly, the same every time, and always in its own words."""

from __future__ import annotations

import json
import math
import struct

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from system.contracts.codec import MAX_MESSAGE_BYTES, decode, decode_topic, encode
from system.contracts.messages import (
    FxRate,
    Message,
    OpeningPosition,
    Portfolio,
    Rejected,
    RejectReason,
    RiskSnapshot,
    Tick,
    Trade,
)
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

TICK = {
    "type": "tick",
    "ticker": "AAPL",
    "bid": 1.0,
    "ask": 3.0,
    "mid": 2.0,
    "volume": 5.0,
    "event_time_ns": 1_580_742_000_000_000_000,
    "sequence": 7,
}
TRADE = {
    "type": "trade",
    "trade_id": "t-1",
    "portfolio": "P",
    "instrument": "AAPL",
    "quantity": 1.0,
    "price": 2.0,
}
BOOK = {"type": "portfolio", "portfolio": "P"}


def text(message: dict[str, object], **changes: object) -> bytes:
    return json.dumps({**message, **changes}).encode()


def without(message: dict[str, object], field: str) -> bytes:
    return json.dumps({name: value for name, value in message.items() if name != field}).encode()


def raw(field: str, literal: str, message: dict[str, object] = TICK) -> bytes:
    """Return a message in which one field's value stands exactly as written."""
    return text(message, **{field: "@"}).replace(b'"@"', literal.encode())


def refusal(value: bytes | str, topic: Topic = MARKET_DATA) -> MessageError:
    with pytest.raises(MessageError) as caught:
        decode_topic(value, topic)
    return caught.value


def decoded_or_refused(value: bytes | str, topic: Topic) -> Message | MessageError:
    try:
        return decode_topic(value, topic)
    except MessageError as error:
        return error


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
    ("bid", "mid", "ask"), [(2.0, 1.0, 3.0), (1.0, 4.0, 3.0), (3.0, 2.0, 1.0), (2.1, 2.0, 2.0)]
)
def test_a_quote_that_contradicts_itself_is_refused(bid: float, mid: float, ask: float) -> None:
    error = refusal(text(TICK, bid=bid, mid=mid, ask=ask))
    assert error.reason == RejectReason.INVALID
    assert "bid <= mid <= ask" in error.detail


@pytest.mark.parametrize(("bid", "mid", "ask"), [(2.0, 2.0, 2.0), (1.0, 1.0, 3.0), (1.0, 3.0, 3.0)])
def test_a_mid_on_the_edge_of_its_spread_is_a_quote(bid: float, mid: float, ask: float) -> None:
    assert isinstance(decode_topic(text(TICK, bid=bid, mid=mid, ask=ask), MARKET_DATA), Tick)


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


def test_a_trade_of_nothing_is_refused() -> None:
    assert "quantity is 0" in refusal(text(TRADE, quantity=0), TRADES).detail


@pytest.mark.parametrize(("action", "version"), [("new", 1), ("amend", 0), ("cancel", 0)])
def test_a_trade_with_a_version_that_its_action_cannot_have_is_refused(
    action: str, version: int
) -> None:
    error = refusal(text(TRADE, action=action, version=version), TRADES)
    assert error.reason == RejectReason.INVALID
    assert action in error.detail


def test_a_book_with_an_instrument_twice_is_refused_by_name() -> None:
    position = {"instrument": "AAPL", "quantity": 1, "entry_price": 1}
    assert "AAPL" in refusal(text(BOOK, positions=[position, position]), REFERENCE).detail


@pytest.mark.parametrize("confidence", ["0.95\n", "0.", "1.0", "0.9500000", "95", ".95", " 0.95"])
def test_a_confidence_is_written_as_a_short_decimal(confidence: str) -> None:
    assert "confidence" in refusal(text(BOOK, confidence=confidence), REFERENCE).detail


@pytest.mark.parametrize("currency", ["usd", "USDX", "US", "GBp", "USD\n", "\uff35SD"])
def test_a_base_currency_is_an_iso_code(currency: str) -> None:
    assert "base_currency" in refusal(text(BOOK, base_currency=currency), REFERENCE).detail


TERMS = {
    "underlying": "AAPL",
    "right": "call",
    "strike": 80.0,
    "expiry": "2020-03-20",
    "volatility": 0.25,
}
OPTION = {
    "type": "instrument",
    "instrument": "CALL",
    "asset_class": "option",
    "currency": "USD",
    "option": TERMS,
}


def test_an_option_without_terms_and_terms_without_an_option_are_refused_by_name() -> None:
    bare = {name: value for name, value in OPTION.items() if name != "option"}
    for value in (text(bare), text(OPTION, asset_class="equity")):
        detail = refusal(value, REFERENCE).detail
        assert "CALL" in detail
        assert "option" in detail


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("strike", 0.0),
        ("strike", -1.0),
        ("volatility", 0.0),
        ("volatility", 25.0),
        ("right", "straddle"),
        ("expiry", "2020-02-30"),
        ("underlying", ""),
        ("rate", 5.0),
        ("dividend_yield", "much"),
        ("volatility_shift", "sticky"),
        ("colour", "red"),
    ],
)
def test_a_wrong_term_of_an_option_is_named(field: str, value: object) -> None:
    assert field in refusal(text(OPTION, option={**TERMS, field: value}), REFERENCE).detail


@pytest.mark.parametrize("field", ["underlying", "right", "strike", "expiry", "volatility"])
def test_a_missing_term_of_an_option_is_named(field: str) -> None:
    fewer = {name: value for name, value in TERMS.items() if name != field}
    assert field in refusal(text(OPTION, option=fewer), REFERENCE).detail


def test_money_and_options_have_no_proxy() -> None:
    assert "proxy of CALL" in refusal(text(OPTION, proxy="SPY"), REFERENCE).detail


STRESSED = {
    "type": "stressed_history",
    "window": "2008",
    "first": "2008-09-02",
    "last": "2008-12-31",
    "version": "v1",
    "series": "AAPL",
    "closes": [["2008-08-29", 6.0], ["2008-09-02", 5.9]],
}


def test_a_stressed_window_that_ends_before_it_begins_is_refused() -> None:
    detail = refusal(text(STRESSED, last="2008-09-01"), REFERENCE).detail
    assert "window 2008" in detail
    assert "2008-09-01" in detail


def test_stressed_closes_grow_in_date() -> None:
    closes = [["2008-09-02", 5.9], ["2008-08-29", 6.0]]
    assert "2008-08-29" in refusal(text(STRESSED, closes=closes), REFERENCE).detail


@pytest.mark.parametrize("asset_class", ["fx", "cash"])
def test_an_amount_of_money_has_no_multiplier(asset_class: str) -> None:
    value = text(
        {
            "type": "instrument",
            "instrument": "EUR",
            "asset_class": asset_class,
            "currency": "EUR",
            "multiplier": 100.0,
        }
    )
    assert "multiplier of EUR" in refusal(value, REFERENCE).detail


@pytest.mark.parametrize(
    "closes",
    [
        [["2020-01-02", 1.0], ["2020-01-01", 1.0]],
        [["2020-01-01", 1.0], ["2020-01-01", 1.0]],
        [["2020-01-01"]],
        [["2020-01-01", 1.0, 2]],
        [["2020-02-30", 1.0]],
        [["2020-01-01T00:00:00", 1.0]],
        [["2020-01-01", "0"]],
        [{"date": "2020-01-01", "value": 1.0}],
        [["2020-01-01", 1.0]] * 2_000,
    ],
)
def test_closes_are_dated_in_order_and_numbers(closes: list[object]) -> None:
    value = text({"type": "history", "series": "AAPL", "closes": closes})
    assert refusal(value, REFERENCE).reason == RejectReason.INVALID


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


def test_messages_cannot_be_changed() -> None:
    trade = decode_topic(text(TRADE), TRADES)
    assert isinstance(trade, Trade)
    with pytest.raises(AttributeError):
        trade.quantity = 2.0  # type: ignore[misc]


def test_a_full_book_fits_into_a_message() -> None:
    names = [f"{index:04d}" + "X" * 60 for index in range(5_000)]
    positions = tuple(
        OpeningPosition(instrument=name, quantity=-123456.789, entry_price=1234.56789)
        for name in names
    )
    book = Portfolio(portfolio="P", positions=positions)
    assert decode_topic(encode(book), REFERENCE) == book
