"""Sources of messages to judge: a file of JSON lines, a file of prices, or topics of the broker."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from system.connections import Connections
from system.contracts.codec import MAX_MESSAGE_BYTES, encode
from system.contracts.messages import Mark
from system.contracts.topics import INPUT_TOPICS, Topic
from system.errors import InputError
from system.feed.field_map import FieldMap
from system.feed.price_table import read_prices
from system.feed.prices import PriceMessage
from system.store.postgres.history import RiskHistory
from system.store.records import StoredState
from system.tables.dialect import DETECTED, Dialect

STDIN: Final = "-"
TABLES: Final = (".csv", ".csv.gz", ".tsv", ".txt", ".parquet")
MAX_LINE_BYTES: Final = 16 * MAX_MESSAGE_BYTES
"""A longer line is cut: it is larger than any message and is rejected for that."""
TOPIC_NAMES: Final[Mapping[str, Topic]] = {topic.name: topic for topic in INPUT_TOPICS}


def json_lines(source: str) -> Iterator[tuple[str, bytes]]:
    """Yield each line of a file that is not blank, with its place.

    Parameters
    ----------
    source : str
        A path, or ``-`` for standard input.

    Yields
    ------
    tuple of (str, bytes)
        ``line N``, and the line without its end.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    try:
        # Closed by the block below, standard input excepted.
        opened = nullcontext(sys.stdin.buffer) if source == STDIN else Path(source).open("rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{source}: {error.strerror}") from None
    with opened as stream:
        for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE_BYTES), b""), start=1):
            rest = line
            while not rest.endswith(b"\n") and (rest := stream.readline(MAX_LINE_BYTES)):
                pass  # of a line that is too long to be a message
            if value := line.strip():
                yield f"line {number}", value


def is_table(source: str) -> bool:
    """Return whether a file holds prices as a table, by its name."""
    return source.lower().endswith(TABLES)


def price_messages(
    path: Path, field_map: FieldMap, *, closes_days: bool = False, dialect: Dialect = DETECTED
) -> list[PriceMessage]:
    """Return the prices of a table in the order of time, with the mark of each day behind it.

    Parameters
    ----------
    path : Path
        CSV, gzip-compressed CSV or Parquet.
    field_map : FieldMap
        Its columns.
    closes_days : bool
        Whether marks are among the messages.
    dialect : Dialect
        Signs that the caller names.

    Raises
    ------
    InputFileError
        If a cell is not what its column holds.
    """
    prices = read_prices(path, field_map, dialect)
    return list(with_marks(prices)) if closes_days else prices


def with_marks(prices: list[PriceMessage]) -> Iterator[PriceMessage]:
    """Yield prices, each session date followed by its end-of-day mark.

    Parameters
    ----------
    prices : list of PriceMessage
        In the order of time.
    """
    for index, price in enumerate(prices):
        yield price
        if index + 1 == len(prices) or prices[index + 1].date != price.date:
            mark = Mark(date=price.date, event_time_ns=price.event_time_ns)
            place = f"end of {price.date}"
            yield PriceMessage(place, price.date, price.event_time_ns, encode(mark))


def stream_state(connections: Connections) -> StoredState:
    """Return the state that the stream has committed.

    Parameters
    ----------
    connections : Connections
        Of the running stack.

    Raises
    ------
    NotConnectedError
        If no stack runs and no database is named.
    StoreUnavailableError
        If PostgreSQL does not answer.
    """
    history = RiskHistory(connections.reader_database_url)
    try:
        return history.load()
    finally:
        history.close()
