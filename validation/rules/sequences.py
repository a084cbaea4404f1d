"""Quotes of one series by event time and sequence number: newer, superseded or repeated.

* a quote with a newer event time than the accepted one is applied, whatever its number; of
  equal times the higher number is newer;
* any other is a duplicate if its number is among the newest 63 of its numbering, or that of
  the accepted quote, and superseded if not;
* a new numbering begins with a quote of a newer time whose number is not above the highest; a
  quote belongs to the numbering before if its event time is no later than the newest of that;
* after a mark the accepted quote counts as no newer than the mark; numbers from before it are
  known up to the time that the quote claimed, 15 minutes beyond the mark at most, and the very
  same quote always.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from validation.checkers.ledger import Outcome

SEQUENCES_REMEMBERED: Final = 63
SEQUENCES_KEPT: Final = 1_000
"""Numbers in memory before those that can decide nothing any more are dropped."""
KNOWN_BEYOND_A_MARK_NS: Final = 15 * 60 * 10**9


@dataclass
class _Numbering:
    """Sequence numbers that a source has used since it last began to count."""

    used: set[int] = field(default_factory=set)
    newest: int = -1

    def add(self, sequence: int) -> None:
        self.used.add(sequence)
        self.newest = max(sequence, self.newest)
        if len(self.used) > SEQUENCES_KEPT:
            self.used = {number for number in self.used if self._is_recent(number)}

    def has(self, sequence: int) -> bool:
        return sequence in self.used and self._is_recent(sequence)

    def _is_recent(self, sequence: int) -> bool:
        return self.newest - sequence < SEQUENCES_REMEMBERED


@dataclass
class NumberedQuotes:
    """Event times and numbers of one series, in the order of its partition."""

    _accepted: tuple[int, int] | None = None
    _numbering: _Numbering = field(default_factory=_Numbering)
    _numbering_before: _Numbering = field(default_factory=_Numbering)
    _before_until_ns: int = -1
    _beyond_mark: tuple[int, int] | None = None
    _known_until_ns: int = 0

    def outcome_of(self, event_time_ns: int, sequence: int) -> Outcome:
        """Return what becomes of the next quote, and remember it."""
        quote = (event_time_ns, sequence)
        if self._accepted is not None:
            if self._is_repeat(quote, self._accepted):
                return Outcome.DUPLICATE
            if quote < self._accepted:
                self._numbering_at(event_time_ns).add(sequence)
                return Outcome.SUPERSEDED
            if event_time_ns > self._accepted[0] and sequence <= self._numbering.newest:
                self._begin_numbering(event_time_ns, self._accepted)
        self._numbering.add(sequence)
        self._accepted = quote
        return Outcome.APPLIED

    def hold_back(self, mark_ns: int) -> None:
        """Let the accepted quote count as no newer than a mark."""
        if self._accepted is not None and self._accepted[0] > mark_ns:
            self._beyond_mark = self._accepted
            self._known_until_ns = min(self._accepted[0], mark_ns + KNOWN_BEYOND_A_MARK_NS)
            self._accepted = mark_ns, self._accepted[1]

    def _numbering_at(self, event_time_ns: int) -> _Numbering:
        """Return the numbering that a quote of an event time belongs to."""
        is_before = event_time_ns <= self._before_until_ns
        return self._numbering_before if is_before else self._numbering

    def _is_repeat(self, quote: tuple[int, int], accepted: tuple[int, int]) -> bool:
        event_time_ns, sequence = quote
        if quote == self._beyond_mark:
            return True
        if event_time_ns > max(accepted[0], self._known_until_ns):
            return False
        numbering = self._numbering_at(event_time_ns)
        is_accepted = numbering is self._numbering and sequence == accepted[1]
        return is_accepted or numbering.has(sequence)

    def _begin_numbering(self, event_time_ns: int, accepted: tuple[int, int]) -> None:
        newest_ns = max(accepted[0], self._known_until_ns)
        self._before_until_ns = min(newest_ns, event_time_ns - 1)
        self._numbering_before, self._numbering = self._numbering, _Numbering()
        self._known_until_ns = 0
