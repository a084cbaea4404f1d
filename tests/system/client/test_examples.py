"""The example files of the documentation are read as they stand."""

from __future__ import annotations

from pathlib import Path

from system.client.portfolio_file import read_portfolio
from system.client.price_file import with_histories

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


def test_the_example_in_csv_is_a_book() -> None:
    book = read_portfolio(EXAMPLES / "global.csv")
    assert (book.portfolio.portfolio, book.portfolio.base_currency) == ("global", "EUR")
    assert (len(book.portfolio.positions), len(book.instruments)) == (5, 3)


def test_the_example_in_json_takes_its_closes_from_the_example_of_prices() -> None:
    book = with_histories(read_portfolio(EXAMPLES / "book.json"), EXAMPLES / "prices.csv")
    assert [history.series for history in book.histories] == ["SHELL", "fx:GBP", "fx:USD"]
