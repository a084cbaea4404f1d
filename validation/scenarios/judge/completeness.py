"""Completeness of what a run has stored and announced, crashes or not; pure.

A trade is looked for by its id in the stored snapshots (docs/api.md): the first snapshot whose
``trade_ids`` holds it is the one that contains it. So each accepted trade must be named by
exactly one. An end of day is announced on ``risk_snapshots`` at least once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from system.bus.consumer import Record
from system.contracts.messages import RiskSnapshot, SnapshotKind
from validation.rules.rulings import accepted_trades
from validation.verdict import Finding, judged

NAMED: Final = "completeness: each accepted trade is named by exactly one stored snapshot"
ANNOUNCED: Final = "completeness: each end of day was announced"


def check_trades_named(records: Sequence[Record], stored: Sequence[RiskSnapshot]) -> Finding:
    """Return whether every accepted trade is named by exactly one snapshot in PostgreSQL.

    Parameters
    ----------
    records : sequence of Record
        Everything on the reference and trades topics.
    stored : sequence of RiskSnapshot
        Every snapshot in PostgreSQL.
    """
    accepted = [trade.trade_id for trade, _ in accepted_trades(records)]
    counts = Counter(name for snapshot in stored for name in snapshot.trade_ids)
    problems = [
        f"trade {name} is named by {counts[name] or 'no'} stored snapshots"
        for name in accepted
        if counts[name] != 1
    ]
    problems += [
        f"{name} is named and was not accepted" for name in sorted(counts.keys() - set(accepted))
    ]
    return judged(NAMED, problems, passed=f"{len(accepted)} trades, {len(stored)} snapshots")


def check_announced(stored: Sequence[RiskSnapshot], announced: Collection[str]) -> Finding:
    """Return whether every stored end of day is on ``risk_snapshots``.

    Parameters
    ----------
    stored : sequence of RiskSnapshot
        Every snapshot in PostgreSQL.
    announced : collection of str
        Ids of the snapshots on the topic.
    """
    ends = [each.snapshot_id for each in stored if each.kind is SnapshotKind.END_OF_DAY]
    problems = [f"{name} was never announced" for name in ends if name not in announced]
    return judged(ANNOUNCED, problems, passed=f"{len(ends)} ends of day on risk_snapshots")
