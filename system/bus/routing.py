"""Routing of a message: its topic, its key and, from the key, its partition."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from kafka.partitioner import murmur2

from system.bus.errors import UnroutableMessageError
from system.contracts.messages import Mark, Message
from system.contracts.topics import INPUT_TOPICS, REJECTED, RISK_SNAPSHOTS, Topic

KEY_CACHE_SIZE: Final = 65_536
_POSITIVE: Final = 0x7FFFFFFF

_TOPIC_OF: Final[dict[type[Message], Topic]] = {
    message_type: topic
    for topic in (*INPUT_TOPICS, RISK_SNAPSHOTS, REJECTED)
    for message_type in topic.messages
    if message_type is not Mark
}


def topic_of(message: Message) -> Topic:
    """Return the one topic of a message.

    Parameters
    ----------
    message : Message
        Anything but a mark.

    Returns
    -------
    Topic
        Its home.

    Raises
    ------
    UnroutableMessageError
        If it is a mark (those go to every partition) or stands on no topic.
    """
    try:
        return _TOPIC_OF[type(message)]
    except KeyError:
        raise UnroutableMessageError(
            f"{type(message).__name__} has no single topic; a mark is sent by send_mark_everywhere"
        ) from None


@lru_cache(maxsize=KEY_CACHE_SIZE)
def partition_of(key: bytes, partition_count: int) -> int:
    """Return the partition of a key, as Kafka's own clients choose it (murmur2).

    Parameters
    ----------
    key : bytes
        The record's key; empty is a key like any other.
    partition_count : int
        Partitions of the topic, at least 1.

    Returns
    -------
    int
        In ``[0, partition_count)``.
    """
    return int((murmur2(key) & _POSITIVE) % partition_count)
