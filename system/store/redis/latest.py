"""The newest risk in Redis, for threads: written by the stream, read by checkers and tests.

The asynchronous reader of the API is ``system.store.redis.async_latest``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.commands.core import Script
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import (
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from system.contracts.api.risk import StreamState, StreamStatus, current_risk
from system.contracts.codec import encode
from system.contracts.messages import RiskSnapshot
from system.contracts.oracle import OracleStatus
from system.contracts.replay import ReplayStatus
from system.contracts.warm_up import WarmUpProgress
from system.store.errors import FencedError, StoreUnavailableError
from system.store.records import Position
from system.store.redis import keyspace
from system.store.redis.redis_values import (
    Heartbeat,
    LatestSnapshot,
    StreamEntry,
    Watermark,
    entries_from,
    entries_to_ask_for,
    snapshot_from,
    status_from,
    watermark_from,
)

_PASSING: Final = (OutOfMemoryError, ReadOnlyError, MasterDownError, TryAgainError)
_PASSING_CODES: Final = ("BUSY ", "MISCONF ", "NOREPLICAS ")
"""Refusals of Redis that are about its state and not about what was asked: by class where redis-py
has one, by how they begin otherwise."""


class LatestStore:
    """Writes each batch by one script, only what is newer; reads it back decoded.

    Safe to share between threads. Connects when first used.

    Parameters
    ----------
    redis_url : str
        Redis URL, password included; never logged.
    attempts : int
        How often a command is tried again; each writes only what is newer.
    """

    def __init__(self, redis_url: str, *, attempts: int = keyspace.ATTEMPTS) -> None:
        self._redis = Redis.from_url(
            redis_url,
            **link_options(),
            retry=Retry(redis_backoff(), attempts),
        )
        self._attempts = attempts
        self._identity = ""
        self._publish = self._redis.register_script(keyspace.PUBLISH)
        self._mark_durable = self._redis.register_script(keyspace.MARK_DURABLE)
        self._beat = self._redis.register_script(keyspace.BEAT)
        self._claim = self._redis.register_script(keyspace.CLAIM)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; a later call connects anew."""
        self._redis.close()

    # -- writing ------------------------------------------------------------------------

    def claimed_fence(self) -> int:
        """Return the highest fence that was claimed, 0 where none was.

        Raises
        ------
        ForeignContentError
            If it is no number that a driver of ours has claimed.
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            value: Any = self._redis.get(keyspace.FENCE_KEY)
        return keyspace.fence_from(value)

    def identity(self) -> str:
        """Return the database whose numbers these are, empty where no driver has claimed them.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            value: Any = self._redis.get(keyspace.IDENTITY_KEY)
        return "" if value is None else value.decode("utf-8", "replace")

    def claim(self, fence: int, committed: Position | None = None, *, identity: str = "") -> None:
        """Refuse every writer with a lower fence from now on, and discard another database's.

        Parameters
        ----------
        fence : int
            What ``RiskHistory.acquire_fence`` gave.
        committed : Position or None
            ``RiskHistory.committed()``: what is durable, should the driver before have died
            between its commit and its saying so, or PostgreSQL have lost commits.
        identity : str
            ``StateIdentity.name``: numbers of another database are removed. Empty: whatever is
            there stays.

        Raises
        ------
        FencedError
            If a higher fence was claimed already.
        StoreUnavailableError
            If Redis does not answer.
        """
        last = [] if committed is None else [committed.fence, committed.epoch]
        self._identity = identity
        values = [fence, 0, identity, keyspace.LATEST_PREFIX, *last]
        self._run(self._claim, list(keyspace.CLAIMED_KEYS), values, fence)

    def publish(
        self,
        snapshots: Sequence[RiskSnapshot],
        *,
        fence: int,
        epoch: int,
        offsets: Mapping[str, int],
        published_ns: int,
    ) -> int:
        """Write a batch: newest snapshots, the push stream and the watermark, at once.

        Parameters
        ----------
        snapshots : sequence of RiskSnapshot
            In the order in which they were taken; the last of a portfolio is its newest.
        fence, epoch : int
            The batch's place in the order of all batches.
        offsets : mapping of str to int
            ``topic:partition`` to the first offset that is not covered.
        published_ns : int
            CLOCK_MONOTONIC now, nanoseconds.

        Returns
        -------
        int
            Snapshots written; fewer than given where Redis held newer ones.

        Raises
        ------
        FencedError
            If a higher fence was claimed; nothing was written.
        StoreUnavailableError
            If Redis does not answer.
        """
        keys = [
            keyspace.FENCE_KEY,
            keyspace.WATERMARK_KEY,
            keyspace.SNAPSHOTS_KEY,
            keyspace.PORTFOLIOS_KEY,
            *(keyspace.latest_key(snapshot.portfolio) for snapshot in snapshots),
        ]
        watermark = [msgspec.json.encode(dict(offsets)), published_ns]
        bodies = [value for snapshot in snapshots for value in snapshot_values(snapshot)]
        bound = _entries_kept(sum(map(len, bodies)), len(snapshots))
        values = [fence, epoch, *watermark, bound, *bodies]
        return self._run(self._publish, keys, values, fence)

    def mark_durable(self, fence: int, epoch: int) -> None:
        """Say that a batch is committed to PostgreSQL; an older one changes nothing.

        Raises
        ------
        FencedError
            If a higher fence was claimed.
        StoreUnavailableError
            If Redis does not answer.
        """
        keys = [keyspace.FENCE_KEY, keyspace.DURABLE_KEY]
        self._run(self._mark_durable, keys, [fence, epoch], fence)

    def clock_ms(self) -> int:
        """Return Redis's own time, milliseconds since 1970.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            seconds, microseconds = self._patient()(self._redis.time)
        return int(seconds) * 1_000 + int(microseconds) // 1_000

    def beat(
        self,
        fence: int,
        epoch: int,
        *,
        monotonic_ns: int,
        state: StreamState,
        portfolio_count: int = 0,
        observed_ms: int | None = None,
    ) -> bool:
        """Say that the stream lives; forgotten after ``HEARTBEAT_EXPIRY_MS``.

        Parameters
        ----------
        fence, epoch : int
            Of the newest batch.
        monotonic_ns : int
            CLOCK_MONOTONIC now, nanoseconds.
        state : StreamState
            As the stream says of itself: anything but stale.
        portfolio_count : int
            How many portfolios it has published.
        observed_ms : int, optional
            ``clock_ms`` before the state was observed. A beat that reaches Redis more than
            ``BEAT_AGE_MS`` later is dropped: it would state the past.

        Returns
        -------
        bool
            False where Redis was emptied since: the watermark is gone, or portfolios are. True
            of a beat that was dropped.

        Raises
        ------
        FencedError
            If a higher fence was claimed: the driver must stop.
        StoreUnavailableError
            If Redis does not answer.
        """
        beat = msgspec.json.encode(Heartbeat(fence, epoch, monotonic_ns, state))
        keys = [
            keyspace.FENCE_KEY,
            keyspace.HEARTBEAT_KEY,
            keyspace.WATERMARK_KEY,
            keyspace.PORTFOLIOS_KEY,
            keyspace.IDENTITY_KEY,
        ]
        # An emptied Redis must know again whose numbers it is filled with.
        bound = keyspace.HEARTBEAT_EXPIRY_MS
        observed = "" if observed_ms is None else observed_ms
        values = [fence, epoch, beat, bound, portfolio_count, self._identity]
        values += [observed, keyspace.BEAT_AGE_MS]
        return bool(self._run(self._beat, keys, values, fence))

    def publish_oracle(self, status: OracleStatus) -> None:
        """Say what the oracle has found; forgotten after ``ORACLE_EXPIRY_MS``.

        Parameters
        ----------
        status : OracleStatus
            The whole of it.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            self._redis.set(
                keyspace.ORACLE_KEY, msgspec.json.encode(status), px=keyspace.ORACLE_EXPIRY_MS
            )

    def publish_replay(self, status: ReplayStatus) -> None:
        """Say where a replay stands; forgotten after ``REPLAY_EXPIRY_MS``.

        Parameters
        ----------
        status : ReplayStatus
            The whole of it.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            self._redis.set(
                keyspace.REPLAY_KEY, msgspec.json.encode(status), px=keyspace.REPLAY_EXPIRY_MS
            )

    def publish_warm_up(self, progress: WarmUpProgress | None) -> None:
        """Say how far the warm-up is, forgotten after ``WARM_UP_EXPIRY_MS``; None: it is over.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            if progress is None:
                self._redis.delete(keyspace.WARM_UP_KEY)
            else:
                value = msgspec.json.encode(progress)
                self._redis.set(keyspace.WARM_UP_KEY, value, px=keyspace.WARM_UP_EXPIRY_MS)

    # -- reading ------------------------------------------------------------------------

    def warm_up(self) -> WarmUpProgress | None:
        """Return how far the stream's warm-up is, None where it does not warm up.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            value = self._redis.get(keyspace.WARM_UP_KEY)
        return None if value is None else msgspec.json.decode(value, type=WarmUpProgress)

    def watermark(self) -> Watermark | None:
        """Return the newest batch that was published, None before the first.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            return watermark_from(self._hash(keyspace.WATERMARK_KEY, keyspace.WATERMARK_FIELDS))

    def latest(self, portfolio: str) -> LatestSnapshot | None:
        """Return a portfolio's newest snapshot, None where there is none.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hmget(keyspace.latest_key(portfolio), keyspace.LATEST_FIELDS)
            pipeline.hmget(keyspace.DURABLE_KEY, keyspace.DURABLE_FIELDS)
            return snapshot_from(*pipeline.execute())

    def portfolios(self) -> list[str]:
        """Return the portfolios that have a snapshot, sorted.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            members: Any = self._redis.smembers(keyspace.PORTFOLIOS_KEY)
        return sorted(member.decode("utf-8") for member in members)

    def status(self) -> StreamStatus:
        """Return where the stream stands and how old its heartbeat is.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        with answering():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.get(keyspace.HEARTBEAT_KEY)
            pipeline.pttl(keyspace.HEARTBEAT_KEY)
            pipeline.hmget(keyspace.WATERMARK_KEY, keyspace.WATERMARK_FIELDS)
            pipeline.hmget(keyspace.DURABLE_KEY, keyspace.DURABLE_FIELDS)
            pipeline.mget(keyspace.TOLD_KEYS)
            pipeline.pttl(keyspace.ORACLE_KEY)
            beat, expires_in_ms, watermark, durable, told, oracle_ms = pipeline.execute()
        mark = watermark_from(watermark)
        return status_from(
            beat, expires_in_ms, mark, durable, *told, oracle_expires_in_ms=oracle_ms
        )

    def read_since(self, last_id: str, *, block_ms: int = 0, count: int = 64) -> list[StreamEntry]:
        """Return published snapshots after an entry, oldest first.

        Parameters
        ----------
        last_id : str
            ``entry_id`` of the last one seen; ``0`` for the oldest kept.
        block_ms : int
            How long to wait for the first one, at most ``BLOCK_MS_MAX``; 0: not at all.
        count : int
            At most so many, up to ``READ_COUNT_MAX``.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        assert 0 <= block_ms <= keyspace.BLOCK_MS_MAX, f"block_ms {block_ms} is not in the bounds"
        entries: list[StreamEntry] = []
        with answering():
            while asked := entries_to_ask_for(count, entries):
                streams: Any = {keyspace.SNAPSHOTS_KEY: last_id}
                # Only the first reply is waited for: after it there is something to return.
                block = None if entries else block_ms or None
                read = entries_from(self._redis.xread(streams, asked, block))
                entries += read
                if len(read) < asked:
                    break
                last_id = read[-1].entry_id
        return entries

    # -- inner --------------------------------------------------------------------------

    def _hash(self, key: str, fields: Sequence[str]) -> Any:  # noqa: ANN401 - redis-py's reply
        return self._redis.hmget(key, list(fields))

    def _run(self, script: Script, keys: list[str], values: list[Any], fence: int) -> int:
        with answering():
            outcome, count = self._patient()(script, keys=keys, args=values)
        if outcome == keyspace.FENCED:
            raise FencedError(fence, int(count))
        return int(count)

    def _patient(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception(is_passing),
            stop=stop_after_attempt(self._attempts),
            wait=wait_exponential(multiplier=keyspace.BACKOFF_BASE_S, max=keyspace.BACKOFF_MAX_S),
            reraise=True,
        )


