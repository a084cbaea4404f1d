"""The walk-through of a feed of one's own: its file is made as it says, its figures are exact."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from system.feed.field_map import FieldMap
from system.feed.price_table import read_prices
from tests.docs.test_documents import ROOT
from tests.docs.test_tutorial import book_of, market  # noqa: F401 - a fixture
from validation.rules.expected_days import ExpectedMarket, expected_end_of_day, positions_after

PAGE = (ROOT / "docs" / "feed.md").read_text("utf-8")
BOOK = "own-market-book.csv"


@pytest.mark.parametrize(
    ("day", "figure"),
    [
        (dt.date(2020, 3, 11), "4,396.09 USD (4.783% of NAV)"),
        (dt.date(2020, 3, 16), "5,862.56 USD │ 7.075%"),
        (dt.date(2020, 3, 17), "6,230.49 USD │ 7.203%"),
    ],
)
def test_each_var_of_the_walk_is_the_exact_one(
    market: ExpectedMarket,  # noqa: F811 - the fixture
    day: dt.date,
    figure: str,
) -> None:
    book = book_of(BOOK)
    held = positions_after(book.portfolio, (), market.instruments)
    risk = expected_end_of_day(book.portfolio, held, market, day)
    assert figure in PAGE
    numbers = [float(text.replace(",", "")) for text in re.findall(r"[\d,.]*\d", figure)]
    assert numbers == [round(float(risk.var), 2), round(100 * float(risk.var / risk.nav), 3)]


def test_the_pages_python_writes_the_file_that_the_walk_sends(tmp_path: Path, monkeypatch) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(source, "feed.md", "exec"), {})  # noqa: S102 - the page's own example
    prices = read_prices(tmp_path / "closes.csv", FieldMap())
    assert len(prices) == 208
    assert "208 messages" in PAGE
    sent = [price for price in prices if price.date > dt.date(2020, 3, 11)]
    assert len(sent) == 16
    assert "16 applied" in PAGE
