"""Status of a running replay: the one type that is stored, served and shown."""

from __future__ import annotations

import datetime as dt

from msgspec import Struct


class ReplayFault(Struct, frozen=True, kw_only=True):
    """A fault of the replay that has begun; over once it was recovered from, or given up."""

    do: str
    what: str
    is_over: bool


class ReplayStatus(Struct, frozen=True, kw_only=True):
    """``GET /v1/replay``: which scenario is replayed, where its clock stands, what has broken.

    ``day`` is the last one whose ticks were all sent, None before the first; ``day_number``
    counts it from 1. ``speed`` is ``max``, or how many times the scenario's own (``20x``).
    """

    running: bool
    scenario: str = ""
    title: str = ""
    speed: str = ""
    day: dt.date | None = None
    day_number: int = 0
    day_count: int = 0
    faults: tuple[ReplayFault, ...] = ()


NO_REPLAY = ReplayStatus(running=False)
"""Status while nothing is replayed."""
