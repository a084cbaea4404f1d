"""A second driver of the stream: once, or under a supervisor of its own that restarts it."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from system.clock import Clock, SystemClock
from system.errors import RiskstreamError, UnavailableError
from system.runtime.components.registry import COMPONENTS
from system.runtime.state import StateDir, held_lock, is_held, opened_short_dir
from system.runtime.supervision.supervisord import (
    SETTLED_AFTER_S,
    Supervisor,
    launch_supervisor,
    program_path,
    supervisor_conf,
)
from validation.run.wait import polled

STREAM: Final = "stream"
FOLDER: Final = "second-driver"
ANSWER_BOUND_S: Final = 60.0
STOP_BOUND_S: Final = 60.0
POLL_S: Final = 0.1


class SupervisedDriver:
    """A driver with the program of the stack's own, under a supervisord that restarts it alike.

    Parameters
    ----------
    state_dir : Path
        Of the stack whose driver it doubles.
    clock : Clock, optional
        Measures waits.
    """

    def __init__(self, state_dir: Path, clock: Clock | None = None) -> None:
        self._first = StateDir(state_dir)
        self._state = StateDir(state_dir / FOLDER)
        self._clock = clock or SystemClock()
        self._supervisor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        shutil.rmtree(self._state.root, ignore_errors=True)
        for folder in (self._state.root, self._state.programs_dir, self._state.logs_dir):
            folder.mkdir(mode=0o700, parents=True)
        shutil.copy(self._first.root / program_path(STREAM), self._state.programs_dir)
        opened_short_dir(self._state, reachable=False)
        conf = supervisor_conf([COMPONENTS[STREAM]], self._state.socket_path)
        self._state.supervisor_conf_path.write_text(conf, "utf-8")
        with held_lock(self._state) as lock:
            self._supervisor = launch_supervisor(self._state, lock, detached=True)
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def await_process(self, bound_s: float) -> int:
        """Return the id of the driver's process once it runs.

        Raises
        ------
        UnavailableError
            If it does not within the bound.
        """

        def settled() -> int | None:
            state = Supervisor(self._state).process(STREAM)
            return state.pid if state.pid and state.uptime_s >= SETTLED_AFTER_S else None

        if pid := polled(settled, bound_s=bound_s, poll_s=POLL_S, clock=self._clock):
            return pid
        raise UnavailableError(f"the second driver does not run for {SETTLED_AFTER_S} s")

    def log(self) -> str:
        """Return what the driver has logged so far."""
        path = self._state.log_path(STREAM)
        return path.read_text("utf-8", errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """Stop driver and supervisor and return when they are gone; harmless when none runs."""
        if self._supervisor is None:
            return
        self._supervisor = None
        with suppress(RiskstreamError):  # it has ended already
            Supervisor(self._state).shut_down()
        polled(
            lambda: not is_held(self._state),
            bound_s=STOP_BOUND_S,
            poll_s=POLL_S,
            clock=self._clock,
        )

    def _start(self) -> None:
        deadline_ns = self._clock.monotonic_ns() + round(ANSWER_BOUND_S * 1e9)
        while self._clock.monotonic_ns() < deadline_ns:
            try:
                Supervisor(self._state).start(STREAM)
            except RiskstreamError as error:
                last = error
            else:
                return
            self._clock.sleep(POLL_S)
        raise UnavailableError(f"the second driver's supervisor does not answer: {last}")
