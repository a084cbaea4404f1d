"""Rate, dividend yield and expiry of an option are bounded together."""

from __future__ import annotations

import datetime as dt
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.discounting import COUNTED_FROM, MAX_EXPONENT, discounting_problem
from system.contracts.messages import OptionRight, OptionTerms

USUAL = OptionTerms(
    underlying="A",
    right=OptionRight.CALL,
    strike=100.0,
    volatility=0.2,
    expiry=dt.date(2030, 6, 21),
    rate=0.05,
    dividend_yield=0.02,
)
rates = st.floats(-1, 1, allow_nan=False)


def terms(**changes: object) -> OptionTerms:
    return msgspec.structs.replace(USUAL, **changes)


@pytest.mark.parametrize(
    "accepted",
    [
        USUAL,
        terms(rate=1.0, dividend_yield=-1.0),
        terms(rate=0.0, dividend_yield=0.0, expiry=dt.date.max),
        terms(rate=0.01, dividend_yield=-0.01, expiry=dt.date.max),
        terms(rate=-1.0, expiry=COUNTED_FROM),
    ],
)
def test_usual_terms_and_any_expiry_without_much_interest_are_possible(accepted) -> None:
    assert discounting_problem(accepted) == ""


@pytest.mark.parametrize("field", ["rate", "dividend_yield"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_rate_until_year_9999_is_refused_with_the_last_day_that_is_possible(field, sign) -> None:
    wrong = terms(rate=0.0, dividend_yield=0.0, expiry=dt.date.max)
    wrong = msgspec.structs.replace(wrong, **{field: sign * 0.1})
    problem = discounting_problem(wrong)
    assert f"{field} {sign * 0.1:g} until 9999-12-31" in problem
    assert "803.5" in problem
    assert "any day up to 2969-05-03" in problem


@given(rate=rates, dividend_yield=rates, expiry=st.dates())
def test_the_day_that_a_refusal_names_is_possible(rate, dividend_yield, expiry) -> None:
    stated = terms(rate=rate, dividend_yield=dividend_yield, expiry=expiry)
    problem = discounting_problem(stated)
    if not problem:
        years = (expiry - COUNTED_FROM).days / 365
        assert math.isfinite(math.exp(abs(rate * years)) * math.exp(abs(dividend_yield * years)))
        assert abs(rate * years) <= MAX_EXPONENT
        return
    latest = dt.date.fromisoformat(problem.rpartition(" ")[2])
    assert discounting_problem(msgspec.structs.replace(stated, expiry=latest)) == ""
