"""Progress of steps that run side by side: a line each on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner

from system.clock import Clock, SystemClock
from system.console import PlainConsole, styled
from validation.run.command import log_tail
from validation.verify.steps import Step

REFRESHES_PER_S: Final = 4
LINE_EVERY_S: Final = 60.0
LONGEST_LINE: Final = 100


@dataclass(frozen=True)
class Running:
    """A step that runs: since when, CLOCK_MONOTONIC nanoseconds, and the log that it writes."""

    step: Step
    since_ns: int
    log: Path


class StepsScreen:
    """Shows the steps that run now; a context manager, used from several threads.

    Parameters
    ----------
    console : PlainConsole
        Where to.
    clock : Clock, optional
        Tells how long each has been running.
    """

    def __init__(self, console: PlainConsole, *, clock: Clock | None = None) -> None:
        self._console = console
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._running: dict[str, Running] = {}
        self._told_ns = self._clock.monotonic_ns()
        self._spinner = Spinner("dots")
        self._live = Live(
            console=console,
            refresh_per_second=REFRESHES_PER_S,
            get_renderable=self._rendered,
            transient=True,
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def begin(self, step: Step, log: Path) -> None:
        """Show a step from now on."""
        with self._lock:
            self._running[step.name] = Running(step, self._clock.monotonic_ns(), log)
        if not self._console.is_terminal:
            self._console.print(f"begun    {step.name:<12} {step.title}")

    def end(self, step: Step) -> None:
        """Show a step no more."""
        with self._lock:
            self._running.pop(step.name, None)

    def refresh(self) -> None:
        """Print now and then what runs; on a terminal the screen does so by itself."""
        with self._lock:
            now_ns = self._clock.monotonic_ns()
            if self._console.is_terminal or now_ns - self._told_ns < LINE_EVERY_S * 1e9:
                return
            self._told_ns = now_ns
            running = list(self._running.values())
        for name in running:
            self._console.print(f"running  {self._line(name)}")

    def _rendered(self) -> RenderableType:
        with self._lock:
            running = list(self._running.values())
        self._spinner.update(text=f"{len(running)} running")
        lines = [styled("  ", (self._line(name), "dim")) for name in running]
        return Group(self._spinner, *lines)

    def _line(self, one: Running) -> str:
        seconds = (self._clock.monotonic_ns() - one.since_ns) / 1e9
        return f"{one.step.name:<12} {seconds:4.0f} s  {last_line(one.log)}"


def last_line(log: Path) -> str:
    """Return the end of a log as far as a line of the screen takes it."""
    return log_tail(log, 1)[:LONGEST_LINE]
