"""Fences under which snapshots were announced on Kafka."""

from __future__ import annotations

from typing import Final

import msgspec

from system.bus.extents import newest_records
from system.contracts.topics import RISK_SNAPSHOTS

MAX_ANNOUNCED_FENCE: Final = 2**40
"""Above this it is forged: a driver takes one more at each start."""


class _Announced(msgspec.Struct):
    fence: int


def announced_fence(bootstrap_servers: str) -> int:
    """Return the fence of the newest announced snapshots, 0 where there is none to be read.

    A snapshot's id holds its fence, and readers drop ids that they have. A database that is new
    or restored must not give out the fences of the one before again.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.

    Raises
    ------
    TopicMissingError, ReadTimeoutError, BusUnavailableError
        As ``newest_records``.
    """
    records = newest_records(bootstrap_servers, RISK_SNAPSHOTS)
    return max((_fence(record.value) for record in records), default=0)


def _fence(value: bytes) -> int:
    try:
        fence = msgspec.json.decode(value, type=_Announced).fence
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0
    return fence if fence < MAX_ANNOUNCED_FENCE else 0