def is_passing(error: BaseException) -> bool:
    """Return whether Redis refuses a write now and may take it in a moment.

    Memory is free again once a slow reader was disconnected, a script comes to its end, a replica
    becomes the primary, a disk has room again.
    """
    if isinstance(error, _PASSING):
        return True
    return isinstance(error, ResponseError) and str(error).startswith(_PASSING_CODES)


@contextmanager
def answering() -> Iterator[None]:
    """Turn a Redis that is silent, full or refuses into our own error, without its URL.

    Raises
    ------
    StoreUnavailableError
        If Redis does not answer, is full or refuses a command; says which.
    """
    try:
        yield
    except OutOfMemoryError as error:
        raise StoreUnavailableError(
            "Redis's memory is full (maxmemory), so that it takes no new numbers: give it more, "
            f"or disconnect what fills it: {error}"
        ) from error
    except ResponseError as error:
        raise StoreUnavailableError(f"Redis refuses: {error}") from error
    except (RedisConnectionError, RedisTimeoutError) as error:
        raise StoreUnavailableError(
            f"Redis does not answer within {keyspace.REPLY_TIMEOUT_S:g} s, "
            f"tried again and again: {error}"
        ) from error
    except RedisError as error:
        raise StoreUnavailableError(f"Redis cannot be used: {error}") from error


