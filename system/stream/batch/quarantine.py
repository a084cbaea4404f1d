"""A message that ends the driver again and again is found, set aside and passed.

Laws of this file:

1. A driver writes down, before its first batch, at which offsets it begins; what ends drivers
   twice at the same offsets, with no commit in between, is in what they read first.
2. The third driver reads that range by itself, not through Spark: in groups, and record by record
   where a group has failed. Before each step it writes down what it takes in hand.
3. A record that raises when it is applied alone is *quarantined*: kept as rejected, with the last
   lines of the traceback. So is one that has ended ``FATAL_DEATHS`` drivers while it alone was
   in hand; that one is not even read again.
4. A server that does not answer, or a newer driver, is never the fault of a record.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from system.book.ingest.partitions import TOPIC_ORDER
from system.book.state.errors import BarrierOverflowError
from system.bus.consumer import Record
from system.contracts.topics import offset_key, split_offset_key
from system.errors import RiskstreamError, UnavailableError
from system.store.errors import CommitsUndoneError, FencedError
from system.stream.batch.decode import Events, quarantined_event, record_event
from system.stream.lifecycle.continuity import StateMismatchError

ENDED_DRIVERS: Final = 2
"""So many drivers have to end at the same offsets before their batch is suspected."""
FATAL_DEATHS: Final = 2
"""A process can be killed by chance while a record is in hand; hardly twice."""
GROUP_RECORDS: Final = 256
GROUP_BYTES: Final = 16_000_000
TRACEBACK_FRAMES: Final = 3
INNOCENT: Final = (
    UnavailableError,
    FencedError,
    BarrierOverflowError,
    CommitsUndoneError,
    StateMismatchError,
)
"""Errors that no record can be blamed for."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Records in hand: ``count`` offsets of a partition from ``first`` on.

    ``deaths`` is how many drivers have ended with exactly these in hand; ``error`` is what they
    raised, empty where nothing was left to say.
    """

    place: str
    first: int
    count: int
    deaths: int = 0
    error: str = ""

    def holds(self, place: str, offset: int) -> bool:
        """Return whether an offset is among the records."""
        return place == self.place and self.first <= offset < self.first + self.count


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Drivers that began at the same offsets.

    ``drivers`` counts them, the present one included. ``until`` is how far they may have
    read. ``step`` is what one of them had in hand; None: it read through Spark.
    """

    offsets: dict[str, int]
    until: dict[str, int]
    drivers: int = 1
    step: Step | None = None

    @property
    def sentence(self) -> str:
        """Return what a driver that reads record by record says of it."""
        count = sum(max(0, end - self.offsets.get(place, 0)) for place, end in self.until.items())
        return (
            f"{self.drivers - 1} drivers ended before they had committed what follows "
            f"{self.offsets}: {count} records are read one by one, and the one that ends a driver "
            "is set aside as rejected"
        )

    @property
    def is_salvage(self) -> bool:
        """Return whether the range is to be read record by record."""
        return self.step is not None or self.drivers > ENDED_DRIVERS


def next_attempt(
    before: Attempt | None, offsets: Mapping[str, int], ends: Mapping[str, int], *, reach: int
) -> Attempt:
    """Return the attempt of a driver that begins.

    Parameters
    ----------
    before : Attempt or None
        What the last driver left; None where it ended well.
    offsets, ends : mapping of str to int
        Where the state ends, and where the topics do, by ``topic:partition``.
    reach : int
        Most records that one batch has.
    """
    until = {place: min(end, offsets[place] + reach) for place, end in ends.items()}
    if before is None or (before.step is None and before.offsets != offsets):
        return Attempt(offsets=dict(offsets), until=until)
    # What ended the last driver may have come after it began.
    until = {place: max(end, before.until.get(place, 0)) for place, end in until.items()}
    step = before.step
    if step is not None and not step.error:
        step = msgspec.structs.replace(step, deaths=step.deaths + 1)
    return msgspec.structs.replace(before, until=until, drivers=before.drivers + 1, step=step)


class AttemptRow(Protocol):
    """The part of ``system.store.postgres.history.RiskHistory`` that is needed."""

    def attempt(self) -> str | None:
        """Return what the last driver wrote down."""
        ...

    def keep_attempt(self, attempt: str | None, *, fence: int) -> None:
        """Write down an attempt; None forgets it."""
        ...


class Attempts:
    """The attempt of one driver, from its beginning to its end.

    Parameters
    ----------
    row : AttemptRow
        Where it is written down.
    fence : int
        Of the driver.
    """

    def __init__(self, row: AttemptRow, fence: int) -> None:
        self._row = row
        self._fence = fence
        self._before = row.attempt()

    def begin(self, offsets: Mapping[str, int], ends: Mapping[str, int], *, reach: int) -> Attempt:
        """Write down and return the attempt of this driver, as `next_attempt`."""
        before = None if self._before is None else _readable(self._before)
        attempt = next_attempt(before, offsets, ends, reach=reach)
        self.keep(attempt)
        return attempt

    def keep(self, attempt: Attempt) -> None:
        """Write down an attempt.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        self._row.keep_attempt(msgspec.json.encode(attempt).decode(), fence=self._fence)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Forget the attempt where the driver ends well, and where no record can be blamed.

        Raises
        ------
        Exception
            Whatever ends the driver.
        """
        try:
            yield
        except INNOCENT:
            self._leave(self._before)
            raise
        self._leave(None)

    def _leave(self, attempt: str | None) -> None:
        with suppress(RiskstreamError):  # one attempt too many makes the next driver careful
            self._row.keep_attempt(attempt, fence=self._fence)


