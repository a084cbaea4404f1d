"""Text of users on the page: Streamlit reads Markdown everywhere, and a name may look like it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_READ_AS_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]<>()#!|$~:&@.+^=]|^-")
"""What begins emphasis, code, links, headings, lists, formulas, colours, entities or HTML."""


def plain(text: str) -> str:
    r"""Return Markdown that shows a text as it is written.

    Examples
    --------
    >>> plain("Fund [hedged] *")
    'Fund \\[hedged\\] \\*'
    """
    return _READ_AS_MARKDOWN.sub(r"\\\g<0>", text)


def plain_cells(rows: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return rows of a table whose cells show their text as it is written."""
    return [{name: plain(cell) for name, cell in row.items()} for row in rows]
