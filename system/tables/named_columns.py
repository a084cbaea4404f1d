"""Tables whose columns have known names: positions, instruments, splits, portfolios."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from system.tables.dialect import DETECTED, Dialect
from system.tables.text_table import TextTable, read_table, with_decimal


def read_named(
    path: Path,
    required: Sequence[str],
    optional: Sequence[str] = (),
    *,
    numbers: Collection[str] = (),
    dialect: Dialect = DETECTED,
) -> TextTable:
    """Return a table whose header has the given names.

    ``Entry Price`` and ``entry-price`` name the column ``entry_price``.

    Parameters
    ----------
    path : Path
        The file.
    required, optional : sequence of str
        Names of columns in small letters, in any order in the file.
    numbers : collection of str
        Columns that hold numbers: the decimal sign is taken from them.
    dialect : Dialect
        Signs that the caller names.

    Raises
    ------
    InputFileError
        As ``read_table``, and if a column is missing, unknown or comes twice: a column
        that nothing reads is more often a typing error than a comment.
    """
    table = read_table(
        path,
        dialect,
        begins=",".join(required),
        naming=lambda head: _known_names(head, required, optional),
    )
    return with_decimal(table, numbers)


def named_cells(table: TextTable) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the line of each row and its cells by column."""
    for line, cells in table.rows:
        yield line, dict(zip(table.header, cells, strict=True))


def _known_names(
    head: TextTable, required: Sequence[str], optional: Sequence[str]
) -> tuple[str, ...]:
    names = tuple(re.sub(r"[\s_-]+", "_", name).lower() for name in head.header)
    known = (*required, *optional)
    for name in required:
        if name not in names:
            raise head.header_error(f"no column {name}", f"needed are {', '.join(required)}")
    for name, written in zip(names, head.header, strict=True):
        if name and name not in known:  # an index has no name
            remedy = f"known columns are {', '.join(known)}"
            raise head.header_error(f"unknown column {written!r}", remedy)
        if names.count(name) > 1:
            raise head.header_error(f"two columns are named {name}", "keep one of them")
    return names
