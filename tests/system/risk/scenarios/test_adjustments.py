"""Splits and dividends: earlier closes in what the last day trades in."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.risk.scenarios.adjustments import (
    Restatement,
    dividend_divisor,
    restated_close,
    restated_closes,
)

FIRST = dt.date(2020, 1, 1)
DAYS = [FIRST + dt.timedelta(days=day) for day in range(20)]
PRICES = st.floats(1e-3, 1e6)
RESTATEMENTS = st.lists(
    st.builds(Restatement, st.sampled_from(DAYS), st.floats(0.01, 100.0)), max_size=5
)


@given(st.lists(PRICES, min_size=len(DAYS), max_size=len(DAYS)), RESTATEMENTS)
def test_a_row_has_the_bits_of_its_closes_one_by_one(closes, restatements):
    row = np.array(closes)
    whole = restated_closes(row, DAYS, restatements)
    single = [
        restated_close(close, day, restatements) for close, day in zip(closes, DAYS, strict=True)
    ]
    assert whole.tolist() == single
    assert row.tolist() == closes, "the row that is given stays as it is"


def test_only_closes_before_the_date_are_divided():
    split = [Restatement(DAYS[2], 4.0)]
    assert restated_closes(np.full(4, 400.0), DAYS[:4], split).tolist() == [100, 100, 400, 400]


def test_a_split_leaves_the_return_over_its_date_as_it_was_without_it():
    before, after = 400.0, 101.0
    restated = restated_close(before, DAYS[0], [Restatement(DAYS[1], 4.0)])
    assert after / restated - 1 == pytest.approx(4 * after / before - 1)


@given(PRICES, st.floats(0.0, 0.9))
def test_a_dividend_gives_the_total_return(close, share):
    amount = close * share
    divisor = dividend_divisor(amount, close)
    restated = restated_close(close, DAYS[0], [Restatement(DAYS[1], divisor)])
    after = close * 0.95
    assert after / restated == pytest.approx(after / (close - amount), rel=1e-12)
    assert divisor >= 1.0


@pytest.mark.parametrize(("amount", "close"), [(10.0, 10.0), (11.0, 10.0), (1.0, None)])
def test_a_dividend_that_leaves_no_price_changes_nothing(amount, close):
    assert dividend_divisor(amount, close) == 1.0
