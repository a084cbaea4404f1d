"""Names go through spreadsheets and come back as they were; numbers are left alone."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.tables.named_columns import named_cells, read_named
from system.tables.spreadsheets import cell_text, spreadsheet_text
from tests.message_strategies import VENDORS_NAMES, identifiers

ORDERS = (
    "=1+1",
    "+1",
    "-x",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "=cmd|' /C calc'!A0",
    "#remark",
    "'=1",
    "''-",
)


@pytest.mark.parametrize("name", ORDERS)
def test_a_name_that_a_spreadsheet_would_compute_is_escaped(name: str) -> None:
    assert spreadsheet_text(name) == "'" + name
    assert cell_text(spreadsheet_text(name)) == name


@pytest.mark.parametrize("name", ["AAPL", "'tis", "a=b", "A@1", "100%", "", "^GSPC", ".SPX"])
def test_any_other_name_is_left_alone(name: str) -> None:
    assert spreadsheet_text(name) == name
    assert cell_text(name) == name


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    assert cell_text(spreadsheet_text(text)) == text
    assert spreadsheet_text(text)[:1] not in {*"=+-@\t\r#"}


@given(st.lists(identifiers | st.sampled_from(VENDORS_NAMES), min_size=1, max_size=5))
def test_names_that_were_written_are_read_back_by_the_reader_of_tables(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("names") / "table.csv"
    write(path, names)
    table = read_named(path, ("portfolio", "quantity"), numbers=("quantity",))
    assert [cells["portfolio"] for _, cells in named_cells(table)] == names
    assert [cells["quantity"] for _, cells in named_cells(table)] == ["-1.5"] * len(names)


def write(path: Path, names: list[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("portfolio", "quantity"))
        writer.writerows((spreadsheet_text(name), -1.5) for name in names)
