"""Cells of a portfolio file: each error has file, line, field, value and a remedy."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from system.client.errors import PortfolioFileError
from system.client.files.cells import converted, date_of, number_of
from system.contracts.messages import OpeningPosition

PATH = Path("book.csv")


def test_numbers_and_dates_are_read_as_they_are_written():
    assert number_of(PATH, 2, "quantity", "-1.5") == -1.5
    assert number_of(PATH, 2, "quantity", "-1,5", decimal=",") == -1.5
    assert date_of(PATH, 2, "date", "2020-03-05") == dt.date(2020, 3, 5)


@pytest.mark.parametrize("text", ["", "ten", "nan", "inf", "1,000"])
def test_what_is_no_number_is_refused_with_line_field_and_value(text):
    with pytest.raises(PortfolioFileError) as refused:
        number_of(PATH, 7, "quantity", text)
    assert refused.value.line == 7
    assert str(refused.value).startswith("book.csv, line 7: quantity: ")


def test_a_date_that_could_be_read_in_two_ways_is_refused():
    with pytest.raises(PortfolioFileError, match=r"book\.csv, line 3: date: "):
        date_of(PATH, 3, "date", "03/04/2020")


def test_a_field_that_a_message_refuses_is_named_with_its_value():
    fields = {"instrument": "AAA", "quantity": "many", "entry_price": 1.0}
    with pytest.raises(PortfolioFileError) as refused:
        converted(PATH, 4, fields, OpeningPosition)
    assert "quantity" in str(refused.value)
    assert "'many'" in str(refused.value)
