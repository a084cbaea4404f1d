"""Refusals of the decoder in words: no type of a language, no sign, no pattern."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.api.questions import ScenarioRequest, WhatIfRequest
from system.contracts.api.risk import AmendRequest, PortfolioImport, TradeRequest
from system.contracts.wording import refusal

TRADE = {"portfolio": "P", "instrument": "A", "quantity": 1, "price": 1}
BOOK = {"portfolio": "P"}


def refused(wrong: object, kind: type[msgspec.Struct]) -> tuple[str, str]:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode(wrong), type=kind)
    return refusal(str(caught.value))


@pytest.mark.parametrize(
    ("wrong", "kind", "field", "words"),
    [
        (TRADE | {"quantity": "5"}, TradeRequest, "quantity", "must be a number, not text"),
        (TRADE | {"price": 1e16}, TradeRequest, "price", "must be a number below 1e+15"),
        (TRADE | {"price": None}, TradeRequest, "price", "must be a number, not null"),
        (TRADE | {"colour": 1}, TradeRequest, "colour", "unknown field"),
        ({"portfolio": "P"}, TradeRequest, "instrument", "is missing"),
        ([], TradeRequest, "", "must be an object, not a list"),
        (
            {"quantity": 1, "price": 1, "version": 0},
            AmendRequest,
            "version",
            "must be a whole number of at least 1",
        ),
        (
            {"portfolio": BOOK | {"window": 1}},
            PortfolioImport,
            "portfolio.window",
            "must be a whole number of at least 2",
        ),
        (
            {"portfolio": BOOK, "instruments": [{"instrument": "A", "asset_class": "shares"}]},
            PortfolioImport,
            "instruments[0].asset_class",
            "must be one of equity, etf, future, fx, option, cash, not 'shares'",
        ),
        ({"trades": [{}]}, WhatIfRequest, "trades[0].instrument", "is missing"),
        ({"shocks": [], "day": "soon"}, ScenarioRequest, "day", "is no date such as 2020-02-03"),
        (
            {"trades": [{"instrument": "A", "quantity": 1}] * 101},
            WhatIfRequest,
            "trades",
            "must have at most 100 entries",
        ),
    ],
)
def test_a_refusal_names_the_field_and_says_what_it_must_be(
    wrong: object, kind: type[msgspec.Struct], field: str, words: str
) -> None:
    assert refused(wrong, kind) == (field, words)
