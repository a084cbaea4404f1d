"""How much history is kept: the one home of its bound.

Every snapshot is written. Once the rows that are not pinned outgrow ``BUDGET_BYTES``, those
older than ``FULL_CADENCE_MINUTES`` are thinned to one per portfolio and minute; if that is
not enough, the oldest go. End-of-day snapshots, those of trades and those that cross the
limit (either way) are pinned: never thinned, never dropped.
"""

from __future__ import annotations

from typing import Final

from system.contracts.api import is_over_limit
from system.contracts.messages import RiskSnapshot, SnapshotKind

BUDGET_BYTES: Final = 4 * 1024**3
FULL_CADENCE_MINUTES: Final = 10
MAX_ROWS_PER_PRUNE: Final = 20_000
ROWS_PER_DELETE: Final = 200
"""Of 40 kB each, in twenty pieces of their own: some 0.04 s of PostgreSQL."""
MAX_REJECTED_ROWS: Final = 1_000_000

UNPINNED_BYTES: Final = "SELECT coalesce(sum(payload_bytes), 0) FROM risk_snapshot WHERE NOT pinned"
TO_THIN: Final = """
    SELECT snapshot_id FROM (
        SELECT snapshot_id, row_number() OVER (
            PARTITION BY portfolio, date_trunc('minute', recorded_at)
            ORDER BY recorded_at, snapshot_id) AS rank_in_minute
        FROM risk_snapshot
        WHERE NOT pinned AND recorded_at < now() - make_interval(mins => %(minutes)s)
    ) AS ranked WHERE rank_in_minute > 1 LIMIT %(limit)s"""
OLDEST: Final = """
    SELECT snapshot_id FROM risk_snapshot WHERE NOT pinned ORDER BY recorded_at LIMIT %(limit)s"""
DELETE_SNAPSHOTS: Final = "DELETE FROM risk_snapshot WHERE snapshot_id = ANY(%s)"
DROP_REJECTED: Final = """
    DELETE FROM rejected_message WHERE arrival <= (
        SELECT max(arrival) FROM rejected_message) - %(rows)s"""


class LimitWatch:
    """Which snapshots are pinned; remembers each portfolio's side of its limit."""

    def __init__(self) -> None:
        self._over_limit: dict[str, bool | None] = {}

    def pins(self, snapshot: RiskSnapshot) -> bool:
        """Return whether a snapshot is kept for ever, and remember its side of the limit.

        The first snapshot of a portfolio that this process sees is pinned too: whether it
        crossed cannot be known.
        """
        over = is_over_limit(snapshot)
        known = snapshot.portfolio in self._over_limit
        crossed = not known or self._over_limit[snapshot.portfolio] != over
        self._over_limit[snapshot.portfolio] = over
        return crossed or bool(snapshot.trade_ids) or snapshot.kind is SnapshotKind.END_OF_DAY
