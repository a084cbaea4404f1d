"""Files of an export: complete or not there, exact, and computed by no spreadsheet."""

from __future__ import annotations

import csv
import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from system.export.files import WRITERS, ExportFormat, complete_file
from system.outputs import OutputError

SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("var", pa.float64()),
        ("is_breach", pa.bool_()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)
AT = dt.datetime(2020, 3, 5, 21, 0, 0, 123456, dt.UTC)
ROWS = [
    ('=1+1, "quoted"\nline', 0.1 + 0.2, True, dt.date(2020, 3, 5), AT),
    ("ÅF B", None, None, None, None),
    (
        "plain",
        -1e-300,
        False,
        dt.date(2020, 3, 6),
        AT.astimezone(dt.timezone(dt.timedelta(hours=2))),
    ),
]


def written(path, kind, batches=(ROWS[:1], ROWS[1:])) -> None:
    with complete_file(path) as draft, WRITERS[kind](draft, SCHEMA) as write:
        for rows in batches:
            write(rows)


def test_parquet_holds_every_value_to_the_bit(tmp_path):
    written(tmp_path / "x.parquet", ExportFormat.PARQUET)
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.schema.equals(SCHEMA)
    assert [tuple(row.values()) for row in table.to_pylist()] == ROWS


def test_csv_reads_back_and_no_cell_of_text_is_computed(tmp_path):
    written(tmp_path / "x.csv", ExportFormat.CSV)
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        header, first, second, third = csv.reader(file)
    assert header == SCHEMA.names
    assert first == [
        "'" + ROWS[0][0],
        "0.30000000000000004",
        "true",
        "2020-03-05",
        "2020-03-05T21:00:00.123456Z",
    ]
    assert second == ["ÅF B", "", "", "", ""]
    assert third[1] == "-1e-300"
    assert third[4] == first[4]


@pytest.mark.parametrize("kind", ExportFormat)
def test_a_table_without_rows_is_a_file_with_its_columns(tmp_path, kind):
    path = tmp_path / "x"
    written(path, kind, batches=())
    if kind is ExportFormat.PARQUET:
        assert pq.read_table(path).schema.equals(SCHEMA)
    else:
        assert path.read_text("utf-8").strip() == ",".join(SCHEMA.names)


@pytest.mark.parametrize("kind", ExportFormat)
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_export_leaves_the_old_file_and_nothing_else(tmp_path, kind, error):
    path = tmp_path / "x"
    path.write_text("before")

    def rows():
        yield ROWS
        raise error

    with pytest.raises(error):
        written(path, kind, rows())
    assert [each.name for each in tmp_path.iterdir()] == ["x"]
    assert path.read_text() == "before"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    path = tmp_path / "none" / "x.csv"
    with pytest.raises(OutputError, match=r"x\.csv: cannot be written: No such file"):
        written(path, ExportFormat.CSV)