def _readable(text: str) -> Attempt | None:
    """Return an attempt as it was written down, None where another version wrote it."""
    try:
        return msgspec.json.decode(text, type=Attempt)
    except msgspec.DecodeError:
        return None


class Batch(Protocol):
    """The part of ``system.stream.batch.micro_batch.MicroBatch`` that is needed."""

    @property
    def offsets(self) -> Mapping[str, int]:
        """First offset of each partition that is not applied."""
        ...

    def take(self, events: Events) -> None:
        """Fold events, publish and hand them on."""
        ...

    def await_durable(self) -> None:
        """Return when all of it is committed."""
        ...


B = TypeVar("B", bound=Batch)


class Salvage(Generic[B]):
    """Reads a range that has ended drivers, step by step, and quarantines what is to blame.

    Parameters
    ----------
    attempt : Attempt
        Of this driver; `Attempt.is_salvage`.
    keep : callable
        Writes an attempt down, durably.
    fetch : callable
        Topic, partition and offset to a record; None where the topic does not have it.
    open_batch : callable
        Returns a batch on the state as it is committed.
    """

    def __init__(
        self,
        attempt: Attempt,
        keep: Callable[[Attempt], None],
        fetch: Callable[[str, int, int], Record | None],
        open_batch: Callable[[], B],
    ) -> None:
        self._attempt = attempt
        self._keep = keep
        self._fetch = fetch
        self._open_batch = open_batch
        self._batch = open_batch()
        self._suspect = attempt.step
        self.positions = dict(self._batch.offsets)
        """Next offset to read, by ``topic:partition``."""

    def run(self) -> B:
        """Apply the whole range, and return the batch that the stream goes on with.

        Raises
        ------
        RiskstreamError
            If a server does not answer or a newer driver has taken over.
        """
        while (place := self._next_place()) is not None:
            self._step(place)
        return self._batch

    def _next_place(self) -> str | None:
        """Return the first partition that is not read to the end of its range, if there is one."""
        unread = (
            place for place, end in self._attempt.until.items() if self.positions[place] < end
        )
        return min(unread, key=_order, default=None)

    def _step(self, place: str) -> None:
        """Take the next records of a partition in hand, and apply them or say which one failed."""
        step = self._next_step(place)
        self._keep(msgspec.structs.replace(self._attempt, step=step))
        if step.count == 1 and (step.error or step.deaths >= FATAL_DEATHS):
            self._pass_over(step)
            return
        records, following = self._read(step)
        try:
            self._batch.take(_events(records))
        except INNOCENT:
            raise
        except Exception as error:
            self._blame(step, error)
            return
        try:
            self._batch.await_durable()
        except INNOCENT:
            raise
        except Exception as error:
            # What is published cannot be taken back: the next driver goes on from here.
            failed = msgspec.structs.replace(step, error=_last_lines(error))
            self._keep(msgspec.structs.replace(self._attempt, step=failed))
            raise
        self.positions[place] = following

    def _next_step(self, place: str) -> Step:
        first, end = self.positions[place], self._attempt.until[place]
        suspect = self._suspect
        if suspect is None or not suspect.holds(place, first):
            if suspect is not None and suspect.place == place and suspect.first > first:
                end = min(end, suspect.first)  # what waits behind a mark is read again before it
            return Step(place=place, first=first, count=min(GROUP_RECORDS, end - first))
        if (suspect.first, suspect.count) == (first, 1):
            return suspect
        return Step(place=place, first=first, count=1)

    def _read(self, step: Step) -> tuple[list[Record], int]:
        """Return the records of a step and the offset behind them; fewer where they are long."""
        topic, partition = split_offset_key(step.place)
        records: list[Record] = []
        size = 0
        for offset in range(step.first, step.first + step.count):
            record = self._fetch(topic, partition, offset)
            if record is not None:
                records.append(record)
                size += len(record.value)
            if size >= GROUP_BYTES:
                return records, offset + 1
        return records, step.first + step.count

    def _blame(self, step: Step, error: Exception) -> None:
        """Go back to the committed state, and narrow down what is to blame."""
        self._suspect = msgspec.structs.replace(step, error=_last_lines(error))
        self._batch = self._open_batch()
        # What waits behind a mark is not committed: it is read again.
        self.positions = dict(self._batch.offsets)

    def _pass_over(self, step: Step) -> None:
        """Set one record aside: kept as rejected, its offset passed."""
        topic, partition = split_offset_key(step.place)
        why = (
            step.error or f"{step.deaths} drivers ended while it alone was in hand; it is not read"
        )
        record = self._fetch(topic, partition, step.first) if step.error else None
        self._batch.take({step.place: [quarantined_event(step.first, why, record)]})
        self._batch.await_durable()
        self.positions[step.place] = step.first + 1


def _events(records: Iterable[Record]) -> Events:
    events: Events = {}
    for record in records:
        place = offset_key(record.topic, record.partition)
        events.setdefault(place, []).append(record_event(record))
    return events


def _last_lines(error: Exception) -> str:
    """Return an error and where it was raised, in one line."""
    frames = traceback.extract_tb(error.__traceback__)[-TRACEBACK_FRAMES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return f"{type(error).__name__}: {error} ({' > '.join(places)})"


def _order(place: str) -> tuple[int, str]:
    return TOPIC_ORDER.index(split_offset_key(place)[0]), place
