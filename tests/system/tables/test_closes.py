"""Tables as people write them: every oddity is read as meant, or refused with its place."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.risk.scenarios.window import CloseTable
from system.tables import text_table
from system.tables.cells import COMMA, POINT
from system.tables.closes import read_close_file
from system.tables.dialect import SEPARATORS, Dialect
from system.tables.errors import InputFileError
from system.tables.named_columns import read_named


def written(folder: Path, text: str, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return path


def test_dates_are_put_in_order_and_empty_cells_are_missing(tmp_path: Path) -> None:
    text = "date,A,B\n2020-01-03,1.5,\n2020-01-02,1,NaN\n\n2020-01-06 00:00:00,2,N/A\n"
    table = read_close_file(written(tmp_path, text)).closes
    assert table.dates == (dt.date(2020, 1, 2), dt.date(2020, 1, 3), dt.date(2020, 1, 6))
    assert table.closes[0].tolist() == [1.0, 1.5, 2.0]
    assert np.isnan(table.closes[1]).all()


def test_a_byte_order_mark_windows_lines_and_an_unnamed_index_are_taken(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeff,A\r\n2020-01-02,-36.98\r\n2020-01-03,1e2\r\n")
    table = read_close_file(path).closes
    assert table.names == ("A",)
    assert table.closes.tolist() == [[-36.98, 100.0]]


def test_compressed_and_parquet_files_say_the_same(tmp_path: Path) -> None:
    text = "date,A,B\n2020-01-02,0.1,\n2020-01-03,0.30000000000000004,7\n"
    plain = read_close_file(written(tmp_path, text)).closes
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
        table = read_close_file(path).closes
        assert (table.names, table.dates) == (plain.names, plain.dates)
        assert np.array_equal(table.closes, plain.closes, equal_nan=True)


def test_the_index_of_a_data_frame_is_its_dates(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2020-01-02", periods=3)
    path = tmp_path / "prices.parquet"
    pandas.DataFrame({"A": [1.0, 2.0, 3.0]}, index=days).to_parquet(path)
    table = read_close_file(path).closes
    assert table.dates[0] == dt.date(2020, 1, 2)
    assert table.closes.tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("date,A,A\n", "columns 2 and 3 are both named 'A'"),
        ("date,,B\n", "column 2"),
        ("date,A\n2020-01-02\n", "line 2.*1 cells"),
        ("date,A\n02.01.2020,1\n", "line 2, column date.*02.01.2020"),
        ("date,A\n2020-02-30,1\n", "line 2, column date"),
        ("date,A\n2020-01-02 13:00:00,1\n", "column date"),
        ("date,A\n2020-01-02,abc\n", "line 2, column A: 'abc' is not a number"),
        ("date,A\n2020-01-02,inf\n", "line 2, column A: 'inf' is not a finite number"),
        ("date,A\n2020-01-02,1_000\n", "line 2, column A"),
        (
            "date,A\n2020-01-02,1\n2020-01-03,2\n2020-01-02,3\n",
            "line 4: 2020-01-02 is on line 2 already",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputFileError, match=said) as refused:
        read_close_file(written(tmp_path, text))
    assert "prices.csv" in str(refused.value)


@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz", "prices.parquet"])
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")
    with pytest.raises(InputFileError, match="CSV file"):
        read_close_file(path)


PLAIN = "date,A B,fx:USD\n2020-01-02,100.0,1.1\n2020-01-03,,1.1193\n2020-01-06,-2.25,1e-05\n"
HEADER, *LINES = PLAIN.splitlines()
ROWS = (
    ("2020-01-02", "100.0", "1.1"),
    ("2020-01-03", "", "1.1193"),
    ("2020-01-06", "-2.25", "1e-05"),
)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("semicolons and decimal commas", PLAIN.replace(",", ";").replace(".", ",")),
        ("semicolons and decimal points", PLAIN.replace(",", ";")),
        ("tabs and decimal commas", PLAIN.replace(",", "\t").replace(".", ",")),
        ("vertical bars", PLAIN.replace(",", "|")),
        ("a line that names the separator", "sep=;\n" + PLAIN.replace(",", ";")),
        ("Windows lines", PLAIN.replace("\n", "\r\n")),
        ("lines of an old Macintosh", PLAIN.replace("\n", "\r")),
        ("no last line end", PLAIN.rstrip()),
        ("a byte order mark", "\ufeff" + PLAIN),
        ("quotes", PLAIN.replace("A B", '"A B"').replace("100.0", '"100.0"')),
        ("blanks", PLAIN.replace(",", " , ").replace("date", " date")),
        ("capitals", PLAIN.replace("date", "DATE").replace("fx:", "FX:")),
        ("an unnamed index", PLAIN.replace("date", "")),
        ("another name of the dates", PLAIN.replace("date", "Datetime")),
        ("an empty row and a row of commas", PLAIN.replace("\n2020-01-03", "\n\n,,\n2020-01-03")),
        ("a row of commas at the end", PLAIN + ",,\n"),
        ("empty columns at the end", PLAIN.replace("\n", ",,\n")),
        ("remarks", "# from a vendor\n" + PLAIN.replace("\n2020-01-03", "\n# odd\n2020-01-03")),
        ("a quoted remark, filled up", '"# a, b",,\n' + PLAIN),
        ("the word NaN", PLAIN.replace("03,,", "03,NaN,")),
        ("the word of a spreadsheet", PLAIN.replace("03,,", "03,#N/A,")),
        ("a dash", PLAIN.replace("03,,", "03,-,")),
        ("midnight", PLAIN.replace("-03", "-03 00:00:00").replace("-06", "-06 00:00:00")),
        ("midnight with an offset", PLAIN.replace("-03", "-03 00:00:00-05:00")),
        ("compact dates", PLAIN.replace("2020-01-0", "2020010")),
        ("newest first", "\n".join([HEADER, *LINES[::-1]])),
        ("the index of a range", "\n".join([f",{HEADER}", *(f"0,{line}" for line in LINES)])),
        ("the date in another column", "A B,fx:USD,date\n100.0,1.1,2020-01-02\n"
         ",1.1193,2020-01-03\n-2.25,1e-05,2020-01-06"),
    ],
)  # fmt: skip
def test_a_table_says_the_same_in_any_form(tmp_path: Path, change: str, text: str) -> None:
    closes = read_close_file(written(tmp_path, text)).closes
    assert closes.names == ("A B", "fx:USD"), change
    assert closes.dates == tuple(dt.date(2020, 1, day) for day in (2, 3, 6))
    numbers = [[float(row[column] or "nan") for row in ROWS] for column in (1, 2)]
    assert np.array_equal(closes.closes, numbers, equal_nan=True)


def test_each_date_has_its_line(tmp_path: Path) -> None:
    text = '# remark\ndate,A\n2020-01-03,"1"\n\n2020-01-02,2\n'
    assert read_close_file(written(tmp_path, text)).lines == (5, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date;A;B\n2020-01-02;1.234;\n", "line 2, column A: '1.234' could have.*--decimal"),
        ("date\tA\n2020-01-02\t1,234\n", "line 2, column A: '1,234' could have"),
        ("date;A\n2020-01-02;1,5\n2020-01-03;1.234\n", "line 3, column A: '1.234'.*thousands"),
        ("date;A\n2020-01-02;1,5\n2020-01-03;2.5\n", "line 3, column A.*a point is not the"),
        ('date,A\n2020-01-02,"100,5"\n', "line 2, column A.*a comma is not the decimal sign"),
        ("date,A\n2020-01-02,100,5\n", "line 2: 3 cells under 2 columns, separated by commas"),
        ("date,A,\n2020-01-02,1,5\n", "line 2: 3 cells under 2 columns"),
        ("date A\n2020-01-02 1\n", "no series; the only column is 'date A'.*semicolons"),
        ("2020-01-02,100.0\n2020-01-03,1\n", "line 1.*'2020-01-02': a row comes before the header"),
        ("date,instrument,close\n2020-01-02,A,1\n", "one row per date and instrument is not read"),
        ("date,A\n", "line 1: no closes; add at least one row"),
        ("date,fx:USD,FX:USD\n2020-01-02,1,1\n", "two columns are named 'fx:USD'"),
        ('date,A\n2020-01-02,"1\n2020-01-03,2\n', "line 2: not CSV: .*close each quote"),
        ("date,A\n,5\n", "line 2, column date: '' is not a date"),
        ("A,B\n100,5\n", "line 2, column A: '100' is not a date"),
    ],
)
def test_a_doubtful_table_is_refused_with_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputFileError, match=said):
        read_close_file(written(tmp_path, text))


def test_named_signs_decide_what_the_file_leaves_open(tmp_path: Path) -> None:
    path = written(tmp_path, "date;A;B\n2020-01-02;1.234;1\n")
    assert read_close_file(path, Dialect(decimal=".")).closes.closes[0, 0] == 1.234
    path = written(tmp_path, 'date,A\n2020-01-02,"1,234"\n')
    assert read_close_file(path, Dialect(decimal=",")).closes.closes[0, 0] == 1.234
    path = written(tmp_path, "date;A,B\n2020-01-02;1,5\n")
    assert read_close_file(path).closes.names == ("A,B",)
    with pytest.raises(InputFileError, match="'2020-01-02;1' is not a date"):
        read_close_file(path, Dialect(separator=","))


@pytest.mark.parametrize(("bound", "value"), [("MAX_ROWS", 2), ("MAX_COLUMNS", 2)])
def test_rows_and_columns_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    monkeypatch.setattr(text_table, bound, value)
    with pytest.raises(InputFileError, match=r"split the file"):
        read_close_file(written(tmp_path, PLAIN))


@st.composite
def written_tables(draw: st.DrawFn) -> tuple[CloseTable, str, Dialect]:
    """Draw a table of closes, a text of it in any dialect, and signs where the text needs them."""
    names = draw(st.lists(st.text("ABx;,.|^ Ü&", min_size=1), min_size=1, max_size=4, unique=True))
    names = list(dict.fromkeys(stripped for name in names if (stripped := name.strip()))) or ["A"]
    days = draw(st.lists(st.dates(dt.date(1900, 1, 1)), min_size=1, max_size=6, unique=True))
    finite = st.floats(allow_nan=False, allow_infinity=False)
    cells = draw(st.lists(finite | st.just(np.nan), min_size=len(names) * len(days),
                          max_size=len(names) * len(days)))  # fmt: skip
    numbers = np.array(cells).reshape(len(days), len(names))
    separator = draw(st.sampled_from(SEPARATORS))
    decimal = draw(st.sampled_from([POINT, COMMA])) if separator != COMMA else POINT
    missing = draw(st.sampled_from(["", "NaN", "#N/A", "null", "-"]))
    form = draw(
        st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y-%m-%d 00:00:00",
                         "%Y-%m-%dT00:00:00Z", "%Y-%m-%d 00:00:00-05:00"])
    )  # fmt: skip
    stream = io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(stream, delimiter=separator, quoting=quoting,
                        lineterminator=draw(st.sampled_from(["\n", "\r\n"])))  # fmt: skip
    padding = [""] * draw(st.integers(0, 2))
    writer.writerow(["date", *names, *padding])
    for day, row in zip(days, numbers.tolist(), strict=True):
        shown = [
            missing if np.isnan(value) else repr(value).replace(POINT, decimal) for value in row
        ]
        writer.writerow([day.strftime(form).rjust(len(form) - 2, "0"), *shown, *padding])
    order = sorted(range(len(days)), key=days.__getitem__)
    table = CloseTable(tuple(names), tuple(sorted(days)), numbers[order].T)
    return table, stream.getvalue(), Dialect(separator, decimal)


@given(written_tables(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.booleans())
def test_a_table_in_any_dialect_reads_back_to_the_bit(
    drawn: tuple[CloseTable, str, Dialect], encoding: str, packed: bool
) -> None:
    table, text, dialect = drawn
    content = text.encode(encoding)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prices.csv"
        path.write_bytes(gzip.compress(content) if packed else content)
        named = read_close_file(path, dialect).closes
        try:
            detected = read_close_file(path).closes
        except InputFileError as refused:
            assert "--decimal" in str(refused)  # noqa: PT017 - every number could be in thousands
            detected = named
    for closes in (named, detected):
        assert (closes.names, closes.dates) == (table.names, table.dates)
        assert (
            closes.closes.tobytes()
            == np.where(np.isnan(table.closes), np.nan, table.closes).tobytes()
        )


@given(
    st.one_of(
        st.binary(max_size=400),
        st.text("date,;\t|\n\r\"'#AB0123456789.-+e: ", max_size=400).map(str.encode),
        st.binary(max_size=60).map(lambda rest: b"\x1f\x8b\x08" + rest),
        st.binary(max_size=60).map(lambda rest: b"PAR1" + rest + b"PAR1"),
        st.binary(max_size=60).map(lambda rest: b"\xff\xfe" + rest),
    )
)
def test_any_bytes_are_a_table_or_refused_as_a_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prices.csv"
        path.write_bytes(content)
        for reading in (read_close_file, lambda file: read_named(file, ["date", "A"])):
            try:
                reading(path)
            except InputFileError as refused:
                assert str(refused).startswith(str(path))  # noqa: PT017 - a table is right too
