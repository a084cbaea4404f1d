"""Prices of a batch: looked up once, taken by row, and never those of another batch."""

from __future__ import annotations

import numpy as np
import pytest

from system.book.valuation.portfolio import PortfolioBook
from system.book.valuation.prices import MarketPrices, price_rows_of
from tests.system.book.feed import DAY, Feed, end_of_day, holding, live, opened, portfolio, tick

MANY = [holding("A", 1.0), holding("B", 1.0), holding("C", 1.0), holding("cash:USD", 5.0)]


def of(feed: Feed, *names: str) -> np.ndarray:
    """Return rows of a feed's market."""
    market = feed.book.market
    return price_rows_of([market.listing(name) for name in names], market.price_rows)


def test_each_position_takes_the_price_of_its_own_row() -> None:
    feed = opened(*MANY)
    fold = feed.send(tick("A", 101.0), tick("B", 40.0), tick("C", 500.0))
    stated = {row.instrument: row.price for row in live(fold).positions}
    assert stated == {"A": 101.0, "B": 40.0, "C": 500.0, "cash:USD": 1.0}


def test_an_instrument_keeps_its_row_and_money_has_none_of_its_own() -> None:
    feed = opened(*MANY)
    first, again = of(feed, "B", "cash:USD", "A"), of(feed, "A", "cash:USD", "B")
    assert first.tolist() == again[::-1].tolist()
    assert first[1] == 0
    assert len({*first.tolist()}) == 3


def test_each_price_is_looked_up_once_for_all_books(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = opened(*MANY)
    feed.send(portfolio("Q", *MANY), tick("A", 100.0))
    market = feed.book.market
    price, asked = market.price, []
    monkeypatch.setattr(market, "price", lambda name: asked.append(name) or price(name))
    feed.send(tick("A", 100.5), tick("B", 40.0))
    assert sorted(asked) == ["A", "B", "C"]


def test_books_of_the_next_batch_are_valued_at_its_prices() -> None:
    feed = opened(holding("A", 1.0))
    for hour, price in ((15.0, 101.0), (16.0, 102.0)):
        fold = feed.send(tick("A", price, hour=hour))
        assert live(fold).positions[0].price == price


def test_what_has_no_price_or_a_stale_one_is_known_by_its_place() -> None:
    feed = opened(*MANY)
    feed.send(tick("A", 100.0), tick("B", 40.0))
    market = feed.book.market
    market.closes.clear()
    market.held = frozenset({"B"})
    marks = MarketPrices(market).marks(of(feed, "A", "B", "C", "cash:USD"))
    assert marks.is_missing is not None
    assert marks.is_missing.tolist() == [False, False, True, False]
    assert marks.stale_since is not None
    assert [since is not None for since in marks.stale_since] == [False, True, False, False]
    assert marks.stale(("A", "B", "C", "cash:USD")) == ("B",)
    kept = marks.at([1, 3])
    assert (kept.price.tolist(), kept.is_missing) == ([40.0, 0.0], None)
    assert kept.stale(("B", "cash:USD")) == ("B",)


def test_an_instrument_that_comes_later_is_looked_up_too() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(tick("A", 100.0), tick("B", 40.0))
    prices = MarketPrices(feed.book.market)
    prices.marks(of(feed, "A"))
    assert prices.marks(of(feed, "B", "A")).price.tolist() == [40.0, 100.0]


def test_an_end_of_day_marks_each_book_once(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = opened(*MANY)
    feed.send(portfolio("Q", holding("A", 2.0)))
    feed.close(0, tick("A", 101.0), tick("B", 40.0), tick("C", 500.0))
    marked, books = PortfolioBook._marked, []

    def counted(book: PortfolioBook, *inputs: object) -> object:
        books.append(book.definition.portfolio)
        return marked(book, *inputs)

    monkeypatch.setattr(PortfolioBook, "_marked", counted)
    fold = feed.close(1, tick("A", 102.0, day=1))
    assert end_of_day(fold).hypothetical_pnl is not None
    assert sorted(books) == ["P", "Q"]
    assert feed.book.portfolios["P"].state.close.date > DAY


def test_prices_that_are_all_well_are_taken_without_a_look_at_their_flags() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(tick("A", 100.0))
    rows = of(feed, "A", "cash:USD")
    prices = MarketPrices(feed.book.market)
    first, again = prices.marks(rows), prices.marks(rows)
    assert again.price.tolist() == first.price.tolist() == [100.0, 0.0]
    assert (again.is_missing, again.stale_since, again.may_be_suspect) == (None, None, False)
    feed.send(tick("B", 40.0))
    later = prices.marks(of(feed, "B", "A"))
    assert later.price.tolist() == [40.0, 100.0]


def test_a_price_that_is_missing_is_looked_at_each_time() -> None:
    feed = opened(*MANY)
    feed.book.market.closes.clear()
    prices = MarketPrices(feed.book.market)
    for _ in range(2):
        assert prices.marks(of(feed, "A", "B")).is_missing is not None
