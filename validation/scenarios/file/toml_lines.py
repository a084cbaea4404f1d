"""Lines of the keys of a TOML file, by the path of the key, for messages to people.

``tomllib`` says where a file is no TOML, and nothing of where a value came from. This
looks for headers and keys at the beginnings of lines, so a key inside an inline table or
an array that goes over several lines is found at the line where that value begins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

KeyPath = tuple[str | int, ...]

_HEADER: Final = re.compile(r"^\s*(\[\[?)\s*([\w.\-]+)\s*\]\]?")
_KEY: Final = re.compile(r"""^\s*([\w.\-]+|"[^"]+"|'[^']+')\s*=(.*)""")
_QUOTES: Final = ('"""', "'''")
_TEXT: Final = re.compile(r""""(?:\\.|[^"\\])*"|'[^']*'|#.*""")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the 1-based line of every key and table header.

    Parameters
    ----------
    text : str
        Valid TOML.

    Returns
    -------
    dict
        ``("timeline", 1, "every")`` and the like; an array's tables count from 0.
    """
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    counts: dict[str, int] = {}
    open_quote, depth = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        inside = bool(open_quote) or depth > 0
        if not inside and (header := _HEADER.match(line)):
            table = _table(header[1] == "[[", header[2], counts)
            found.setdefault(table, number)
            continue
        if not inside and (key := _KEY.match(line)):
            found.setdefault((*table, *key[1].strip("\"'").split(".")), number)
        open_quote = _open_quote(line, open_quote)
        if not open_quote:
            depth = max(0, depth + _nesting(line))
    return found


def line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    """Return the line of a key, or of the nearest table around it; 0 where there is none."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 0


def _table(is_array: bool, name: str, counts: dict[str, int]) -> KeyPath:
    if not is_array:
        return tuple(name.split("."))
    counts[name] = counts.get(name, -1) + 1
    return (*name.split("."), counts[name])


def _open_quote(line: str, open_quote: str) -> str:
    """Return which long quote is open behind a line; empty when none is."""
    rest = line
    while True:
        if open_quote:
            _, closed, rest = rest.partition(open_quote)
            if not closed:
                return open_quote
            open_quote = ""
        places = {rest.find(quote): quote for quote in _QUOTES if quote in rest}
        if not places:
            return ""
        first = min(places)
        open_quote, rest = places[first], rest[first + len(places[first]) :]


def _nesting(line: str) -> int:
    bare = _TEXT.sub("", line)
    return sum(bare.count(each) for each in "[{") - sum(bare.count(each) for each in "]}")
