"""The number fields of each end of day as one hash: equal in every run of the same story.

Left out is what says where and when a number was computed, and not what it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from system.contracts.messages import RiskSnapshot, SnapshotKind, by_rows

NOT_NUMBERS: Final = frozenset(
    {"snapshot_id", "fence", "epoch", "offsets", "stages", "trade_ids", "message_version"}
)
HASH_DIGITS: Final = 16


def numbers_of(snapshot: RiskSnapshot) -> bytes:
    """Return the number fields of a snapshot in canonical form, floats to the bit."""
    stated = by_rows(snapshot)
    fields = {
        name: getattr(stated, name)
        for name in RiskSnapshot.__struct_fields__
        if name not in NOT_NUMBERS
    }
    return msgspec.json.Encoder(order="deterministic").encode(fields)


def day_hashes(snapshots: Iterable[RiskSnapshot]) -> dict[str, str]:
    """Return ``portfolio date`` to the hash of that end of day's numbers.

    Parameters
    ----------
    snapshots : iterable of RiskSnapshot
        As PostgreSQL keeps them; live ones are left out.
    """
    hashes = {}
    for snapshot in snapshots:
        if snapshot.kind is not SnapshotKind.END_OF_DAY:
            continue
        digest = hashlib.sha256(numbers_of(snapshot)).hexdigest()[:HASH_DIGITS]
        hashes[f"{snapshot.portfolio} {snapshot.asof}"] = digest
    return hashes


def numbers_hash(hashes: Mapping[str, str]) -> str:
    """Return one hash over those of all days."""
    text = "\n".join(f"{name} {one}" for name, one in sorted(hashes.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]
