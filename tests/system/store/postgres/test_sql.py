"""The statements: what is inserted stands in the table that the migrations make."""

from __future__ import annotations

import re
from pathlib import Path

from system.store import migrations
from system.store.postgres.sql import SNAPSHOT_COLUMNS

MADE = Path(str(migrations.__file__)).with_name("versions") / "0001_first_light.sql"
DEFAULTED = {"recorded_at"}


def columns_of(table: str) -> set[str]:
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", MADE.read_text("utf-8"), re.DOTALL)
    assert body is not None
    return set(re.findall(r"^ {4}\"?([a-z_]+)\"? [a-z]", body[1], re.MULTILINE))


def test_every_field_of_a_snapshot_is_a_column_or_stands_in_its_payload_alone():
    assert set(SNAPSHOT_COLUMNS) == columns_of("risk_snapshot") - DEFAULTED
