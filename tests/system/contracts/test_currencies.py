"""Currencies and minor units: the one table, and what is said of a code that is in none."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.api.questions import Shock
from system.contracts.currencies import (
    MINOR_UNITS,
    checked_currency,
    checked_iso_currency,
    is_same_unit,
    missing_rates_remedy,
    unit_of,
)
from system.contracts.messages import AssetClass, FxRate, Instrument, Portfolio
from system.errors import InputError
from validation.references.minor_units import MINOR

PRICED_IN = {
    "GBX": ("GBP", 100),
    "GBp": ("GBP", 100),
    "ZAc": ("ZAR", 100),
    "ZAC": ("ZAR", 100),
    "ZAr": ("ZAR", 100),
    "ILA": ("ILS", 100),
    "ILs": ("ILS", 100),
    "USX": ("USD", 100),
    "USc": ("USD", 100),
    "EUX": ("EUR", 100),
    "EUc": ("EUR", 100),
    "KWF": ("KWD", 1_000),
    "KWf": ("KWD", 1_000),
}


@pytest.mark.parametrize("code", PRICED_IN)
def test_a_minor_unit_is_a_fraction_of_its_currency(code: str) -> None:
    assert unit_of(code) == PRICED_IN[code]
    assert checked_currency(code) == code


def test_the_product_and_the_reference_know_the_same_minor_units() -> None:
    assert {code: tuple(unit) for code, unit in MINOR_UNITS.items()} == MINOR


def test_no_minor_unit_is_the_code_of_a_currency() -> None:
    for code, (currency, parts) in MINOR_UNITS.items():
        assert parts in (100.0, 1_000.0)
        assert unit_of(currency) == (currency, 1.0)
        assert (
            missing_rates_remedy(currency) == f"load the daily rates of {currency}, or leave it out"
        )
        assert "ISO 4217 has no currency" in missing_rates_remedy(code)


def test_two_spellings_are_the_same_unit_and_the_currency_is_another() -> None:
    assert is_same_unit("GBX", "GBp")
    assert not is_same_unit("GBp", "GBP")
    assert not is_same_unit("ZAc", "ILA")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gbp", "write GBP or GBp for 1/100 GBP"),
        ("gbx", "write GBX for 1/100 GBP or GBx for 1/100 GBP"),
        ("usd", "write USD"),
        ("pence", "write three capital letters such as USD"),
        ("GB£", "write three capital letters such as USD"),
        ("", "write three capital letters such as USD"),
        ("USD\n", "'USD\\n' is no currency: write USD"),
    ],
)
def test_an_unknown_code_is_answered_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        checked_currency(text)
    assert said in str(caught.value)
    assert "GBX or GBp for 1/100 GBP" in str(caught.value)
    assert "KWF or KWf for 1/1000 KWD" in str(caught.value)


def test_a_minor_unit_is_no_base_currency_and_says_which_one_is() -> None:
    with pytest.raises(InputError, match="'GBX' is a minor unit, 1/100 GBP: write GBP"):
        checked_iso_currency("GBX")
    with pytest.raises(InputError, match="base_currency: 'GBX' is a minor unit"):
        Portfolio(portfolio="P", base_currency="GBX")
    with pytest.raises(InputError, match="currency: 'ILA' is a minor unit, 1/100 ILS: write ILS"):
        Shock(move=0.1, currency="ILA")


def test_a_decoder_names_the_field_and_says_no_pattern() -> None:
    told = {"type": "fx", "currency": "Dollar", "rate": 1, "event_time_ns": 0, "sequence": 0}
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(told, FxRate)
    assert str(caught.value).startswith("currency: 'Dollar' is no currency: write three capital")
    assert "regex" not in str(caught.value)


def test_an_instrument_keeps_the_spelling_of_its_source() -> None:
    share = Instrument(instrument="EZJ.L", asset_class=AssetClass.EQUITY, currency="GBX")
    assert share.currency == "GBX"
