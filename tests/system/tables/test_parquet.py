"""Parquet files as rows of text: the index first, floats to the bit, damage named."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from system.tables.errors import InputFileError
from system.tables.parquet import parquet_rows

PATH = Path("closes.parquet")


def written(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def test_the_index_of_a_data_frame_is_the_first_column_and_rows_are_numbered_from_the_header():
    frame = pd.DataFrame({" AAA ": [1.0, None]}, index=pd.Index(["2020-01-02", "2020-01-03"]))
    assert list(parquet_rows(PATH, written(frame))) == [
        (1, ["date", "AAA"]),
        (2, ["2020-01-02", "1.0"]),
        (3, ["2020-01-03", ""]),
    ]


def test_a_named_index_keeps_its_name():
    frame = pd.DataFrame({"AAA": [1.5]}, index=pd.Index(["2020-01-02"], name="day"))
    assert next(parquet_rows(PATH, written(frame))) == (1, ["day", "AAA"])


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-300, 1 / 3])
def test_a_float_reads_back_equal(value):
    (_, _), (_, cells) = parquet_rows(PATH, written(pd.DataFrame({"AAA": [value]})))
    assert float(cells[-1]) == value


def test_a_damaged_file_is_named():
    content = written(pd.DataFrame({"AAA": [1.0]}))
    with pytest.raises(InputFileError, match=r"closes\.parquet.*damaged Parquet file"):
        list(parquet_rows(PATH, content[:-20]))
