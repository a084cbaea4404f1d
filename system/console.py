"""Terminal output that prints text as it is: no markup is read from it, and no order obeyed.

Names and notes may hold ``[brackets]``, ``:colons:`` and what a terminal takes for an order. A
`PlainConsole` reads neither markup nor emoji codes and escapes control characters, in lines, table
cells and titles alike; style is given as an argument, or by `styled`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console
from rich.progress import TextColumn
from rich.status import Status
from rich.table import Table
from rich.text import Text

from system.contracts.text.names import visible


class PlainConsole(Console):
    """A console for text of any origin.

    Parameters
    ----------
    **options
        Of rich's console: ``stderr``, ``file``, ``width`` ...; none that reads text.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as rich has them
        super().__init__(**options, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - as rich has them
        """Return text as it is shown, with control characters escaped."""
        return super().render_str(visible(text), **options)

    def print(self, *objects: object, **options: Any) -> None:  # noqa: ANN401 - as rich has them
        """Print; what is too long for its column of a table is folded, and never cut."""
        for table in (printed for printed in objects if isinstance(printed, Table)):
            for column in table.columns:
                column.overflow = "fold"
        super().print(*objects, **options)

    def working(self, text: str) -> Status:
        """Return a line with a spinner, to be shown while something runs."""
        return super().status(styled(text))


def styled(*parts: str | tuple[str, str]) -> Text:
    """Return text of parts, each plain or with a style: ``styled(("no", "red"), " such book")``.

    Examples
    --------
    >>> styled(("ok", "green"), " [draft]").plain
    'ok [draft]'
    """
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((visible(text), style) for text, style in pairs))


def terminal_json(value: object, *, indent: int | None = None) -> str:
    """Return a value as JSON in which what drives a terminal is escaped: the same values.

    Parameters
    ----------
    value : object
        Texts in it may hold anything that JSON can.
    indent : int or None
        Spaces per level; None: one line.
    """
    encoded = msgspec.json.encode(value)
    text = (encoded if indent is None else msgspec.json.format(encoded, indent=indent)).decode()
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        character if visible(character) == character else f"\\u{ord(character):04x}"
        for character in text
    )


def plain_column(template: str) -> TextColumn:
    """Return a column of a progress display whose values are not read as markup."""
    return TextColumn(template, markup=False)
