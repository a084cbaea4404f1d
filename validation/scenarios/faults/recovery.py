"""Recovery that holds: judged on looks at the stream that were written down while it ran; pure.

A fault counts as recovered from the first moment from which the stream is running and covers
what lies on the topics for a stated time without a break: 30 s unless the scenario asks for more.
A server that comes back without what it knew lets the stream look well for seconds before it
stands still for good, so the first good look says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from system.contracts.api.risk import StreamState
from validation.scenarios.file.fault_tables import HOLDS_S

COVERED_WITHIN_S: Final = 8.0
"""Seconds until the stream must have covered a record on a topic: the 5 s after which
the stream takes *running* back (decision 0126), and 3 s until it has."""
MAX_GAP_S: Final = 2.0
"""Longest time between two looks that counts as seen: who did not look has seen nothing."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the stream. ``at_ns``: CLOCK_MONOTONIC, before anything was asked.

    ``state`` is the stream's, or ``unreachable``; ``covered`` are the offsets of the newest
    published batch, None where there is none; ``ends`` are the ends of the input topics, None
    where the broker did not answer.
    """

    at_ns: int
    state: str
    covered: Mapping[str, int] | None
    ends: Mapping[str, int] | None


class Span(NamedTuple):
    """Time that belongs to a later fault and its recovery. ``until_ns`` None: never over."""

    began_ns: int
    until_ns: int | None


class Relapse(msgspec.Struct, frozen=True, kw_only=True):
    """End of a time in which the stream had looked recovered.

    Seconds: ``after_s`` since the fault's beginning, ``held_s`` since it had looked recovered.
    """

    after_s: float
    held_s: float
    why: str


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """Recovery from one fault.

    ``since_ns``: first of the good looks that nothing bad has followed, None where there is none;
    ``held_s``: how long they have lasted, later faults left out; ``is_held``: long enough.
    """

    since_ns: int | None
    held_s: float
    is_held: bool
    relapses: tuple[Relapse, ...]


def recovery(
    looks: Sequence[Look],
    *,
    began_ns: int,
    ended_ns: int,
    deadline_ns: int,
    holds_s: float = HOLDS_S,
    later: Sequence[Span] = (),
) -> Recovery:
    """Return what looks at the stream show of the recovery from a fault.

    Parameters
    ----------
    looks : sequence of Look
        In order, so far.
    began_ns, ended_ns : int
        Of the fault, CLOCK_MONOTONIC.
    deadline_ns : int
        Recovery that begins later has not come.
    holds_s : float
        Seconds that a recovery must hold.
    later : sequence of Span
        Later faults: looks meanwhile count neither for nor against the recovery from this one.
    """
    wanted: Mapping[str, int] | None = None
    since_ns, last_ns, held_s = None, None, 0.0
    relapses: list[Relapse] = []
    for index, look in enumerate(looks):
        if look.at_ns < ended_ns:
            continue
        if any(_is_within(look.at_ns, span) for span in later):
            last_ns = None
            continue
        wanted = look.ends if wanted is None else wanted
        if why := complaint(looks, index, wanted):
            if since_ns is not None:
                after_s = (look.at_ns - began_ns) / 1e9
                relapses.append(Relapse(after_s=after_s, held_s=held_s, why=why))
            since_ns, last_ns, held_s = None, None, 0.0
            continue
        if since_ns is None:
            if look.at_ns > deadline_ns:
                break
            since_ns = look.at_ns
        if last_ns is not None:
            held_s += min((look.at_ns - last_ns) / 1e9, MAX_GAP_S)
        last_ns = look.at_ns
        if held_s >= holds_s:
            break
    return Recovery(
        since_ns=since_ns,
        held_s=held_s,
        is_held=since_ns is not None and held_s >= holds_s,
        relapses=tuple(relapses),
    )


def complaint(looks: Sequence[Look], index: int, wanted: Mapping[str, int] | None) -> str:
    """Return why the stream is not well at a look; empty where it is.

    Parameters
    ----------
    looks : sequence of Look
        In order.
    index : int
        Of the look.
    wanted : mapping of str to int or None
        Offsets that must be covered by now, whatever their age; None: not known.
    """
    look = looks[index]
    if look.state != StreamState.RUNNING.value:
        return look.state
    if look.covered is None:
        return "running, and no batch published"
    if look.ends is None or wanted is None:
        return "running, and the broker did not answer"
    due = (*_ends_before(looks, index), *wanted.items())
    missing = {name: end for name, end in due if look.covered.get(name, 0) < end}
    if not missing:
        return ""
    places = ", ".join(f"{name} at {end}" for name, end in sorted(missing.items()))
    return f"running, and not covering {places}"


def _ends_before(looks: Sequence[Look], index: int) -> tuple[tuple[str, int], ...]:
    """Return the ends that lay on the topics ``COVERED_WITHIN_S`` before a look."""
    before_ns = looks[index].at_ns - round(COVERED_WITHIN_S * 1e9)
    for look in reversed(looks[:index]):
        if look.at_ns <= before_ns and look.ends is not None:
            return tuple(look.ends.items())
    return ()


def _is_within(at_ns: int, span: Span) -> bool:
    return span.began_ns <= at_ns and (span.until_ns is None or at_ns < span.until_ns)
