"""Rows of text with their place in a file: CSV as it comes, and refusals that name the line."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.tables import text_table
from system.tables.dialect import Dialect
from system.tables.errors import InputFileError
from system.tables.text_table import TextTable, read_table, with_decimal


def table_of(tmp_path: Path, text: str, **options) -> TextTable:
    path = tmp_path / "table.csv"
    path.write_text(text, "utf-8")
    return read_table(path, **options)


def refusal(tmp_path: Path, text: str, **options) -> str:
    with pytest.raises(InputFileError) as refused:
        table_of(tmp_path, text, **options)
    return str(refused.value)


def test_cells_lose_their_outer_blanks_and_keep_the_line_they_are_on(tmp_path):
    table = table_of(tmp_path, "date, A ,B\n\n2020-01-02, 1.5 ,2\n2020-01-03,3,4\n")
    assert table.header == ("date", "A", "B")
    assert table.rows == ((3, ["2020-01-02", "1.5", "2"]), (4, ["2020-01-03", "3", "4"]))
    assert (table.separator, table.decimal, table.header_line) == (",", ".", 1)


def test_remarks_before_the_header_are_kept_with_their_line_and_others_are_passed_over(tmp_path):
    table = table_of(tmp_path, '# source: x\n"# a, ""b"""\nA,B\n# between\n1,2\n')
    assert table.remarks == ((1, "# source: x"), (2, '# a, "b"'))
    assert (table.header_line, table.rows) == (3, ((5, ["1", "2"]),))


def test_a_line_may_name_the_separator(tmp_path):
    table = table_of(tmp_path, "sep=;\nA;B\n1,5;2\n")
    assert (table.separator, table.rows) == (";", ((3, ["1,5", "2"]),))


def test_a_row_over_two_lines_is_named_by_its_first(tmp_path):
    table = table_of(tmp_path, 'A,B\n"one\n# no remark",2\n3,4\n')
    assert table.rows == ((2, ["one\n# no remark", "2"]), (4, ["3", "4"]))


def test_a_compressed_file_reads_as_the_plain_one(tmp_path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"A,B\n1,2\n"))
    assert read_table(path).rows == ((2, ["1", "2"]),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("A,B\n1\n", "1 cells under 2 columns"),
        ("A,B\n1,2,3\n", "3 cells under 2 columns"),
        ("A,,B\n1,2,3\n", "column 2 has no name"),
        ("A,B,A\n1,2,3\n", "columns 1 and 3 are both named 'A'"),
        ('A,B\n1,"2\n', "not CSV"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, told):
    assert told in refusal(tmp_path, text)


def test_empty_cells_behind_the_last_column_are_left_out(tmp_path):
    assert table_of(tmp_path, "A,B,,\n1,2,,\n").rows == ((2, ["1", "2"]),)


def test_bounds_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(text_table, "MAX_ROWS", 1)
    assert "more than 1 rows" in refusal(tmp_path, "A\n1\n2\n")
    monkeypatch.setattr(text_table, "MAX_COLUMNS", 1)
    assert "2 columns, the bound is 1" in refusal(tmp_path, "A,B\n1,2\n")


def test_the_header_is_judged_before_the_rows(tmp_path):
    def naming(head: TextTable) -> tuple[str, ...]:
        raise head.header_error("no column of dates", "name one 'date'")

    told = refusal(tmp_path, "A,B\nonly one\n", naming=naming)
    assert "no column of dates" in told
    assert "cells under" not in told


def test_a_header_of_one_column_gets_the_separators_as_remedy(tmp_path):
    table = table_of(tmp_path, "A|B\n1|2\n", dialect=Dialect(separator=","))
    told = str(table.header_error("no dates", "name one 'date'"))
    assert "the only column is 'A|B'" in told
    assert "semicolon" in told


def test_a_number_and_a_date_are_read_and_their_refusals_name_the_cell(tmp_path):
    table = table_of(tmp_path, "day,A\n2020-01-02,x\n")
    assert table.number(2, "A", "1.5") == 1.5
    assert table.date(2, "day", "2020-01-02") == dt.date(2020, 1, 2)
    for read in (table.number, table.date):
        with pytest.raises(InputFileError, match="'x'") as refused:
            read(2, "A", "x")
        assert "line 2" in str(refused.value)
        assert "A" in str(refused.value)


@pytest.mark.parametrize(("cell", "sign"), [("1,5", ","), ("1.5", "."), ("12", ".")])
def test_the_decimal_sign_is_taken_from_the_numbers(tmp_path, cell, sign):
    table = table_of(tmp_path, f"day;A\n2020-01-02;{cell}\n")
    assert table.decimal is None
    assert with_decimal(table, ["A", "missing"]).decimal == sign


def test_numbers_that_could_be_written_either_way_are_refused(tmp_path):
    table = table_of(tmp_path, "day;A\n2020-01-02;1.234\n")
    with pytest.raises(InputFileError, match="could have a decimal sign or separate thousands"):
        with_decimal(table, ["A"])
    assert with_decimal(table, ["day"]).decimal == "."


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1).filter(
    lambda text: text[0] not in "#=" and text.strip("\"' \ufeff") == text
)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1))
def test_what_a_csv_writer_wrote_is_read_back(tmp_path_factory, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("A", "B"), *rows])
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    path.write_text(text.getvalue(), "utf-8")
    table = read_table(path, Dialect(separator=","))
    assert [tuple(cells) for _, cells in table.rows] == rows
