"""The tutorial's figures are those of the exact reference; its book is the one of its files."""

from __future__ import annotations

import datetime as dt

import pytest

from system.client.files.portfolio_file import read_portfolio
from system.contracts.api.risk import PortfolioImport
from system.contracts.messages import Instrument, Trade
from system.settings import load_settings
from system.simulate.datasets import load_market
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from tests.docs.test_documents import ROOT
from validation.rules.expected_days import ExpectedMarket, expected_end_of_day, positions_after
from validation.run.read_back import real_closes

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
EXAMPLES = ROOT / "docs" / "examples"
FIRST_DAY, LAST_DAY = dt.date(2020, 2, 3), dt.date(2020, 3, 17)
HELD = ("AAPL", "MSFT", "XOM")


@pytest.fixture(scope="module")
def market() -> ExpectedMarket:
    """Return the closes of the short demo's days and of those before."""
    wheels_dir = load_settings().wheels_dir
    closes = real_closes(wheels_dir)
    replay = Replay(
        replayed_market(load_market(wheels_dir), instruments=HELD, currencies=("USD",)),
        ReplaySpec(FIRST_DAY, FIRST_DAY, ticks_per_day=50),
    )
    instruments = {
        message.instrument: message
        for message in replay.reference_messages()
        if isinstance(message, Instrument)
    }
    earliest = FIRST_DAY - dt.timedelta(days=90)
    days = sorted(day for day in closes["AAPL"] if earliest <= day <= LAST_DAY)
    return ExpectedMarket(closes, instruments, days)


def book_of(name: str) -> PortfolioImport:
    return read_portfolio(EXAMPLES / name)


def exact_var(book: PortfolioImport, market: ExpectedMarket, *trades: Trade) -> str:
    """Return a book's exact VaR on the last day, as the commands print it."""
    held = positions_after(book.portfolio, trades, market.instruments)
    risk = expected_end_of_day(book.portfolio, held, market, LAST_DAY)
    return f"{float(risk.var):,.2f} USD ({float(risk.var / risk.nav):.3%} of NAV)"


def test_the_tutorial_prints_the_file_that_it_imports() -> None:
    assert (EXAMPLES / "first-book.csv").read_text("utf-8") in TUTORIAL


def test_the_var_of_the_imported_book_is_the_exact_one(market: ExpectedMarket) -> None:
    assert f"mine: VaR {exact_var(book_of('first-book.csv'), market)}" in TUTORIAL


def test_the_var_after_the_trade_is_the_exact_one(market: ExpectedMarket) -> None:
    sale = Trade(
        trade_id="first-sale", portfolio="mine", instrument="XOM", quantity=-300, price=30.80
    )
    after = exact_var(book_of("first-book.csv"), market, sale)
    assert f"-> {after} after" in TUTORIAL


def test_the_var_of_the_evening_s_file_is_the_exact_one(market: ExpectedMarket) -> None:
    assert f"mine: VaR {exact_var(book_of('first-book-evening.csv'), market)}" in TUTORIAL
