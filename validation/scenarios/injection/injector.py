"""Faults of a run's own stack, each with a witness that it bit, and how long recovery took.

Only processes of the run's own stack are touched: ids come from its supervisor.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import psutil

from system.clock import Clock, SystemClock
from system.contracts.replay import ReplayFault
from system.errors import RiskstreamError, UnavailableError
from system.runtime.programs import guarded_command
from system.runtime.running import RunningStack
from system.runtime.supervision import program_path
from validation.scenarios.injection.recovery import Look, Recovery, Relapse, Span, recovery
from validation.scenarios.injection.rig import Rig, cut_off, delayed
from validation.scenarios.injection.tables import (
    AnyFault,
    Cut,
    Delay,
    DiskFull,
    Kill,
    Pause,
    SecondDriver,
)

EXECUTOR: Final = "executor"
EXECUTOR_MAIN: Final = "CoarseGrainedExecutorBackend"
WORKER: Final = "spark-worker"
STREAM: Final = "stream"
GONE_BOUND_S: Final = 60.0
BACK_BOUND_S: Final = 180.0
WAITED_FOR: Final = 4.0
"""Times the bound of a fault: recovery that takes longer has not come. Later than the bound itself
is a timing, and reported: a slow machine recovers slowly."""
POLL_S: Final = 0.1
JUDGED_EVERY_S: Final = 0.5


class FaultOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a fault did; times are CLOCK_MONOTONIC.

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


class FaultInjector:
    """Does what a scenario's faults say when their cues come, one after the other.

    A fault whose cue comes while another is still being recovered from waits for it: what
    each one does, and how long recovery takes, is then its own.

    Parameters
    ----------
    running : RunningStack
        Whose processes.
    looks : iterable of Look
        Looks at the stream so far; another thread adds to it until the injector is done.
    faults : sequence
        Of the scenario.
    rig : Rig
        Relays and the small disk that they need.
    state_dir : Path
        Folder of the stack: a second driver is started as its first one was.
    log : Path
        Where a second driver's words go.
    shares_hold : bool
        Whether a fault may begin as soon as the stream looks recovered from the one before: the
        time that each recovery must hold is then the same, behind the last fault. Otherwise each
        one is held before the next fault begins.
    clock : Clock, optional
        Measures faults and recoveries.
    """

    def __init__(
        self,
        running: RunningStack,
        looks: Iterable[Look],
        faults: Sequence[AnyFault],
        *,
        rig: Rig,
        state_dir: Path,
        log: Path,
        shares_hold: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._running = running
        self._looks = looks
        self._faults = faults
        self._shares_hold = shares_hold
        self._rig = rig
        self._state_dir = state_dir
        self._log = log
        self._clock = clock or SystemClock()
        self._threads: list[threading.Thread] = []
        self._bites: dict[int, Bite] = {}
        self._begun: set[int] = set()
        self._over: set[int] = set()

    @property
    def count(self) -> int:
        """How many faults there are."""
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
        go_on()
        try:
            bit, witness = self._bite(fault)
        except (RiskstreamError, psutil.Error, OSError) as error:
            bit, witness = False, str(error)
        ended_ns = self._clock.monotonic_ns()
        self._bites[index] = Bite(began_ns, ended_ns, bit, witness)
        self._await_recovered(index)
        self._over.add(index)

    def _await_recovered(self, index: int) -> None:
        """Wait until the next fault may begin: this one is recovered from, or it is too late."""
        shared = self._shares_hold and index + 1 < len(self._faults)
        bound_ns = self._deadline_ns(index) + round(self._holds_s(index) * 1e9)
        while self._clock.monotonic_ns() < bound_ns:
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

    def _bite(self, fault: AnyFault) -> tuple[bool, str]:
        if isinstance(fault, Kill):
            return self._kill(fault)
        if isinstance(fault, Pause):
            return self._pause(fault)
        if isinstance(fault, Delay):
            return delayed(self._rig.relay(fault.what), fault, self._clock)
        if isinstance(fault, Cut):
            return cut_off(self._rig.relay(fault.what), fault, self._clock)
        if isinstance(fault, DiskFull):
            return self._disk_full(fault)
        return self._second_driver(fault)

    def _kill(self, fault: Kill) -> tuple[bool, str]:
        process = self._process(fault.what)
        process.kill()
        with suppress(psutil.NoSuchProcess):
            process.wait(GONE_BOUND_S)
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            return False, f"process {process.pid} outlived SIGKILL"
        after = self._await_other(fault.what, process)
        return True, f"process {process.pid} killed, {after or 'nobody'} in its place"

    def _pause(self, fault: Pause) -> tuple[bool, str]:
        head = self._process(fault.what)
        family = [head, *head.children(recursive=True)]
        try:
            _signal(family, signal.SIGSTOP)
            self._clock.sleep(fault.seconds / 2)
            stopped = sum(_is_stopped(one) for one in family)
            self._clock.sleep(fault.seconds / 2)
        finally:
            _signal(family, signal.SIGCONT)
        witness = f"{stopped} of {len(family)} processes seen stopped for {fault.seconds:.1f} s"
        return stopped > 0, witness

    def _disk_full(self, fault: DiskFull) -> tuple[bool, str]:
        """Fill the checkpoints' disk: the driver must end, and one that has room take over."""
        first = self._process(STREAM)
        told = self._rig.disk.fill(fault.seconds)
        after = self._await_other(STREAM, first)
        return after is not None, f"{told}; driver {first.pid} ended, {after or 'nobody'} took over"

    def _second_driver(self, fault: SecondDriver) -> tuple[bool, str]:
        first = self._process(STREAM)
        program = self._state_dir / program_path(STREAM)
        with self._log.open("ab") as log:
            second = subprocess.Popen(
                guarded_command(str(program), str(os.getpid())),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            other = self._await_other(STREAM, first)
            with suppress(subprocess.TimeoutExpired):
                second.wait(fault.recover_within_s / 2)
        finally:
            outlived = second.poll() is None
            if outlived:
                second.kill()
                second.wait()
        ended = "was ended by us" if outlived else f"was fenced off itself ({second.returncode})"
        if other is None:
            return False, f"driver {first.pid} was not fenced off; the second {ended}"
        return True, f"driver {first.pid} fenced off, {other} in its place; the second {ended}"

    def _process(self, what: str) -> psutil.Process:
        if what != EXECUTOR:
            return psutil.Process(self._running.pid(what))
        for child in psutil.Process(self._running.pid(WORKER)).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # a zombie is one too: it has no command line
                if any(EXECUTOR_MAIN in part for part in child.cmdline()):
                    return child
        raise UnavailableError("no executor runs")

    def _await_other(self, what: str, before: psutil.Process) -> int | None:
        """Return the id of the process that took a place; None when none did in time."""
        deadline_ns = self._clock.monotonic_ns() + round(BACK_BOUND_S * 1e9)
        while self._clock.monotonic_ns() < deadline_ns:
            with suppress(RiskstreamError, psutil.Error):
                process = self._process(what)
                if (process.pid, process.create_time()) != (before.pid, _born(before)):
                    return process.pid
            self._clock.sleep(POLL_S)
        return None


def _born(process: psutil.Process) -> float:
    try:
        return process.create_time()
    except psutil.NoSuchProcess:
        return 0.0


def _signal(family: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _is_stopped(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def _name(fault: AnyFault) -> str:
    return str(type(fault).__struct_config__.tag)


def _what(fault: AnyFault) -> str:
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
