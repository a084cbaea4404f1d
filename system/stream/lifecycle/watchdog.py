"""Watchdog of the driver: a bound for every state that the driver may be in.

A driver that waits for ever looks to its supervisor like one that works. Each state (starting,
a batch under way, a commit under way, no executor, ...) therefore has a bound. When one is passed,
the log says which in one sentence, the driver is asked to end, and, where it does not end within
another bound because a thread hangs, its process is ended with its children.

Time counts only while this process runs: a stopped process (SIGSTOP, a suspended machine) that is
continued has not been stuck.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from system.bus.errors import TopicMismatchError
from system.clock import Clock, RunningTime
from system.errors import InternalError, RiskstreamError, UnavailableError
from system.exits import ExitCode
from system.store.errors import FencedError, SchemaError
from system.stream.lifecycle.continuity import StateMismatchError

CHECK_EVERY_S: Final = 1.0
REFUSALS: Final = (StateMismatchError, SchemaError, TopicMismatchError)
"""Errors after which a person has to decide: another start meets the same."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bound:
    """Longest time that the driver may stay in a state.

    Parameters
    ----------
    state : str
        Names it in the log, as the beginning of a sentence.
    seconds : float
        Its bound.
    error : type
        Class of the error that ends the driver: ``UnavailableError`` where something outside of
        the driver is missing, so that a supervisor tries again for ever.
    """

    state: str
    seconds: float
    error: type[RiskstreamError]

    def sentence(self) -> str:
        """Return what the log says when the bound is passed."""
        return (
            f"{self.state} for more than {self.seconds:.0f} s: "
            "this driver ends, so that another one can be started"
        )


STARTING: Final = Bound("the driver has been starting", 180.0, UnavailableError)
"""Java, Spark's session and the state together take 5 to 30 s."""
MIGRATING: Final = Bound("the schema has been migrating", 6 * 3600.0, UnavailableError)
"""A new index on a large table takes what it takes, and begins at zero when it is ended."""
NO_EXECUTOR: Final = Bound("Spark has had no executor", 45.0, UnavailableError)
"""A worker that is started again offers one within 10 s."""
COMMITTING: Final = Bound("a batch's commit has been under way", 150.0, UnavailableError)
"""Its parts have bounds that add up to less: announcing 30 s, trying again 75 s, an answer 20 s."""
BATCH_BUSY: Final = Bound("one batch has been under way", 180.0, InternalError)
"""Longer than the commit before it, which it waits for, and than Redis is tried (130 s)."""
NO_ANSWER: Final = Bound("Spark's JVM has not answered the driver", 60.0, UnavailableError)
QUERY_SILENT: Final = Bound("Spark's query has made no progress", 240.0, UnavailableError)
"""It reports every 10 s, also when nothing comes; Kafka is asked 3 times, 60 s each."""
ENDING: Final = Bound("the driver has been ending", 15.0, InternalError)
"""Less than a supervisor waits before it kills (20 s)."""
ENDING_OVERDUE: Final = Bound("the driver that hangs has been ending", 5.0, InternalError)
"""Some thread of it is known to hang: the wait is for those that do not."""


def warming_up(seconds: float) -> Bound:
    """Return the bound of a warm-up that may take so long, seconds."""
    return Bound("the driver has been warming up", seconds + 120.0, UnavailableError)


@dataclass
class _Watched:
    bound: Bound
    token: Callable[[], Hashable | None]
    last: Hashable | None = None
    lasted_s: float = field(default=0.0)

    def is_overdue(self, step_s: float) -> bool:
        """Count a step of time, and return whether the state has lasted for too long."""
        token = self.token()
        if token is None or token != self.last:
            self.last, self.lasted_s = token, 0.0
            return False
        self.lasted_s += step_s
        return self.lasted_s > self.bound.seconds


