"""Versions of messages: newer minor ones are read, other major ones rejected."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.codec import decode, decode_topic, encode
from system.contracts.messages import (
    SNAPSHOT_VERSION,
    Message,
    OpeningPosition,
    Portfolio,
    RejectReason,
    Trade,
)
from system.contracts.topics import MARKET_DATA, REFERENCE, RISK_SNAPSHOTS, TRADES
from system.contracts.versions import MINOR, SNAPSHOT_MAJOR, VERSION_FIELD
from system.errors import MessageError
from system.store.sample_snapshots import sample_snapshot
from tests import message_strategies as drawn
from tests.by_columns import by_columns

TRADE = Trade(trade_id="t", portfolio="P", instrument="A", quantity=1.0, price=2.0)
BOOK = Portfolio(
    portfolio="P",
    positions=(OpeningPosition(instrument="A", quantity=1.0, entry_price=2.0),),
)
NEWER = f"1.{MINOR + 1}"
SENT = st.one_of(
    st.tuples(st.just(MARKET_DATA), drawn.ticks()),
    st.tuples(st.just(TRADES), drawn.trades()),
    st.tuples(st.just(REFERENCE), drawn.instruments()),
    st.tuples(st.just(REFERENCE), drawn.stressed_histories()),
    st.tuples(st.just(REFERENCE), drawn.histories()),
    st.tuples(st.just(REFERENCE), drawn.exchange_sessions()),
    st.tuples(st.just(REFERENCE), drawn.adjustments()),
)


def changed(message: Message, **fields: Any) -> bytes:
    return json.dumps({**json.loads(encode(message)), **fields}).encode()


def refusal(value: bytes) -> MessageError:
    with pytest.raises(MessageError) as caught:
        decode_topic(value, TRADES)
    return caught.value


def test_a_message_without_a_version_is_of_the_first_and_refuses_unknown_fields():
    assert decode_topic(encode(TRADE), TRADES) == TRADE
    assert refusal(changed(TRADE, venue="X")).reason is RejectReason.INVALID


@pytest.mark.parametrize("version", ["1.0", f"1.{MINOR}"])
def test_our_own_version_may_be_stated_and_refuses_unknown_fields_too(version):
    assert decode_topic(changed(TRADE, message_version=version), TRADES) == TRADE
    refused = refusal(changed(TRADE, message_version=version, venue="X"))
    assert refused.reason is RejectReason.INVALID
    assert "venue" in refused.detail


@pytest.mark.parametrize("version", [NEWER, "1.999999999"])
def test_of_a_newer_minor_version_unknown_fields_are_left_out(version):
    value = changed(TRADE, message_version=version, venue="X", legs=[{"a": [1, {"b": None}]}])
    assert decode_topic(value, TRADES) == TRADE
    assert decode(value, Trade) == TRADE


def test_unknown_fields_of_what_is_nested_are_left_out_too():
    fields = json.loads(encode(BOOK))
    fields["positions"][0]["lot"] = "first in, first out"
    value = json.dumps({**fields, VERSION_FIELD: NEWER}).encode()
    assert decode_topic(value, REFERENCE) == BOOK


@pytest.mark.parametrize("version", ["2.0", "0.9", "10.1", "999999999.0"])
def test_another_major_version_is_rejected_with_its_own_reason(version):
    for value in (
        changed(TRADE, message_version=version),
        changed(TRADE, message_version=version, venue="X"),
        changed(TRADE, message_version=version, quantity={"lots": 1}),
    ):
        refused = refusal(value)
        assert refused.reason is RejectReason.UNKNOWN_VERSION
        assert version in refused.detail
        assert "upgrade" in refused.detail


@pytest.mark.parametrize(
    "version", [1, 1.1, None, "", "1", "1.", "1.x", "v1.0", "01.0", "1.0 ", {}]
)
def test_a_version_that_is_not_two_numbers_is_invalid(version):
    assert refusal(changed(TRADE, message_version=version)).reason is RejectReason.INVALID


def test_a_newer_minor_version_is_held_to_the_rules_of_known_fields():
    for fields in ({"quantity": "many"}, {"trade_id": ""}, {"type": "halt"}, {"price": None}):
        refused = refusal(changed(TRADE, message_version=NEWER, **fields))
        assert refused.reason is RejectReason.INVALID
    twice = changed(TRADE, message_version=NEWER)[:-1] + b', "price": 3.0}'
    assert "price" in refusal(twice).detail
    missing = json.dumps({"type": "trade", VERSION_FIELD: NEWER}).encode()
    assert refusal(missing).reason is RejectReason.INVALID


@given(SENT)
def test_every_message_is_read_to_the_bit_from_a_newer_minor_version(sent):
    topic, message = sent
    text = encode(message).decode()
    value = f'{{"{VERSION_FIELD}":"{NEWER}","more":[1],{text[1:]}'.encode()
    assert encode(decode_topic(value, topic)) == encode(message)


@pytest.mark.parametrize("rows", [True, False])
def test_snapshots_are_read_from_version_2_and_for_one_release_from_version_1(*, rows: bool):
    snapshot = sample_snapshot() if rows else by_columns(sample_snapshot())
    stated = json.loads(encode(snapshot)).get(VERSION_FIELD)
    assert stated == (None if rows else SNAPSHOT_VERSION)
    assert decode_topic(encode(snapshot), RISK_SNAPSHOTS) == snapshot


def test_of_a_newer_minor_version_of_snapshots_unknown_fields_are_left_out():
    snapshot = by_columns(sample_snapshot())
    newer = f"{SNAPSHOT_MAJOR}.{MINOR + 1}"
    value = changed(snapshot, message_version=newer, colour="red")
    assert decode_topic(value, RISK_SNAPSHOTS) == snapshot


@pytest.mark.parametrize("version", ["3.0", "0.9"])
def test_another_major_version_of_snapshots_is_refused(version):
    value = changed(by_columns(sample_snapshot()), message_version=version)
    with pytest.raises(MessageError, match=version) as caught:
        decode_topic(value, RISK_SNAPSHOTS)
    assert caught.value.reason is RejectReason.UNKNOWN_VERSION
    assert "reads 1.x and 2.x; upgrade it" in caught.value.detail


def test_what_is_read_of_input_messages_is_the_first_version_alone():
    assert "reads 1.x; upgrade it" in refusal(changed(TRADE, message_version="2.0")).detail
