"""End-of-day agreement: small differences pass, every other one is named."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.checkers.end_of_day import (
    EndOfDay,
    check_end_of_day,
    largest_var_difference,
)
from validation.verdict import Verdict

MONDAY = dt.date(2020, 2, 3)
TUESDAY = dt.date(2020, 2, 4)
DAY = EndOfDay(
    var=28_000.0,
    nav=1_000_000.0,
    expected_shortfall=29_000.0,
    hypothetical_pnl=-3.0,
    breach=False,
    scenario_date=dt.date(2020, 1, 31),
    components={"AAPL": 27_999.9, "XOM": 0.1},
)
EXPECTED = {("long", MONDAY): DAY, ("long", TUESDAY): DAY}


def stated(**changes: object):
    return {("long", MONDAY): DAY, ("long", TUESDAY): msgspec.structs.replace(DAY, **changes)}


def verdict_of(**changes: object) -> Verdict:
    return check_end_of_day("days", stated(**changes), EXPECTED).verdict


def test_equal_days_pass_and_say_how_many_numbers_were_compared() -> None:
    finding = check_end_of_day("days", EXPECTED, EXPECTED)
    assert finding.verdict is Verdict.PASSED
    assert finding.figures == {"days": 2, "numbers": 12, "largest_relative": 0.0}


@pytest.mark.parametrize(
    "changes",
    [
        {"var": 28_000.0 * (1 + 2e-9)},
        {"var": -28_000.0},
        {"var": None},
        {"var": float("nan")},
        {"nav": 1_000_000.01},
        {"expected_shortfall": 28_999.0},
        {"hypothetical_pnl": -3.0001},
        {"breach": True},
        {"breach": None},
        {"scenario_date": MONDAY},
        {"components": {"AAPL": 28_000.0, "XOM": 0.0}},
        {"components": {"AAPL": 27_999.9}},
        {"components": {"AAPL": 27_999.9, "XOM": 0.1, "GE": 0.0}},
        {"components": {"AAPL": 27_999.9, "XOM": None}},
    ],
)
def test_any_number_that_is_off_fails(changes: dict[str, object]) -> None:
    assert verdict_of(**changes) is Verdict.FAILED


@pytest.mark.parametrize(
    "changes",
    [
        {"var": 28_000.0 * (1 + 5e-10)},
        {"hypothetical_pnl": -3.0 + 1e-5},
        {"components": {"AAPL": 27_999.9, "XOM": 0.1 + 1e-5}},
    ],
)
def test_what_is_below_the_tolerance_passes(changes: dict[str, object]) -> None:
    assert verdict_of(**changes) is Verdict.PASSED


def test_an_absolute_tolerance_forgives_the_rounding_of_a_file() -> None:
    changed = stated(var=28_000.0 + 4e-4)
    assert check_end_of_day("days", changed, EXPECTED).verdict is Verdict.FAILED
    assert check_end_of_day("days", changed, EXPECTED, absolute=5e-4).verdict is Verdict.PASSED


def test_a_day_that_is_missing_fails_and_is_named() -> None:
    finding = check_end_of_day("days", {("long", MONDAY): DAY}, EXPECTED)
    assert (finding.verdict, finding.detail) == (
        Verdict.FAILED,
        "long 2020-02-04: not in PostgreSQL",
    )
    assert largest_var_difference({("long", MONDAY): DAY}, EXPECTED) == float("inf")


def test_a_day_that_nobody_expects_fails() -> None:
    finding = check_end_of_day("days", EXPECTED, {("long", MONDAY): DAY})
    assert finding.verdict is Verdict.FAILED


def test_no_expectation_is_unknown_and_not_a_pass() -> None:
    assert check_end_of_day("days", EXPECTED, {}).verdict is Verdict.UNKNOWN


def test_fields_that_a_reference_leaves_out_are_not_compared() -> None:
    only_var = {key: EndOfDay(var=28_000.0) for key in EXPECTED}
    assert check_end_of_day("days", stated(nav=0.0, breach=True), only_var).verdict is (
        Verdict.PASSED
    )


def test_a_var_that_does_not_exist_must_not_exist_on_either_side() -> None:
    without = {("long", MONDAY): EndOfDay(var=None)}
    assert check_end_of_day("days", without, without).verdict is Verdict.PASSED
    with_one = {("long", MONDAY): EndOfDay(var=1.0)}
    assert check_end_of_day("days", with_one, without).verdict is Verdict.FAILED


@given(st.floats(1e-3, 1e9), st.floats(-1e-6, 1e-6))
def test_the_largest_difference_is_relative_to_the_reference(var: float, error: float) -> None:
    key = ("long", MONDAY)
    difference = largest_var_difference(
        {key: EndOfDay(var=var * (1 + error))}, {key: EndOfDay(var=var)}
    )
    assert difference == pytest.approx(abs(error), abs=1e-15)
