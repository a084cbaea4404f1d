"""Text about a replay: its scenario, its progress, and the fault that is active now."""

from __future__ import annotations

from msgspec import Struct

from system.contracts.api.risk import StreamStatus
from system.contracts.replay import ReplayFault, ReplayStatus


class ReplayView(Struct, frozen=True, kw_only=True):
    """``text`` is one line; ``is_broken`` says that a fault is under way."""

    text: str
    is_broken: bool


def replay_view(status: StreamStatus | None) -> ReplayView | None:
    """Return the line about a replay, None while there is none.

    Parameters
    ----------
    status : StreamStatus or None
        None before the API was heard.
    """
    replay = status.replay if status else None
    if replay is None or not replay.running:
        return None
    under_way = [fault for fault in replay.faults if not fault.is_over]
    parts = [f"Replay: {replay.title}", _day(replay), f"speed {replay.speed}"]
    parts += [f"fault now: {_named(fault)}" for fault in under_way]
    if over := [fault for fault in replay.faults if fault.is_over]:
        parts.append(f"over: {', '.join(map(_named, over))}")
    return ReplayView(text=" · ".join(parts), is_broken=bool(under_way))


def _day(status: ReplayStatus) -> str:
    if status.day is None:
        return f"day 1 of {status.day_count}"
    return f"{status.day} sent, day {status.day_number} of {status.day_count}"


def _named(fault: ReplayFault) -> str:
    return f"{fault.do.replace('_', ' ')} {fault.what}"
