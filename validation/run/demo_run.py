"""Where a demo runs: its plan, its folders, its stack on a state folder of its own."""

from __future__ import annotations

import datetime as dt
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from system.clock import SystemClock
from system.console import PlainConsole
from system.errors import InputError
from system.runtime.interrupts import stop_signals_as_interrupt
from system.runtime.running import RunningStack
from system.runtime.stack import EmbeddedStack, Progress
from system.settings import Connections, Settings
from validation.run.own_settings import settings_of_own

BROKER: Final = "kafka"


@dataclass(frozen=True)
class DemoPlan:
    """What is replayed, and how fast.

    Parameters
    ----------
    first_day, last_day : date
        Both included.
    seconds_per_day : float
        Length of a trading day on the schedule.
    messages_per_s : int
        Ticks and FX rates; a little more than 1,000 of them are ticks.
    """

    first_day: dt.date
    last_day: dt.date
    seconds_per_day: float = 3.0
    messages_per_s: int = 1_200


@dataclass(frozen=True)
class DemoRun:
    """Where a demo runs and writes."""

    plan: DemoPlan
    settings: Settings
    folder: Path
    console: PlainConsole

    @property
    def record_path(self) -> Path:
        """The observer's record."""
        return self.folder / "record.jsonl"

    @property
    def verdicts_path(self) -> Path:
        """The verdicts on snapshots that were recomputed while the run went on."""
        return self.folder / "recomputed.jsonl"

    @property
    def log_path(self) -> Path:
        """What the processes of the run complain of."""
        return self.folder / "processes.log"

    def say(self, text: str) -> None:
        """Print a line with the seconds since this program began."""
        self.console.print(f"{seconds_since_start():6.1f} s  {text}", highlight=False)


def demo_settings() -> Settings:
    """Return the settings with a state folder of the demo's own, beside the usual one."""
    return settings_of_own("demo")


def seconds_since_start() -> float:
    """Return how long this process has been running, its imports included."""
    return SystemClock().wall_ns() / 1e9 - psutil.Process().create_time()


@contextmanager
def running_stack(
    site: DemoRun, *, keep: bool, on_broker: Callable[[Connections], None] = lambda where: None
) -> Iterator[Connections]:
    """Run a stack on an emptied folder; stopped at the end unless it is to be kept.

    Parameters
    ----------
    site : DemoRun
        Where.
    keep : bool
        Whether it outlives this program; an error or interrupt stops it all the same.
    on_broker : callable
        Told where the broker is once it answers, from another thread; must be quick.

    Raises
    ------
    InputError
        If an earlier demo's stack runs there still.
    StackError
        If a component does not come up.
    """
    state_dir = site.settings.state_dir
    if RunningStack(site.settings).is_up():
        raise InputError(f"a demo's stack runs on {state_dir}; stop it: {stop_command(site)}")
    if state_dir.exists():
        shutil.rmtree(state_dir)
    site.say("starting Kafka, PostgreSQL, Redis, the Spark cluster, the stream, API, dashboard")

    def tell(progress: Progress) -> None:
        if progress.detail:
            site.say(f"{progress.component} {progress.detail}")
        if progress.stage in {"ready", "external"}:
            site.say(f"{progress.component} {progress.stage}")
            if progress.component == BROKER:
                on_broker(stack.connections)

    stack = EmbeddedStack(site.settings, detached=keep, on_progress=tell)
    try:
        with stop_signals_as_interrupt():
            stack.start()
            yield stack.connections
    except BaseException:
        _stop_undisturbed(stack)
        raise
    if not keep:
        site.say("stopping everything")
        _stop_undisturbed(stack)


def _stop_undisturbed(stack: EmbeddedStack) -> None:
    """Stop; a second Ctrl-C does not interrupt what is bounded anyway."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stack.stop()
    finally:
        signal.signal(signal.SIGINT, before)


def stop_command(site: DemoRun) -> str:
    """Return what a person types to stop a demo's stack that was kept."""
    return f"RISKSTREAM_STATE_DIR={site.settings.state_dir} riskstream down"
