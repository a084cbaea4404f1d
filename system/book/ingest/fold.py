"""What one batch of events did to the state."""

from __future__ import annotations

from dataclasses import dataclass

from system.contracts.limits import LimitEvent
from system.contracts.messages import Rejected, RiskSnapshot


@dataclass(frozen=True)
class Fold:
    """What one batch of events did.

    Parameters
    ----------
    snapshots : tuple of RiskSnapshot
        In the order in which they were taken: ends of day, then live ones.
    rejected : tuple of Rejected
        In canonical order of partitions, then of offsets; a contradicted tick where the tick
        that contradicts it is.
    offsets : dict of str to int
        ``topic:partition`` to the first offset that is not applied.
    state : dict of str to bytes or None
        Changed rows as JSON; None: the row is no longer kept.
    waiting_for : tuple of str
        Partitions whose end-of-day mark others wait for.
    held : tuple of str
        Partitions of which messages wait for an end-of-day mark.
    intended_ns : int
        Newest intended send time among what was applied; 0 where nothing was.
    limit_events : tuple of LimitEvent
        Levels that the snapshots raised or left; put in by who watches them.
    """

    snapshots: tuple[RiskSnapshot, ...]
    rejected: tuple[Rejected, ...]
    offsets: dict[str, int]
    state: dict[str, bytes | None]
    waiting_for: tuple[str, ...]
    intended_ns: int
    limit_events: tuple[LimitEvent, ...] = ()
    held: tuple[str, ...] = ()
