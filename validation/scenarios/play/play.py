"""One scenario through a pipeline: opened, played, drained; what it left."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Final

from system.bus.consumer import Record
from system.clock import SystemClock
from system.console import PlainConsole
from system.contracts.messages import Mark
from system.contracts.replay import ReplayStatus
from system.errors import UnavailableError
from system.runtime.running import RunningStack
from system.settings import Connections
from system.simulate.progress import PublishSummary
from validation.measure.machine_speed import current_stretch
from validation.measure.record import RecordLine, read_record
from validation.run.child_processes import ObserverProcess
from validation.run.console import ReplayProgress, ReplayScreen
from validation.run.pipeline import open_market
from validation.run.read_back import (
    Stated,
    await_committed,
    read_announced,
    read_inputs,
    read_stated,
)
from validation.scenarios.faults.actions import FaultMaker
from validation.scenarios.faults.fault_points import FaultPoints
from validation.scenarios.faults.injector import FaultInjector, FaultOutcome
from validation.scenarios.faults.stream_watch import StreamWatch
from validation.scenarios.faults.topic_damage import with_retained
from validation.scenarios.play.api_poller import ApiPoller, Shown
from validation.scenarios.play.status_publisher import StatusPublisher
from validation.scenarios.story.source_process import SourceProcess
from validation.scenarios.story.story import Story
from validation.scenarios.story.timeline import Moment

DRAIN_BOUND_S: Final = 180.0
SOURCE_SLACK_S: Final = 120.0
POLL_S: Final = 0.25


@dataclass(frozen=True)
class Run:
    """Options of one run of a scenario.

    Parameters
    ----------
    story : Story
        What is played.
    speed : float or None
        Times the file's; None: as fast as the broker takes it.
    data : Path or None
        Price file in place of the story's own.
    restart_at : Moment or None
        When the stream is restarted in good order, wherever it stands then.
    """

    story: Story
    speed: float | None = 1.0
    data: Path | None = None
    restart_at: Moment | None = None

    @property
    def waits_at_faults(self) -> bool:
        """True where the source waits at a fault until the one before it is over.

        A schedule leaves them room; without one they would all come at once. It also waits where
        nothing may be sent during a fault.
        """
        return self.shares_hold or any(fault.quiet for fault in self.story.scenario.file.faults)

    @property
    def ends_processes(self) -> bool:
        """True where a process of the product ends on the way, by a fault or a restart."""
        return self.restart_at is not None or bool(self.story.scenario.file.faults)

    @property
    def shares_hold(self) -> bool:
        """True where recoveries hold together, behind the last fault."""
        return self.speed is None and bool(self.story.scenario.file.faults)


@dataclass(frozen=True)
class Recording:
    """Everything that a run left, gathered before anything is judged.

    ``announced``: ids of the snapshots on ``risk_snapshots``.
    ``stretch``: by which factor the machine was slower than the reference as the story began.
    ``unknown_behind``: drivers with a higher fence lack trades; ``records_before`` is what the
    ones before them have read.
    """

    record: list[RecordLine]
    records: list[Record]
    stated: Stated
    shown: list[Shown]
    faults: tuple[FaultOutcome, ...]
    summary: PublishSummary
    sent: dict[str, int]
    announced: frozenset[str] = frozenset()
    stretch: float = 1.0
    unknown_behind: int | None = None
    records_before: Sequence[Record] = ()


def play(
    run: Run,
    connections: Connections,
    running: RunningStack,
    folder: Path,
    console: PlainConsole,
    rig: FaultPoints,
) -> Recording:
    """Play a scenario on an empty pipeline and gather what it left.

    Parameters
    ----------
    run : Run
        What and how.
    connections : Connections
        Of the pipeline.
    running : RunningStack
        The stack, for faults.
    folder : Path
        Where record and logs go; must exist.
    console : PlainConsole
        Where progress is shown.
    rig : FaultPoints
        What the faults need.

    Raises
    ------
    RiskstreamError
        If a process fails, or the stream does not keep up within its bound.
    """
    story = run.story
    record, log = folder / "record.jsonl", folder / "processes.log"
    log.unlink(missing_ok=True)
    progress = ReplayProgress(day_count=len(story.days))
    watch_of_stream = StreamWatch(connections)
    maker = FaultMaker(
        running, connections, rig=rig, log=log, mark_of=lambda day: mark_of(story, day)
    )
    injector = FaultInjector(
        maker,
        watch_of_stream.looks,
        story.scenario.file.faults,
        shares_hold=run.shares_hold,
    )
    restart = _Restart(running)
    begins: list[Callable[[Callable[[], None]], None]] = [
        *(partial(injector.begin, at) for at in range(injector.count)),
        restart.begin,
    ]
    with ExitStack() as stack:
        stack.callback(maker.close)
        stack.callback(injector.close)
        source = stack.enter_context(  # it gets ready meanwhile
            SourceProcess(
                source_arguments(run, connections),
                log=log,
                on_day=progress.take_day,
                on_cue=lambda index, go_on: begins[index](go_on),
            )
        )
        opened_topics = open_story(story, connections)
        stack.enter_context(
            ObserverProcess(
                record, state_dir=connections.state_dir, log=log, options=("--patient",)
            )
        )
        watch = stack.enter_context(ApiPoller(connections))
        if injector.count:
            stack.enter_context(watch_of_stream)
        stack.enter_context(
            StatusPublisher(connections, lambda: replay_status(run, progress, injector))
        )
        stretch = current_stretch()
        source.go_on()
        _show(source, watch, progress, console)
        source.wait(SOURCE_SLACK_S)
        summary = source.summary
        restart.wait()
        faults = injector.outcomes()
        if not await_committed(connections, timeout_s=DRAIN_BOUND_S, through_outages=True):
            raise UnavailableError(
                f"the stream is behind, and has committed nothing for {DRAIN_BOUND_S:.0f} s"
            )
    assert summary is not None, "a source that ended well has a summary"
    assert source.sent is not None, "a source that ended well says what was acknowledged"
    seen = list(read_record(record))
    inputs = read_inputs(connections.kafka_bootstrap_servers)
    stated = read_stated(connections.database_url)
    if (recreated := maker.recreated) is not None:
        seen, inputs = recreated.seen(seen), recreated.continued(inputs)
        stated = recreated.stated(stated)
    return Recording(
        record=seen,
        records=with_retained(maker.retained, inputs),
        stated=stated,
        shown=watch.shown,
        faults=faults,
        summary=summary,
        sent=sum_of(opened_topics, source.sent, maker.sent),
        announced=read_announced(connections.kafka_bootstrap_servers),
        stretch=stretch,
        unknown_behind=maker.unknown_behind,
        records_before=with_retained(maker.retained, inputs, with_lost=True),
    )


def sum_of(*counts: Mapping[str, int]) -> dict[str, int]:
    """Return sums by topic; what a fault has let go counts against what was sent."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def mark_of(story: Story, day: int) -> Mark:
    """Return the end-of-day mark of a day of a story, counted from 1."""
    return next(itertools.islice(story.replay.day_plans(), day - 1, None)).mark


