"""No wrong number shown as fresh: what the API showed against what had been sent by then.

While the stream is said to be running, the number shown of a portfolio must cover every
accepted quote of what it holds that lay in Kafka longer ago than ``FRESH_WITHIN_S``. What a
source could not hand over, because the broker was away, nobody behind the broker can know: so
while it is away, the stream must not be said to be running at all.

On a machine that is slower than the reference by a factor, numbers may be older by that factor:
older than on the reference alone is a timing, which is reported and not judged.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Final

import msgspec

from system.bus.consumer import Record
from system.contracts.api.risk import StreamState
from system.contracts.messages import FxRate, Tick
from system.settings import LAG_BOUND_SECONDS
from validation.checkers.ledger import Outcome, Ruling
from validation.measure.record import Holding, RecordLine, SeenSnapshot
from validation.rules.rulings import read_message
from validation.scenarios.faults.injector import FaultOutcome
from validation.scenarios.play.api_poller import Shown
from validation.verdict import Finding, judged, unknown

CHECK: Final = "shown: no number was shown as fresh that was not"
TOLD: Final = "shown: never as running while what numbers come from stood still"
SAID_WITHIN_S: Final = 3.0
"""Time from one heartbeat to the next, its question to the broker included, to the API's answer."""
FRESH_WITHIN_S: Final = LAG_BOUND_SECONDS + SAID_WITHIN_S
"""The stream calls itself *lagging* when the oldest message that it does not cover is so old."""
TOLD_WITHIN_S: Final = 5.0
"""After a standstill began: the bound of a question, the expiry of the heartbeat, and as much."""
STAND_STILL: Final = frozenset({"pause", "cut", "black_hole", "kill"})
NEEDED: Final = frozenset({"kafka", "stream", "redis"})
"""Without these no number can be kept current."""

Sent = Mapping[str, tuple[str, list[int], list[int]]]
"""Per series its partition, and since when its accepted quotes lie there, and where.

Nanoseconds of CLOCK_MONOTONIC: when a quote was due, or when the broker took it where that was
later. The broker's wall clock is set against the schedule by the quote that it took soonest: no
moment is later than the true one, by which the check is the stricter one.
"""


def check_shown(
    shown: Sequence[Shown],
    record: Sequence[RecordLine],
    records: Sequence[Record],
    ruled: Sequence[Ruling],
    *,
    stretch: float = 1.0,
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
    stretch : float
        Factor by which this machine is slower than the reference, 1 or more.
    """
    seen = {line.snapshot_id: line for line in record if isinstance(line, SeenSnapshot)}
    keys = {line.index: line.keys for line in record if isinstance(line, Holding)}
    sent = _sent(records, ruled)
    running = [answer for answer in shown if answer.state == StreamState.RUNNING.value]
    if not running:
        return unknown(CHECK, "the API never said that the stream is running")
    problems: list[str] = []
    late: list[str] = []
    judged_count = 0
    for answer in running:
        for name in answer.snapshots.values():
            if (snapshot := seen.get(name)) is not None:
                judged_count += 1
                held = keys[snapshot.holding]
                late += _too_old(snapshot, held, sent, answer.asked_ns, within_s=FRESH_WITHIN_S)
                within_s = FRESH_WITHIN_S * stretch
                problems += _too_old(snapshot, held, sent, answer.asked_ns, within_s=within_s)
    others = {
        state: sum(answer.state == state for answer in shown) for state in {s.state for s in shown}
    }
    told = ", ".join(f"{count} {state}" for state, count in sorted(others.items()))
    finding = judged(CHECK, problems or late, passed=f"{judged_count} numbers; answers: {told}")
    return msgspec.structs.replace(finding, timing_only=bool(late) and not problems)


def check_told(shown: Sequence[Shown], faults: Sequence[FaultOutcome]) -> Iterator[Finding]:
    """Yield whether the API said so while the broker, the driver or Redis stood still.

    Nothing is yielded where none stood still for longer than ``TOLD_WITHIN_S``. It fails where
    the stream was *running* to the end of the standstill, or again before it; *running* for a
    while longer than ``TOLD_WITHIN_S`` is a timing.

    Parameters
    ----------
    shown : sequence of Shown
        The API's answers.
    faults : sequence of FaultOutcome
        What was done, and when.
    """
    spans = [
        (fault, fault.began_ns + round(TOLD_WITHIN_S * 1e9))
        for fault in faults
        if fault.bit and fault.do in STAND_STILL and fault.what in NEEDED
    ]
    spans = [(fault, since_ns) for fault, since_ns in spans if since_ns < fault.ended_ns]
    if not spans:
        return
    problems: list[str] = []
    late: list[str] = []
    states: list[str] = []
    for fault, since_ns in spans:
        during = [o for o in shown if since_ns <= o.asked_ns and o.answered_ns <= fault.ended_ns]
        states += [answer.state for answer in during]
        still = list(takewhile(_is_running, during))
        after_s = [
            (answer.asked_ns - fault.began_ns) / 1e9
            for answer in (still if len(still) == len(during) else during[len(still) :])
            if _is_running(answer)
        ]
        problems += [f"{fault.do} {fault.what}: running {after:.1f} s on" for after in after_s]
        if still:
            seconds = (still[-1].asked_ns - fault.began_ns) / 1e9
            late.append(f"{fault.do} {fault.what}: still running {seconds:.1f} s on")
    told = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    if not states:
        yield unknown(TOLD, "the API was not asked meanwhile")
        return
    passed = f"{len(spans)} standstills; answers meanwhile: {told}"
    finding = judged(TOLD, problems or late, passed=passed)
    yield msgspec.structs.replace(finding, timing_only=bool(late) and not problems)


def _is_running(answer: Shown) -> bool:
    return answer.state == StreamState.RUNNING.value


def _too_old(
    snapshot: SeenSnapshot, held: Sequence[str], sent: Sent, asked_ns: int, *, within_s: float
) -> Iterator[str]:
    before_ns = asked_ns - round(within_s * 1e9)
    for name in held:
        if name not in sent:
            continue
        partition, there_ns, offsets = sent[name]
        place = bisect_right(there_ns, before_ns)
        if place and offsets[place - 1] >= snapshot.offsets.get(partition, 0):
            yield f"{snapshot.snapshot_id} without {partition}:{offsets[place - 1]} of {name}"


def _sent(records: Sequence[Record], ruled: Sequence[Ruling]) -> Sent:
    applied = {ruling.place for ruling in ruled if ruling.outcome is Outcome.APPLIED}
    quotes = [
        (record, message)
        for record in records
        if (record.topic, record.partition, record.offset) in applied
        and isinstance(message := read_message(record), Tick | FxRate)
        and message.intended_monotonic_ns
    ]
    ahead_ns = min(
        (_taken_ns(record) - message.intended_monotonic_ns for record, message in quotes),
        default=0,
    )
    found: dict[str, tuple[str, list[int], list[int]]] = {}
    for record, message in quotes:
        name = message.ticker if isinstance(message, Tick) else f"fx:{message.currency}"
        place = f"{record.topic}:{record.partition}"
        _, there_ns, offsets = found.setdefault(name, (place, [], []))
        since_ns = max(message.intended_monotonic_ns, _taken_ns(record) - ahead_ns)
        there_ns.append(max(since_ns, there_ns[-1] if there_ns else 0))
        offsets.append(record.offset)
    return found


def _taken_ns(record: Record) -> int:
    """Return when the broker took a record: its wall clock, nanoseconds."""
    return record.appended_at_ms * 1_000_000
