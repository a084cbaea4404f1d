"""Which portfolios a message changes: all of those, and no others."""

from __future__ import annotations

from system.book.positions import cash_currency, cash_listing
from system.book.shape import Shape
from system.book.touch import Touched
from system.contracts.messages import AssetClass
from system.risk.cost import CostBasis
from system.risk.listing import Listing

LISTINGS = {
    "A": Listing("A", AssetClass.EQUITY, "USD"),
    "B": Listing("B", AssetClass.EQUITY, "EUR"),
    "C": Listing("C", AssetClass.ETF, "GBp"),
}


def listing_of(name: str) -> Listing:
    currency = cash_currency(name)
    return LISTINGS[name] if currency is None else cash_listing(currency)


def shape(*names: str, base_currency: str = "USD", realised: str = "") -> Shape:
    return Shape.of(
        {name: CostBasis(1.0, 1.0) for name in names},
        listing_of,
        base_currency=base_currency,
        realised_currencies=frozenset({realised} if realised else ()),
    )


def touched() -> Touched:
    found = Touched()
    found.index("dollars", shape("A"))
    found.index("mixed", shape("A", "B", "C"))
    found.index("cash", shape("cash:CHF"))
    found.index("empty", shape())
    return found


def test_nothing_is_touched_at_first() -> None:
    assert touched().portfolios() == []


def test_a_tick_touches_the_holders_sorted() -> None:
    found = touched()
    found.by_ticker("A")
    assert found.portfolios() == ["dollars", "mixed"]


def test_a_tick_that_nobody_holds_touches_nobody() -> None:
    found = touched()
    found.by_ticker("Z")
    assert found.portfolios() == []


def test_a_rate_touches_whoever_converts_with_it_the_base_currency_included() -> None:
    for currency, expected in {
        "GBP": ["mixed"],
        "USD": ["cash", "mixed"],
        "CHF": ["cash"],
        "GBp": [],
        "JPY": [],
    }.items():
        found = touched()
        found.by_currency(currency)
        assert found.portfolios() == expected, currency


def test_realised_pnl_in_a_currency_that_is_no_longer_held_still_moves_with_its_rate() -> None:
    found = Touched()
    found.index("P", shape("A", realised="GBP"))
    found.by_currency("GBP")
    assert found.portfolios() == ["P"]


def test_a_history_touches_the_holders_of_its_series() -> None:
    found = touched()
    found.by_series("fx:CHF")
    found.by_series("B")
    assert found.portfolios() == ["cash", "mixed"]


def test_who_has_sold_out_is_touched_no_more() -> None:
    found = touched()
    found.index("mixed", shape("B"))
    found.by_ticker("A")
    found.by_currency("GBP")
    assert found.portfolios() == ["dollars"]


def test_trades_are_remembered_in_their_order_until_the_snapshot() -> None:
    found = touched()
    found.by_trade("empty", "2")
    found.by_trade("empty", "1")
    assert found.portfolios() == ["empty"]
    assert found.trades() == {"empty": ("2", "1")}
    found.clear()
    assert (found.portfolios(), found.trades()) == ([], {})
