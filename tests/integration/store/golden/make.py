"""Fill an empty database with a little of everything, and print what must be made of it.

Run with the code of the release that is to be kept (``PYTHONPATH`` of its checkout), then::

    pg_dump --inserts --no-owner --no-privileges URL | grep -v '^[\\]' > golden/VERSION.sql
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator

from system.book.ingest.fold import Fold
from system.book.valuation.limits import LimitAlerts
from system.store.postgres.history import RiskHistory
from system.store.records import BatchCommit
from tests.system.book.feed import Feed, holding, live, opened, rate, tick, trade, unreadable


def folds(feed: Feed) -> Iterator[Fold]:
    """Yield batches: prices, trades of all kinds, rejected messages, two ends of day."""
    yield feed.send(tick("A", 101.0), tick("D", 3010.0), rate("USD", 1.1), rate("GBP", 0.85))
    yield feed.send(trade("t1", "A", 10.0, 101.5), trade("t2", "C", -2.0, 905.0))
    yield feed.send(trade("t1", "A", 12.0, 101.0, version=2, action="amend"))
    yield feed.send(trade("t2", "C", -2.0, 905.0, version=2, action="cancel"))
    yield feed.send(unreadable(), tick("A", 99.0, hour=10.0), trade("t3", "X", 1.0, 1.0))
    yield feed.close(0, tick("A", 102.0, hour=20.0))
    yield feed.send(tick("A", 70.0, day=1), tick("D", 2500.0, day=1))
    yield feed.close(1)


def main(url: str) -> None:
    """Write the database, and what a later version must still make of it."""
    feed, alerts = opened(holding("A", 100.0), holding("D", 2.0)), LimitAlerts()
    kept: dict[str, bytes | None] = dict(feed.rows)
    navs: dict[str, float] = {}
    rejected: Counter[str] = Counter()
    history = RiskHistory(url)
    history.migrate()
    fence = history.acquire_fence()
    history.commit(BatchCommit(fence, 0, dict(feed.next_offsets), dict(feed.rows)))
    for epoch, fold in enumerate(folds(feed), start=1):
        watched = [alerts.watched(snapshot) for snapshot in fold.snapshots]
        snapshots = [snapshot for snapshot, _ in watched]
        events = [event for _, raised in watched for event in raised]
        batch = BatchCommit(
            fence, epoch, fold.offsets, fold.state, snapshots, fold.rejected, events
        )
        history.commit(batch)
        kept.update(fold.state)
        rejected.update(str(each.reason) for each in fold.rejected)
        navs.update({snapshot.snapshot_id: snapshot.nav for snapshot in snapshots})
    history.close()
    then = live(feed.send(tick("A", 71.0, day=2)))
    facts = {
        "keys": sorted(key for key, row in kept.items() if row is not None),
        "navs": navs,
        "rejected": dict(rejected),
        "then": {name: getattr(then, name) for name in ("nav", "var", "realised_pnl")},
    }
    print(json.dumps(facts, indent=1, sort_keys=True))  # noqa: T201 - a file is made of it


if __name__ == "__main__":
    main(sys.argv[1])
