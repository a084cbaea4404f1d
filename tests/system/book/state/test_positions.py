"""What a portfolio holds after its trades: quantity, average cost, realised P&L, cash."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.state.positions import Positions, Realised, cash_currency, cash_listing
from system.contracts.messages import AssetClass, Trade
from system.risk.cost import CostBasis
from system.risk.listing import Listing
from tests.system.book.feed import holding, portfolio, trade

LISTINGS = {
    "A": Listing("A", AssetClass.EQUITY, "USD"),
    "C": Listing("C", AssetClass.ETF, "GBp"),
    "D": Listing("D", AssetClass.FUTURE, "USD", 50.0),
    "P": Listing("P", AssetClass.FUTURE, "GBp", 10.0),
    "E": Listing("E", AssetClass.FX, "EUR"),
    "K": Listing("K", AssetClass.CASH, "EUR"),
}


def listing_of(name: str) -> Listing:
    currency = cash_currency(name)
    return LISTINGS[name] if currency is None else cash_listing(currency)


def after(*trades: Trade, opening=(), base_currency: str = "USD") -> Positions:
    definition = portfolio("P", *opening, base_currency=base_currency)
    return Positions(definition, trades, listing_of)


def test_opening_positions_are_held_at_their_entry_price_and_cost_no_cash() -> None:
    position_after = after(opening=[holding("A", 10.0, 5.0), holding("D", -2.0, 3000.0)])
    assert position_after.basis == {"A": CostBasis(10.0, 5.0), "D": CostBasis(-2.0, 3000.0)}
    assert position_after.realised == {}


def test_an_opening_position_of_nothing_is_none() -> None:
    assert after(opening=[holding("A", 0.0)]).basis == {}


def test_a_purchase_is_paid_in_the_currency_of_the_instrument() -> None:
    position_after = after(trade("1", "A", 10.0, 7.0), base_currency="EUR")
    assert position_after.basis == {"A": CostBasis(10.0, 7.0), "cash:USD": CostBasis(-70.0, 0.0)}


def test_pence_are_paid_in_pounds() -> None:
    position_after = after(trade("1", "C", 10.0, 250.0))
    assert position_after.basis["cash:GBP"].quantity == -25.0
    position_after = after(trade("1", "C", 10.0, 250.0), trade("2", "C", -10.0, 260.0))
    assert position_after.basis == {"cash:GBP": CostBasis(1.0, 0.0)}
    assert position_after.realised == {"C": Realised("GBP", 1.0)}


def test_a_future_is_opened_without_cash_and_settles_what_it_realises() -> None:
    opened = after(trade("1", "D", 2.0, 3000.0))
    assert opened.basis == {"D": CostBasis(2.0, 3000.0)}
    closed = after(trade("1", "D", 2.0, 3000.0), trade("2", "D", -1.0, 3010.0))
    assert closed.basis == {"D": CostBasis(1.0, 3000.0), "cash:USD": CostBasis(500.0, 0.0)}
    assert closed.realised == {"D": Realised("USD", 500.0)}


def test_a_future_in_pence_settles_in_pounds() -> None:
    closed = after(trade("1", "P", 1.0, 100.0), trade("2", "P", -1.0, 130.0))
    assert closed.basis == {"cash:GBP": CostBasis(3.0, 0.0)}
    assert closed.realised == {"P": Realised("GBP", 3.0)}


def test_money_is_paid_in_the_base_currency() -> None:
    position_after = after(trade("1", "E", 1000.0, 1.1))
    assert position_after.basis == {
        "E": CostBasis(1000.0, 1.1),
        "cash:USD": CostBasis(-1100.0, 0.0),
    }
    position_after = after(trade("1", "E", 1000.0, 1.1), trade("2", "E", -1000.0, 1.2))
    assert position_after.realised["E"] == Realised("USD", pytest.approx(100.0))


@pytest.mark.parametrize("name", ["cash:EUR", "K"])
def test_cash_has_no_cost_and_realises_nothing(name: str) -> None:
    """It came from trades in everything else, or from the opening: at which cost nobody knows."""
    opening = [holding(name, 1000.0, 1.05)]
    position_after = after(trade("1", name, -400.0, 1.1), opening=opening)
    assert position_after.realised == {}
    assert position_after.basis[name].quantity == 600.0
    assert position_after.basis["cash:USD"] == CostBasis(pytest.approx(440.0), 0.0)


def test_base_cash_bought_at_its_price_changes_nothing() -> None:
    assert after(trade("1", "cash:USD", 500.0, 1.0)).basis == {}


def test_what_is_sold_to_the_last_is_no_position() -> None:
    position_after = after(trade("1", "A", 10.0, 7.0), trade("2", "A", -10.0, 7.0))
    assert position_after.basis == {}
    assert position_after.realised == {}


def test_buying_through_zero_realises_what_is_closed_and_opens_the_rest_at_the_price() -> None:
    position_after = after(trade("1", "A", -15.0, 12.0), opening=[holding("A", 10.0, 10.0)])
    assert position_after.basis["A"] == CostBasis(-5.0, 12.0)
    assert position_after.realised["A"] == Realised("USD", 20.0)
    assert position_after.basis["cash:USD"].quantity == 180.0


@pytest.mark.parametrize("size", [1e-200, 5e-324, 1e14])
def test_trades_of_absurd_sizes_are_booked_like_others(size: float) -> None:
    position_after = after(trade("1", "A", size, 7.0), trade("2", "A", -size, 7.0))
    assert "A" not in position_after.basis


trades_of_the_lot = st.lists(
    st.tuples(
        st.sampled_from(sorted(LISTINGS)),
        st.integers(-20, 20).filter(bool),
        st.integers(1, 40),
    ),
    max_size=15,
)


@given(trades_of_the_lot, st.sampled_from(["USD", "GBP"]))
@settings(max_examples=200, deadline=None)
def test_no_money_appears_or_disappears(lot, base_currency: str) -> None:
    """At any prices, what is held plus cash gains what each trade gained since its price."""
    trades = [
        trade(str(index), name, float(quantity), float(price))
        for index, (name, quantity, price) in enumerate(lot)
    ]
    position_after = after(*trades, base_currency=base_currency)
    mark = dict(zip(sorted(LISTINGS), map(Fraction, (11, 13, 17, 19, 2, 2)), strict=True))
    euro, pound = mark["E"], Fraction(1, 100)
    worth = {"USD": Fraction(0), "GBP": Fraction(0)}
    expected = {"USD": Fraction(0), "GBP": Fraction(0)}

    def pocket(listing: Listing) -> tuple[str, Fraction]:
        if listing.is_money:
            return base_currency, Fraction(1)
        return ("GBP", pound) if listing.currency == "GBp" else ("USD", Fraction(1))

    for name, basis in position_after.basis.items():
        listing, quantity = listing_of(name), Fraction(basis.quantity)
        if name == "cash:EUR":
            worth[base_currency] += quantity * euro
        elif name.startswith("cash:"):
            worth[listing.currency] += quantity
        else:
            currency, unit = pocket(listing)
            cost = Fraction(basis.average_cost) if listing.is_future else 0
            gained = (mark[name] - cost) * quantity * Fraction(listing.multiplier)
            worth[currency] += gained * unit
    for name, quantity, price in lot:
        currency, unit = pocket(LISTINGS[name])
        gained = (mark[name] - price) * quantity * Fraction(LISTINGS[name].multiplier)
        expected[currency] += gained * unit
    for currency, amount in expected.items():
        assert float(worth[currency]) == pytest.approx(float(amount), abs=1e-7)


@given(trades_of_the_lot)
@settings(max_examples=60, deadline=None)
def test_booking_one_by_one_is_booking_all_at_once_to_the_bit(lot) -> None:
    trades = [
        trade(str(index), name, quantity / 7, price / 3)
        for index, (name, quantity, price) in enumerate(lot)
    ]
    stepwise = after()
    for fill in trades:
        stepwise.apply(fill)
    whole = after(*trades)
    assert (stepwise.basis, stepwise.realised) == (whole.basis, whole.realised)


@pytest.mark.parametrize(
    ("name", "currency"),
    [
        ("cash:USD", "USD"),
        ("cash:GBp", "GBp"),
        ("cash:usd", None),
        ("cash:", None),
        ("cash:USD\n", None),
        ("USD", None),
    ],
)
def test_cash_is_named_by_its_currency(name: str, currency: str | None) -> None:
    assert cash_currency(name) == currency
