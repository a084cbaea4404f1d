"""Order of what a reader of the push stream sees: ids once, offsets never back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from validation.measure.record import SeenSnapshot
from validation.verdict import Finding, judged, unknown

UNIQUE: Final = "snapshots: each id once"
MONOTONIC: Final = "snapshots: offsets and versions never go back"


def check_unique_ids(snapshots: Sequence[SeenSnapshot]) -> Finding:
    """Return whether no snapshot id was pushed twice."""
    if not snapshots:
        return unknown(UNIQUE, "no snapshot was observed")
    counts = Counter(snapshot.snapshot_id for snapshot in snapshots)
    problems = (f"{name} was pushed {count} times" for name, count in counts.items() if count > 1)
    return judged(
        UNIQUE, problems, passed=f"{len(counts)} snapshots", figures={"snapshots": len(counts)}
    )


def check_monotonic_offsets(snapshots: Sequence[SeenSnapshot]) -> Finding:
    """Return whether offsets and (fence, epoch) of each portfolio only grow, as received."""
    if not snapshots:
        return unknown(MONOTONIC, "no snapshot was observed")
    portfolios = sorted({snapshot.portfolio for snapshot in snapshots})
    problems = [
        problem
        for portfolio in portfolios
        for problem in _steps_back(
            [snapshot for snapshot in snapshots if snapshot.portfolio == portfolio]
        )
    ]
    return judged(
        MONOTONIC, problems, passed=f"{len(snapshots)} snapshots of {len(portfolios)} portfolios"
    )


def _steps_back(snapshots: Sequence[SeenSnapshot]) -> Iterator[str]:
    reach: dict[str, int] = {}
    version = (0, 0)
    for snapshot in snapshots:
        if (snapshot.fence, snapshot.epoch) < version:
            place = f"version {(snapshot.fence, snapshot.epoch)} after {version}"
            yield f"{snapshot.snapshot_id}: {place}"
        version = max(version, (snapshot.fence, snapshot.epoch))
        for partition, offset in snapshot.offsets.items():
            if offset < reach.get(partition, 0):
                yield f"{snapshot.snapshot_id}: {partition} at {offset} after {reach[partition]}"
            reach[partition] = max(offset, reach.get(partition, 0))
