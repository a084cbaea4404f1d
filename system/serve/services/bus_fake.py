"""The bus in memory: the fake beside the seam."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from system.bus.producer import RecordPosition
from system.bus.routing import topic_of
from system.contracts.messages import Mark, Message
from system.contracts.topics import INPUT_TOPICS, offset_key
from system.errors import UnavailableError


@dataclass
class MemoryBus:
    """``KafkaBus`` without Kafka: partition 0 of every topic, in one list.

    ``silent`` makes every call fail as a broker does that does not answer; with
    ``loses_answers`` it keeps what is sent, and its answer is lost.
    """

    sent: list[Message] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    silent: bool = False
    loses_answers: bool = False

    def deliver(self, message: Message) -> RecordPosition:
        """Keep one message.

        Raises
        ------
        UnavailableError
            If set to be silent, or to lose its answers.
        """
        self.warm_up()
        topic = topic_of(message).name
        self.sent.append(message)
        if self.loses_answers:
            raise UnavailableError("Kafka at nowhere does not answer")
        return RecordPosition(topic, 0, self.end_offsets()[offset_key(topic, 0)] - 1)

    def deliver_all(self, messages: Sequence[Message]) -> None:
        """Keep messages.

        Raises
        ------
        UnavailableError
            If told to be silent.
        """
        for message in messages:
            self.deliver(message)

    def close_day(self, mark: Mark) -> int:
        """Keep a mark, one in each topic.

        Raises
        ------
        UnavailableError
            If told to be silent.
        """
        self.warm_up()
        self.marks.append(mark)
        return len(INPUT_TOPICS)

    def warm_up(self) -> None:
        """Do nothing.

        Raises
        ------
        UnavailableError
            If told to be silent.
        """
        if self.silent:
            raise UnavailableError("Kafka at nowhere does not answer")

    def end_offsets(self) -> dict[str, int]:
        """Return how many messages each topic has.

        Raises
        ------
        UnavailableError
            If told to be silent.
        """
        self.warm_up()
        counts = Counter(topic_of(message).name for message in self.sent)
        return {
            offset_key(topic.name, 0): counts[topic.name] + len(self.marks)
            for topic in INPUT_TOPICS
        }

    def close(self) -> None:
        """Do nothing: there is no connection."""
