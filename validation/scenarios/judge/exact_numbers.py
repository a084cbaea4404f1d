"""Sampled live numbers against the exact reference, each at its own vector of offsets.

The reference works a number out from the messages below the offsets of its snapshot alone
(`validation.oracle.inputs_at`). A snapshot that was also stored is compared in full; of one that
was only observed, its VaR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from system.bus.consumer import Record
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.contracts.oracle import OracleVerdict
from validation.measure.record import SeenSnapshot
from validation.oracle.history_check import snapshot_age
from validation.oracle.inputs_at import InputsAt, OffsetCursor
from validation.oracle.snapshot_check import checked
from validation.references.exact import ReferenceInputError
from validation.verdict import Finding, judged, unknown

CHECK: Final = "live: sampled numbers equal the exact reference at their offsets"
RELATIVE_TOLERANCE: Final = 1e-9
SAMPLE_COUNT: Final = 40
AFTER_FAULT_COUNT: Final = 5


def check_live(
    snapshots: Sequence[SeenSnapshot],
    records: Sequence[Record],
    stored: Sequence[RiskSnapshot] = (),
    *,
    after_ns: Sequence[int] = (),
) -> Finding:
    """Return whether sampled live snapshots state the reference's numbers.

    Parameters
    ----------
    snapshots : sequence of SeenSnapshot
        As observed, of every portfolio.
    records : sequence of Record
        Everything on the input topics, in order within each partition.
    stored : sequence of RiskSnapshot
        As they lie in PostgreSQL.
    after_ns : sequence of int
        Moments, CLOCK_MONOTONIC: the first snapshots received after each are sampled in any case
        (the beginnings and ends of faults).
    """
    chosen = {snapshot.snapshot_id for snapshot in sample(snapshots, after_ns)}
    if not chosen:
        return unknown(CHECK, "no live snapshot with a VaR was observed")
    whole = {snapshot.snapshot_id: snapshot for snapshot in stored}
    cursor = OffsetCursor({f"{record.topic}:{record.partition}" for record in records})
    cursor.add(records)
    problems, gaps = [], []
    # Settings that wait for a mark come into force where the cursor stops: at every snapshot.
    for snapshot in sorted(snapshots, key=snapshot_age):
        if not cursor.is_behind(snapshot.offsets, snapshot.kind):
            continue
        cursor.go_to(snapshot.offsets, snapshot.kind)
        if snapshot.snapshot_id in chosen:
            gap, problem = _compared(snapshot, whole, cursor.inputs)
            gaps.append(gap)
            problems += [f"{snapshot.snapshot_id}: {problem}"] if problem else []
    if not gaps:
        return unknown(CHECK, "every sampled snapshot leads back behind another one")
    return judged(
        CHECK,
        problems,
        passed=f"{len(gaps)} of {len(snapshots)} snapshots, largest difference {max(gaps):.1e}",
        figures={"sampled": len(gaps), "largest_relative": max(gaps)},
    )


def sample(snapshots: Sequence[SeenSnapshot], after_ns: Sequence[int]) -> list[SeenSnapshot]:
    """Return live snapshots evenly over the run, and the first ones after some moments."""
    live = [
        snapshot
        for snapshot in snapshots
        if snapshot.kind is SnapshotKind.LIVE and snapshot.var is not None
    ]
    step = max(1, len(live) // SAMPLE_COUNT)
    chosen = {*range(0, len(live), step), *range(max(0, len(live) - 1), len(live))}
    for moment in after_ns:
        later = [index for index, snapshot in enumerate(live) if snapshot.received_ns >= moment]
        chosen |= set(later[:AFTER_FAULT_COUNT])
    return [live[index] for index in sorted(chosen)]


def _compared(
    snapshot: SeenSnapshot, stored: Mapping[str, RiskSnapshot], inputs: InputsAt
) -> tuple[float, str]:
    """Return the largest relative difference of a snapshot, and what is wrong with it."""
    book = inputs.book(snapshot.portfolio)
    if book is None:
        return 0.0, "no such portfolio was defined on the topics"
    try:
        expected = float(inputs.risk(book).var)
    except ReferenceInputError as error:
        return 0.0, f"the reference has no number: {error}"
    assert snapshot.var is not None, "the sample holds snapshots with a VaR only"
    gap = abs(snapshot.var - expected) / (abs(expected) or 1.0)
    if not gap <= RELATIVE_TOLERANCE:
        return gap, f"VaR {snapshot.var}, expected {expected}"
    if snapshot.snapshot_id not in stored:
        return gap, ""
    check = checked(stored[snapshot.snapshot_id], inputs, now_ms=0)
    differs = check.verdict is OracleVerdict.DIFFERS
    return max(gap, check.largest_difference or 0.0), check.detail if differs else ""
