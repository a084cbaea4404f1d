"""Digest of one Kafka record: what tells a record from another at the same offset."""

from __future__ import annotations

import hashlib


def record_digest(value: bytes, appended_at_ms: int) -> str:
    """Return the digest of a record's bytes and of when the broker appended it.

    Parameters
    ----------
    value : bytes
        The record's value; empty for a tombstone.
    appended_at_ms : int
        The broker's append time, milliseconds since 1970-01-01 UTC. Two records with the same
        bytes, such as the mark of one day sent twice, differ in it.

    Returns
    -------
    str
        SHA-256 of both, 64 hexadecimal digits.

    Examples
    --------
    >>> record_digest(b"{}", 1)[:8] == record_digest(b"{}", 2)[:8]
    False
    """
    return hashlib.sha256(appended_at_ms.to_bytes(8, "big", signed=True) + value).hexdigest()
