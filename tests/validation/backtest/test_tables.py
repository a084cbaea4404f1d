"""Tables as people write them: every oddity is read as meant, or refused with its place."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from validation.backtest.errors import InputFileError
from validation.backtest.tables import close_table, text_table


def written(folder: Path, text: str, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return path


def test_dates_are_put_in_order_and_empty_cells_are_missing(tmp_path: Path) -> None:
    text = "date,A,B\n2020-01-03,1.5,\n2020-01-02,1,NaN\n\n2020-01-06 00:00:00,2,N/A\n"
    table = close_table(text_table(written(tmp_path, text)))
    assert table.dates == (dt.date(2020, 1, 2), dt.date(2020, 1, 3), dt.date(2020, 1, 6))
    assert table.closes[0].tolist() == [1.0, 1.5, 2.0]
    assert np.isnan(table.closes[1]).all()


def test_a_byte_order_mark_windows_lines_and_an_unnamed_index_are_taken(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeff,A\r\n2020-01-02,-36.98\r\n2020-01-03,1e2\r\n")
    table = close_table(text_table(path))
    assert table.names == ("A",)
    assert table.closes.tolist() == [[-36.98, 100.0]]


def test_compressed_and_parquet_files_say_the_same(tmp_path: Path) -> None:
    text = "date,A,B\n2020-01-02,0.1,\n2020-01-03,0.30000000000000004,7\n"
    plain = close_table(text_table(written(tmp_path, text)))
    packed = tmp_path / "prices.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    columns = {
        "A": [0.1, 0.30000000000000004],
        "B": [None, 7.0],
        "date": pa.array([dt.date(2020, 1, 2), dt.date(2020, 1, 3)]),
    }
    parquet = tmp_path / "prices.parquet"
    pq.write_table(pa.table({name: columns[name] for name in ("date", "A", "B")}), parquet)
    for path in (packed, parquet):
        table = close_table(text_table(path))
        assert (table.names, table.dates) == (plain.names, plain.dates)
        assert np.array_equal(table.closes, plain.closes, equal_nan=True)


def test_the_index_of_a_data_frame_is_its_dates(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2020-01-02", periods=3)
    path = tmp_path / "prices.parquet"
    pandas.DataFrame({"A": [1.0, 2.0, 3.0]}, index=days).to_parquet(path)
    table = close_table(text_table(path))
    assert table.dates[0] == dt.date(2020, 1, 2)
    assert table.closes.tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("date,A,A\n", "like another"),
        ("date,,B\n", "column 2"),
        ("date,A\n2020-01-02\n", "line 2.*1 cells"),
        ("date,A\n02.01.2020,1\n", "line 2, column date.*02.01.2020"),
        ("date,A\n2020-02-30,1\n", "line 2, column date"),
        ("date,A\n2020-01-02 13:00:00,1\n", "column date"),
        ("date,A\n2020-01-02,abc\n", "line 2, column A: value 'abc'"),
        ("date,A\n2020-01-02,inf\n", "line 2, column A: value 'inf'"),
        ("date,A\n2020-01-02,1_000\n", "line 2, column A"),
        ("date,A\n2020-01-02,1\n2020-01-03,2\n2020-01-02,3\n", "line 4: 2020-01-02 stands twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputFileError, match=said) as refused:
        close_table(text_table(written(tmp_path, text)))
    assert "prices.csv" in str(refused.value)


@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz", "prices.parquet"])
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")
    with pytest.raises(InputFileError, match="CSV file"):
        text_table(path)
