"""Separators: taken from header and rows, or named."""

from __future__ import annotations

import pytest

from system.tables.cells import COMMA, POINT
from system.tables.dialect import TAB, Dialect, DialectError, separator_of


@pytest.mark.parametrize(
    ("lines", "separator"),
    [
        (["date,A", "2020-01-02,1"], ","),
        (["date;A", "2020-01-02;1,5"], ";"),
        (["date\tA", "2020-01-02\t1,5"], TAB),
        (["date|A", "2020-01-02|1,5"], "|"),
        (["date;Nestle, N;B|C", "2020-01-02;1,5;2"], ";"),
        (['"a;b",c', "1,2"], ","),
        (["date;A;B", "2020-01-02;1;"], ";"),
        (["date;A;;", "2020-01-02;1,5;;"], ";"),
        ([";A,B", "2020-01-02;1,5"], ";"),
        (["a|b,c", "x,y"], ","),
        (["date"], ","),
        (["date,A,B;C", "2020-01-02,1"], ","),
        ([], ","),
    ],
)
def test_the_separator_is_the_first_sign_of_the_header_that_every_row_fits(
    lines: list[str], separator: str
) -> None:
    assert separator_of(lines) == separator


@pytest.mark.parametrize(
    ("separator", "decimal", "dialect"),
    [
        (None, None, Dialect()),
        (";", ",", Dialect(";", COMMA)),
        ("semicolon", "comma", Dialect(";", COMMA)),
        ("Tab", "Point", Dialect(TAB, POINT)),
        ("\\t", ".", Dialect(TAB, POINT)),
        ("pipe", None, Dialect("|")),
    ],
)
def test_signs_are_named_by_themselves_or_by_a_word(
    separator: str | None, decimal: str | None, dialect: Dialect
) -> None:
    assert Dialect.named(separator, decimal) == dialect


@pytest.mark.parametrize(("separator", "decimal"), [("x", None), (",;", None), (None, ";")])
def test_another_sign_is_refused_with_those_that_there_are(
    separator: str | None, decimal: str | None
) -> None:
    with pytest.raises(DialectError, match="choose one of"):
        Dialect.named(separator, decimal)
