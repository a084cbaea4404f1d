"""Text of users on the page: Streamlit reads Markdown everywhere, and a name may look like it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_READ_AS_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]<>()#!|$~:&@.+^=]|^-")
"""Characters that begin emphasis, code, links, headings, lists, formulas, colours or HTML."""
_READ_AS_ADDRESS: Final = re.compile(r"https?(?=:)|www(?=\.)|(?=@[-\w]+\.)", re.IGNORECASE)
_WORD_JOINER: Final = "\u2060"
"""It has no shape and no width: what looks like an address is shown, and is none."""


def plain(text: str) -> str:
    r"""Return Markdown that shows a text as it is written, and links to nothing.

    An address is found by Streamlit in the text itself, whatever is escaped in it: there a
    character without a shape is put in.

    Examples
    --------
    >>> plain("Fund [hedged] *")
    'Fund \\[hedged\\] \\*'
    """
    parted = _READ_AS_ADDRESS.sub(rf"\g<0>{_WORD_JOINER}", text)
    return _READ_AS_MARKDOWN.sub(r"\\\g<0>", parted)


def plain_cells(rows: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return rows of a table whose cells show their text as it is written."""
    return [{name: plain(cell) for name, cell in row.items()} for row in rows]
