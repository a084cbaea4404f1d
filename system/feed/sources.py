"""Sources of messages to judge: a file of JSON lines, a file of prices, or topics of the broker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from system.book.ingest.partitions import TOPIC_ORDER
from system.bus.consumer import Record, end_offsets, read_topic
from system.connections import Connections
from system.contracts.codec import MAX_MESSAGE_BYTES, encode
from system.contracts.messages import Mark
from system.contracts.topics import INPUT_TOPICS
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
MAX_RECORDS: Final = 2_000_000
"""Records of the input topics that are judged at once: some 500 bytes of memory each."""


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
            yield PriceMessage(place, price.date, price.event_time_ns, None, encode(mark))


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


def kept_records(bootstrap_servers: str) -> list[Record]:
    """Return everything that the input topics have kept, in the order in which it came.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.

    Returns
    -------
    list of Record
        By the broker's time, and in each partition by offset.

    Raises
    ------
    InputError
        If there are more than ``MAX_RECORDS``.
    BusUnavailableError, TopicMissingError, ReadTimeoutError
        If the broker or a topic is not there, or it does not answer in time.
    """
    count = sum(end_offsets(bootstrap_servers, INPUT_TOPICS).values())
    if count > MAX_RECORDS:
        raise InputError(
            f"the input topics have {count} messages, {MAX_RECORDS} are judged at once: "
            "check a file of the newest ones instead"
        )
    records = [record for topic in INPUT_TOPICS for record in read_topic(bootstrap_servers, topic)]
    order = {topic: place for place, topic in enumerate(TOPIC_ORDER)}
    return sorted(
        records,
        key=lambda record: (
            record.appended_at_ms,
            order[record.topic],
            record.partition,
            record.offset,
        ),
    )
