"""The format of stored rows: a newer one is refused in a sentence, an older one is read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from system.errors import UnavailableError
from system.store.errors import NewerFormatError
from system.store.postgres.formats import FORMAT, check_format


class Stored:
    """A connection to a database that holds a format, or none yet."""

    def __init__(self, stored: int | Exception | None) -> None:
        self._stored = stored
        self.rolled_back = 0

    def execute(self, statement: str) -> Any:
        assert statement == "SELECT format FROM stream_fence"
        if isinstance(self._stored, Exception):
            raise self._stored
        row = None if self._stored is None else (self._stored,)
        return SimpleNamespace(fetchone=lambda: row)

    def rollback(self) -> None:
        self.rolled_back += 1


@pytest.mark.parametrize(
    "stored",
    [
        *range(1, FORMAT + 1),
        None,
        psycopg.errors.UndefinedTable(),
        psycopg.errors.UndefinedColumn(),
    ],
)
def test_this_version_reads_every_older_format_and_a_database_without_one(stored: Any) -> None:
    connection = Stored(stored)
    check_format(connection)  # type: ignore[arg-type]
    assert connection.rolled_back == 1


@pytest.mark.parametrize("stored", [FORMAT + 1, FORMAT + 1000])
def test_a_newer_format_is_refused_in_one_sentence_that_says_what_to_do(stored: int) -> None:
    with pytest.raises(NewerFormatError) as caught:
        check_format(Stored(stored))  # type: ignore[arg-type]
    said = str(caught.value)
    assert "written by a newer version" in said
    assert f"format {stored}" in said
    assert "upgrade riskstream" in said
    assert isinstance(caught.value, UnavailableError)  # the API answers 503 with it
