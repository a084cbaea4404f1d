"""The ledger: every message on a topic was applied, superseded, a duplicate, rejected or a mark.

Four statements, judged apart:

* nothing acknowledged to the publisher is missing from the topic;
* the stream's counters add up to the messages on each topic;
* each counter is what an independent reading of the topic expects;
* the rejected rows are exactly the messages expected to be rejected, with their reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from validation.verdict import Finding, judged, unknown


class Outcome(StrEnum):
    """Outcome of a message; each message has exactly one."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    MARK = "mark"


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """A message on a topic and its outcome; ``reason`` is that of a rejection, else empty."""

    topic: str
    partition: int
    offset: int
    outcome: Outcome
    reason: str = ""

    @property
    def place(self) -> tuple[str, int, int]:
        """Topic, partition and offset."""
        return (self.topic, self.partition, self.offset)


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """Count of messages that the broker acknowledged to a publisher, without marks."""

    topics: tuple[str, ...]
    count: int


Counters = Mapping[str, Mapping[str, int]]
"""Per topic, how many messages had each outcome, as the stream counted them."""


def check_ledger(
    expected: Sequence[Ruling],
    counters: Counters,
    rejected: Sequence[Ruling],
    *,
    covered: Mapping[str, int],
    acknowledged: Sequence[Acknowledged],
) -> tuple[Finding, ...]:
    """Return the four findings of the ledger.

    Parameters
    ----------
    expected : sequence of Ruling
        Every message on the input topics with the outcome that its reader expects.
    counters : mapping
        The stream's own counts.
    rejected : sequence of Ruling
        The rejected rows in PostgreSQL.
    covered : mapping of str to int
        ``topic:partition`` to the first offset that the stream has not covered.
    acknowledged : sequence of Acknowledged
        What the broker acknowledged to publishers; topics that are not named are not
        judged for loss.
    """
    behind = sorted({_partition(ruling) for ruling in expected if not _is_covered(ruling, covered)})
    delivery = _delivery(expected, acknowledged)
    if behind:
        why = f"the stream has not covered all of {', '.join(behind)}"
        return (delivery, *(unknown(check, why) for check in (SUMS, OUTCOMES, REJECTIONS)))
    return (
        delivery,
        _sums(expected, counters),
        _outcomes(expected, counters),
        _rejections(expected, rejected),
    )


DELIVERY = "delivery: what was acknowledged is on its topic"
SUMS = "ledger: counters add up to the messages"
OUTCOMES = "ledger: each counter is as expected"
REJECTIONS = "ledger: rejected rows are as expected"


def _partition(ruling: Ruling) -> str:
    return f"{ruling.topic}:{ruling.partition}"


def _is_covered(ruling: Ruling, covered: Mapping[str, int]) -> bool:
    return ruling.offset < covered.get(_partition(ruling), 0)


def _delivery(expected: Sequence[Ruling], acknowledged: Sequence[Acknowledged]) -> Finding:
    if not acknowledged:
        return unknown(DELIVERY, "no publisher reported what was acknowledged")
    counts = Counter(ruling.topic for ruling in expected if ruling.outcome is not Outcome.MARK)
    problems = (
        f"{', '.join(sent.topics)}: {sent.count} acknowledged, {there} on the topics"
        for sent in acknowledged
        if (there := sum(counts[topic] for topic in sent.topics)) != sent.count
    )
    total = sum(sent.count for sent in acknowledged)
    return judged(DELIVERY, problems, passed=f"{total} messages", figures={"acknowledged": total})


def _sums(expected: Sequence[Ruling], counters: Counters) -> Finding:
    counts = Counter(ruling.topic for ruling in expected)
    problems = (
        f"{topic}: {count} messages, counters add up to {sum(counters.get(topic, {}).values())}"
        for topic, count in sorted(counts.items())
        if sum(counters.get(topic, {}).values()) != count
    )
    return judged(SUMS, problems, passed=f"{len(expected)} messages", figures=dict(counts))


def _outcomes(expected: Sequence[Ruling], counters: Counters) -> Finding:
    counts = Counter((ruling.topic, ruling.outcome.value) for ruling in expected)
    places = set(counts) | {(topic, name) for topic in counters for name in counters[topic]}
    problems = (
        f"{topic} {outcome}: {counters.get(topic, {}).get(outcome, 0)} counted, "
        f"{counts[topic, outcome]} expected"
        for topic, outcome in sorted(places)
        if counters.get(topic, {}).get(outcome, 0) != counts[topic, outcome]
    )
    figures = {f"{topic} {outcome}": count for (topic, outcome), count in sorted(counts.items())}
    return judged(OUTCOMES, problems, passed="every outcome as expected", figures={**figures})


def _rejections(expected: Sequence[Ruling], rejected: Sequence[Ruling]) -> Finding:
    wanted = {
        ruling.place: ruling.reason for ruling in expected if ruling.outcome is Outcome.REJECTED
    }
    stated = {ruling.place: ruling.reason for ruling in rejected}
    problems = list(_differences(wanted, stated))
    if len(stated) != len(rejected):
        problems.append(f"{len(rejected) - len(stated)} messages were rejected twice")
    return judged(
        REJECTIONS,
        problems,
        passed=f"{len(wanted)} rejected, each with its reason",
        figures={"rejected": len(wanted)},
    )


def _differences(
    wanted: Mapping[tuple[str, int, int], str], stated: Mapping[tuple[str, int, int], str]
) -> Iterator[str]:
    for topic, partition, offset in sorted(wanted.keys() | stated.keys()):
        place = (topic, partition, offset)
        if wanted.get(place) != stated.get(place):
            yield (
                f"{topic}:{partition}:{offset} is {stated.get(place) or 'not rejected'}, "
                f"expected {wanted.get(place) or 'not rejected'}"
            )
