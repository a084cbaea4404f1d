"""Format of what is stored: the version of the rows of the book's state and of snapshots.

A row refuses fields that it does not know, so that a program reads every older row (new
fields have defaults) and no newer one. The database holds the highest format that was ever
written into it; a program that knows a lower one refuses it as a whole, in one sentence.

Raise ``FORMAT`` by one in the change that adds a field to a row of ``system.book.state.rows`` or to
``RiskSnapshot``; ``tests/system/store/postgres/test_formats.py`` fails until that is done.
"""

from __future__ import annotations

from typing import Final

import psycopg

from system.store.errors import NewerFormatError
from system.store.postgres.cursors import Row

FORMAT: Final = 3
"""2: closed trades of a portfolio, fingerprints of their ids, the newest marks.
3: positions of snapshots by column."""
_SELECT_FORMAT: Final = "SELECT format FROM stream_fence"


def check_format(connection: psycopg.Connection[Row]) -> None:
    """Return if this version can read what the database holds.

    Parameters
    ----------
    connection : psycopg connection
        Fresh, in no transaction; in none afterwards.

    Raises
    ------
    NewerFormatError
        If a newer version has written into it.
    """
    try:
        row = connection.execute(_SELECT_FORMAT).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        row = None  # a schema of before formats, or none yet
    finally:
        connection.rollback()
    stored = FORMAT if row is None else int(row[0])
    if stored > FORMAT:
        raise NewerFormatError(stored, FORMAT)
