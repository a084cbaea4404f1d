"""The newest risk in Redis, for the event loop: one round trip per question."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry

from system.contracts.api.risk import StreamStatus
from system.store.errors import StoreUnavailableError
from system.store.redis import keyspace
from system.store.redis.latest import answering, link_options, redis_backoff
from system.store.redis.redis_values import (
    LatestRecord,
    StreamEntry,
    Watermark,
    entries_from,
    entries_to_ask_for,
    record_from,
    status_from,
    watermark_from,
)

OLDEST_ID: Final = "0-0"


class LatestReader:
    """Reader of Redis for the API; JSON that can be passed on unchanged is not decoded.

    Parameters
    ----------
    redis_url : str
        Redis URL, password included; never logged.
    """

    def __init__(self, redis_url: str) -> None:
        pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
            redis_url,
            **link_options(),
            retry=Retry(redis_backoff(), keyspace.ATTEMPTS),
            max_connections=keyspace.READERS_MAX,
            timeout=keyspace.REPLY_TIMEOUT_S,
        )
        self._redis: Redis = Redis.from_pool(pool)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._redis.aclose()

    async def current(self, portfolio: str) -> LatestRecord | None:
        """Return a portfolio's ``CurrentRisk`` as JSON, None where there is none.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        return await self._record(portfolio, keyspace.CURRENT_FIELDS)

    async def snapshot(self, portfolio: str) -> LatestRecord | None:
        """Return a portfolio's ``RiskSnapshot`` as JSON, None where there is none.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        return await self._record(portfolio, keyspace.LATEST_FIELDS)

    async def portfolios(self) -> list[str]:
        """Return the portfolios that have a snapshot, sorted.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        async with _answering():
            members: Any = await self._redis.smembers(keyspace.PORTFOLIOS_KEY)
        return sorted(member.decode("utf-8") for member in members)

    async def currents(self, portfolios: list[str]) -> list[LatestRecord]:
        """Return the ``CurrentRisk`` of several portfolios, those that have one.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        return await self._records(portfolios, keyspace.CURRENT_FIELDS)

    async def snapshots(self, portfolios: list[str]) -> list[LatestRecord]:
        """Return the ``RiskSnapshot`` of several portfolios, those that have one.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        records: list[LatestRecord] = []
        for start in range(0, len(portfolios), keyspace.READ_AT_ONCE):
            names = portfolios[start : start + keyspace.READ_AT_ONCE]
            records += await self._records(names, keyspace.LATEST_FIELDS)
        return records

    async def status(self) -> StreamStatus:
        """Return where the stream stands and how old its heartbeat is.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        async with _answering():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.get(keyspace.HEARTBEAT_KEY)
            pipeline.pttl(keyspace.HEARTBEAT_KEY)
            pipeline.hmget(keyspace.WATERMARK_KEY, keyspace.WATERMARK_FIELDS)
            pipeline.hmget(keyspace.DURABLE_KEY, keyspace.DURABLE_FIELDS)
            pipeline.mget(keyspace.TOLD_KEYS)
            pipeline.pttl(keyspace.ORACLE_KEY)
            beat, expires_in_ms, watermark, durable, told, oracle_ms = await pipeline.execute()
        mark = watermark_from(watermark)
        return status_from(
            beat, expires_in_ms, mark, durable, *told, oracle_expires_in_ms=oracle_ms
        )

    async def watermark(self) -> Watermark | None:
        """Return the newest batch that was published, None before the first.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        async with _answering():
            reply: Any = self._redis.hmget(keyspace.WATERMARK_KEY, keyspace.WATERMARK_FIELDS)
            return watermark_from(await reply)

    async def read_since(
        self, last_id: str, *, block_ms: int = 0, count: int = 64
    ) -> list[StreamEntry]:
        """Return published snapshots after an entry, oldest first.

        Parameters
        ----------
        last_id : str
            ``entry_id`` of the last one seen; ``OLDEST_ID`` for the oldest kept.
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
        async with _answering(block_ms / 1_000):
            while asked := entries_to_ask_for(count, entries):
                streams: Any = {keyspace.SNAPSHOTS_KEY: last_id}
                # Only the first reply is waited for: after it there is something to return.
                block = None if entries else block_ms or None
                read = entries_from(await self._redis.xread(streams, asked, block))
                entries += read
                if len(read) < asked:
                    break
                last_id = read[-1].entry_id
        return entries

    async def kept_range(self) -> tuple[str, str]:
        """Return the ids of the oldest and the newest entry kept, ``OLDEST_ID`` if none.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer.
        """
        async with _answering():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.xrange(keyspace.SNAPSHOTS_KEY, count=1)
            pipeline.xrevrange(keyspace.SNAPSHOTS_KEY, count=1)
            oldest, newest = await pipeline.execute()
        if not oldest or not newest:
            return OLDEST_ID, OLDEST_ID
        return oldest[0][0].decode("ascii"), newest[0][0].decode("ascii")

    async def _record(self, portfolio: str, fields: tuple[str, ...]) -> LatestRecord | None:
        records = await self._records([portfolio], fields)
        return records[0] if records else None

    async def _records(self, portfolios: list[str], fields: tuple[str, ...]) -> list[LatestRecord]:
        async with _answering():
            pipeline = self._redis.pipeline(transaction=False)
            for portfolio in portfolios:
                pipeline.hmget(keyspace.latest_key(portfolio), fields)
            pipeline.hmget(keyspace.DURABLE_KEY, keyspace.DURABLE_FIELDS)
            pipeline.get(keyspace.HEARTBEAT_KEY)
            pipeline.pttl(keyspace.HEARTBEAT_KEY)
            *latest, durable, heartbeat, expires_in_ms = await pipeline.execute()
        records = (
            record_from(portfolio, reply, durable, heartbeat, expires_in_ms)
            for portfolio, reply in zip(portfolios, latest, strict=True)
        )
        return [record for record in records if record is not None]


@asynccontextmanager
async def _answering(waits_s: float = 0.0) -> AsyncIterator[None]:
    """Bound a question, its repetitions and its wait for a connection, all together.

    Parameters
    ----------
    waits_s : float
        How long Redis may itself wait for an entry, seconds.
    """
    bound_s = keyspace.ANSWER_BOUND_S + waits_s
    with answering():
        try:
            async with asyncio.timeout(bound_s):
                yield
        except TimeoutError:
            raise StoreUnavailableError(f"Redis does not answer within {bound_s:g} s") from None
