"""Runs inside supervisord: paces restarts, and stops everything when an essential part is lost.

supervisord by itself restarts an exited component at once and for ever, and leaves one that
crashed at each of its starts (FATAL) dead for good. This extension asks the restart policy
(``system.runtime.supervision.restarts``) about both: it holds a component back for a while, starts
it again, or writes down which one is lost and asks supervisord to stop them all. It works with and
without a terminal attached.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from supervisor import events
from supervisor.datatypes import RestartUnconditionally
from supervisor.states import ProcessStates, SupervisorStates

from system.clock import Clock, SystemClock
from system.runtime.supervision.restarts import CRASH_WINDOW_S, MAX_CRASHES, RestartPolicy

FATAL_PAUSE_MIN_S: Final = 5.0
"""supervisord's own quick attempts have just failed."""
SILENT_TICKS_MAX: Final = 36
"""Of 5 s each, three minutes: what a process of its own can notice it has noticed before."""
REMEDY: Final = (
    "its log says why: mend that, then `riskstream up` starts everything again; data are kept, "
    "and the stream resumes where it ended"
)


@dataclass
class _Held:
    process: Any
    due_ns: int
    crash_count: int


class _Sign(NamedTuple):
    touched_ns: int
    tick_count: int


class Sentinel:
    """Extension of supervisord; its public methods are remote calls.

    Parameters
    ----------
    supervisord : supervisor.supervisord.Supervisor
        The running supervisor.
    failure_path : Path
        Written when an essential component is lost.
    policy : RestartPolicy
        Decides about each crash.
    clock : Clock
        Measures crash rates and pauses.
    alive_dir : Path
        A component that touches a file of its name and process id there is watched: where it
        stops doing so while it runs, its process is ended.
    kill : callable
        Ends a process with its group.
    """

    def __init__(
        self,
        supervisord: Any,  # noqa: ANN401 - untyped library
        failure_path: Path,
        policy: RestartPolicy,
        clock: Clock,
        *,
        alive_dir: Path = Path("alive"),
        kill: Callable[[int], None] = lambda pid: os.killpg(pid, signal.SIGKILL),
    ) -> None:
        self._supervisord = supervisord
        self._failure_path = failure_path
        self._policy = policy
        self._clock = clock
        self._alive_dir = alive_dir
        self._kill = kill
        self._held: dict[str, _Held] = {}
        self._started: dict[str, Any] = {}
        self._signs: dict[str, _Sign] = {}
        events.subscribe(events.ProcessStateFatalEvent, self._gave_up)
        events.subscribe(events.ProcessStateExitedEvent, self._exited)
        events.subscribe(events.ProcessStateStartingEvent, self._starting)
        events.subscribe(events.Tick5Event, self._tick)

    def forget(self, component: str) -> bool:
        """Cancel the restart of a component that is held back: it is stopped on purpose.

        Returns
        -------
        bool
            Whether a restart was due.
        """
        return self._held.pop(component, None) is not None

    def pauses(self) -> dict[str, list[float]]:
        """Return (crashes within the window, seconds until its restart) of those held back."""
        now_ns = self._clock.monotonic_ns()
        return {
            name: [held.crash_count, max(0.0, (held.due_ns - now_ns) / 1e9)]
            for name, held in self._held.items()
        }

    def _gave_up(self, event: Any) -> None:  # noqa: ANN401 - untyped library
        self._judge(event.process, None, "crashed at every start", FATAL_PAUSE_MIN_S)

    def _exited(self, event: Any) -> None:  # noqa: ANN401 - untyped library
        self._judge(event.process, event.process.exitstatus, "crashed", 0.0)

    def _judge(
        self,
        process: Any,  # noqa: ANN401 - untyped library
        exit_code: int | None,
        reason: str,
        pause_min_s: float,
    ) -> None:
        if not self._is_running():
            return
        now_ns = self._clock.monotonic_ns()
        name = process.config.name
        verdict = self._policy.crashed(name, now_ns / 1e9, exit_code)
        if verdict.stops_all:
            minutes = CRASH_WINDOW_S / 60
            self._stop(name, f"{reason}, {verdict.crash_count} times within {minutes:.0f} minutes")
        elif (pause_s := max(verdict.pause_s, pause_min_s)) > 0:
            # supervisord looks at this before it restarts what has exited.
            process.config.autorestart = False
            self._held[name] = _Held(process, now_ns + round(pause_s * 1e9), verdict.crash_count)

    def _starting(self, event: Any) -> None:  # noqa: ANN401 - untyped library
        event.process.config.autorestart = RestartUnconditionally
        name = event.process.config.name
        self._held.pop(name, None)
        self._started[name] = event.process
        self._signs.pop(name, None)

    def _tick(self, _event: Any) -> None:  # noqa: ANN401 - untyped library
        for name, process in self._started.items():
            self._watch(name, process)
        now_ns = self._clock.monotonic_ns()
        due = [name for name, held in self._held.items() if held.due_ns <= now_ns]
        for name in due:
            process = self._held.pop(name).process
            is_down = process.get_state() in {ProcessStates.EXITED, ProcessStates.FATAL}
            if is_down and self._is_running():
                process.spawn()

    def _watch(self, name: str, process: Any) -> None:  # noqa: ANN401 - untyped library
        """End a process that has shown no sign of life for too long, as one that is stopped."""
        if process.get_state() != ProcessStates.RUNNING:
            return
        try:
            touched_ns = (self._alive_dir / f"{name}.{process.pid}").stat().st_mtime_ns
        except FileNotFoundError:
            return
        last = self._signs.get(name)
        tick_count = last.tick_count + 1 if last and last.touched_ns == touched_ns else 0
        self._signs[name] = _Sign(touched_ns, tick_count)
        # Ticks are counted, not time: a stack that was stopped as a whole has not been silent.
        if tick_count > SILENT_TICKS_MAX:
            self._kill(process.pid)

    def _is_running(self) -> bool:
        return bool(self._supervisord.options.mood >= SupervisorStates.RUNNING)

    def _stop(self, component: str, reason: str) -> None:
        failure = {
            "component": component,
            "reason": reason,
            "remedy": REMEDY,
            "at_ns": self._clock.wall_ns(),
        }
        self._failure_path.write_text(json.dumps(failure) + "\n", "utf-8")
        self._supervisord.options.mood = SupervisorStates.SHUTDOWN


def make_sentinel(
    supervisord: Any,  # noqa: ANN401 - untyped library
    failure_path: str,
    optional: str = "",
    max_crashes: str = str(MAX_CRASHES),
) -> Sentinel:
    """Return the extension; supervisord calls this by the name in its configuration.

    Parameters
    ----------
    supervisord : supervisor.supervisord.Supervisor
        The running supervisor.
    failure_path : str
        Relative to supervisord's folder.
    optional : str
        Components that never stop the stack, separated by spaces.
    max_crashes : str
        Crashes of an essential component within the window that are still restarted.
    """
    policy = RestartPolicy(optional.split(), max_crashes=int(max_crashes))
    return Sentinel(supervisord, Path(failure_path), policy, SystemClock())
