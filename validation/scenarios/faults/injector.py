"""Faults at their moments, one after the other, and the recovery from each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
import psutil
import psycopg
from redis import RedisError

from system.clock import Clock, SystemClock
from system.contracts.replay import ReplayFault
from system.errors import RiskstreamError
from validation.scenarios.faults.recovery import Look, Recovery, Relapse, Span, recovery
from validation.scenarios.file.fault_tables import (
    AnyFault,
    EmptyRedis,
    Flood,
    KillAt,
    LetGo,
    LoseDatabase,
    RecreateTopic,
    RestoreDatabase,
    RetentionGap,
    StrayMark,
    UndoCommit,
)

STREAM: Final = "stream"
WAITED_FOR: Final = 4.0
"""Times the bound of a fault: recovery that takes longer has not come. Later than the bound itself
is a timing, and reported: a slow machine recovers slowly."""
JUDGED_EVERY_S: Final = 0.5


class FaultOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Effect of a fault and the recovery from it; times are CLOCK_MONOTONIC.

    ``bit`` with its ``witness``: what was seen of the process itself. ``recovered_s``
    runs from the fault's beginning until the first moment from which the stream was *running*
    and Redis covered what lay on the topics for ``held_s`` without a break; None: no such
    moment within ``WAITED_FOR`` times ``bound_s``. ``looked_s`` is where the stream began to look
    recovered for the last time, held or not; ``wanted_s`` is how long it had to last;
    ``relapses`` are the times when it had looked recovered and was not any more.
    """

    do: str
    what: str
    began_ns: int
    ended_ns: int
    bit: bool
    witness: str
    recovered_s: float | None
    bound_s: float
    held_s: float = 0.0
    wanted_s: float = 0.0
    looked_s: float | None = None
    relapses: tuple[Relapse, ...] = ()


class Bite(NamedTuple):
    """A fault that was made. Times: CLOCK_MONOTONIC, nanoseconds."""

    began_ns: int
    ended_ns: int
    bit: bool
    witness: str


class Maker(Protocol):
    """Makes one fault at a time: ``making.FaultMaker``, or a fake."""

    def make(self, fault: AnyFault) -> tuple[bool, str]:
        """Make a fault; return whether it bit, and what was seen of it."""
        ...


