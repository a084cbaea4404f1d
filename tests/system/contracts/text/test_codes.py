"""Short codes are refused in a sentence that shows the text and a right one."""

from __future__ import annotations

import pytest

from system.contracts.text.checked import TextError
from system.contracts.text.codes import checked_confidence, checked_exchange, checked_window_name
from system.contracts.text.names import MAX_ID_LENGTH


@pytest.mark.parametrize(("text", "code"), [("XNYS", "XNYS"), ("xlon", "XLON"), ("360T", "360T")])
def test_a_market_identifier_code_is_read_in_either_case(text, code):
    assert checked_exchange(text) == code


@pytest.mark.parametrize("text", ["0.95", "0.5", "0.999999"])
def test_a_confidence_stays_the_decimal_that_it_is_written_as(text):
    assert checked_confidence(text) == text


@pytest.mark.parametrize("text", ["gfc-2008", "2020.Q1", "W", "x" * MAX_ID_LENGTH])
def test_a_window_has_a_name_that_fits_into_a_key(text):
    assert checked_window_name(text) == text


@pytest.mark.parametrize(
    ("check", "text", "example"),
    [
        (checked_exchange, "NYSE1", "such as XNYS"),
        (checked_exchange, "N Y", "such as XNYS"),
        (checked_exchange, "", "such as XNYS"),
        (checked_confidence, "95", "such as 0.95"),
        (checked_confidence, "1.0", "such as 0.95"),
        (checked_confidence, "0,95", "such as 0.95"),
        (checked_confidence, "0.9500000", "such as 0.95"),
        (checked_window_name, "a:b", "beginning with a letter or digit"),
        (checked_window_name, "-a", "beginning with a letter or digit"),
        (checked_window_name, "x" * (MAX_ID_LENGTH + 1), f"up to {MAX_ID_LENGTH} letters"),
        (checked_window_name, "a\n", "beginning with a letter or digit"),
    ],
)
def test_what_is_no_code_is_refused_with_one_that_is(check, text, example):
    with pytest.raises(TextError) as refused:
        check(text)
    assert example in str(refused.value)
    assert "\n" not in str(refused.value)
