"""Statements of an export: what the options ask for, values never in the text."""

from __future__ import annotations

import pytest

from system.export.rows import Span, statement_of
from system.export.tables import TABLES, ExportName


@pytest.mark.parametrize("name", ExportName)
def test_without_options_all_rows_are_read_in_a_stable_order(name):
    statement, _ = statement_of(TABLES[name], Span())
    assert "WHERE" not in statement
    assert "ORDER BY" in statement


def test_options_bound_the_event_time_or_where_there_is_none_the_time_of_recording():
    span = Span(1, 2, "P'; --")
    snapshots, parameters = statement_of(TABLES[ExportName.SNAPSHOTS], span)
    assert "event_time_ns >= %(from_ns)s AND event_time_ns < %(to_ns)s" in snapshots
    assert "portfolio = %(portfolio)s" in snapshots
    assert "P'" not in snapshots
    assert parameters == {"from_ns": 1, "to_ns": 2, "portfolio": "P'; --"}
    rejected, _ = statement_of(TABLES[ExportName.REJECTED], span)
    assert "recorded_at < to_timestamp(%(to_ns)s / 1e9)" in rejected
    assert "portfolio =" not in rejected
