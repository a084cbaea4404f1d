"""The oracle over a recorded history of stored snapshots; and what it said live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from system.bus.consumer import Record
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.contracts.oracle import OracleCheck, OracleStatus, OracleVerdict
from validation.measure.record import SeenSnapshot
from validation.oracle.inputs_at import OffsetCursor
from validation.oracle.recompute_ahead import digest_of
from validation.oracle.snapshot_check import checked
from validation.verdict import Finding, judged, unknown

RECORDED: Final = "oracle: stored snapshots, recomputed from the topics"
LIVE: Final = "live oracle: snapshots sampled while the stream ran"
MAX_RECOMPUTED: Final = 5_000
"""After a run. Of more an even share: an exact recomputation takes 10 to 20 ms."""


def check_recorded(
    records: Sequence[Record],
    snapshots: Sequence[RiskSnapshot],
    recomputed: Mapping[str, OracleCheck] | None = None,
) -> Finding:
    """Return whether every stored snapshot is what follows from the topics at its offsets.

    Parameters
    ----------
    records : sequence of Record
        Everything on the input topics, in order within each partition.
    snapshots : sequence of RiskSnapshot
        As they were stored, live ones and ends of day.
    recomputed : mapping of str to OracleCheck, optional
        Verdicts that ``validation.oracle.recompute_ahead`` came to while the run went on, by
        digest: a stored snapshot that is one of those to the last field is not recomputed again.
    """
    ordered = sorted(snapshots, key=snapshot_age)
    known = [(recomputed or {}).get(digest_of(snapshot)) for snapshot in ordered]
    ahead = [check for check in known if check is not None]
    checks = ahead if len(ahead) == len(ordered) else _checks(records, ordered, known)
    compared = [check for check in checks if check.verdict is not OracleVerdict.UNCHECKED]
    if not compared:
        return unknown(RECORDED, checks[0].detail if checks else "no snapshot was stored")
    off = [comparison for comparison in compared if comparison.verdict is OracleVerdict.DIFFERS]
    worst = max((comparison.largest_difference or 0.0 for comparison in compared), default=0.0)
    return judged(
        RECORDED,
        (f"{comparison.snapshot_id}: {comparison.detail}" for comparison in off),
        passed=f"{len(compared)} of {len(compared)} agree{_rest(snapshots, checks)}, "
        f"worst difference {worst:.1e}",
        figures={
            "compared": len(compared),
            "while_it_ran": len(ahead),
            "stored": len(snapshots),
            "differing": len(off),
            "worst": worst,
        },
    )


def check_live(status: OracleStatus | None) -> Finding:
    """Return what the live oracle found while the stream ran.

    Parameters
    ----------
    status : OracleStatus or None
        Its last word; None where it ran not or says nothing.
    """
    if status is None or not status.checked:
        return unknown(LIVE, status.problem if status and status.problem else "nothing was checked")
    first = status.first_difference
    problems = [] if first is None else [f"{first.snapshot_id}: {first.detail}"]
    return judged(
        LIVE,
        problems,
        passed=f"{status.agreed} of {status.checked} agree, worst difference "
        f"{status.worst_difference or 0.0:.1e}; at most {status.samples_per_s:g} live a second",
        figures={"checked": status.checked, "agreed": status.agreed},
    )


def _checks(
    records: Sequence[Record],
    snapshots: Sequence[RiskSnapshot],
    known: Sequence[OracleCheck | None],
) -> list[OracleCheck]:
    """Return the verdicts in order: all that are known, and of the other snapshots an even share.

    What waits for a mark comes into force where the walk stops: it stops at every snapshot.
    """
    unknown_at = [index for index, check in enumerate(known) if check is None]
    compared = set(unknown_at[:: max(1, -(-len(unknown_at) // MAX_RECOMPUTED))])
    walk = OffsetCursor({f"{record.topic}:{record.partition}" for record in records})
    walk.add(records)
    checks = []
    for index, (snapshot, check) in enumerate(zip(snapshots, known, strict=True)):
        if walk.is_behind(snapshot.offsets, snapshot.kind):
            walk.go_to(snapshot.offsets, snapshot.kind)
            if check:
                checks.append(check)
            elif index in compared:
                checks.append(checked(snapshot, walk.inputs, now_ms=0))
    return checks


def _rest(snapshots: Sequence[RiskSnapshot], checks: Sequence[OracleCheck]) -> str:
    """Return in words what was not compared, and why."""
    verdicts = Counter(check.verdict for check in checks)
    parts = [f"{count} not comparable" for count in [verdicts[OracleVerdict.UNCHECKED]] if count]
    left = len(snapshots) - len(checks)
    parts += [f"{left} not looked at"] if left else []
    return f" ({', '.join(parts)})" if parts else ""


def snapshot_age(snapshot: RiskSnapshot | SeenSnapshot) -> tuple[int, int, int, bool]:
    """Return the sort key by age: at one vector an end of day comes before a live number."""
    is_live = snapshot.kind is SnapshotKind.LIVE
    return snapshot.fence, snapshot.epoch, sum(snapshot.offsets.values()), is_live
