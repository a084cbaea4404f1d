"""The statements: what is inserted stands in the table that the migrations make."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from system.store import migrations
from system.store.postgres.sql import SNAPSHOT_COLUMNS, snapshot_row
from system.store.sample_snapshots import sample_snapshot
from tests.by_columns import by_columns

MADE = Path(str(migrations.__file__)).with_name("versions") / "0001_first_light.sql"
DEFAULTED = {"recorded_at"}


def columns_of(table: str) -> set[str]:
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", MADE.read_text("utf-8"), re.DOTALL)
    assert body is not None
    return set(re.findall(r"^ {4}\"?([a-z_]+)\"? [a-z]", body[1], re.MULTILINE))


def test_every_field_of_a_snapshot_is_a_column_or_stands_in_its_payload_alone():
    assert set(SNAPSHOT_COLUMNS) == columns_of("risk_snapshot") - DEFAULTED


def test_a_row_has_the_same_arrays_from_columns_and_from_rows():
    snapshot = sample_snapshot(position_count=4)
    first, second = (
        dict(zip(SNAPSHOT_COLUMNS, snapshot_row(each, pinned=False), strict=True))
        for each in (snapshot, by_columns(snapshot))
    )
    assert first.pop("payload") != second.pop("payload")
    assert first.pop("payload_bytes") > second.pop("payload_bytes")
    assert first == second
    assert first["instruments"] == '{"EQ000","EQ001","EQ002","EQ003"}'


def test_a_position_without_a_risk_has_no_component():
    snapshot = by_columns(sample_snapshot(position_count=2))
    bare = msgspec.structs.replace(snapshot.positions, component_var=None)
    row = snapshot_row(msgspec.structs.replace(snapshot, positions=bare), pinned=False)
    assert row[SNAPSHOT_COLUMNS.index("component_var")] == "{NULL,NULL}"
