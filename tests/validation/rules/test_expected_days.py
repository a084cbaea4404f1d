"""Expected ends of day: trades, their cash, and days on which a series has no close."""

from __future__ import annotations

import datetime as dt
import itertools
from fractions import Fraction

import pytest

from system.contracts.messages import (
    AssetClass,
    Instrument,
    OpeningPosition,
    Portfolio,
    Trade,
    TradeAction,
)
from validation.rules.expected_days import (
    ExpectedMarket,
    effective_trades,
    expected_days,
    positions_after,
)

APPLE = Instrument(instrument="AAPL", asset_class=AssetClass.EQUITY, currency="USD")
PENCE = Instrument(instrument="VOD", asset_class=AssetClass.EQUITY, currency="GBp")
FUTURE = Instrument(instrument="ES", asset_class=AssetClass.FUTURE, currency="USD", multiplier=50.0)
EURO = Instrument(instrument="EUR", asset_class=AssetClass.FX, currency="EUR")
INSTRUMENTS = {instrument.instrument: instrument for instrument in (APPLE, PENCE, FUTURE, EURO)}
BOOK = Portfolio(
    portfolio="long",
    window=20,
    positions=(OpeningPosition(instrument="AAPL", quantity=10, entry_price=90),),
)
FIRST = dt.date(2020, 1, 1)
CALENDAR = [FIRST + dt.timedelta(days=index) for index in range(40)]


def trade(quantity: float, price: float, *, instrument: str = "AAPL", **other) -> Trade:
    return Trade(
        **{"trade_id": f"t-{instrument}-{quantity}", "portfolio": "long", **other},
        instrument=instrument,
        quantity=quantity,
        price=price,
    )


def held_after(*trades: Trade) -> dict[str, Fraction]:
    positions = positions_after(BOOK, effective_trades(trades), INSTRUMENTS)
    return {position.instrument: Fraction(position.quantity) for position in positions}


def test_a_purchase_is_paid_in_cash() -> None:
    assert held_after(trade(5, 100.0)) == {"AAPL": 15, "cash:USD": -500}


def test_a_future_costs_no_cash_while_it_is_held_and_settles_when_it_is_closed() -> None:
    bought = trade(2, 3000.0, instrument="ES")
    sold = trade(-2, 3010.0, instrument="ES")
    assert held_after(bought) == {"AAPL": 10, "ES": 2}
    assert held_after(bought, sold) == {"AAPL": 10, "cash:USD": 1000}


def test_pence_are_paid_in_pounds() -> None:
    assert held_after(trade(100, 150.0, instrument="VOD"))["cash:GBP"] == -150


def test_money_is_paid_in_the_base_currency_at_the_price_of_the_trade() -> None:
    assert held_after(trade(1000, 1.25, instrument="EUR"))["cash:USD"] == -1250


def test_an_amendment_restates_and_a_cancellation_removes() -> None:
    sent = trade(5, 100.0, trade_id="t")
    amended = trade(7, 100.0, trade_id="t", version=1, action=TradeAction.AMEND)
    cancelled = trade(7, 100.0, trade_id="t", version=2, action=TradeAction.CANCEL)
    assert held_after(sent, amended) == {"AAPL": 17, "cash:USD": -700}
    assert held_after(sent, amended, cancelled) == {"AAPL": 10}


def test_a_trade_that_came_twice_counts_once() -> None:
    assert held_after(trade(5, 100.0), trade(5, 100.0)) == {"AAPL": 15, "cash:USD": -500}


def test_trades_of_another_book_do_not_count() -> None:
    assert held_after(trade(5, 100.0, portfolio="other")) == {"AAPL": 10}


def rising_market(*, without: dt.date | None = None) -> ExpectedMarket:
    closes = {
        "AAPL": {day: 100.0 + index % 7 for index, day in enumerate(CALENDAR)},
        "fx:USD": {
            day: 1.1 + 0.01 * (index % 5) for index, day in enumerate(CALENDAR) if day != without
        },
    }
    return ExpectedMarket(closes, INSTRUMENTS, CALENDAR)


def test_the_first_day_has_no_profit_and_the_next_has_that_of_what_was_held() -> None:
    days = CALENDAR[30:33]
    trades = {days[1]: [trade(-9, 500.0)]}
    expected = expected_days(BOOK, trades, rising_market(), days)
    first, second, third = (expected["long", day] for day in days)
    assert first.hypothetical_pnl is None
    assert second.hypothetical_pnl == pytest.approx(10 * (103.0 - 102.0))
    assert third.hypothetical_pnl == pytest.approx(104.0 - 103.0)
    assert second.nav == pytest.approx(103.0 + 9 * 500.0)


def test_a_loss_as_large_as_the_var_is_no_breach() -> None:
    days = CALENDAR[30:]
    expected = expected_days(BOOK, {}, rising_market(), days)
    for earlier, later in itertools.pairwise(days):
        loss = -(expected["long", later].hypothetical_pnl or 0.0)
        assert expected["long", later].breach is (loss > (expected["long", earlier].var or 0.0))


def test_a_day_without_a_fixing_is_no_scenario_and_is_valued_at_the_last() -> None:
    missing = CALENDAR[32]
    book = Portfolio(
        portfolio="long",
        base_currency="EUR",
        window=20,
        positions=(OpeningPosition(instrument="AAPL", quantity=10, entry_price=90),),
    )
    market = rising_market(without=missing)
    days = [CALENDAR[31], missing, CALENDAR[33]]
    expected = expected_days(book, {}, market, days)
    rate = market.closes["fx:USD"][CALENDAR[31]]
    assert expected["long", missing].nav == pytest.approx(10 * (100.0 + 32 % 7) / rate)
    assert all(day.scenario_date != missing for day in expected.values())
