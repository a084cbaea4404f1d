"""Parquet files as rows of text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from system.tables.errors import WHOLE_FILE, InputFileError

_INDEX: Final = "__index"
"""Begins the name of an index that has none, as pandas writes it."""


def parquet_rows(path: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Return header and rows of a Parquet file, the index of a data frame first.

    Parameters
    ----------
    path : Path
        For messages.
    content : bytes
        The file.

    Returns
    -------
    iterator of (int, list of str)
        Row number from 1, which is the header; floats as text that reads back equal.

    Raises
    ------
    InputFileError
        If it is damaged.
    """
    try:
        table = pq.read_table(io.BytesIO(content))
        names = [str(name) for name in table.column_names]
        index_names = (table.schema.pandas_metadata or {}).get("index_columns", [])
        own = [name for name in index_names if isinstance(name, str) and name in names]
        ordered = [*own, *(name for name in names if name not in own)]
        columns = [table.column(name).to_pylist() for name in ordered]
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        problem = f"is a damaged Parquet file ({str(error).splitlines()[0]})"
        raise InputFileError(path, WHOLE_FILE, problem, "write it again") from None
    yield 1, ["date" if name.startswith(_INDEX) else name.strip() for name in ordered]
    for number, cells in enumerate(zip(*columns, strict=True), 2):
        yield number, [_as_text(cell) for cell in cells]


def _as_text(cell: object) -> str:
    if cell is None:
        return ""
    return repr(cell) if isinstance(cell, float) else str(cell).strip()
