"""The source of a scenario as a process: ``python -m validation.scenarios.story.source FILE``.

Sends the days of a story on schedule, once standard input has a line. Standard output has the
lines of ``system.simulate.progress``, a line for each cue, and at the end what was
acknowledged.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from system.bus.producer import MessageProducer, SendCounts
from system.bus.routing import topic_of
from system.clock import SystemClock
from system.contracts.messages import Mark, Message
from system.contracts.topics import INPUT_TOPICS
from system.errors import RiskstreamError
from system.exits import ExitCode
from system.settings import load_settings
from system.simulate.progress import Progress, progress_line
from system.simulate.publisher import OpenLoopPublisher
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.story.edits.apply import story_days
from validation.scenarios.story.story import read_story
from validation.scenarios.story.timeline import Cue, Moment, Raw

DELIVERED_WITHIN_S: Final = 240.0
"""A source waits for a broker that stands still for as long as a fault may last, and as much more:
who gives messages up sooner has lost them, and a loss is no part of the story."""
TOPICS: Final = {topic.name: topic for topic in INPUT_TOPICS}


class CueCame(msgspec.Struct, frozen=True, tag_field="event", tag="cue"):
    """The moment of a fault has come; ``index`` of the fault in the file."""

    index: int


class AllSent(msgspec.Struct, frozen=True, tag_field="event", tag="sent"):
    """Everything was acknowledged: messages by topic, marks not among them."""

    topics: dict[str, int]


class SourceSink:
    """Sends a story's messages, raw bytes among them; says cues on standard output.

    Parameters
    ----------
    producer : MessageProducer
        Where messages go.
    go_on : callable, optional
        Returns when what a cue has begun is far enough to go on; at once when not given.
    """

    def __init__(
        self, producer: MessageProducer, *, go_on: Callable[[], object] = lambda: None
    ) -> None:
        self._producer = producer
        self._go_on = go_on
        self.sent: Counter[str] = Counter()

    @property
    def counts(self) -> SendCounts:
        """As the producer counts."""
        return self._producer.counts

    @property
    def offsets(self) -> dict[str, int]:
        """As the producer knows."""
        return self._producer.offsets

    def prepare(self) -> None:
        """Learn the partitions."""
        self._producer.prepare()

    def send(self, message: Message) -> None:
        """Send a message, bytes, or nothing but the word that a cue has come."""
        if isinstance(message, Cue):
            _say_line(msgspec.json.encode(CueCame(index=message.index)) + b"\n")
            self._go_on()
        elif isinstance(message, Raw):
            self._producer.send_bytes(TOPICS[message.topic], message.key, message.value)
            self.sent[message.topic] += 1
        else:
            self._producer.send(message)
            self.sent[topic_of(message).name] += 1

    def send_mark_everywhere(self, mark: Mark) -> int:
        """Send a mark behind everything before."""
        return self._producer.send_mark_everywhere(mark)

    def flush(self) -> None:
        """Wait until everything is acknowledged."""
        self._producer.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Send a scenario's days.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; default this process's.

    Returns
    -------
    int
        0: all sent and acknowledged; 2: not.
    """
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except RiskstreamError as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.WRONG_INPUT
    return 0


def _run(options: argparse.Namespace) -> None:
    settings = load_settings()
    story = read_story(
        read_scenario(options.file), settings.wheels_dir, data=options.data, seed=options.seed
    )
    days = story_days(story, speed=options.speed, cues=options.cue)
    if not sys.stdin.readline():
        return  # nobody wants it any more
    with MessageProducer(options.bootstrap, delivery_seconds=DELIVERED_WITHIN_S) as producer:
        sink = SourceSink(producer, **({"go_on": sys.stdin.readline} if options.wait else {}))
        publisher = OpenLoopPublisher(sink, SystemClock())
        summary = publisher.publish(days, day_count=len(story.days), on_day=_say)
        _say(summary)
        _say_line(msgspec.json.encode(AllSent(topics=dict(sink.sent))) + b"\n")


def _say(progress: Progress) -> None:
    _say_line(progress_line(progress))


def _say_line(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m validation.scenarios.story.source")
    parser.add_argument("file", type=Path)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--speed", type=float, help="times the file's; left out: not paced")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cue", type=Moment.read, action="append", default=[])
    parser.add_argument("--wait", action="store_true", help="at each cue for a line on stdin")
    return parser


if __name__ == "__main__":
    sys.exit(main())
