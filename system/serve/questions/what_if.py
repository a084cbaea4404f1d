"""Answer to a what-if question: pure, computed on a recalled book."""

from __future__ import annotations

from system.book.questions.snapshot_book import recalled_market
from system.book.questions.what_if import what_if
from system.book.state.market import Market
from system.book.valuation.options import marked_price
from system.contracts.api.questions import ProposedTrade, WhatIf, WhatIfRequest, what_if_answer
from system.contracts.messages import MONEY, PRICE_MIN, RiskSnapshot, Trade
from system.risk.currency import major_currency, rate_to_base
from system.risk.errors import MissingRateError
from system.serve.http.errors import invalid_field
from system.serve.services.snapshot_books import Recalled


def what_if_of(question: WhatIfRequest, recalled: Recalled) -> WhatIf:
    """Return what proposed trades would do.

    Raises
    ------
    InvalidRequestError
        If a trade's quantity is 0, or it has no price and none is known; names the field.
    NotRecalledError
        If the inputs of the newest snapshot cannot be made anew.
    """
    snapshot = recalled.snapshot
    priced = tuple(
        _priced(index, proposed, recalled) for index, proposed in enumerate(question.trades)
    )
    trades = [_trade(index, proposed, snapshot) for index, proposed in enumerate(priced)]
    change = what_if(snapshot, trades, recalled.recall, close=recalled.close)
    return what_if_answer(
        change.before,
        change.after,
        priced,
        durable=recalled.record.durable,
        stream=recalled.record.stream,
    )


def _priced(index: int, proposed: ProposedTrade, recalled: Recalled) -> ProposedTrade:
    if proposed.quantity == 0:
        raise invalid_field(f"trades[{index}].quantity", "0 buys and sells nothing")
    if proposed.price is not None:
        return proposed
    price = _mark(proposed.instrument, recalled)
    if price is None or price < PRICE_MIN:
        raise invalid_field(
            f"trades[{index}].price", f"{proposed.instrument} has no price yet: give one"
        )
    return ProposedTrade(instrument=proposed.instrument, quantity=proposed.quantity, price=price)


def _mark(instrument: str, recalled: Recalled) -> float | None:
    """Return the newest price: instrument currency; base currency for money."""
    snapshot = recalled.snapshot
    market = recalled_market(snapshot, recalled.recall.market)
    listing = market.listing(instrument)
    if listing.asset_class not in MONEY:
        mark = marked_price(market, instrument)
        return None if mark is None else mark.value
    return _rate(listing.currency, snapshot.base_currency, market)


def _rate(currency: str, base_currency: str, market: Market) -> float | None:
    rates = {name: market.rate(name) for name in (major_currency(currency), base_currency)}
    quotes = {name: rate.value for name, rate in rates.items() if rate is not None}
    try:
        return rate_to_base(currency, base_currency, quotes)
    except MissingRateError:
        return None


def _trade(index: int, proposed: ProposedTrade, snapshot: RiskSnapshot) -> Trade:
    assert proposed.price is not None, "proposed trades are priced before they are booked"
    return Trade(
        trade_id=f"what-if-{index + 1}",
        portfolio=snapshot.portfolio,
        instrument=proposed.instrument,
        quantity=proposed.quantity,
        price=proposed.price,
    )
