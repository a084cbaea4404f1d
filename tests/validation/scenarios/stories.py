"""Stories for tests, and the topics that they would leave, without a broker."""

from __future__ import annotations

import zlib
from collections import Counter
from pathlib import Path

from system.bus.consumer import Record
from system.bus.routing import topic_of
from system.contracts.codec import encode
from system.contracts.messages import Mark, Message
from system.contracts.topics import INPUT_TOPICS, message_key
from system.settings import load_settings
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.story.edits.apply import story_days
from validation.scenarios.story.story import Story, read_story
from validation.scenarios.story.timeline import Cue, Raw

HEAD = """
title = "a test"
[market]
kind = "simulated"
days = 3
instruments = 3
currencies = ["USD"]
ticks_per_day = 120
history = 35
[[portfolio]]
id = "book"
positions = { SIM001 = 10, SIM002 = -5 }
"""


def story_of(folder: Path, text: str, *, head: str = HEAD, **options) -> Story:
    path = folder / "story.toml"
    path.write_text(head + text, "utf-8")
    return read_story(read_scenario(path), load_settings().wheels_dir, **options)


class MemoryTopics:
    """Topics as lists of records; keys find their partition by a checksum."""

    def __init__(self, partitions: int = 2) -> None:
        self.records: list[Record] = []
        self._partitions = partitions
        self._ends: Counter[tuple[str, int]] = Counter()

    def count(self, topic: str) -> int:
        return self._partitions if topic == "market_data" else 1

    def send(self, message: Message) -> None:
        if isinstance(message, Mark):
            for topic in INPUT_TOPICS:
                for partition in range(self.count(topic.name)):
                    self._append(topic.name, partition, b"mark", encode(message))
        elif isinstance(message, Raw):
            self._append(message.topic, self._of(message), message.key, message.value)
        elif not isinstance(message, Cue):
            key = message_key(message).encode()
            topic = topic_of(message).name
            self._append(topic, zlib.crc32(key) % self.count(topic), key, encode(message))

    def _of(self, raw: Raw) -> int:
        return zlib.crc32(raw.key) % self.count(raw.topic)

    def _append(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        at = self._ends[topic, partition]
        self._ends[topic, partition] += 1
        self.records.append(Record(topic, partition, at, key, value, 0))


def played(story: Story, *, partitions: int = 2) -> MemoryTopics:
    topics = MemoryTopics(partitions)
    for message in (*story.replay.reference_messages(), *story.options, *story.books):
        topics.send(message)
    for day in story_days(story):
        for item in day.slots():
            topics.send(item.message)
    return topics
