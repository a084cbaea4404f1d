"""One reader of the push stream for all clients: each entry is read and framed once.

Laws of this file: a client gets entries in the order of the stream; it may miss an entry
only when a newer one of the same portfolio is on its way, and is told how many it missed;
a slow client costs nobody else anything.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from functools import cached_property
from typing import Final

import anyio
import msgspec

from system.clock import Clock, SystemClock
from system.contracts.api.risk import (
    GAP_EVENT,
    HEARTBEAT_EVENT,
    SNAPSHOT_EVENT,
    STALE_EVENT,
    StreamGap,
    StreamState,
    StreamStatus,
)
from system.contracts.codec import encode, encoded_by_rows
from system.contracts.messages import SnapshotKind
from system.serve.services.protocols import Latest
from system.store.errors import StoreUnavailableError
from system.store.redis.async_latest import OLDEST_ID
from system.store.redis.keyspace import STREAM_MAX_ENTRIES
from system.store.redis.redis_values import StreamEntry, entry_place

CLIENTS_MAX: Final = 500
PENDING_MAX: Final = 256
UNDROPPED_MAX: Final = STREAM_MAX_ENTRIES
"""Beyond it the push stream itself has forgotten what a client could resume from."""
CHUNK_EVENTS_MAX: Final = 16
TOLD_MAX: Final = 64
PUMP_BLOCK_MS: Final = 1_000
PUMP_COUNT: Final = 128
STATUS_EVERY_S: Final = 0.5
HEARTBEAT_EVERY_NS: Final = 1_000_000_000
RECONNECT_S: Final = 0.5
READY_BOUND_S: Final = 3.0

NO_STATUS: Final = StreamStatus(
    state=StreamState.STALE,
    heartbeat_age_ms=None,
    fence=-1,
    epoch=-1,
    durable_fence=-1,
    durable_epoch=-1,
    published_ns=0,
)


def framed(event: str, data: bytes, entry_id: str | None = None) -> bytes:
    """Return one server-sent event; ``data`` is JSON, which holds no line breaks."""
    head = f"event: {event}\r\n" if entry_id is None else f"id: {entry_id}\r\nevent: {event}\r\n"
    return head.encode("ascii") + b"data: " + data + b"\r\n\r\n"


class PushedSnapshot:
    """An entry of the stream with its frames, each made when first needed."""

    def __init__(self, entry: StreamEntry) -> None:
        self.entry = entry
        self.place = entry_place(entry.entry_id)

    @cached_property
    def whole(self) -> bytes:
        """The event that carries the ``RiskSnapshot``, its positions as rows."""
        return framed(SNAPSHOT_EVENT, encoded_by_rows(self.entry.snapshot), self.entry.entry_id)

    @cached_property
    def compact(self) -> bytes:
        """The event that carries the ``CurrentRisk``."""
        return framed(SNAPSHOT_EVENT, self.entry.current, self.entry.entry_id)


class Subscription:
    """Queue of snapshots that one client has still to get.

    Parameters
    ----------
    portfolio : str or None
        Only this one's snapshots; None: all.
    compact : bool
        Whether the events carry ``CurrentRisk`` instead of the whole snapshot.
    """

    def __init__(self, portfolio: str | None = None, *, compact: bool = False) -> None:
        self.portfolio = portfolio
        self.compact = compact
        self.dropped_count = 0
        self._pending: deque[PushedSnapshot] = deque()
        self._held: Counter[str] = Counter()
        self._status: StreamStatus | None = None
        self._told: deque[bytes] = deque(maxlen=TOLD_MAX)
        self._sent_through = (0, 0)
        self._sent_batch: dict[str, tuple[int, int]] = {}
        self._wake = asyncio.Event()
        self._closed = False

    def offer(self, pushed: PushedSnapshot) -> None:
        """Queue a snapshot; when too many wait, one that a newer one replaces goes.

        An end of day is replaced by nothing: where too many of them wait, the stream ends, and the
        client resumes it where it stopped.
        """
        if self._closed or not self._wants(pushed):
            return
        self._pending.append(pushed)
        self._held[pushed.entry.portfolio] += 1
        if len(self._pending) > PENDING_MAX:
            self._drop_replaced()
        if len(self._pending) > UNDROPPED_MAX:
            self.close()
        self._wake.set()

    def offer_status(self, status: StreamStatus) -> None:
        """Queue where the stream stands; only the newest status waits."""
        self._status = status
        self._wake.set()

    def tell(self, frame: bytes) -> None:
        """Queue an event that is of no snapshot; of too many the newest wait."""
        self._told.append(frame)
        self._wake.set()

    def skip_entries_through(self, entry_id: str) -> None:
        """Leave out entries up to this one: the client has them."""
        self._sent_through = entry_place(entry_id)
        self._filter_pending()

    def skip_batches_through(self, portfolio: str, fence: int, epoch: int) -> None:
        """Leave out a portfolio's snapshots up to this batch: the client has its newest."""
        self._sent_batch[portfolio] = (fence, epoch)
        self._filter_pending()

    def begin_again(self, gap: bytes) -> None:
        """Queue the news of a gap; what the client had leaves nothing out any more."""
        self._sent_through = (0, 0)
        self._sent_batch.clear()
        self.tell(gap)

    def frame(self, pushed: PushedSnapshot) -> bytes:
        """Return the event as this client wants it."""
        return pushed.compact if self.compact else pushed.whole

    def wants_portfolio(self, portfolio: str) -> bool:
        """Return whether this client asked for a portfolio."""
        return self.portfolio is None or self.portfolio == portfolio

    def close(self) -> None:
        """End the client's stream after what is queued."""
        self._closed = True
        self._wake.set()

    async def next_chunk(self) -> bytes | None:
        """Wait for events and return up to ``CHUNK_EVENTS_MAX``; None at the end."""
        while not self._pending and not self._told and self._status is None:
            if self._closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        frames = [self.frame(self._popped()) for _ in range(self._chunk_size())]
        frames.extend(self._told)
        self._told.clear()
        if self._status is not None:
            frames.append(status_frame(self._status, self.dropped_count))
            self._status = None
        return b"".join(frames)

    def _wants(self, pushed: PushedSnapshot) -> bool:
        entry = pushed.entry
        return (
            self.wants_portfolio(entry.portfolio)
            and pushed.place > self._sent_through
            and (entry.fence, entry.epoch) > self._sent_batch.get(entry.portfolio, (-1, -1))
        )

    def _filter_pending(self) -> None:
        self._pending = deque(pushed for pushed in self._pending if self._wants(pushed))
        self._held = Counter(pushed.entry.portfolio for pushed in self._pending)

    def _drop_replaced(self) -> None:
        for index, pushed in enumerate(self._pending):
            is_live = pushed.entry.kind is SnapshotKind.LIVE
            if is_live and self._held[pushed.entry.portfolio] > 1:
                del self._pending[index]
                self._held[pushed.entry.portfolio] -= 1
                self.dropped_count += 1
                return

    def _chunk_size(self) -> int:
        return min(len(self._pending), CHUNK_EVENTS_MAX)

    def _popped(self) -> PushedSnapshot:
        pushed = self._pending.popleft()
        self._held[pushed.entry.portfolio] -= 1
        return pushed


