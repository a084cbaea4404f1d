"""No wrong number shown as fresh: what the API showed against what had been sent by then.

While the stream is said to be running, the number shown of a portfolio must cover every
accepted quote of what it holds that was sent longer ago than ``FRESH_WITHIN_S``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from loadtests.record import Holding, RecordLine, SeenSnapshot
from system.bus.consumer import Record
from system.contracts.api import StreamState
from system.contracts.messages import FxRate, Tick
from validation.checkers.ledger import Fate, Outcome
from validation.checkers.verdict import Finding, judged, unknown
from validation.fates import read_message
from validation.scenarios.shown import Shown

CHECK: Final = "shown: no number was shown as fresh that was not"
FRESH_WITHIN_S: Final = 15.0
"""Wide on purpose: two seconds of heartbeat, a batch, and a machine that is shared."""

Sent = Mapping[str, tuple[str, list[int], list[int]]]
"""Per series its partition, and when its accepted quotes were due and where they lie."""


def check_shown(
    shown: Sequence[Shown],
    record: Sequence[RecordLine],
    records: Sequence[Record],
    ruled: Sequence[Fate],
) -> Finding:
    """Return whether every number shown beside *running* was young enough.

    Parameters
    ----------
    shown : sequence of Shown
        The API's answers.
    record : sequence of RecordLine
        What the observer saw: which snapshot covers what.
    records, ruled : sequence
        What lies on the topics, and what must become of it.
    """
    seen = {line.snapshot_id: line for line in record if isinstance(line, SeenSnapshot)}
    keys = {line.index: line.keys for line in record if isinstance(line, Holding)}
    sent = _sent(records, ruled)
    running = [one for one in shown if one.state == StreamState.RUNNING.value]
    if not running:
        return unknown(CHECK, "the API never said that the stream is running")
    problems: list[str] = []
    judged_count = 0
    for one in running:
        for name in one.snapshots.values():
            if (snapshot := seen.get(name)) is not None:
                judged_count += 1
                held = keys[snapshot.holding]
                problems += _too_old(snapshot, held, sent, one.asked_ns)
    others = {state: sum(one.state == state for one in shown) for state in {s.state for s in shown}}
    told = ", ".join(f"{count} {state}" for state, count in sorted(others.items()))
    return judged(CHECK, problems, passed=f"{judged_count} numbers; answers: {told}")


def _too_old(
    snapshot: SeenSnapshot, held: Sequence[str], sent: Sent, asked_ns: int
) -> Iterator[str]:
    before_ns = asked_ns - round(FRESH_WITHIN_S * 1e9)
    for name in held:
        if name not in sent:
            continue
        partition, due_ns, offsets = sent[name]
        place = bisect_right(due_ns, before_ns)
        if place and offsets[place - 1] >= snapshot.offsets.get(partition, 0):
            yield f"{snapshot.snapshot_id} without {partition}:{offsets[place - 1]} of {name}"


def _sent(records: Sequence[Record], ruled: Sequence[Fate]) -> Sent:
    applied = {fate.place for fate in ruled if fate.outcome is Outcome.APPLIED}
    found: dict[str, tuple[str, list[int], list[int]]] = {}
    for record in records:
        if (record.topic, record.partition, record.offset) not in applied:
            continue
        message = read_message(record)
        if isinstance(message, Tick | FxRate) and message.intended_monotonic_ns:
            name = message.ticker if isinstance(message, Tick) else f"fx:{message.currency}"
            place = f"{record.topic}:{record.partition}"
            _, due_ns, offsets = found.setdefault(name, (place, [], []))
            due_ns.append(max(message.intended_monotonic_ns, due_ns[-1] if due_ns else 0))
            offsets.append(record.offset)
    return found