class FaultInjector:
    """Does what a scenario's faults say when their cues come, one after the other.

    A fault whose cue comes while another is still being recovered from waits for it: what
    each one does, and how long recovery takes, is then its own.

    Parameters
    ----------
    maker : Maker
        Makes the faults.
    looks : iterable of Look
        Looks at the stream so far; another thread adds to it until the injector is done.
    faults : sequence
        Of the scenario.
    shares_hold : bool
        Whether a fault may begin as soon as the stream looks recovered from the one before: the
        time that each recovery must hold is then the same, behind the last fault. Otherwise each
        one is held before the next fault begins.
    clock : Clock, optional
        Measures faults and recoveries.
    """

    def __init__(
        self,
        maker: Maker,
        looks: Iterable[Look],
        faults: Sequence[AnyFault],
        *,
        shares_hold: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._maker = maker
        self._looks = looks
        self._faults = faults
        self._shares_hold = shares_hold
        self._clock = clock or SystemClock()
        self._threads: list[threading.Thread] = []
        self._bites: dict[int, Bite] = {}
        self._begun: set[int] = set()
        self._over: set[int] = set()
        self._is_closed = False

    @property
    def count(self) -> int:
        """Number of faults of the scenario."""
        return len(self._faults)

    def begin(self, index: int, go_on: Callable[[], None] = lambda: None) -> None:
        """Begin a fault once the ones before it are over; returns at once.

        Parameters
        ----------
        index : int
            Of the fault.
        go_on : callable
            Called, from another thread, when the fault begins.
        """
        before = tuple(self._threads)
        thread = threading.Thread(
            target=self._run, args=(index, before, go_on), name=f"fault-{index}"
        )
        self._threads.append(thread)
        thread.start()

    def begun(self) -> tuple[ReplayFault, ...]:
        """Return the faults that have begun so far, in their order."""
        return tuple(
            ReplayFault(do=_name(fault), what=_what(fault), is_over=index in self._over)
            for index, fault in enumerate(self._faults)
            if index in self._begun
        )

    def close(self) -> None:
        """Wait for no recovery any more: a run that is broken off ends."""
        self._is_closed = True

    def outcomes(self) -> tuple[FaultOutcome, ...]:
        """Return every fault's outcome once all of them are over; those that never came too."""
        for thread in self._threads:
            thread.join()
        later: list[Span] = []
        found: list[FaultOutcome] = []
        for index, fault in reversed(list(enumerate(self._faults))):
            bite = self._bites.get(index)
            if bite is None:
                found.append(_never_came(fault))
                continue
            seen = self._recovery(index, later)
            later.append(Span(bite.began_ns, seen.since_ns))
            found.append(_outcome(fault, bite, seen))
        return tuple(reversed(found))

    def _run(
        self, index: int, before: Sequence[threading.Thread], go_on: Callable[[], None]
    ) -> None:
        for thread in before:
            thread.join()
        fault = self._faults[index]
        began_ns = self._clock.monotonic_ns()
        self._begun.add(index)
        if not fault.quiet:
            go_on()
        try:
            bit, witness = self._maker.make(fault)
        except (RiskstreamError, psutil.Error, psycopg.Error, RedisError, OSError) as error:
            bit, witness = False, str(error)
        ended_ns = self._clock.monotonic_ns()
        self._bites[index] = Bite(began_ns, ended_ns, bit, witness)
        self._await_recovered(index)
        self._over.add(index)
        if fault.quiet:
            go_on()

    def _await_recovered(self, index: int) -> None:
        """Wait until the next fault may begin: this one is recovered from, or it is too late."""
        shared = self._shares_hold and index + 1 < len(self._faults)
        bound_ns = self._deadline_ns(index) + round(self._holds_s(index) * 1e9)
        while self._clock.monotonic_ns() < bound_ns and not self._is_closed:
            seen = self._recovery(index)
            if seen.is_held or (shared and seen.since_ns is not None):
                return
            self._clock.sleep(JUDGED_EVERY_S)

    def _recovery(self, index: int, later: Sequence[Span] = ()) -> Recovery:
        bite = self._bites[index]
        return recovery(
            tuple(self._looks),
            began_ns=bite.began_ns,
            ended_ns=bite.ended_ns,
            deadline_ns=self._deadline_ns(index),
            holds_s=self._holds_s(index),
            later=later,
        )

    def _deadline_ns(self, index: int) -> int:
        waited_s = WAITED_FOR * self._faults[index].recover_within_s
        return self._bites[index].began_ns + round(waited_s * 1e9)

    def _holds_s(self, index: int) -> float:
        """Return how long a recovery must hold: where all share their time, the longest last."""
        own_s = self._faults[index].steady_s
        if not self._shares_hold or index + 1 < len(self._faults):
            return own_s
        return max(fault.steady_s for fault in self._faults)


def _name(fault: AnyFault) -> str:
    return str(type(fault).__struct_config__.tag)


def _what(fault: AnyFault) -> str:
    """Return what a fault hits, for a person."""
    if isinstance(fault, KillAt):
        return f"{STREAM} at {fault.point}"
    if isinstance(fault, EmptyRedis):
        return "redis"
    if isinstance(fault, UndoCommit | RestoreDatabase | LoseDatabase):
        return "postgres"
    if isinstance(fault, Flood | LetGo | RecreateTopic | RetentionGap | StrayMark):
        return "kafka"
    return str(getattr(fault, "what", STREAM))


def _outcome(fault: AnyFault, bite: Bite, seen: Recovery) -> FaultOutcome:
    looked_s = None if seen.since_ns is None else (seen.since_ns - bite.began_ns) / 1e9
    return FaultOutcome(
        do=_name(fault),
        what=_what(fault),
        began_ns=bite.began_ns,
        ended_ns=bite.ended_ns,
        bit=bite.bit,
        witness=bite.witness,
        recovered_s=looked_s if seen.is_held else None,
        bound_s=fault.recover_within_s,
        held_s=seen.held_s,
        wanted_s=fault.steady_s,
        looked_s=looked_s,
        relapses=seen.relapses,
    )


def _never_came(fault: AnyFault) -> FaultOutcome:
    return FaultOutcome(
        do=_name(fault),
        what=_what(fault),
        began_ns=0,
        ended_ns=0,
        bit=False,
        witness="its moment never came",
        recovered_s=None,
        bound_s=fault.recover_within_s,
    )
