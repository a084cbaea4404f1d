"""Which portfolios a message changes: those that held what ticked, when it ticked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from system.book.ingest.affected import AffectedPortfolios


def touched(**tickers: str) -> AffectedPortfolios:
    affected = AffectedPortfolios()
    for portfolio, held in tickers.items():
        affected.index(portfolio, shape(*held))
    return affected


def shape(*tickers: str) -> Any:
    """Stands for a shape: of one, only what moves it is looked at."""
    return SimpleNamespace(tickers=frozenset(tickers), currencies=frozenset())


def test_the_holders_of_what_ticked_are_changed_once_and_sorted():
    affected = touched(b="XY", a="X", c="Z")
    for ticker in ("X", "Y", "X", "unheld"):
        affected.by_ticker(ticker)
    assert affected.portfolios() == ["a", "b"]
    affected.clear()
    assert affected.portfolios() == []


def test_a_tick_changes_who_held_it_when_it_came():
    affected = touched(seller="X", buyer="Y")
    affected.by_ticker("X")
    affected.index("seller", shape())
    affected.index("buyer", shape("X"))
    assert affected.portfolios() == ["seller"]


def test_a_tick_before_the_snapshots_says_nothing_after_them():
    affected = touched(a="X")
    affected.by_ticker("X")
    affected.clear()
    affected.by_ticker("Y")
    assert affected.portfolios() == []
