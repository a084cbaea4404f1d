"""Messages as JSON text, with fields left out or replaced."""

from __future__ import annotations

import json

import pytest

from system.contracts.codec import decode_topic
from system.contracts.messages import Message
from system.contracts.topics import MARKET_DATA, Topic
from system.errors import MessageError

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
