"""One file of closes is read by `backtest` and by `portfolio import`, or refused by both alike."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from system import cli
from system.client.files.portfolio_file import read_portfolio
from system.client.files.price_file import with_histories
from system.tables.errors import InputFileError
from validation.backtest.input_files import InputPaths, read_input

DAYS = tuple(f"2020-01-{day:02}" for day in (2, 3, 6, 7, 8, 9, 10))
CLOSES = ("100.0", "101.29", "102.76", "102.82", "0.1", "100.92", "30.000000000000004")
ROWS = tuple(zip(DAYS, CLOSES, strict=True))
HEADER = "date,AAA,fx:USD"
COMMAS = "\n".join([HEADER, *(f"{day},{close},1.1" for day, close in ROWS)])


def dated(form: str) -> str:
    """Return the table with its dates in another form, such as ``{} 00:00:00``."""
    return "\n".join([HEADER, *(f"{form.format(day)},{close},1.1" for day, close in ROWS)])


FORMS = {
    "midnight": dated("{} 00:00:00"),
    "offset": dated("{} 00:00:00-05:00"),
    "compact": COMMAS.replace("2020-01-", "202001"),
    "nan": COMMAS.replace("102.82", "NaN"),
    "newest-first": "\n".join([HEADER, *COMMAS.splitlines()[:0:-1]]),
    "row-of-commas": COMMAS + "\n,,\n",
    "semicolons": "\ufeff" + COMMAS.replace(",", ";").replace(".", ","),
    "tabs": COMMAS.replace(",", "\t"),
}


def files_of(folder: Path, prices: bytes) -> tuple[Path, Path, Path]:
    for name, content in (
        ("prices.csv", prices),
        ("positions.csv", b"portfolio;instrument;quantity\nbook;AAA;100,5\n"),
        (
            "book.csv",
            b"instrument;quantity;entry_price;asset_class;currency\nAAA;100;99,5;equity;USD\n",
        ),
    ):
        (folder / name).write_bytes(content)
    return folder / "prices.csv", folder / "positions.csv", folder / "book.csv"


@pytest.mark.parametrize("form", FORMS)
def test_both_commands_read_the_same_closes_to_the_bit(tmp_path: Path, form: str) -> None:
    prices, positions, book = files_of(tmp_path, FORMS[form].encode())
    tested = read_input(InputPaths(prices, positions), "USD")
    imported = with_histories(read_portfolio(book), prices)
    assert tested.books[0].quantities[0].quantity == 100.5
    assert imported.portfolio.positions[0].entry_price == 99.5
    assert [history.series for history in imported.histories] == ["AAA", "fx:USD"]
    table = tested.market.closes
    for history in imported.histories:
        row = table.closes[table.names.index(history.series)]
        kept = ~np.isnan(row)
        assert [point.value.hex() for point in history.closes] == [x.hex() for x in row[kept]]
        dates = [date for date, has in zip(table.dates, kept, strict=True) if has]
        assert [point.date for point in history.closes] == dates
    gap = form == "nan"
    expected = [float(close) for close in CLOSES if not (gap and close == "102.82")]
    assert [point.value for point in imported.histories[0].closes] == expected


@pytest.mark.parametrize(
    "prices",
    [
        COMMAS.replace("102.82", "n.m."),
        COMMAS.replace("2020-01-03", "03/01/2020"),
        COMMAS.replace("2020-01-03", "2020-01-02"),
        COMMAS.replace("2020-01-03", "43833"),
        COMMAS.replace("102.82", '"1,102.82"'),
        HEADER,
        "",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_both_commands_refuse_with_one_message(tmp_path: Path, prices: str, packed: bool) -> None:
    content = prices.encode()
    if packed:
        content = gzip.compress(content)[:-4] if prices else b"\x1f\x8b"
    path, positions, book = files_of(tmp_path, content)
    with pytest.raises(InputFileError) as tested:
        read_input(InputPaths(path, positions), "USD")
    with pytest.raises(InputFileError) as imported:
        with_histories(read_portfolio(book), path)
    assert str(tested.value) == str(imported.value)
    assert str(path) in str(tested.value)


@pytest.mark.parametrize("command", ["backtest", "import"])
@pytest.mark.parametrize("wrong", ["damaged", "folder", "missing"])
def test_a_file_that_cannot_be_read_is_one_sentence_and_exit_code_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    wrong: str,
) -> None:
    prices, positions, book = files_of(tmp_path, gzip.compress(COMMAS.encode() * 9)[:-20])
    monkeypatch.chdir(tmp_path)
    named = {"damaged": prices.name, "folder": ".", "missing": "none.csv"}[wrong]
    words = {
        "backtest": ["backtest", "--positions", positions.name, "--out", "out"],
        "import": ["portfolio", "import", book.name],
    }[command]
    monkeypatch.setattr("sys.argv", ["riskstream", *words, "--prices", named])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    reason = {"damaged": "is a damaged gzip", "folder": "is a folder", "missing": "No such file"}
    assert said.startswith(f"error: {named}, the whole file: ")
    assert reason[wrong] in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        ("prices.csv/out", "Not a directory"),
        ("prices.csv/out/deeper", "Not a directory"),
        ("prices.csv", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    out: str,
    reason: str,
) -> None:
    files_of(tmp_path, b"not read at all")
    monkeypatch.chdir(tmp_path)
    words = ["backtest", "--prices", "prices.csv", "--positions", "positions.csv", "--out", out]
    monkeypatch.setattr("sys.argv", ["riskstream", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"{out}: cannot be written: ".replace(" ", "") in said.replace(" ", "")
    assert reason in said
