"""Columns are known by name, in any order and spelling; others are refused with the known ones."""

from __future__ import annotations

import pytest

from system.tables.errors import InputFileError
from system.tables.named_columns import named_cells, read_named


@pytest.fixture
def write(tmp_path):
    def written(text: str):
        path = tmp_path / "positions.csv"
        path.write_text(text, "utf-8")
        return path

    return written


def test_columns_come_in_any_order_case_and_spelling(write):
    path = write("Entry Price,INSTRUMENT\n1.5,AAA\n2.5,BBB\n")
    table = read_named(path, ["instrument"], ["entry_price"], numbers=["entry_price"])
    assert list(named_cells(table)) == [
        (2, {"entry_price": "1.5", "instrument": "AAA"}),
        (3, {"entry_price": "2.5", "instrument": "BBB"}),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("quantity,price\n1,2\n", "no column instrument; needed are instrument, quantity"),
        ("instrument,quantity,colour\nA,1,red\n", "unknown column 'colour'; known columns are"),
        ("instrument,quantity,Quantity\nA,1,2\n", "two columns are named quantity"),
    ],
)
def test_a_header_with_a_missing_unknown_or_repeated_column_is_refused(write, text, said):
    with pytest.raises(InputFileError) as refused:
        read_named(write(text), ["instrument", "quantity"])
    assert said in str(refused.value)
    assert "positions.csv" in str(refused.value)
