from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest

from validation.references.exact import ReferenceInputError
from validation.references.history import closes_of_days, common_dates, exact_on

FIRST, SECOND, THIRD = (dt.date(2020, 1, number) for number in (1, 2, 3))


def test_rows_become_series_and_empty_cells_are_no_closes() -> None:
    rows = {"2020-01-01": {"A": "1.5", "B": None}, "2020-01-02": {"A": "", "B": 2.0}}
    assert closes_of_days(rows) == {"A": {FIRST: "1.5"}, "B": {SECOND: 2.0}}


def test_a_row_without_an_iso_date_is_refused() -> None:
    with pytest.raises(ReferenceInputError, match=r"'1\.1\.2020' is not an ISO date"):
        closes_of_days({"1.1.2020": {}})


def test_common_dates_are_the_latest_that_all_series_share() -> None:
    series = [{FIRST: 1, SECOND: 1, THIRD: 1}, {FIRST: 1, THIRD: 1}]
    assert common_dates(series, as_of=THIRD, count=2) == [FIRST, THIRD]
    assert common_dates(series, as_of=SECOND, count=1) == [FIRST]


def test_too_few_common_dates_are_refused() -> None:
    with pytest.raises(ReferenceInputError, match="1 common dates up to 2020-01-03, 2 are needed"):
        common_dates([{FIRST: 1, SECOND: 1}, {SECOND: 1}], as_of=THIRD, count=2)
    with pytest.raises(ReferenceInputError, match="0 common dates"):
        common_dates([], as_of=THIRD, count=1)


def test_a_close_that_is_no_number_is_refused_with_series_and_date() -> None:
    with pytest.raises(ReferenceInputError, match="close of A on 2020-01-01: nan"):
        exact_on({"A": {FIRST: float("nan")}}, FIRST)
    assert exact_on({"A": {FIRST: 0.25}}, FIRST) == {"A": Fraction(1, 4)}
