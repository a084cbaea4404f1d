"""Reading of a message's bytes as the fold takes them: the one way in for every message."""

from __future__ import annotations

from system.book.state.events import Payload, QuoteRow, Unreadable
from system.contracts.codec import decode_topic
from system.contracts.messages import (
    FxRate,
    Mark,
    Message,
    ReferenceMessage,
    RejectReason,
    Tick,
    Trade,
)
from system.contracts.topics import Topic
from system.errors import MessageError


def payload_of(value: bytes, topic: Topic) -> Payload:
    """Return what the fold takes of a message; `Unreadable` with the reason where it is none.

    Parameters
    ----------
    value : bytes
        As on the topic.
    topic : Topic
        One of the input topics.
    """
    try:
        return message_payload(decode_topic(value, topic))
    except MessageError as error:
        return Unreadable(RejectReason(error.reason), error.detail)


def message_payload(message: Message) -> Payload:
    """Return what the fold takes of a message that was read.

    Parameters
    ----------
    message : Message
        Of an input topic.

    Raises
    ------
    MessageError
        If no input topic has messages of its type.
    """
    match message:
        case Tick():
            return QuoteRow(
                message.ticker,
                message.mid,
                message.event_time_ns,
                message.sequence,
                message.intended_monotonic_ns,
                message.bid,
            )
        case FxRate():
            return QuoteRow(
                message.currency,
                message.rate,
                message.event_time_ns,
                message.sequence,
                message.intended_monotonic_ns,
            )
        case _ if isinstance(message, ReferenceMessage | Trade | Mark):
            return message
        case _:
            raise MessageError(RejectReason.WRONG_TOPIC, type(message).__name__)
