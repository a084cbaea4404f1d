"""Cells: a number, a date or nothing; all else is refused with its reason."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.tables.cells import (
    COMMA,
    POINT,
    CellError,
    date_in,
    decimal_evidence,
    is_ambiguous,
    is_missing,
    number_in,
)


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1234.5", POINT, 1234.5),
        (" -0.5 ", POINT, -0.5),
        ("1e3", POINT, 1000.0),
        ("1E-05", POINT, 1e-05),
        (".5", POINT, 0.5),
        ("5.", POINT, 5.0),
        ("+7", POINT, 7.0),
        ("1.234", POINT, 1.234),
        ("1,234", COMMA, 1.234),
        ("99,5", COMMA, 99.5),
        ("-1,5e-3", COMMA, -0.0015),
        ("100", COMMA, 100.0),
    ],
)
def test_a_number_has_one_decimal_sign_and_no_other(text: str, decimal: str, number: float) -> None:
    assert number_in(text, decimal) == number


@pytest.mark.parametrize(
    ("text", "decimal", "reason"),
    [
        ("1,234.5", POINT, "thousands separators are not read"),
        ("1,234", POINT, "thousands separators are not read"),
        ("1.234", COMMA, "thousands separators are not read"),
        ("1.234.567,8", COMMA, "thousands separators are not read"),
        ("1 234.5", POINT, "thousands separators are not read"),
        ("1\u00a0234,5", COMMA, "thousands separators are not read"),
        ("1'234.5", POINT, "thousands separators are not read"),
        ("1,5", POINT, "a comma is not the decimal sign of this file"),
        ("1.5", COMMA, "a point is not the decimal sign of this file"),
        ("(5)", POINT, "it is in brackets"),
        ("$5", POINT, "it has a currency"),
        ("5,10 €", COMMA, "it has a currency"),
        ("USD 5", POINT, "it has a currency"),
        ("#DIV/0!", POINT, "it is an error of a spreadsheet"),
        ("19%", POINT, "it is a percentage"),
        ("\u22125", POINT, "its minus sign is another"),
        ("5-", POINT, "its minus sign is another or at its end"),
        ("inf", POINT, "is not a finite number"),
        ("-Infinity", POINT, "is not a finite number"),
        ("1e999", POINT, "is not a finite number"),
        ("1_000", POINT, "is not a number"),
        ("\u0661\u0662", POINT, "is not a number"),
        ("0x10", POINT, "is not a number"),
        ("abc", POINT, "is not a number"),
        ("nan", POINT, "is not a number"),
        ("", POINT, "is not a number"),
    ],
)
def test_what_is_no_number_is_refused_with_value_and_reason(
    text: str, decimal: str, reason: str
) -> None:
    with pytest.raises(CellError, match=reason) as refused:
        number_in(text, decimal)
    assert refused.value.problem.startswith(repr(text))
    assert refused.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-02",
        "20200102",
        "2020/01/02",
        "2020.01.02",
        "2020-01-02 00:00:00",
        "2020-01-02 00:00",
        "2020-01-02T00:00:00",
        "2020-01-02T00:00:00.000000000",
        "2020-01-02T00:00:00Z",
        "2020-01-02 00:00:00 UTC",
        "2020-01-02 00:00:00+00:00",
        "2020-01-02 00:00:00-05:00",
        "2020-01-02 00:00:00+1400",
        "20200102T000000",
    ],
)
def test_a_date_comes_year_first_and_midnight_with_any_offset_is_that_date(text: str) -> None:
    assert date_in(f" {text} ") == dt.date(2020, 1, 2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("01/02/2020", "day or month could come first"),
        ("2.1.20", "day or month could come first"),
        ("31-12-2020", "day or month could come first"),
        ("43832", "serial number of a spreadsheet"),
        ("43832.0", "serial number of a spreadsheet"),
        ("2020-01-02 16:00:00", "time of day"),
        ("2020-01-02 05:00:00+00:00", "time of day"),
        ("2020-02-30", "not a day of the calendar"),
        ("20201301", "not a day of the calendar"),
        ("2020-1-2", "not a date"),
        ("2020-01/02", "not a date"),
        ("2020-W01-1", "not a date"),
        ("2020-01-02x", "not a date"),
        ("1577923200", "not a date"),
        ("02-Jan-2020", "not a date"),
        ("\uff12\uff10\uff12\uff10-01-02", "not a date"),
        ("NaT", "not a date"),
        ("", "not a date"),
    ],
)
def test_what_is_no_date_or_two_is_refused_with_value_and_reason(text: str, reason: str) -> None:
    with pytest.raises(CellError, match=reason) as refused:
        date_in(text)
    assert refused.value.problem.startswith(repr(text))


@pytest.mark.parametrize(
    "text", ["", " ", "NaN", "nan", "N/A", "#N/A", "null", "None", "-", "--", ".", "NA", "NaT"]
)
def test_words_for_a_missing_value_are_known_in_any_case(text: str) -> None:
    assert is_missing(text)


@pytest.mark.parametrize("text", ["0", "n", "#REF!", "missing", "-1", "NANO"])
def test_other_words_are_no_missing_value(text: str) -> None:
    assert not is_missing(text)


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("12,5", COMMA),
        ("0,234", COMMA),
        ("1234,567", COMMA),
        ("-12.3456", POINT),
        ("1,5e3", COMMA),
        ("1,234", None),
        ("1.234", None),
        ("1.234,5", None),
        ("100", None),
        ("A.B", None),
    ],
)
def test_a_number_shows_its_decimal_sign_unless_thousands_could_be_meant(
    text: str, sign: str | None
) -> None:
    assert decimal_evidence(text) == sign
    assert not (sign and is_ambiguous(text))


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([POINT, COMMA]))
def test_a_number_reads_back_to_the_bit_with_either_sign(number: float, decimal: str) -> None:
    text = repr(number).replace(POINT, decimal)
    assert number_in(text, decimal).hex() == number.hex()
    assert decimal_evidence(text) in {decimal, None}


@given(st.text(max_size=30), st.sampled_from([POINT, COMMA]))
def test_any_text_is_a_value_or_refused(text: str, decimal: str) -> None:
    for reading in (lambda: number_in(text, decimal), lambda: date_in(text)):
        try:
            reading()
        except CellError as refused:
            assert refused.problem  # noqa: PT017 - no error at all is right as well
