import datetime as dt

import pytest

from system.client.files.portfolio_file import read_portfolio
from system.contracts.messages import Portfolio
from system.places import SHARED_DIR
from system.settings import load_settings
from system.simulate.datasets import load_market

ENTRY_DAY = dt.date(2020, 1, 31)
BOOKS = sorted((SHARED_DIR / "scenarios" / "books").glob("*.json"))


@pytest.fixture(scope="module")
def market():
    return load_market(load_settings().wheels_dir)


def book(path) -> Portfolio:
    return read_portfolio(path).portfolio


def entry_price(market, instrument, base_currency):
    if instrument in market.instruments:
        return market.series[instrument].closes[ENTRY_DAY]
    currency = instrument.removeprefix("cash:")
    if currency == base_currency:
        return 1.0
    assert base_currency == "EUR"
    return 1 / market.series[f"fx:{currency}"].closes[ENTRY_DAY]


def test_there_are_three_demo_books():
    assert [path.stem for path in BOOKS] == ["fx-eur-jpy-usd", "long-equities", "long-short"]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_demo_book_follows_the_contract_and_is_named_like_its_file(path):
    assert book(path).portfolio == path.stem
    assert book(path).name


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_demo_book_was_entered_at_the_closes_before_its_first_day(path, market):
    portfolio = book(path)
    for position in portfolio.positions:
        expected = entry_price(market, position.instrument, portfolio.base_currency)
        assert position.entry_price == pytest.approx(expected, rel=1e-12)


def test_the_long_book_holds_twenty_names_for_ten_million_dollars():
    positions = book(BOOKS[1]).positions
    assert len(positions) == 20
    values = [position.quantity * position.entry_price for position in positions]
    assert sum(values) == pytest.approx(10e6, rel=0.01)
    assert all(value == pytest.approx(500_000, rel=0.02) for value in values)


def test_the_long_short_book_is_short_the_future_and_holds_etfs(market):
    quantities = {p.instrument: p.quantity for p in book(BOOKS[2]).positions}
    assert quantities["SP500.FUT"] < 0
    assert {"MTUM", "QUAL", "USMV", "VLUE", "SIZE"} <= set(quantities)
    shares = [quantities[n] for n, i in market.instruments.items() if n in quantities]
    assert min(shares) < 0 < max(shares)
