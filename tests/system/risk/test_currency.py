from __future__ import annotations

import pytest

from system.risk.currency import major_currency, rate_to_base
from system.risk.errors import MissingRateError

QUOTES = {"USD": 1.10, "GBP": 0.88, "JPY": 132.0}


@pytest.mark.parametrize(
    ("currency", "base", "rate"),
    [
        ("USD", "USD", 1.0),
        ("EUR", "USD", 1.10),
        ("USD", "EUR", 1 / 1.10),
        ("GBP", "USD", 1.25),
        ("JPY", "GBP", 0.88 / 132.0),
        ("GBp", "USD", 0.0125),
        ("GBp", "GBP", 0.01),
        ("EUR", "EUR", 1.0),
    ],
)
def test_any_two_currencies_meet_over_the_euro(currency: str, base: str, rate: float) -> None:
    assert rate_to_base(currency, base, QUOTES) == pytest.approx(rate, rel=1e-15)


def test_the_base_currency_needs_no_quote_and_is_exactly_one() -> None:
    assert rate_to_base("CHF", "CHF", {}) == 1.0


def test_a_minor_unit_is_quoted_as_its_currency() -> None:
    assert major_currency("GBp") == "GBP"
    assert major_currency("USD") == "USD"


@pytest.mark.parametrize(("currency", "base"), [("CHF", "USD"), ("USD", "CHF")])
def test_a_missing_quote_is_an_error_that_names_the_currency(currency: str, base: str) -> None:
    with pytest.raises(MissingRateError, match="no FX rate of CHF"):
        rate_to_base(currency, base, QUOTES)
