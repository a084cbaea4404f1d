"""Price files: wide CSV of daily closes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from system.client.files.price_file import read_closes, with_histories
from system.contracts.api.risk import PortfolioImport
from system.contracts.messages import (
    MAX_CLOSES_PER_SERIES,
    ClosePoint,
    OpeningPosition,
    Portfolio,
)
from system.tables.errors import InputFileError

PRICES = """\
date,AAPL,OTHER,fx:USD
2020-01-02,75.09,1,1.1193
2020-01-03,,1,1.1147

2020-01-06,74.95,1,1.1194
"""
SECOND, THIRD, SIXTH = (dt.date(2020, 1, day) for day in (2, 3, 6))


def written(folder: Path, text: str) -> Path:
    path = folder / "prices.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_wanted_columns_and_every_fx_column_are_read(tmp_path: Path) -> None:
    aapl, usd = read_closes(written(tmp_path, PRICES), wanted={"AAPL"})
    assert aapl.closes == (ClosePoint(SECOND, 75.09), ClosePoint(SIXTH, 74.95))
    assert (usd.series, len(usd.closes)) == ("fx:USD", 3)


def test_days_after_the_last_wanted_one_are_left_out(tmp_path: Path) -> None:
    aapl, usd = read_closes(written(tmp_path, PRICES), wanted={"AAPL"}, until=THIRD)
    assert [point.date for point in aapl.closes] == [SECOND]
    assert [point.date for point in usd.closes] == [SECOND, THIRD]


def test_a_book_gets_the_closes_of_what_it_holds(tmp_path: Path) -> None:
    position = OpeningPosition(instrument="OTHER", quantity=1.0, entry_price=1.0)
    book = PortfolioImport(portfolio=Portfolio(portfolio="mine", positions=(position,)))
    complete = with_histories(book, written(tmp_path, PRICES))
    assert [history.series for history in complete.histories] == ["OTHER", "fx:USD"]


def test_of_a_long_history_the_newest_closes_are_taken(tmp_path: Path) -> None:
    first = dt.date(2010, 1, 1)
    days = [first + dt.timedelta(days=n) for n in range(MAX_CLOSES_PER_SERIES + 10)]
    lines = [f"{day},{n + 1}" for n, day in enumerate(days)]
    (series,) = read_closes(written(tmp_path, "\n".join(["date,A", *lines])), wanted={"A"})
    assert len(series.closes) == MAX_CLOSES_PER_SERIES
    assert series.closes[-1].date == days[-1]


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("date,", "2020-01-01,", 1, "the first column is named '2020-01-01'"),
        ("OTHER", "AAPL", 1, "columns 2 and 3 are both named 'AAPL'"),
        ("2020-01-03", "03.01.2020", 3, "date: '03.01.2020'"),
        ("2020-01-03", "2020-01-02", 3, "2020-01-02 is on line 2 already"),
        ("75.09", "about 75", 2, "AAPL: 'about 75' is not a number"),
        ("75.09", "0", 2, "AAPL: 0.0 is not a positive close"),
        ("75.09", "inf", 2, "AAPL: 'inf'"),
        ("74.95,1,1.1194", "74.95,1", 5, "3 cells under 4 columns"),
    ],
)
def test_what_is_wrong_is_named_by_line_column_and_value(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    with pytest.raises(InputFileError) as caught:
        read_closes(written(tmp_path, PRICES.replace(old, new, 1)), wanted={"AAPL"})
    assert caught.value.line == line
    assert told in str(caught.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="is empty; it begins date"):
        read_closes(written(tmp_path, ""), wanted={"A"})
