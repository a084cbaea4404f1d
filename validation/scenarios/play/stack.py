"""The stack that scenarios run on: started once, empty for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import psycopg

from system.bus.consumer import end_offsets
from system.contracts.topics import INPUT_TOPICS, MARKET_DATA
from system.errors import InputError, RiskstreamError
from system.runtime.components.registry import SERVERS
from system.runtime.running import RunningStack
from system.runtime.stack import EmbeddedStack, Progress
from system.settings import Connections, EngineName, Settings
from validation.run.own_settings import settings_of_own
from validation.run.pipeline import empty_folder
from validation.scenarios.faults.disk import release
from validation.scenarios.faults.fault_points import FaultPoints
from validation.scenarios.file.fault_tables import AnyFault
from validation.scenarios.play.hosted_app import HostedApp
from validation.scenarios.play.reset_pipeline import empty_pipeline

APPS: Final = ("stream", "api")
HOSTED: Final = frozenset(APPS)
"""Processes of the product that may run in a process of the harness, life after life."""


@dataclass(frozen=True)
class PipelineConfig:
    """Configuration of the pipeline of one scenario.

    Parameters
    ----------
    partitions : int
        Of market data; other topics keep their own number.
    max_batch_records : int, optional
        Where batches are cut; the settings' own bound when not given.
    sharded : bool
        Whether every batch is valued on the executors, however few portfolios it touches.
    engine : str, optional
        How Spark reads Kafka; that of the settings when not given.
    """

    partitions: int = MARKET_DATA.partition_count
    max_batch_records: int | None = None
    sharded: bool = False
    engine: EngineName | None = None

    def settings(self, settings: Settings) -> Settings:
        """Return settings with this shape."""
        changes: dict[str, object] = {
            "partitions": {**settings.partitions, MARKET_DATA.name: self.partitions}
        }
        if self.max_batch_records is not None:
            changes["max_batch_records"] = self.max_batch_records
        if self.engine is not None:
            changes["engine"] = self.engine
        if self.sharded:
            changes["shard_from_portfolios"] = 1
        return settings.model_copy(update=changes)


def replay_settings(*, warm_up_seconds: float | None = None) -> Settings:
    """Return the settings with a state folder of the scenarios' own, beside the usual one.

    Parameters
    ----------
    warm_up_seconds : float, optional
        Of the stream, in place of what was chosen: less where no latency is looked at.
    """
    chosen = {} if warm_up_seconds is None else {"warm_up_seconds": warm_up_seconds}
    return settings_of_own("replay", **chosen)


class ScenarioStack:
    """A stack of one's own for scenarios; a context manager.

    Parameters
    ----------
    settings : Settings
        ``replay_settings()``; its state folder is emptied at the start.
    apps : sequence of str
        Processes of the product; they are started again for each pipeline.
    dashboard : bool
        Whether the dashboard is started too.
    keep : bool
        Whether it is left running when everything went well.
    say : callable
        Told what is happening, for a person.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        apps: Sequence[str] = APPS,
        dashboard: bool = False,
        keep: bool = False,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.settings = settings
        self._apps = tuple(apps)
        self._components = (*SERVERS, *apps, *(("dashboard",) if dashboard else ()))
        self._keep = keep
        self._say = say
        self._stack: EmbeddedStack | None = None
        self._rig: FaultPoints | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="emptying")
        self._emptying: Future[None] | None = None
        self._hosts: dict[str, HostedApp] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not (self._keep and error is None):
            self.stop()

    def stop(self) -> None:
        """Stop what runs; the next scenario finds a stack that was started for it."""
        with suppress(RiskstreamError, OSError, psycopg.Error):
            self._await_empty()
        self._close_hosts()
        if self._stack is not None:
            self._stack.stop()
            self._stack = None
        self._close_rig()

    @property
    def running(self) -> RunningStack:
        """The stack, to ask for process ids."""
        return RunningStack(self.settings)

    @property
    def rig(self) -> FaultPoints:
        """Fault points of the scenario that was prepared last."""
        assert self._rig is not None, "a scenario is prepared before it is played"
        return self._rig

    def release(self) -> None:
        """Begin to empty the pipeline, of which nothing is wanted any more; returns at once."""
        assert self._emptying is None, "a pipeline is released once"
        self._emptying = self._pool.submit(self._empty)

    def fresh(
        self,
        shape: PipelineConfig,
        faults: Sequence[AnyFault] = (),
        *,
        is_hosted: bool = False,
        apps: Sequence[str] | None = None,
    ) -> Connections:
        """Return where an empty pipeline of a shape is.

        Parameters
        ----------
        shape : PipelineConfig
            Partitions and batches.
        faults : sequence
            What will break: some need a relay or a disk of their own.
        is_hosted : bool
            Whether driver and API may run in the process of the ones before them, on their Spark
            session (`app_host`); the first ones of a stack always have processes of their own.
        apps : sequence of str, optional
            Those of the stack's processes that are wanted; all by default.

        Raises
        ------
        InputError
            If a stack that was kept runs on the folder.
        RiskstreamError
            If a server does not come up.
        """
        settings = shape.settings(self.settings)
        is_new = self._stack is None
        connections = self._started(settings) if self._stack is None else self._stack.connections
        rig = FaultPoints(faults, self.running, connections)
        wanted = self._apps if apps is None else tuple(apps)
        assert set(wanted) <= set(self._apps), "an app is started with its stack"
        assert not (is_hosted and faults), "faults break processes of the product's own"
        if not is_new or rig.is_wanted:
            self._emptied(settings.environment(), rig, wanted, is_hosted=is_hosted)
        else:
            for name in set(self._apps).difference(wanted):
                self.running.stop_component(name)
        self._rig = rig
        return connections

    def _started(self, settings: Settings) -> Connections:
        if settings.state_dir.exists() and not self.running.is_up():
            release(settings.state_dir)
        empty_folder(settings)
        self._say(f"starting {', '.join(self._components)}")
        self._stack = EmbeddedStack(
            settings,
            components=self._components,
            detached=self._keep,
            on_progress=self._tell,
        )
        self._stack.start()
        return self._stack.connections

    def _tell(self, progress: Progress) -> None:
        if progress.stage == "ready":
            self._say(f"{progress.component} ready after {progress.elapsed_s:.0f} s")

    def _close_rig(self) -> None:
        if self._rig is not None:
            self._rig.close()
            self._rig = None

    def _emptied(
        self,
        environment: Mapping[str, str],
        rig: FaultPoints,
        apps: Sequence[str],
        *,
        is_hosted: bool,
    ) -> None:
        """Empty the pipeline, unless that was begun, and start the product's own processes."""
        if self._emptying is None:
            self.release()
        self._await_empty()
        self._close_rig()
        self._rig = rig
        rig.open()
        running = self.running
        for name in apps:
            running.reconfigure(name, {**environment, **rig.environment(name)})
        if not is_hosted:
            self._close_hosts()
        with ThreadPoolExecutor(len(apps)) as pool:
            started = [
                pool.submit(self._begin_hosted, name, environment)
                if is_hosted and name in HOSTED
                else pool.submit(running.restart, name)
                for name in apps
            ]
            for each in started:
                each.result()

    def _begin_hosted(self, name: str, environment: Mapping[str, str]) -> None:
        assert self._stack is not None, "what is hosted runs beside a stack"
        if name not in self._hosts:
            self._hosts[name] = HostedApp.of_stack(name, self.settings)
        self._hosts[name].begin(environment, self._stack.connections)

    def _close_hosts(self) -> None:
        """End the processes that host: a Spark session in them holds the cluster's cores."""
        hosts, self._hosts = self._hosts, {}
        for host in hosts.values():
            host.close()

    def _await_empty(self) -> None:
        emptying, self._emptying = self._emptying, None
        if emptying is not None:
            emptying.result()

    def _empty(self) -> None:
        assert self._stack is not None, "a stack is emptied between two scenarios"
        with ThreadPoolExecutor(len(self._apps) + len(self._hosts) + 1) as pool:
            stopped = [pool.submit(self.running.stop_component, name) for name in self._apps]
            stopped += [pool.submit(host.end) for host in self._hosts.values()]
            for each in stopped:
                each.result()
        empty_pipeline(self._stack.connections)


def require_empty(connections: Connections) -> None:
    """Refuse a pipeline of somebody else that holds messages.

    Raises
    ------
    InputError
        If an input topic is not empty: a scenario would be judged with what is there.
    """
    ends = end_offsets(connections.kafka_bootstrap_servers, INPUT_TOPICS)
    used = sorted(name for name, offset in ends.items() if offset)
    if used:
        raise InputError(
            f"the running stack has messages on {', '.join(used)}: a scenario needs an empty "
            "one; `riskstream down`, remove its state folder, `riskstream up`"
        )
