"""Large books are valued on the executors: shards of portfolios, each in a replica of the state.

A replica is kept by each Python worker of an executor and is told of the rows that have changed:
of all of them at times, as a broadcast, and of those since then with each batch. Whatever worker a
shard comes to, its replica states the bits that the driver would state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Final

import msgspec
from pyspark import SparkContext
from pyspark.core.broadcast import Broadcast

from system.book.replica import Replica, ValuationOrder, is_valued_with
from system.book.state.rows import update_rows
from system.contracts.messages import RiskSnapshot

MAX_RECENT_BYTES: Final = 4_000_000
"""Changed rows that go with each batch; beyond it all rows are broadcast anew."""

_NUMBERS: Final = count()
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(RiskSnapshot)
_REPLICAS: Final[dict[str, tuple[int, Replica]]] = {}
"""Of this worker process: that of the driver that asked last, and its broadcast's version."""


@dataclass(frozen=True, slots=True)
class Shard:
    """What one task values.

    Parameters
    ----------
    order : ValuationOrder
        Its portfolios.
    recent : dict of str to bytes
        Rows that have changed since the broadcast.
    """

    order: ValuationOrder
    recent: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class ReplicaKey:
    """Whose replica it is, which broadcast it is to know, and what it is made with."""

    name: str
    version: int
    stale_after_ns: int


class ShardedValuation:
    """A ``Valuer`` that asks the executors once a batch touches many portfolios.

    Parameters
    ----------
    context : callable
        Returns the session's context; called at the first valuation.
    rows : mapping of str to bytes
        The state as it was kept, before any batch.
    from_portfolios : int
        Fewer are left to the driver.
    shard_count : int
        Tasks of a batch: the cores of the cluster.
    stale_after_ns : int
        As the book's own.
    """

    def __init__(
        self,
        context: Callable[[], SparkContext],
        rows: Mapping[str, bytes],
        *,
        from_portfolios: int,
        shard_count: int,
        stale_after_ns: int,
    ) -> None:
        self._context = context
        self._rows = {key: row for key, row in rows.items() if is_valued_with(key)}
        self._recent: dict[str, bytes] = {}
        self._from_portfolios = from_portfolios
        self._shard_count = shard_count
        self._key = ReplicaKey(f"valuation-{next(_NUMBERS)}", 0, stale_after_ns)
        self._base: Broadcast[dict[str, bytes]] | None = None

    def __call__(
        self, order: ValuationOrder, changed: Mapping[str, bytes | None]
    ) -> tuple[RiskSnapshot, ...] | None:
        """Return the snapshots in the order's order; None where the driver is to take them."""
        valued_with = {key: row for key, row in changed.items() if is_valued_with(key)}
        update_rows(self._rows, valued_with)
        update_rows(self._recent, valued_with)
        if len(order.portfolios) < self._from_portfolios:
            return None
        base = self._broadcast()
        work = partial(valued_shards, base, self._key)
        shards = [Shard(part, self._recent) for part in parts_of(order, self._shard_count)]
        found = self._context().parallelize(shards, len(shards)).mapPartitions(work).collect()
        snapshots = {one.portfolio: one for one in map(_DECODER.decode, found)}
        return tuple(snapshots[name] for name in order.portfolios)

    def _broadcast(self) -> Broadcast[dict[str, bytes]]:
        if self._base is None or sum(map(len, self._recent.values())) > MAX_RECENT_BYTES:
            if self._base is not None:
                self._base.unpersist()
            self._base = self._context().broadcast(dict(self._rows))
            self._key = replace(self._key, version=self._key.version + 1)
            self._recent = {}
        return self._base


def parts_of(order: ValuationOrder, count: int) -> list[ValuationOrder]:
    """Return an order in so many parts of nearly equal size; fewer when there are fewer books."""
    names = order.portfolios
    return [order.part(names[at::count]) for at in range(min(count, len(names)))]


def valued_shards(
    base: Broadcast[dict[str, bytes]], key: ReplicaKey, shards: Iterator[Shard]
) -> Iterator[bytes]:
    """Value shards in this worker's replica; each snapshot comes as MessagePack."""
    replica = _replica(base, key)
    for shard in shards:
        replica.update(shard.recent)
        for snapshot in replica.snapshots(shard.order):
            yield _ENCODER.encode(snapshot)


def _replica(base: Broadcast[dict[str, bytes]], key: ReplicaKey) -> Replica:
    """Return this worker's replica, told of all rows of a broadcast once."""
    known = _REPLICAS.get(key.name)
    if known is None:
        _REPLICAS.clear()
        known = (-1, Replica(stale_after_ns=key.stale_after_ns))
    version, replica = known
    if version != key.version:
        replica.update(base.value)
    _REPLICAS[key.name] = (key.version, replica)
    return replica
