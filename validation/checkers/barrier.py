"""The barrier: an end of day is taken exactly at its mark, in every partition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from system.contracts.messages import SnapshotKind
from validation.measure.record import SeenSnapshot
from validation.verdict import Finding, judged, unknown

BARRIER: Final = "end of day: taken exactly at its mark in every partition"

MarkPlaces = Mapping[dt.date, Mapping[str, int]]
"""Per day, the offset of its mark in each ``topic:partition``."""


def check_barrier(snapshots: Sequence[SeenSnapshot], marks: MarkPlaces) -> Finding:
    """Return whether each end of day covers everything up to its mark, and nothing behind.

    Parameters
    ----------
    snapshots : sequence of SeenSnapshot
        As observed; live ones are not looked at.
    marks : mapping
        Where the marks lie.
    """
    ends = [snapshot for snapshot in snapshots if snapshot.kind is SnapshotKind.END_OF_DAY]
    if not ends:
        return unknown(BARRIER, "no end of day was observed")
    problems = [problem for end in ends for problem in _off_the_mark(end, marks)]
    return judged(BARRIER, problems, passed=f"{len(ends)} ends of day")


def _off_the_mark(snapshot: SeenSnapshot, marks: MarkPlaces) -> Iterator[str]:
    places = marks.get(snapshot.asof) if snapshot.asof else None
    if places is None:
        yield f"{snapshot.snapshot_id}: no mark of {snapshot.asof} was sent"
        return
    for partition, offset in sorted(places.items()):
        if snapshot.offsets.get(partition) != offset + 1:
            covered = snapshot.offsets.get(partition)
            yield f"{snapshot.snapshot_id}: {partition} at {covered}, its mark is at {offset}"
