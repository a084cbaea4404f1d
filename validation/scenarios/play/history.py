"""The history of a run as Parquet files: what was sent, seen, shown and broken.

One file per kind of line, in the folder ``history`` of a report. Places are Kafka's,
times CLOCK_MONOTONIC nanoseconds, the broker's own stamp wall-clock milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from system.contracts.messages import StageTimes
from validation.checkers.ledger import Ruling
from validation.measure.record import SeenSnapshot, SeenWatermark
from validation.scenarios.play.play import Recording

FOLDER: Final = "history"
STAGES: Final = StageTimes.__struct_fields__


def write_history(folder: Path, left: Recording, ruled: Sequence[Ruling]) -> None:
    """Write what a run left.

    Parameters
    ----------
    folder : Path
        Of the report; ``history/`` is made in it.
    left : Recording
        What was gathered.
    ruled : sequence of Ruling
        What must become of each message.
    """
    target = folder / FOLDER
    target.mkdir(exist_ok=True)
    for name, columns in _tables(left, ruled).items():
        pq.write_table(pa.table(dict(columns)), target / f"{name}.parquet")


def _tables(left: Recording, ruled: Sequence[Ruling]) -> dict[str, Mapping[str, Sequence[Any]]]:
    snapshots = [line for line in left.record if isinstance(line, SeenSnapshot)]
    watermarks = [line for line in left.record if isinstance(line, SeenWatermark)]
    return {
        "messages": _messages(left, ruled),
        "snapshots": {
            **_columns(
                snapshots,
                ("received_ns", "snapshot_id", "portfolio", "fence", "epoch", "asof", "var"),
            ),
            "kind": [snapshot.kind.value for snapshot in snapshots],
            "offsets": [_json(snapshot.offsets) for snapshot in snapshots],
            "trade_ids": [list(snapshot.trade_ids) for snapshot in snapshots],
            "stale": [list(snapshot.stale) for snapshot in snapshots],
            **{name: [getattr(snapshot.stages, name) for snapshot in snapshots] for name in STAGES},
        },
        "watermarks": {
            **_columns(watermarks, ("received_ns", "fence", "epoch")),
            "offsets": [_json(watermark.offsets) for watermark in watermarks],
        },
        "shown": {
            **_columns(left.shown, ("asked_ns", "answered_ns", "state")),
            "snapshots": [_json(stated_snapshot.snapshots) for stated_snapshot in left.shown],
        },
        "faults": _columns(
            left.faults,
            ("do", "what", "began_ns", "ended_ns", "bit", "witness", "recovered_s", "bound_s"),
        ),
    }


def _messages(left: Recording, ruled: Sequence[Ruling]) -> Mapping[str, Sequence[Any]]:
    ruling_at = {ruling.place: ruling for ruling in ruled}
    rulings = [ruling_at[record.topic, record.partition, record.offset] for record in left.records]
    return {
        **_columns(
            left.records, ("topic", "partition", "offset", "key", "value", "appended_at_ms")
        ),
        "outcome": [ruling.outcome.value for ruling in rulings],
        "reason": [ruling.reason for ruling in rulings],
    }


def _columns(rows: Sequence[Any], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in names}


def _json(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode(value).decode()