def status_frame(status: StreamStatus, dropped_count: int) -> bytes:
    """Return the heartbeat, or the news that it has stopped, as an event."""
    event = STALE_EVENT if status.state is StreamState.STALE else HEARTBEAT_EVENT
    told = msgspec.structs.replace(status, dropped_count=dropped_count)
    return framed(event, encode(told))


class SnapshotHub:
    """Reads the push stream once and hands every entry to every client.

    Parameters
    ----------
    latest : Latest
        Where the stream and its heartbeat are.
    clock : Clock
        Spaces the heartbeats.
    """

    def __init__(self, latest: Latest, clock: Clock | None = None) -> None:
        self._latest = latest
        self._clock = clock or SystemClock()
        self._clients: set[Subscription] = set()
        self._told_ns = 0
        self._reading = anyio.Event()
        self.status = NO_STATUS

    @property
    def is_full(self) -> bool:
        """True when the hub has all the clients that it accepts."""
        return len(self._clients) >= CLIENTS_MAX

    @property
    def client_count(self) -> int:
        """Number of connected clients."""
        return len(self._clients)

    async def ready(self) -> None:
        """Wait until the hub knows where the stream stands: from then on it misses nothing.

        Raises
        ------
        StoreUnavailableError
            If Redis has not answered within ``READY_BOUND_S``.
        """
        with anyio.move_on_after(READY_BOUND_S):
            await self._reading.wait()
        if not self._reading.is_set():
            raise StoreUnavailableError(f"no push stream: Redis is silent for {READY_BOUND_S:g} s")

    def subscribe(self, subscription: Subscription) -> None:
        """Queue for a client everything that is read from now on."""
        self._clients.add(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a client; not knowing it is fine."""
        self._clients.discard(subscription)

    def tell(self, portfolio: str, frame: bytes) -> None:
        """Hand an event that is of no snapshot to every client of a portfolio."""
        for client in self._clients:
            if client.wants_portfolio(portfolio):
                client.tell(frame)

    async def run(self) -> None:
        """Read until cancelled; a silent Redis is waited for, and told as stale."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._pump)
                tasks.start_soon(self._watch)
        finally:
            for client in self._clients:
                client.close()

    async def _pump(self) -> None:
        last_id: str | None = None
        while True:
            try:
                if last_id is None:
                    _, last_id = await self._latest.kept_range()
                    self._reading.set()
                last_id, entries = await self._entries_after(last_id)
            except StoreUnavailableError:
                await anyio.sleep(RECONNECT_S)
                continue
            for entry in entries:
                self._hand_out(PushedSnapshot(entry))
                last_id = entry.entry_id

    async def _entries_after(self, last_id: str) -> tuple[str, list[StreamEntry]]:
        """Return where to read from and the entries after it.

        Entries whose ids lie below the last one read would never come: the stream has begun
        again (Redis was emptied, another database has lower fences). It is read from its
        beginning then, and every client hears of the gap.
        """
        read = self._latest.read_since
        if entries := await read(last_id, block_ms=PUMP_BLOCK_MS, count=PUMP_COUNT):
            return last_id, entries
        oldest, newest = await self._latest.kept_range()
        if entry_place(newest) >= entry_place(last_id):
            return last_id, []
        gap = framed(GAP_EVENT, encode(StreamGap(resumed_from=last_id, oldest_kept=oldest)))
        for client in self._clients:
            client.begin_again(gap)
        return OLDEST_ID, []

    def _hand_out(self, pushed: PushedSnapshot) -> None:
        for client in self._clients:
            client.offer(pushed)

    async def _watch(self) -> None:
        while True:
            self._tell(await self._read_status())
            await anyio.sleep(STATUS_EVERY_S)

    async def _read_status(self) -> StreamStatus:
        try:
            return await self._latest.status()
        except StoreUnavailableError:
            return msgspec.structs.replace(
                self.status, state=StreamState.STALE, heartbeat_age_ms=None
            )

    def _tell(self, status: StreamStatus) -> None:
        changed = status.state is not self.status.state
        self.status = status
        now_ns = self._clock.monotonic_ns()
        if changed or now_ns - self._told_ns >= HEARTBEAT_EVERY_NS:
            self._told_ns = now_ns
            for client in self._clients:
                client.offer_status(status)
