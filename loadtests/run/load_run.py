"""Running a load: a stack, its books, the pump and the observer; evidence is what is left."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import psutil

from loadtests.source.load_generator import Prepared, read_pump_line
from loadtests.source.plan import LoadPlan, load_books, load_replay
from loadtests.source.send_rate import SendRate
from system.bus.consumer import end_offsets
from system.clock import SystemClock
from system.contracts.messages import Portfolio
from system.contracts.topics import MARKET_DATA
from system.errors import UnavailableError
from system.runtime.components.registry import COMPONENTS, SERVERS
from system.runtime.running import RunningStack
from system.settings import Connections, Settings
from system.simulate.progress import PublishSummary
from system.store.redis.latest import LatestStore
from validation.measure.memory_growth import MemorySamples
from validation.measure.usage import ProcessUsage, UsageSampler
from validation.run.child_process import ChildProcess, ProcessFailedError, python_command
from validation.run.child_processes import HiccupProcess, ObserverProcess
from validation.run.own_settings import settings_of_own
from validation.run.pipeline import READY_BOUND_S, open_market, temporary_stack
from validation.run.read_back import await_committed
from validation.run.wait import Patience, polled

PIPELINE: Final = (*SERVERS, "stream", "api")
"""Components that are started for a load: it needs no dashboard."""
DRAIN_BOUND_S: Final = 60.0
PUMP_SLACK_S: Final = 120.0
POLL_S: Final = 0.2

Say = Callable[[str], None]


@dataclass(frozen=True)
class LoadSite:
    """Settings and folder of a load, and its progress callback.

    Parameters
    ----------
    settings : Settings
        Of the stack.
    folder : Path
        Of reports, record and logs.
    say : callable
        Told what happens, a line each.
    """

    settings: Settings
    folder: Path
    say: Say

    @property
    def record_path(self) -> Path:
        """The observer's record."""
        return self.folder / "record.jsonl"

    @property
    def hiccups_path(self) -> Path:
        """The machine's own pauses."""
        return self.folder / "hiccups.jsonl"

    @property
    def log_path(self) -> Path:
        """Log of the processes of the run."""
        return self.folder / "processes.log"

    @property
    def plan_path(self) -> Path:
        """Plan that the pump reads."""
        return self.folder / "plan.json"

    @property
    def gc_dir(self) -> Path:
        """Folder of the garbage collection logs, for a stack that the run started itself."""
        return self.folder / "gc"


@dataclass(frozen=True)
class LoadRun:
    """Results of a load, besides records and rows.

    Parameters
    ----------
    summary : PublishSummary
        How the pump kept its schedule.
    usage : tuple of ProcessUsage
        CPU and memory by process.
    first_offsets : dict of str to int
        Where the market data topic ended before the load.
    drained : bool
        Whether PostgreSQL had covered everything within the bound.
    load_average : float
        Of the machine at the beginning, one minute: what else ran there.
    memory : tuple of MemorySamples
        Of the same processes over time, from the pump's start on.
    """

    summary: PublishSummary
    usage: tuple[ProcessUsage, ...]
    first_offsets: dict[str, int]
    drained: bool
    load_average: float
    memory: tuple[MemorySamples, ...]


def load_settings_of_own(**changes: object) -> Settings:
    """Return settings with a state folder for loads, beside the usual one.

    Parameters
    ----------
    **changes
        Fields of ``Settings`` to replace.
    """
    return settings_of_own("load", **changes)


@contextmanager
def load_stack(site: LoadSite, components: Sequence[str] = PIPELINE) -> Iterator[Connections]:
    """Run the pipeline, or a part of it, on an emptied folder, stopped at the end.

    Raises
    ------
    InputError
        If an earlier load's stack runs there still.
    StackError
        If a component does not come up.
    """
    shutil.rmtree(site.gc_dir, ignore_errors=True)
    site.gc_dir.mkdir(parents=True)
    settings = site.settings.model_copy(update={"gc_log_dir": site.gc_dir})
    with temporary_stack(settings, say=site.say, components=components) as connections:
        yield connections


def open_books(plan: LoadPlan, connections: Connections, site: LoadSite) -> tuple[Portfolio, ...]:
    """Send instruments, closes and books, and return the books once each has a VaR.

    Raises
    ------
    UnavailableError
        If that takes longer than its bounds.
    """
    books = load_books(plan)
    open_market((*load_replay(plan).reference_messages(), *books), connections)
    _await_valued(connections, [book.portfolio for book in books])
    site.say(f"{plan.instruments} instruments and {len(books)} books are there and valued")
    return books


