"""Rows read with a cursor: the only one there is, or every one."""

from __future__ import annotations

import pytest

from system.store.postgres.cursors import all_rows, one_row


class Cursor:
    """Cursor over rows that were stored before; notes what it executes."""

    def __init__(self, *rows):
        self.rows = list(rows)
        self.executed = []

    def execute(self, statement, parameters):
        self.executed.append((statement, parameters))

    def fetchone(self):
        return self.rows[0] if self.rows else None

    def fetchall(self):
        return self.rows


def test_the_only_row_is_returned_with_its_parameters_bound():
    cursor = Cursor((3,))
    assert one_row(cursor, "SELECT max(fence) FROM t WHERE a = %s", ("b",)) == (3,)
    assert cursor.executed == [("SELECT max(fence) FROM t WHERE a = %s", ("b",))]


def test_a_statement_without_its_row_is_a_defect_that_quotes_it():
    with pytest.raises(AssertionError, match="SELECT 1"):
        one_row(Cursor(), "SELECT 1")


def test_every_row_is_returned_in_order():
    cursor = Cursor((1,), (2,))
    assert all_rows(cursor, "SELECT a FROM t") == [(1,), (2,)]
    assert cursor.executed == [("SELECT a FROM t", None)]
    assert all_rows(Cursor(), "SELECT a FROM t") == []
