"""Which snapshots are taken up, and the tally of what was found."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec

from system.bus.consumer import Record
from system.clock import Clock
from system.contracts.codec import decode
from system.contracts.messages import RejectReason, RiskSnapshot, SnapshotKind
from system.contracts.oracle import OracleCheck, OracleStatus, OracleVerdict
from system.errors import MessageError
from system.store.errors import StoreUnavailableError
from validation.oracle.inputs_at import ORDER, OffsetCursor
from validation.oracle.snapshot_check import checked, failed
from validation.rules.marks import MARK_WAIT_MS

SAMPLES_PER_S: Final = 2.0
"""At most. An exact recomputation takes about 20 ms: this costs some 4 % of one core."""
REST_PER_WORK: Final = 9
"""Live samples give way: whatever one of them took, nine times as long none is taken up."""
READ_BOUND_S: Final = 20.0
"""Longest wait for the inputs that a snapshot says it has seen."""
COMMIT_BOUND_S: Final = 2.0
"""Longest wait for the commit of a batch that is announced; it takes some 10 ms."""
COMMIT_POLL_S: Final = 0.02
PUBLISH_EVERY_NS: Final = 500_000_000
MAX_WAITING_RECORDS: Final = 200_000
"""Beyond this nothing is read ahead until a snapshot asks for it."""
MAX_WAITING_SNAPSHOTS: Final = 20_000
MAX_WAITING_BYTES: Final = 256_000_000
"""The same bound in bytes: records of an input topic may be a megabyte each."""
MAX_PORTFOLIOS_SHOWN: Final = 64
MAX_PORTFOLIOS_IN_TURN: Final = 10_000
"""Names on the topic whose turns are remembered: anybody can make them up."""
_LOG: Final = logging.getLogger(__name__)


class Reader(Protocol):
    """Part of ``system.bus.consumer.Follower`` that the oracle needs."""

    @property
    def position(self) -> Mapping[str, int]:
        """The next offset to be read, by ``topic:partition``."""
        ...

    def poll(self, timeout_seconds: float = ...) -> list[Record]:
        """Return what has come."""
        ...


class SnapshotHistory(Protocol):
    """The part of ``system.store.postgres.oracle_record.OracleRecord`` that is needed."""

    def is_stored(self, snapshot_id: str, value: bytes) -> bool:
        """Return whether the history has a snapshot with these bytes."""
        ...

    def may_come(self, fence: int, epoch: int) -> bool:
        """Return whether a batch may be announced and not committed yet."""
        ...


class _Header(msgspec.Struct):
    """The part of a snapshot that decides whether it is taken up."""

    portfolio: str
    kind: SnapshotKind


class Tally:
    """Counts and differences of the oracle, as they are published."""

    def __init__(self, *, since_ms: int = 0) -> None:
        self._status = OracleStatus(running=True, samples_per_s=SAMPLES_PER_S, since_ms=since_ms)

    @property
    def status(self) -> OracleStatus:
        """Return all of it."""
        return self._status

    def add(self, check: OracleCheck) -> None:
        """Count one check."""
        known = self._status
        compared = check.verdict is not OracleVerdict.UNCHECKED
        newest = {k: v for k, v in known.newest.items() if k != check.portfolio}
        newest[check.portfolio] = check
        for name in list(newest)[: max(0, len(newest) - MAX_PORTFOLIOS_SHOWN)]:
            del newest[name]
        first = known.first_difference
        if first is None and check.verdict is OracleVerdict.DIFFERS:
            first = check
        self._status = msgspec.structs.replace(
            known,
            checked=known.checked + compared,
            agreed=known.agreed + (check.verdict is OracleVerdict.AGREED),
            not_compared=known.not_compared + (not compared),
            worst_difference=_larger(known.worst_difference, check.largest_difference),
            first_difference=first,
            newest=newest,
        )

    def skip(self, record: Record, error: Exception) -> None:
        """Count a record of the topic of snapshots that is none."""
        _LOG.warning(
            "%s:%d offset %d is no snapshot and is skipped: %s",
            record.topic,
            record.partition,
            record.offset,
            error,
        )
        self._status = msgspec.structs.replace(self._status, unreadable=self._status.unreadable + 1)

    def count(self, field: Literal["skipped", "behind", "not_stored"], number: int = 1) -> None:
        """Count snapshots that are not checked, for one of the reasons."""
        known: int = getattr(self._status, field)
        self._status = msgspec.structs.replace(self._status, **{field: known + number})

    def recall(self, difference: OracleCheck) -> None:
        """Take over a difference of before this process: it is still open."""
        self._status = msgspec.structs.replace(self._status, first_difference=difference)

    def acknowledge(self) -> None:
        """Forget the differences up to now: a person has seen them."""
        known = self._status
        self._status = msgspec.structs.replace(
            known, first_difference=None, acknowledged=known.checked - known.agreed
        )

    def begin(self, base: str) -> None:
        """Say where the oracle has begun to read."""
        self._status = msgspec.structs.replace(self._status, base=base)

    def say(self, problem: str) -> None:
        """Say why nothing can be checked now; empty when it can."""
        self._status = msgspec.structs.replace(self._status, problem=problem)


class LiveOracle:
    """Follows inputs and snapshots, and checks ends of day and a sample of the live ones.

    Parameters
    ----------
    inputs : Reader
        Of the input topics, from their beginning.
    snapshots : Reader
        Of the topic of snapshots.
    publish : callable
        Told of the tally about twice a second.
    clock : Clock
        Times the samples.
    mark_wait_ms : int
        The stream's bound of how long a mark waits for the other partitions.
    history : SnapshotHistory, optional
        What was committed: a snapshot that is not there moves nothing on. None: all are taken.
    tally : Tally, optional
        Of before, to be gone on with.
    walk : OffsetCursor, optional
        Of a checkpoint, as far as ``inputs`` have been read; None: at their beginning.
    """

    def __init__(
        self,
        inputs: Reader,
        snapshots: Reader,
        publish: Callable[[OracleStatus], None],
        clock: Clock,
        *,
        mark_wait_ms: int = MARK_WAIT_MS,
        history: SnapshotHistory | None = None,
        tally: Tally | None = None,
        walk: OffsetCursor | None = None,
    ) -> None:
        self._inputs = inputs
        self._snapshots = snapshots
        self._publish = publish
        self._clock = clock
        self._history = history
        self._walk = walk or OffsetCursor(inputs.position, mark_wait_ms=mark_wait_ms)
        self._waiting: deque[Record] = deque()
        self._due_ns = 0
        self._told_ns = -PUBLISH_EVERY_NS
        self._turn: dict[str, int] = {}
        self.tally = tally or Tally()

    @property
    def walk(self) -> OffsetCursor:
        """Inputs that were read, and how far they are taken."""
        return self._walk

    def step(self, poll_s: float) -> None:
        """Read what has come, and check what is due; waits at most a few seconds."""
        if (
            self._walk.waiting_count < MAX_WAITING_RECORDS
            and self._walk.waiting_bytes < MAX_WAITING_BYTES
        ):
            self._walk.add(self._inputs.poll(poll_s))
        if len(self._waiting) < MAX_WAITING_SNAPSHOTS:
            self._waiting.extend(self._snapshots.poll(poll_s))
        for record in self._chosen():
            began_ns = self._clock.monotonic_ns()
            self._check(record)
            ended_ns = self._clock.monotonic_ns()
            self._due_ns = max(self._due_ns, ended_ns + REST_PER_WORK * (ended_ns - began_ns))
            self._tell()
        self._tell()

    def _tell(self) -> None:
        """Publish the tally, often enough that it does not expire, and no oftener."""
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._told_ns + PUBLISH_EVERY_NS:
            self._told_ns = now_ns
            self._publish(self.tally.status)

    def _chosen(self) -> Iterable[Record]:
        """Yield what is checked now, in the order of the topic; skip what is no snapshot."""
        live: list[tuple[str, Record]] = []
        while self._waiting:
            record = self._waiting.popleft()
            try:
                header = msgspec.json.decode(record.value, type=_Header)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self.tally.skip(record, error)
                continue
            if header.kind is SnapshotKind.END_OF_DAY:
                yield from self._sample(live)
                live = []
                yield record
                continue
            live.append((header.portfolio, record))
        yield from self._sample(live)

    def _sample(self, live: Sequence[tuple[str, Record]]) -> Iterable[Record]:
        """Yield the newest snapshot of whose turn it is, if one is due."""
        now_ns = self._clock.monotonic_ns()
        if not live or now_ns < self._due_ns:
            self.tally.count("skipped", len(live))
            return
        self.tally.count("skipped", len(live) - 1)
        self._due_ns = now_ns + round(1e9 / SAMPLES_PER_S)
        newest = dict(live)
        name = min(newest, key=lambda portfolio: (self._turn.get(portfolio, -1), portfolio))
        self._turn.pop(name, None)
        self._turn[name] = now_ns
        if len(self._turn) > MAX_PORTFOLIOS_IN_TURN:
            del self._turn[next(iter(self._turn))]
        yield newest[name]

    def _check(self, record: Record) -> None:
        """Check one snapshot, or count why that cannot be: anybody can write to the topic."""
        try:
            snapshot = decode(record.value, RiskSnapshot)
            _refuse_other_topics(snapshot.offsets)
        except MessageError as error:
            self.tally.skip(record, error)
            return
        if not self._is_committed(snapshot, record.value):
            return
        if not self._walk.is_behind(snapshot.offsets, snapshot.kind):
            self.tally.count("behind")
            return
        if not self._has_read(snapshot.offsets):
            self.tally.say(f"inputs of {snapshot.snapshot_id} did not come in {READ_BOUND_S:.0f} s")
            return
        self.tally.say("")
        now_ms = self._clock.wall_ns() // 10**6
        try:
            self._walk.go_to(snapshot.offsets, snapshot.kind)
            check = checked(snapshot, self._walk.inputs, now_ms=now_ms)
        except Exception as error:
            _LOG.exception("snapshot %s cannot be recomputed", snapshot.snapshot_id)
            check = failed(snapshot, error, now_ms=now_ms)
        self.tally.add(check)

    def _is_committed(self, snapshot: RiskSnapshot, value: bytes) -> bool:
        """Return whether the history has a snapshot; waits for one whose batch is under way.

        Anybody can write to the topic: one that is not there says nothing of the product, and
        its offsets would move the walk on past those that are to be checked.
        """
        if self._history is None:
            return True
        deadline_ns = self._clock.monotonic_ns() + round(COMMIT_BOUND_S * 1e9)
        try:
            while not self._history.is_stored(snapshot.snapshot_id, value):
                under_way = self._history.may_come(snapshot.fence, snapshot.epoch)
                if not under_way and self._history.is_stored(snapshot.snapshot_id, value):
                    return True  # committed between the two questions
                if not under_way or self._clock.monotonic_ns() > deadline_ns:
                    self.tally.count("not_stored")
                    return False
                self._clock.sleep(COMMIT_POLL_S)
                self._tell()
        except StoreUnavailableError as error:
            self.tally.say(f"snapshots cannot be told from forged ones: {error}")
            self.tally.count("skipped")
            return False
        return True

    def _has_read(self, offsets: Mapping[str, int]) -> bool:
        """Read until everything below a vector is there; False if it does not come."""
        deadline_ns = self._clock.monotonic_ns() + round(READ_BOUND_S * 1e9)
        while _is_short(self._inputs.position, offsets):
            if self._clock.monotonic_ns() > deadline_ns:
                return False
            self._walk.add(self._inputs.poll(0.05))
            self._tell()
        return True


def _is_short(position: Mapping[str, int], offsets: Mapping[str, int]) -> bool:
    return any(position.get(place, 0) < offset for place, offset in offsets.items())


def _refuse_other_topics(offsets: Mapping[str, int]) -> None:
    """Refuse a snapshot of offsets that no input topic has: it is not of this stream."""
    for place, offset in offsets.items():
        if place.rpartition(":")[0] not in ORDER or offset < 0:
            detail = f"offset {offset} of {place!r} is of no input topic"
            raise MessageError(RejectReason.INVALID, detail)


def _larger(known: float | None, larger: float | None) -> float | None:
    if known is None or larger is None:
        return larger if known is None else known
    return max(known, larger)
