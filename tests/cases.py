"""Recorded messages under ``tests/data``: one JSON object per line, its topic beside its fields.

A mark goes to every partition of every input topic, whatever its line says.
"""

from __future__ import annotations

import json
from pathlib import Path

from system.book.ingest.fold import Fold
from system.contracts.codec import decode_topic
from system.contracts.messages import Mark, Message
from system.contracts.topics import INPUT_TOPICS, REFERENCE
from tests.system.book.feed import Feed

DATA = Path(__file__).parent / "data"
TOPICS = {topic.name: topic for topic in INPUT_TOPICS}


def case_messages(name: str) -> list[Message]:
    """Return the messages of a file, in its order."""
    lines = (json.loads(line) for line in (DATA / name).read_text().splitlines() if line)
    return [_message(line) for line in lines]


def play(feed: Feed, messages: list[Message]) -> list[Fold]:
    """Send messages one by one, each as a batch of its own; return what each fold did."""
    return [
        feed.fold({name: [message] for name in feed.names})
        if isinstance(message, Mark)
        else feed.send(message)
        for message in messages
    ]


def _message(line: dict[str, object]) -> Message:
    topic = TOPICS.get(str(line.pop("topic")), REFERENCE)
    return decode_topic(json.dumps(line), topic)
