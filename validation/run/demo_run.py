"""Plan, settings and folders of a demo."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import psutil

from system.clock import SystemClock
from system.console import PlainConsole
from system.settings import Settings
from validation.run.own_settings import settings_of_own


@dataclass(frozen=True)
class DemoPlan:
    """Days and speed of a replay.

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
    """Plan, settings and files of one demo."""

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
        """Log of the processes of the run."""
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