def run_load(
    plan: LoadPlan,
    connections: Connections,
    site: LoadSite,
    *,
    on_pulse: Callable[[SendRate], None] = lambda pulse: None,
    drained: Callable[[], bool] | None = None,
    also_watched: Mapping[str, int] | None = None,
) -> LoadRun:
    """Pump a plan through a stack whose market is open, under observation.

    Parameters
    ----------
    plan : LoadPlan
        What to send.
    connections : Connections
        Of the stack.
    site : LoadSite
        Where it runs and writes.
    on_pulse : callable
        Told of each second's sending, from another thread.
    drained : callable, optional
        Waits until everything sent is covered, and returns whether it is; by default
        PostgreSQL is asked.
    also_watched : mapping of str to int, optional
        Further processes whose usage is counted, by name.

    Raises
    ------
    UnavailableError
        If a process or server fails.
    """
    first = end_offsets(connections.kafka_bootstrap_servers, [MARKET_DATA])
    load_average = os.getloadavg()[0]
    site.plan_path.write_bytes(msgspec.json.encode(plan))
    with ExitStack() as running:
        observer = ObserverProcess(
            site.record_path, state_dir=site.settings.state_dir, log=site.log_path
        )
        running.enter_context(observer)
        running.enter_context(HiccupProcess(site.hiccups_path, log=site.log_path))
        pump = running.enter_context(PumpProcess(site, connections, on_pulse))
        roots = {**_roots(site, observer.pid, pump.pid), **(also_watched or {})}
        pump.await_prepared(PUMP_SLACK_S)
        usage = running.enter_context(UsageSampler(roots))
        bound_s = plan.seconds + plan.warm_up_seconds + PUMP_SLACK_S
        summary = pump.sent(bound_s)
        used, memory = usage.usage(), usage.memory()
        is_drained = (drained or _is_committed(connections))()
    return LoadRun(summary, used, first, is_drained, load_average, memory)


class PumpProcess(ChildProcess):
    """The load generator as a process of its own.

    Parameters
    ----------
    site : LoadSite
        Folder of its plan and log.
    connections : Connections
        Names the broker.
    on_pulse : callable
        Receives each second's send rate, from another thread.
    """

    def __init__(
        self, site: LoadSite, connections: Connections, on_pulse: Callable[[SendRate], None]
    ) -> None:
        arguments = (str(site.plan_path), "--bootstrap", connections.kafka_bootstrap_servers)
        command = python_command("loadtests.source.load_generator", *arguments)
        super().__init__("the pump", command, log=site.log_path, on_line=self._take_line)
        self._on_pulse = on_pulse
        self._summary: PublishSummary | None = None
        self._prepared = threading.Event()

    def await_prepared(self, timeout_s: float) -> None:
        """Return once everything is made that will be sent, or the pump has ended.

        Parameters
        ----------
        timeout_s : float
            Bound, seconds.

        Raises
        ------
        ProcessFailedError
            If it takes longer.
        """
        if not polled(
            lambda: self._prepared.is_set() or not self.is_running,
            bound_s=timeout_s,
            poll_s=POLL_S,
        ):
            raise ProcessFailedError(f"the pump was not prepared after {timeout_s:.0f} s")

    def sent(self, timeout_s: float) -> PublishSummary:
        """Return what was sent, once all is sent.

        Parameters
        ----------
        timeout_s : float
            Bound, seconds.

        Raises
        ------
        ProcessFailedError
            If it failed, or did not end in time.
        """
        self.wait(timeout_s)
        if self._summary is None:
            raise ProcessFailedError("the pump ended without a summary")
        return self._summary

    def _take_line(self, line: bytes) -> None:
        progress = read_pump_line(line)
        if isinstance(progress, Prepared):
            self._prepared.set()
        elif isinstance(progress, SendRate):
            self._on_pulse(progress)
        else:
            self._summary = progress


def _is_committed(connections: Connections) -> Callable[[], bool]:
    return lambda: await_committed(connections, timeout_s=DRAIN_BOUND_S, patient=False)


def _await_valued(connections: Connections, names: Sequence[str]) -> None:
    clock, waiting = SystemClock(), list(names)
    patience = Patience(clock, stall_s=READY_BOUND_S)
    with LatestStore(connections.redis_url) as store:
        while waiting and not patience.is_over(len(waiting)):
            if _is_valued(store, waiting[-1]):
                waiting.pop()
            else:
                clock.sleep(POLL_S)
    if waiting:
        raise UnavailableError(f"{len(waiting)} books have no VaR after {READY_BOUND_S:.0f} s")


def _is_valued(store: LatestStore, portfolio: str) -> bool:
    latest = store.latest(portfolio)
    return latest is not None and latest.snapshot.var is not None


def _roots(site: LoadSite, observer_pid: int, pump_pid: int) -> dict[str, int]:
    """Return whom to watch: the components, and the processes of the run itself."""
    stack = RunningStack(site.settings)
    pids = {
        component.name: component.pid
        for component in stack.status()
        if component.pid and component.name in COMPONENTS
    }
    return {**pids, "pump": pump_pid, "observer": observer_pid}


def machine() -> str:
    """Return what the load ran on, in a few words."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {sys.version.split()[0]}"
