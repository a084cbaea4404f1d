"""Numbers as a desk reads them."""

from __future__ import annotations

import pytest

from system.show import format as text


@pytest.mark.parametrize(
    ("number", "signed", "expected"),
    [
        (0.0, True, "0"),
        (-0.4, True, "0"),
        (0.6, True, "+1"),
        (-1234.5, False, "\u22121,234"),
        (1e12, False, "1,000,000,000,000"),
        (None, True, text.NOTHING),
    ],
)
def test_an_amount_has_separators_and_no_signed_zero(
    number: float | None, signed: bool, expected: str
) -> None:
    assert text.amount(number, signed=signed) == expected


def test_what_does_not_exist_is_a_dash_and_never_a_zero() -> None:
    assert text.percent(None) == text.NOTHING
    assert text.milliseconds(None) == text.NOTHING
    assert text.event_clock(0) == text.NOTHING
    assert text.event_time(0) == text.NOTHING


def test_a_fraction_is_written_in_percent_with_its_sign() -> None:
    assert text.percent(-0.00412) == "\u22120.41\u202f%"
    assert text.percent(0.00412, signed=True) == "+0.41\u202f%"


def test_quantities_keep_up_to_four_decimals() -> None:
    assert text.quantity(-2_500.0) == "\u22122,500"
    assert text.quantity(0.1234567) == "0.1235"
    assert text.quantity(150_000_000.0) == "150,000,000"


def test_exchange_rates_show_more_decimals_than_share_prices() -> None:
    assert text.price(0.0092) == "0.00920"
    assert text.price(77.4) == "77.40"


@pytest.mark.parametrize(
    ("confidence", "expected"), [("0.95", "95"), ("0.9", "90"), ("0.99", "99"), ("0.975", "97.5")]
)
def test_a_confidence_is_never_rounded(confidence: str, expected: str) -> None:
    assert text.confidence_label(confidence) == f"{expected}\u202f%"


def test_moments_are_utc_to_the_second() -> None:
    moment_ns = 1_583_164_800_987_654_321
    assert text.event_clock(moment_ns) == "2020-03-02 16:00:00"
    assert text.event_time(moment_ns) == "16:00:00"


def test_a_colour_goes_with_the_sign() -> None:
    assert [text.sign(number) for number in (-2.0, 0.0, None, 3.0)] == [-1, 0, 0, 1]
