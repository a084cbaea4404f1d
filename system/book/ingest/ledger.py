"""What became of every message, counted by topic."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from system.book.state.rows import TopicCounts


class Ledger:
    """Counts of applied, superseded, duplicate and rejected messages, and of marks.

    Parameters
    ----------
    kept : mapping of str to TopicCounts
        Counts of the state that is gone on with.
    """

    def __init__(self, kept: Mapping[str, TopicCounts]) -> None:
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for topic, row in kept.items():
            self._counts[topic].update({name: getattr(row, name) for name in row.__struct_fields__})
        self.changed = False

    def count(self, topic: str, outcome: str) -> None:
        """Count one message of a topic."""
        self._counts[topic][outcome] += 1
        self.changed = True

    def reject_applied(self, topic: str) -> None:
        """Count as rejected a message that was counted as applied."""
        assert self._counts[topic]["applied"] > 0, f"nothing of {topic} was applied"
        self._counts[topic]["applied"] -= 1
        self.count(topic, "rejected")

    def topics(self) -> dict[str, TopicCounts]:
        """Return the counts by topic, sorted by name."""
        return {topic: TopicCounts(**counts) for topic, counts in sorted(self._counts.items())}

    def row(self) -> dict[str, TopicCounts]:
        """Return the counts as they are kept, and call them unchanged from here."""
        self.changed = False
        return self.topics()
