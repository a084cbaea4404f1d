"""Rounds of fuzzing: bytes in, laws checked on everything that comes out."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from zlib import crc32

import msgspec
import numpy as np
import pyarrow as pa

from system.book.book import Book
from system.book.ingest.fold import Fold
from system.book.state.rows import update_rows
from system.contracts.codec import decode, decode_topic, encode
from system.contracts.messages import (
    Mark,
    Message,
    PositionColumns,
    Rejected,
    RejectReason,
    RiskSnapshot,
)
from system.contracts.topics import INPUT_TOPICS, message_key, offset_key
from system.errors import MessageError
from system.stream.batch.decode import batch_pieces
from system.stream.spark.fetched_rows import EMPTY
from system.stream.spark.query import COLUMNS, INLINE_BYTES
from validation.fuzzing.mutation import mutated
from validation.fuzzing.worlds import World

PLACES: Final = tuple(
    offset_key(topic.name, number)
    for topic in INPUT_TOPICS
    for number in range(topic.partition_count)
)
SCHEMA: Final = EMPTY.schema
APPENDED: Final = dt.datetime(2020, 2, 3, tzinfo=dt.UTC)
MAX_BATCH: Final = 40
RESTART_SHARE: Final = 0.1
MUTATED_SHARE: Final = 0.1


class Counts(msgspec.Struct):
    """Counts of what rounds of fuzzing have sent and seen."""

    codec_cases: int = 0
    codec_accepted: int = 0
    worlds: int = 0
    messages: int = 0
    mutated: int = 0
    rejected: int = 0
    snapshots: int = 0
    numbers: int = 0
    valued: int = 0
    """Snapshots with a VaR."""


class LawBrokenError(AssertionError):
    """Something that holds whatever was sent does not; names the seed that repeats it."""


@dataclass
class Stream:
    """Partitions in memory, and a book that is restored from its rows now and then."""

    offsets: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PLACES, 0))
    rows: dict[str, bytes] = field(default_factory=dict)
    book: Book = field(default_factory=lambda: Book(dict.fromkeys(PLACES, 0)))
    epoch: int = 0
    covered: dict[str, int] = field(default_factory=dict)

    def folds(self, values: Iterable[tuple[str, bytes]]) -> Iterator[Fold]:
        """Fold one batch of values by partition as the driver does, piece by piece."""
        columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        whole: dict[tuple[str, int, int], bytes] = {}
        for place, value in values:
            topic, _, number = place.rpartition(":")
            at = (topic, int(number), self.offsets[place])
            whole[at] = value
            for name, cell in zip(COLUMNS, (*at, value[: INLINE_BYTES + 1], APPENDED), strict=True):
                columns[name].append(cell)
            self.offsets[place] += 1
        for events in batch_pieces(pa.table(columns, SCHEMA), lambda *at: whole.get(at)):
            self.epoch += 1
            fold = self.book.fold(events, fence=1, epoch=self.epoch)
            update_rows(self.rows, fold.state)
            self.covered = dict(fold.offsets)
            yield fold

    def restart(self) -> None:
        """Go on with a book that knows nothing but the kept rows, from where these end."""
        self.book = Book(self.covered or dict.fromkeys(PLACES, 0), self.rows)


def fuzz_codec(seed: int, counts: Counts, *, case_count: int = 500) -> None:
    """Send broken bytes through the codec of every input topic.

    Raises
    ------
    LawBrokenError
        If anything but a refusal with a reason is raised, or an accepted message is another after
        it is written and read once more.
    """
    random = Random(seed)  # noqa: S311 - repeatable, and no secret
    values = [encode(message) for message in World(seed).messages(40)]
    for _ in range(case_count):
        value = mutated(random.choice(values), random)
        topic = random.choice(INPUT_TOPICS)
        counts.codec_cases += 1
        try:
            message = decode_topic(value, topic)
        except MessageError as error:
            RejectReason(error.reason)
            continue
        except Exception as error:
            msg = f"{topic.name}, {value[:80]!r}: {type(error).__name__}: {error}"
            raise LawBrokenError(msg) from error
        counts.codec_accepted += 1
        if decode_topic(encode(message), topic) != message:
            raise LawBrokenError(f"{topic.name}, {value[:80]!r}: another message after the codec")


def fuzz_world(seed: int, counts: Counts, *, message_count: int = 60) -> None:
    """Send one world through codec, fold, valuation and snapshots.

    Raises
    ------
    LawBrokenError
        If something was raised, a number is not finite, or a snapshot does not come back.
    """
    random = Random(seed)  # noqa: S311 - repeatable, and no secret
    usual = random.choice((0.0, 0.5, 0.8, 0.95))
    stream = Stream()
    try:
        for batch in _batches(World(seed, usual=usual).messages(message_count), random, counts):
            with np.errstate(over="raise", invalid="raise", divide="raise"):
                for fold in stream.folds(batch):
                    _check(fold, counts)
            if random.random() < RESTART_SHARE and _has_applied_all(stream):
                stream.restart()
                _check(stream.book.revalue(fence=2, epoch=stream.epoch), counts)
    except Exception as error:
        msg = f"seed {seed}: {type(error).__name__}: {error}"
        raise LawBrokenError(msg) from error
    counts.worlds += 1


def _has_applied_all(stream: Stream) -> bool:
    """Return whether nothing waits behind a mark: it would have to be sent again."""
    return stream.covered == stream.offsets


def _batches(
    messages: Iterable[Message], random: Random, counts: Counts
) -> Iterator[list[tuple[str, bytes]]]:
    batch: list[tuple[str, bytes]] = []
    for message in messages:
        value = encode(message)
        counts.messages += 1
        places = PLACES if isinstance(message, Mark) else (_home(message),)
        batch += [(place, value) for place in places]
        if random.random() < MUTATED_SHARE:
            counts.mutated += 1
            batch.append((random.choice(PLACES), mutated(value, random)))
        if len(batch) > random.randrange(1, MAX_BATCH):
            yield batch
            batch = []
    yield batch


def _home(message: Message) -> str:
    topic = next(topic for topic in INPUT_TOPICS if isinstance(message, topic.messages))
    number = crc32(message_key(message).encode()) % topic.partition_count
    return offset_key(topic.name, number)


def _check(fold: Fold, counts: Counts) -> None:
    """Check the laws of what a batch hands over: finite, and the same after the codec."""
    for snapshot in fold.snapshots:
        counts.numbers += sum(1 for _ in checked_numbers(snapshot, "$"))
        if decode(encode(snapshot), RiskSnapshot) != snapshot:
            raise LawBrokenError(f"snapshot {snapshot.snapshot_id} is another after the codec")
        counts.valued += snapshot.var is not None
    for message in fold.rejected:
        if decode(encode(message), Rejected) != message:
            raise LawBrokenError(f"rejected {message_key(message)} is another after the codec")
    counts.snapshots += len(fold.snapshots)
    counts.rejected += len(fold.rejected)


def checked_numbers(value: object, path: str) -> Iterator[float]:
    """Yield every float of a value.

    Raises
    ------
    LawBrokenError
        At the first that is not finite; names its place.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise LawBrokenError(f"{path} is {value}")
        yield value
    elif isinstance(value, PositionColumns):
        yield from checked_numbers(value.rows, path)  # a column is bytes, and no number
    elif isinstance(value, msgspec.Struct):
        yield from checked_numbers(msgspec.structs.asdict(value), path)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from checked_numbers(item, f"{path}.{name}")
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from checked_numbers(item, f"{path}[{index}]")