class Watchdog:
    """Checks once a second whether a state of the driver has lasted for too long.

    Parameters
    ----------
    clock : Clock
        Measures.
    end_process : callable
        Called with an exit code where the driver does not end by itself; does not return.
    sign_of_life : callable
        Called at each check: a supervisor ends a process whose watchdog is stopped as well.
    """

    def __init__(
        self,
        clock: Clock,
        end_process: Callable[[int], None],
        sign_of_life: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._end_process = end_process
        self._sign_of_life = sign_of_life
        self._on_overdue: Callable[[Exception], None] = lambda error: None
        self._lock = threading.RLock()  # a signal handler may come in between
        self._watched: list[_Watched] = []
        self._phase: _Watched | None = None
        self._exit_code: int | None = None
        self._running_time = RunningTime(clock)
        self._is_over = False

    def start(self, on_overdue: Callable[[Exception], None]) -> None:
        """Begin to check, on a daemon thread that lives as long as the process, or until `stop`.

        Parameters
        ----------
        on_overdue : callable
            Called once, with the error that the driver must end with.
        """
        self._on_overdue = on_overdue
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Check no more: the driver has ended, and the process lives on."""
        self._is_over = True

    def enter(self, phase: Bound | None) -> None:
        """Begin a phase of the driver's life; None: one that may last for ever."""
        with self._lock:
            if self._exit_code is None:
                self._phase = None if phase is None else _Watched(phase, lambda: True)

    def watch(self, bound: Bound, token: Callable[[], Hashable | None]) -> None:
        """Watch a state from now on.

        Parameters
        ----------
        bound : Bound
            Of the state.
        token : callable
            Returns None while the driver is not in that state, else what tells one stay from the
            next (the number of a batch). Asked from the watchdog's thread; must not block.
        """
        with self._lock:
            self._watched.append(_Watched(bound, token))

    def ends(self, error: BaseException | None, bound: Bound = ENDING) -> None:
        """Bound the driver's end, which has begun; the first cause decides the exit code.

        Parameters
        ----------
        error : BaseException or None
            Why it ends; None where it was asked to.
        bound : Bound
            Of the end.
        """
        with self._lock:
            if self._exit_code is None:
                self._exit_code = exit_code(error)
                self._watched.clear()
                self._phase = _Watched(bound, lambda: True)

    def check(self) -> None:
        """Check every state once."""
        self._sign_of_life()
        step_s = self._running_time.step_s()
        with self._lock:
            states = [*self._watched, *([] if self._phase is None else [self._phase])]
            overdue = next((each.bound for each in states if each.is_overdue(step_s)), None)
            code = self._exit_code
        if overdue is None:
            return
        if code is not None:
            _LOG.error("%s for more than %.0f s: it is ended", overdue.state, overdue.seconds)
            self._end_process(code)
            return
        _LOG.error("%s", overdue.sentence())
        error = overdue.error(overdue.sentence())
        self.ends(error, ENDING_OVERDUE)
        self._on_overdue(error)

    def _run(self) -> None:
        while not self._is_over:
            self._clock.sleep(CHECK_EVERY_S)
            if not self._is_over:
                self.check()


def touched(folder: Path, component: str) -> Callable[[], None]:
    """Return what touches the file by which a supervisor sees that this process runs.

    Parameters
    ----------
    folder : Path
        ``Settings.alive_dir``.
    component : str
        Name of this process in the stack.
    """
    path = folder / f"{component}.{os.getpid()}"

    def touch() -> None:
        with suppress(OSError):  # a full disk is no reason to end
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch()

    return touch


def exit_code(error: BaseException | None) -> int:
    """Return the exit code by which a supervisor tells causes apart (``system.exits``)."""
    if isinstance(error, FencedError):
        return ExitCode.FENCED
    if isinstance(error, REFUSALS):
        return ExitCode.NEEDS_RECOVERY
    return ExitCode.UNAVAILABLE if isinstance(error, UnavailableError) else ExitCode.FAILED


def end_process(code: int) -> None:
    """End this process at once, with its children: the JVM may hang as well.

    A JVM that lived on would keep the cores that the next driver needs.
    """
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()
    logging.shutdown()
    os._exit(code)
