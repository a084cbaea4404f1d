"""The strict JSON codec: bytes to messages and back, one authority for what is valid.

Decoding refuses unknown and missing fields, wrong types, NaN and infinities (JSON has
none), numbers outside their bounds, and quotes that contradict themselves. What comes
from outside, on an input topic, must moreover be of bounded size and say nothing twice.
A message that states a newer minor version may have unknown fields
(`system.contracts.versions`).
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, TypeVar, Union, cast

import msgspec

from system.contracts.messages import (
    Message,
    PositionColumns,
    RejectReason,
    RiskSnapshot,
    by_rows,
)
from system.contracts.text.repeated import repeated_field
from system.contracts.topics import INPUT_TOPICS, Topic
from system.contracts.versions import readable
from system.errors import MessageError

MAX_MESSAGE_BYTES: Final = 1_000_000
"""Size limit of a message on an input topic; messages that the product writes may be larger."""
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_JSON: Final = "json"
"""Name under which a snapshot keeps its JSON; a copy with other fields begins without."""
M = TypeVar("M", bound=Message)


def encode(message: msgspec.Struct) -> bytes:
    """Return a message as compact JSON (UTF-8), its fields in declared order.

    A snapshot is encoded once, however often it is asked for: Redis, Kafka and PostgreSQL are
    given the same bytes.
    """
    if type(message) is not RiskSnapshot:
        return _ENCODER.encode(message)
    kept: dict[str, bytes] = message.__dict__
    value = kept.get(_JSON)
    if value is None:
        value = kept[_JSON] = _ENCODER.encode(message)
    return value


def decode(value: bytes | str, message_type: type[M]) -> M:
    """Return the message of one known type.

    Raises
    ------
    MessageError
        If the bytes are not JSON or not that message; ``reason`` and ``detail`` say why.
    """
    return cast(M, _finite(_decode(value, _decoder(message_type), (message_type,))))


def encoded_by_rows(value: bytes) -> bytes:
    """Return the JSON of a snapshot with its positions as rows; one that has rows as it is.

    Parameters
    ----------
    value : bytes
        JSON of a ``RiskSnapshot``, as it is kept.

    Raises
    ------
    MessageError
        If it is not a snapshot.
    """
    snapshot = decode(value, RiskSnapshot)
    return value if isinstance(snapshot.positions, tuple) else encode(by_rows(snapshot))


def decode_topic(value: bytes | str, topic: Topic) -> Message:
    """Return the message that stands on a topic, told apart by its ``type``.

    Raises
    ------
    MessageError
        If the bytes are not JSON or not a message of that topic.
    """
    if topic not in INPUT_TOPICS:
        return cast(Message, _finite(_decode(value, _topic_decoder(topic), topic.messages)))
    if len(value) > MAX_MESSAGE_BYTES:
        raise MessageError(RejectReason.INVALID, f"{len(value)} bytes, {MAX_MESSAGE_BYTES} allowed")
    message = cast(Message, _decode(value, _topic_decoder(topic), topic.messages))
    if encode(message) != value:  # bytes as this codec writes them name each field once
        field = repeated_field(value)
        if field is not None:
            raise MessageError(RejectReason.INVALID, field.sentence)
    return message


def _finite(message: Any) -> Any:  # noqa: ANN401
    """Refuse a snapshot with a column that JSON could not have written as numbers."""
    if isinstance(message, RiskSnapshot) and isinstance(message.positions, PositionColumns):
        name = message.positions.not_finite
        if name is not None:
            raise MessageError(RejectReason.NOT_FINITE, f"positions.{name}: NaN or infinite")
    return message


@cache
def _decoder(message_type: type[Message]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(message_type)


@cache
def _topic_decoder(topic: Topic) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Union[topic.messages])  # noqa: UP007 - built from a tuple


def _decode(
    value: bytes | str, decoder: msgspec.json.Decoder[Any], types: tuple[type[Message], ...]
) -> Any:  # noqa: ANN401
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        # Only here: no message of this version's own is looked at twice.
        if (reduced := readable(value, types)) is not None:
            return _decode_reduced(reduced, decoder)
        raise MessageError(RejectReason.INVALID, str(error)) from None
    except RecursionError:
        raise MessageError(RejectReason.INVALID, "nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MessageError(_syntax_reason(value), str(error)) from None


def _decode_reduced(value: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:  # noqa: ANN401
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise MessageError(RejectReason.INVALID, str(error)) from None


def _syntax_reason(value: bytes | str) -> RejectReason:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    looks_numeric = text.lstrip().startswith("{") and ("NaN" in text or "Infinity" in text)
    return RejectReason.NOT_FINITE if looks_numeric else RejectReason.NOT_JSON
