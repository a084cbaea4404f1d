"""Meaning of one cell: a number, a date, or no value. Pure; a refusal carries its reason."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Final

MISSING: Final = frozenset(
    {"", "na", "n/a", "#n/a", "#na", "#n/a n/a", "nan", "nat", "null", "none", "-", "--", "."}
)
"""Words for a missing value, in small letters: pandas, spreadsheets, Bloomberg, FRED."""
POINT: Final = "."
COMMA: Final = ","

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SWAPPED: Final = str.maketrans({COMMA: POINT, POINT: COMMA})
_INFINITE: Final = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_FORMS: Final = (
    (re.compile(r"\(.*\)"), "it is in brackets", "write a negative number with a minus sign"),
    (re.compile(r"^[\u2212\u2013]|-$"), "its minus sign is another or at its end", "write -1234.5"),
    (re.compile(r"^#[A-Z0-9/]+[!?]?$"), "it is an error of a spreadsheet", "leave the cell empty"),
    (re.compile(r"%$"), "it is a percentage", "write 0.05 for 5 %"),
    (
        re.compile(r"[$\u20ac\u00a3\u00a5\u20b9\u20a9]|(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])"),
        "it has a currency",
        "",
    ),
    (
        re.compile(r"[.,].*[.,]|\d[.,'\u2019\u00a0\u2009\u202f ]\d{3}(?!\d)"),
        "thousands separators are not read",
        "",
    ),
)
"""Forms in which other programs write numbers: pattern, reason, remedy."""

_DATE: Final = re.compile(
    r"(?P<year>\d{4})(?P<sign>[-/.]?)(?P<month>\d{2})(?P=sign)(?P<day>\d{2})(?P<time>\D.*)?",
    re.ASCII,
)
_MIDNIGHT: Final = re.compile(
    r"[T ]00:?00(:?00([.,]0+)?)?( ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?))?", re.ASCII
)
_DAY_OR_MONTH_FIRST: Final = re.compile(r"\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}.*", re.ASCII)
_SERIAL: Final = re.compile(r"[1-9]\d{4}(\.\d+)?", re.ASCII)

WRITE_NUMBER: Final = "write a number such as 1234.5"
WRITE_DATE: Final = "write dates as 2020-12-31"


class CellError(ValueError):
    """A cell does not hold what its column needs.

    Parameters
    ----------
    problem : str
        The value and what is wrong with it.
    remedy : str
        What to do.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def is_missing(text: str) -> bool:
    """Return whether a cell says that there is no value."""
    return text.strip().lower() in MISSING


def number_in(text: str, decimal: str = POINT) -> float:
    """Return the finite number that a cell holds.

    Parameters
    ----------
    text : str
        Digits with a sign, a decimal sign and an exponent, each at most once.
    decimal : str
        ``POINT`` or ``COMMA``; the other one is no part of a number.

    Returns
    -------
    float
        The double that is nearest to the decimal text.

    Raises
    ------
    CellError
        If it is anything else; thousands separators, currencies and infinities have
        sentences of their own.
    """
    plain = text.strip()
    if decimal == COMMA:
        plain = plain.translate(_SWAPPED)
    if not _NUMBER.fullmatch(plain):
        raise CellError(*_number_problem(text.strip(), decimal))
    number = float(plain)
    if math.isfinite(number):
        return number
    raise CellError(f"{text.strip()!r} is not a finite number", WRITE_NUMBER)


def date_in(text: str) -> dt.date:
    """Return the date that a cell holds.

    Parameters
    ----------
    text : str
        ``2020-01-02``, ``2020/01/02``, ``2020.01.02`` or ``20200102``, alone or with
        midnight after it, which may have an offset: ``2020-01-02 00:00:00-05:00`` is
        2 January.

    Raises
    ------
    CellError
        If it is anything else; forms that begin with day or month, serial numbers of
        spreadsheets and times of day have sentences of their own.
    """
    plain = text.strip()
    parts = _DATE.fullmatch(plain)
    if parts is None or not re.match(r"([T ]\d|$)", parts["time"] or ""):
        raise CellError(*_date_problem(plain))
    if parts["time"] and not _MIDNIGHT.fullmatch(parts["time"]):
        problem = f"{plain!r} has a time of day, which may belong to another date elsewhere"
        raise CellError(problem, "write the date alone, as 2020-12-31")
    try:
        return dt.date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    except ValueError:
        raise CellError(f"{plain!r} is not a day of the calendar", WRITE_DATE) from None


def decimal_evidence(text: str) -> str | None:
    """Return the decimal sign that a number must have, None where it has none or could have both.

    ``1.234`` and ``1,234`` could be 1.234 or 1234; ``0.234``, ``12.34`` and ``1234.567`` have
    a decimal point.
    """
    plain = text.strip().lstrip("+-")
    sign = _single_sign(plain)
    return None if sign is None or is_ambiguous(plain) else sign


def is_ambiguous(text: str) -> bool:
    """Return whether a number's only sign could be decimal or separate thousands."""
    whole, sign, rest = _parted(text.strip().lstrip("+-"))
    grouped = 1 <= len(whole) <= 3 and whole[0] != "0" and len(rest) == 3
    return bool(sign) and grouped and (whole + rest).isdigit()


def _single_sign(text: str) -> str | None:
    whole, sign, rest = _parted(text)
    digits = whole + rest.lower().partition("e")[0]
    return sign if sign and digits.isdigit() else None


def _parted(text: str) -> tuple[str, str, str]:
    sign = next((sign for sign in (POINT, COMMA) if sign in text), "")
    whole, _, rest = text.partition(sign) if sign else (text, "", "")
    return whole, sign, rest


def _number_problem(text: str, decimal: str) -> tuple[str, str]:
    """Return why a text is no number, and what to write."""
    example = "write it as " + ("1234.5" if decimal == POINT else "1234,5")
    shown = f"{text!r} is not a number"
    if _INFINITE.fullmatch(text):
        return f"{text!r} is not a finite number", WRITE_NUMBER
    if not re.search(r"\d", text):
        return shown, example
    if _single_sign(text.lstrip("+-")) not in {None, decimal} and not is_ambiguous(text):
        other = "comma" if decimal == POINT else "point"
        remedy = f"{example}, or name the sign with --decimal"
        return f"{shown}: a {other} is not the decimal sign of this file", remedy
    for form, reason, remedy in _FORMS:
        if form.search(text):
            return f"{shown}: {reason}", remedy or example
    return shown, example


def _date_problem(text: str) -> tuple[str, str]:
    shown = repr(text)
    if _DAY_OR_MONTH_FIRST.fullmatch(text):
        return f"{shown} is not a date: day or month could come first", WRITE_DATE
    if _SERIAL.fullmatch(text):
        problem = f"{shown} is not a date: it looks like the serial number of a spreadsheet"
        return problem, "format the column as 2020-12-31 before saving"
    return f"{shown} is not a date", WRITE_DATE
