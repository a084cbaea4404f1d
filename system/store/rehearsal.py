"""The stores as the stream's warm-up uses them: the same statements, and no trace of them."""

from __future__ import annotations

from typing import Any

from redis.commands.core import Script

from system.store.postgres.history import RiskHistory
from system.store.records import BatchCommit
from system.store.redis import keyspace
from system.store.redis.latest import LatestStore, answering


class RehearsedLatest(LatestStore):
    """Redis under keys of its own, which no reader looks at and ``close`` removes.

    Raises
    ------
    StoreUnavailableError
        From every method, if Redis does not answer.
    """

    def __init__(self, redis_url: str) -> None:
        super().__init__(redis_url)
        self._written: set[str] = set()

    def _run(self, script: Script, keys: list[str], values: list[Any], fence: int) -> int:
        own = [keyspace.REHEARSAL_PREFIX + key for key in keys]
        self._written.update(own)
        return super()._run(script, own, values, fence)

    def close(self) -> None:
        """Remove what was written, and close every connection."""
        with answering():
            if self._written:
                self._redis.delete(*self._written)
        super().close()


class RehearsedHistory:
    """PostgreSQL in transactions that are rolled back.

    Parameters
    ----------
    history : RiskHistory
        Of the driver, whose fence is held.
    """

    def __init__(self, history: RiskHistory) -> None:
        self._history = history

    def commit(self, batch: BatchCommit) -> bool:
        """Run every statement of a batch's transaction, and take it back.

        Raises
        ------
        FencedError
            If another driver has taken over.
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        return self._history.rehearse(batch)