def link_options(timeout_s: float | None = None) -> dict[str, Any]:
    """Return the bounds of a connection to Redis, for every client of it.

    A reply that does not come, from a stopped server or a vanished host, is noticed within
    ``REPLY_TIMEOUT_S``; a connection of the pool that was idle for long is asked before it is used.

    Parameters
    ----------
    timeout_s : float, optional
        Bound of connection and reply in place of the usual ones, seconds.
    """
    return {
        "protocol": 2,
        "socket_timeout": timeout_s or keyspace.REPLY_TIMEOUT_S,
        "socket_connect_timeout": timeout_s or keyspace.CONNECT_TIMEOUT_S,
        "socket_keepalive": True,
        "socket_keepalive_options": keyspace.KEEPALIVES,
        "health_check_interval": keyspace.IDLE_UNASKED_S,
    }


def redis_backoff() -> ExponentialWithJitterBackoff:
    """Return how long to wait between the attempts at a command."""
    return ExponentialWithJitterBackoff(base=keyspace.BACKOFF_BASE_S, cap=keyspace.BACKOFF_MAX_S)


def _entries_kept(batch_bytes: int, snapshot_count: int) -> int:
    """Return how many entries like a batch's the push stream may hold."""
    mean_bytes = max(1, batch_bytes // max(1, snapshot_count))
    fitting = keyspace.STREAM_MAX_BYTES // mean_bytes
    return max(keyspace.STREAM_MIN_ENTRIES, min(keyspace.STREAM_MAX_ENTRIES, fitting))


def snapshot_values(snapshot: RiskSnapshot) -> list[bytes]:
    """Return the arguments of the ``PUBLISH`` script that stand for one snapshot."""
    current = encode(current_risk(snapshot))
    return [snapshot.portfolio.encode(), snapshot.kind.encode(), encode(snapshot), current]
