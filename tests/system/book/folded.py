"""Messages of a file, folded one after the other: one JSON object a line, with its topic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from system.book.ingest.fold import Fold
from system.contracts.codec import decode_topic
from system.contracts.messages import Mark
from system.contracts.topics import INPUT_TOPICS
from tests.system.book.feed import Feed

DATA = Path(__file__).parents[2] / "data"


def folds(feed: Feed, path: Path) -> Iterator[Fold]:
    """Fold each line of a file as a batch of its own; a mark goes to every partition."""
    topics = {topic.name: topic for topic in INPUT_TOPICS}
    for line in path.read_text().splitlines():
        fields = json.loads(line)
        topic = fields.pop("topic")
        if fields["type"] == "mark":
            mark = msgspec.convert(fields, Mark)
            yield feed.fold({name: [mark] for name in feed.names})
            continue
        yield feed.send(decode_topic(json.dumps(fields), topics[topic]))
