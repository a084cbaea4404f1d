"""Text in the cells of CSV files that spreadsheets open.

A spreadsheet computes a cell that begins with ``=``, ``+``, ``-`` or ``@``, whatever a name means
by it. An apostrophe before it makes it text, in Excel, LibreOffice and Sheets alike. Numbers are
never escaped: they stay numbers.
"""

from __future__ import annotations

import re
from typing import Final

ESCAPE: Final = "'"
_COMPUTED: Final = re.compile(r"'*[=+\-@\t\r#]")
"""Cells to escape: a formula, after any number of apostrophes; and ``#``, which begins a comment
where it begins a line."""


def spreadsheet_text(text: str) -> str:
    """Return a text as a cell that every spreadsheet shows and none computes.

    Examples
    --------
    >>> spreadsheet_text("=1+1"), spreadsheet_text("AAPL")
    ("'=1+1", 'AAPL')
    """
    return ESCAPE + text if _COMPUTED.match(text) else text


def cell_text(cell: str) -> str:
    """Return the text that a cell was made of, by `spreadsheet_text` or by a spreadsheet.

    Examples
    --------
    >>> cell_text("'=1+1"), cell_text("'tis")
    ('=1+1', "'tis")
    """
    return cell[1:] if cell.startswith(ESCAPE) and _COMPUTED.match(cell) else cell