def replay_status(run: Run, progress: ReplayProgress, injector: FaultInjector) -> ReplayStatus:
    """Return what a replay says of itself."""
    with progress.lock:
        day, number = progress.day, progress.days_sent
    return ReplayStatus(
        running=True,
        scenario=run.story.scenario.name,
        title=run.story.scenario.file.title,
        speed="max" if run.speed is None else f"{run.speed:g}x",
        day=day,
        day_number=number,
        day_count=progress.day_count,
        faults=injector.begun(),
    )


def open_story(story: Story, connections: Connections) -> dict[str, int]:
    """Send reference data and books, wait until they are committed; return counts by topic.

    Raises
    ------
    RiskstreamError
        If a server does not answer, or the stream does not take them in time.
    """
    messages = [*story.replay.reference_messages(), *story.options, *story.books]
    return {"reference": open_market(messages, connections)}


def source_arguments(run: Run, connections: Connections) -> list[str]:
    """Return the arguments of the source's process."""
    arguments = [str(run.story.scenario.path), "--bootstrap", connections.kafka_bootstrap_servers]
    if run.speed is not None:
        arguments += ["--speed", str(run.speed)]
    if run.data is not None:
        arguments += ["--data", str(run.data)]
    if run.restart_at is not None:
        arguments += ["--cue", str(run.restart_at)]
    if run.waits_at_faults:
        arguments.append("--wait")
    return [*arguments, "--seed", str(run.story.seed)]


class _Restart:
    """Restarts the stream in good order when its cue comes, while the source goes on."""

    def __init__(self, running: RunningStack) -> None:
        self._thread = Thread(target=running.restart, args=("stream",), name="restart")

    def begin(self, go_on: Callable[[], None]) -> None:
        self._thread.start()
        go_on()

    def wait(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()


def _show(
    source: SourceProcess, watch: ApiPoller, progress: ReplayProgress, console: PlainConsole
) -> None:
    clock = SystemClock()
    with ReplayScreen(console, progress) as screen:
        while source.is_running:
            progress.portfolios = watch.portfolios
            screen.refresh()
            clock.sleep(POLL_S)
