"""Tables of an export: each column is one of its view, which the documents describe."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from system.contracts.codec import encode
from system.contracts.messages import Rejected, RejectReason
from system.export.tables import TABLES, ExportName
from system.store import migrations

STATEMENTS = Path(next(iter(migrations.__path__))) / "versions" / "0013_report_views.sql"


@pytest.mark.parametrize("name", ExportName)
def test_every_table_is_read_from_a_view_that_there_is(name):
    assert f"CREATE VIEW {TABLES[name].view} AS" in STATEMENTS.read_text("utf-8")


@pytest.mark.parametrize("name", ExportName)
def test_every_view_is_described(name):
    document = (Path(__file__).parents[3] / "docs" / "export.md").read_text("utf-8")
    assert f"`{name.value}`" in document
    assert f"`{TABLES[name].view}`" in document
    named = set(re.findall(r"`(\w+)`", document))
    assert set(TABLES[name].columns) <= named


def test_a_rejected_message_has_its_bytes_as_they_came_also_a_nul():
    message = Rejected(
        topic="trades",
        partition=0,
        offset=3,
        reason=RejectReason.NOT_JSON,
        detail="why",
        value="a\x00b",
    )
    at = dt.datetime(2020, 3, 5, tzinfo=dt.UTC)
    payload = encode(message).decode()
    row = TABLES[ExportName.REJECTED].row((1, "trades", 0, 3, "not_json", payload, 3, "ab", at))
    assert row == (1, "trades", 0, 3, "not_json", "why", "a\x00b", 3, "ab", at)
    assert len(row) == len(TABLES[ExportName.REJECTED].columns)
