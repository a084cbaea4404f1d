"""Which portfolios a message changes: those that held what ticked, when it ticked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from system.book.ingest.affected import AffectedPortfolios


def touched(**tickers: str) -> AffectedPortfolios:
    found = AffectedPortfolios()
    for portfolio, held in tickers.items():
        found.index(portfolio, shape(*held))
    return found


def shape(*tickers: str) -> Any:
    """Stands for a shape: of one, only what moves it is looked at."""
    return SimpleNamespace(tickers=frozenset(tickers), currencies=frozenset())


def test_the_holders_of_what_ticked_are_changed_once_and_sorted():
    found = touched(b="XY", a="X", c="Z")
    for ticker in ("X", "Y", "X", "unheld"):
        found.by_ticker(ticker)
    assert found.portfolios() == ["a", "b"]
    found.clear()
    assert found.portfolios() == []


def test_a_tick_changes_who_held_it_when_it_came():
    found = touched(seller="X", buyer="Y")
    found.by_ticker("X")
    found.index("seller", shape())
    found.index("buyer", shape("X"))
    assert found.portfolios() == ["seller"]


def test_a_tick_before_the_snapshots_says_nothing_after_them():
    found = touched(a="X")
    found.by_ticker("X")
    found.clear()
    found.by_ticker("Y")
    assert found.portfolios() == []
