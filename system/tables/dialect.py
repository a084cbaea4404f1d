"""Separator and decimal sign of a text file, named by the caller or taken from its first rows."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from system.errors import InputError
from system.tables.cells import COMMA, POINT

TAB: Final = "\t"
SEPARATORS: Final = (",", ";", TAB, "|")
NAMES: Final = {",": "commas", ";": "semicolons", TAB: "tabs", "|": "vertical bars"}
_WORDS: Final = {
    "comma": ",",
    "semicolon": ";",
    "tab": TAB,
    "\\t": TAB,
    "pipe": "|",
    "point": POINT,
    "dot": POINT,
}


class DialectError(InputError):
    """A separator or decimal sign that does not exist was named."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Separator and decimal sign as the caller names them.

    Parameters
    ----------
    separator : str or None
        One of ``SEPARATORS``; None: taken from the header.
    decimal : str or None
        ``POINT`` or ``COMMA``; None: a point where commas separate, else taken from the
        numbers.
    """

    separator: str | None = None
    decimal: str | None = None

    @classmethod
    def named(cls, separator: str | None, decimal: str | None) -> Dialect:
        """Return the dialect of two options of the command line.

        Raises
        ------
        DialectError
            If one of them is neither a sign nor its name.
        """
        return cls(_named("--separator", separator, SEPARATORS), _named("--decimal", decimal, ".,"))


DETECTED: Final = Dialect()
"""Everything is taken from the file."""


def separator_of(lines: Sequence[str]) -> str:
    """Return the separator of a file.

    Of the candidates in the header outside quotes, the first whose number of cells every
    given row has; the first candidate of all where none fits, so that the row of another
    length is named with it.

    Parameters
    ----------
    lines : sequence of str
        The header and some rows, without remarks and empty lines.
    """
    header = lines[0] if lines else ""
    candidates = sorted(
        (sign for sign in SEPARATORS if len(_cells(header, sign)) > 1),
        key=lambda sign: len(_cells(header, sign)[0]),
    )
    fitting = (sign for sign in candidates if _is_fitting(sign, lines))
    return next(fitting, candidates[0] if candidates else COMMA)


def _is_fitting(sign: str, lines: Sequence[str]) -> bool:
    width = _filled_count(_cells(lines[0], sign))
    rows = [_cells(line, sign) for line in lines[1:]]
    return all(_filled_count(cells) <= width <= len(cells) for cells in rows)


def _filled_count(cells: Sequence[str]) -> int:
    """Return the number of cells up to the last one that is filled."""
    return max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)


def _cells(line: str, sign: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=sign), [])
    except csv.Error:
        return []


def _named(option: str, text: str | None, signs: Sequence[str]) -> str | None:
    if text is None:
        return None
    sign = _WORDS.get(text.strip().lower(), text)
    if len(sign) == 1 and sign in signs:
        return sign
    known = ", ".join(map(repr, signs))
    raise DialectError(f"{option} is {text!r}: choose one of {known}")
