"""Faults as they are made: on the processes, links and stores of a run's own stack.

Only processes of the run's own stack are touched: ids come from its supervisor.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import psutil

from system.bus.producer import MessageProducer
from system.clock import Clock, SystemClock
from system.contracts.codec import encode
from system.contracts.messages import Mark
from system.contracts.topics import INPUT_TOPICS, MARKET_DATA
from system.errors import RiskstreamError, UnavailableError
from system.runtime.components.programs import guarded_command
from system.runtime.running import RunningStack
from system.runtime.state import StateDir
from system.runtime.supervision.supervisord import program_path
from system.settings import Connections
from system.stream.lifecycle.standby import STANDS_BY, TAKES_OVER
from validation.run import read_postgres
from validation.run.read_back import read_inputs
from validation.run.wait import polled
from validation.scenarios.faults import store_damage
from validation.scenarios.faults.fault_points import FaultPoints, cut_off, delayed, silenced
from validation.scenarios.faults.kill_points import POINTS
from validation.scenarios.faults.refusal import RefusalLog, run_command
from validation.scenarios.faults.second_driver import SupervisedDriver
from validation.scenarios.faults.topic_damage import (
    POSITIONS_COME_FROM,
    RecreatedTopic,
    RetainedRecords,
    let_go,
    recreate_topic,
    retention_gap,
)
from validation.scenarios.file.fault_tables import (
    AnyFault,
    BlackHole,
    Cut,
    DamageTable,
    Delay,
    DiskFull,
    EmptyRedis,
    Flood,
    Kill,
    KillAt,
    LetGo,
    LoseDatabase,
    Pause,
    RecreateTopic,
    RestoreDatabase,
    RetentionGap,
    SecondDriver,
    StrayMark,
    UndoCommit,
)

EXECUTOR: Final = "executor"
EXECUTOR_MAIN: Final = "CoarseGrainedExecutorBackend"
WORKER: Final = "spark-worker"
STREAM: Final = "stream"
GONE_BOUND_S: Final = 60.0
BACK_BOUND_S: Final = 180.0
REACHED_BOUND_S: Final = 60.0
POLL_S: Final = 0.1
TOPICS: Final = {topic.name: topic for topic in INPUT_TOPICS}

Witness = tuple[bool, str]
"""True where a fault had its effect; the sentence names the evidence."""


class FaultMaker:
    """Makes faults, one at a time; closed when the story is over.

    Parameters
    ----------
    running : RunningStack
        Processes to kill and pause.
    connections : Connections
        Of that stack: the servers themselves, no relay.
    rig : FaultPoints
        Relays and the small disk that faults need.
    log : Path
        Log of a second driver that nobody supervises.
    mark_of : callable
        Returns the end-of-day mark of a day of the story, counted from 1.
    clock : Clock, optional
        Measures the faults.
    """

    def __init__(
        self,
        running: RunningStack,
        connections: Connections,
        *,
        rig: FaultPoints,
        log: Path,
        mark_of: Callable[[int], Mark],
        clock: Clock | None = None,
    ) -> None:
        self._running = running
        self._connections = connections
        self._rig = rig
        self._log = log
        self._mark_of = mark_of
        self._clock = clock or SystemClock()
        self._open = ExitStack()
        self.sent: Counter[str] = Counter()
        """Messages that faults have sent, by topic."""
        self.retained: RetainedRecords | None = None
        """Records that a fault has let go."""
        self.recreated: RecreatedTopic | None = None
        """The topic that a fault has made again."""
        self.unknown_behind: int | None = None
        """The fence behind which books may lack trades; None while no trade is lost."""
        self._makers: Mapping[type[AnyFault], Callable[[Any], Witness]] = {
            Kill: self._kill,
            Pause: self._pause,
            Delay: lambda fault: delayed(self._rig.relay(fault.what), fault, self._clock),
            Cut: lambda fault: cut_off(self._rig.relay(fault.what), fault, self._clock),
            BlackHole: lambda fault: silenced(self._rig.relay(fault.what), fault, self._clock),
            DiskFull: self._disk_full,
            SecondDriver: self._second_driver,
            KillAt: self._kill_at,
            Flood: self._flood,
            StrayMark: self._stray_mark,
            EmptyRedis: lambda _: store_damage.empty_redis(connections.redis_url),
            UndoCommit: lambda fault: store_damage.undo_commits(
                connections, behind_s=fault.behind_s, clock=self._clock
            ),
            RestoreDatabase: lambda fault: store_damage.restore_database(
                running, connections, behind_s=fault.behind_s, clock=self._clock
            ),
            LoseDatabase: self._lose_database,
            RetentionGap: self._retention_gap,
            LetGo: self._let_go,
            RecreateTopic: self._recreate_topic,
        }

    def make(self, fault: AnyFault) -> Witness:
        """Make a fault and return once it is over: whether it bit, and what was seen of it.

        Raises
        ------
        RiskstreamError
            If the stack cannot be asked, or nothing comes that the fault waits for.
        psutil.Error, OSError, psycopg.Error, redis.RedisError
            As processes and servers refuse it.
        """
        log = RefusalLog(StateDir(self._connections.state_dir).log_path(STREAM), self._clock)
        bit, witness = self._makers[type(fault)](fault)
        if not (bit and isinstance(fault, DamageTable) and fault.refused):
            return bit, witness
        _, command = log.await_command(fault.refused)
        printed = run_command(command, self._connections.state_dir)
        return True, f"{witness}; refused; `{command}`: {printed}"

    def close(self) -> None:
        """End what a fault has left running."""
        self._open.close()

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
            stopped = sum(_is_stopped(process) for process in family)
            self._clock.sleep(fault.seconds / 2)
        finally:
            _signal(family, signal.SIGCONT)
        witness = f"{stopped} of {len(family)} processes seen stopped for {fault.seconds:.1f} s"
        return stopped > 0, witness

    def _disk_full(self, fault: DiskFull) -> tuple[bool, str]:
        """Fill the checkpoints' disk: the driver must end, and one that has room take over."""
        first = self._process(STREAM)
        witness = self._rig.disk.fill(fault.seconds)
        after = self._await_other(STREAM, first)
        ended = f"driver {first.pid} ended, {after or 'nobody'} took over"
        return after is not None, f"{witness}; {ended}"

    def _kill_at(self, fault: KillAt) -> tuple[bool, str]:
        process, point = self._process(STREAM), POINTS[fault.point]
        relay = self._rig.relay(point.link)
        reached = relay.stop_at(point.finder)
        try:
            if not reached.wait(REACHED_BOUND_S):
                return False, f"no {fault.point} was sent within {REACHED_BOUND_S:.0f} s"
            process.kill()
            with suppress(psutil.NoSuchProcess):
                process.wait(GONE_BOUND_S)
        finally:
            relay.heal()
        after = self._await_other(STREAM, process)
        place = f"{fault.point}, which {point.link} has not seen"
        return True, f"driver {process.pid} killed at {place}; {after or 'nobody'} in its place"

    def _flood(self, fault: Flood) -> tuple[bool, str]:
        process = self._process(STREAM)
        process.suspend()
        try:
            with MessageProducer(self._connections.kafka_bootstrap_servers) as producer:
                for _ in range(fault.records):
                    producer.send_bytes(TOPICS[fault.topic], b"", bytes(fault.size))
                    producer.flush()
        finally:
            process.resume()
        self.sent[fault.topic] += fault.records
        megabytes = fault.records * fault.size / 1e6
        return True, f"{megabytes:.0f} MB of NUL bytes in {fault.records} records"

    def _stray_mark(self, fault: StrayMark) -> Witness:
        topic, mark = MARKET_DATA, self._mark_of(fault.day)
        with MessageProducer(self._connections.kafka_bootstrap_servers) as producer:
            producer.send_bytes(topic, b"", encode(mark), partition=fault.partition)
            producer.flush()
        self.sent[topic.name] += 1
        return True, f"mark of {mark.date} on {topic.name}:{fault.partition} alone"

    def _retention_gap(self, fault: RetentionGap) -> Witness:
        self.retained, witness = retention_gap(
            self._running, self._connections, seconds=fault.seconds, clock=self._clock
        )
        self.sent.subtract(self.retained.lost_messages())
        return bool(self.retained.lost), witness

    def _recreate_topic(self, fault: RecreateTopic) -> Witness:
        self.retained, self.recreated, witness = recreate_topic(
            self._running,
            self._connections,
            name=fault.topic,
            seconds=fault.seconds,
            clock=self._clock,
        )
        self.sent.subtract(self.retained.lost_messages())
        if fault.topic in POSITIONS_COME_FROM:
            self.unknown_behind = self.recreated.fence
        return True, witness

    def _let_go(self, fault: LetGo) -> Witness:
        self.retained, witness = let_go(self._connections, name=fault.topic)
        return bool(self.retained.records), witness

    def _lose_database(self, _: LoseDatabase) -> Witness:
        with read_postgres.reading(self._connections.database_url) as cursor:
            fence = read_postgres.fence(cursor)
        bit, witness = store_damage.lose_database(self._connections)
        if self.retained is not None:
            there = read_inputs(self._connections.kafka_bootstrap_servers)
            self.retained = self.retained.lost_with_the_database(there)
            lost = list(self.retained.lost_messages())
            self.sent.subtract(lost)
            if POSITIONS_COME_FROM & set(lost):
                self.unknown_behind = fence
        return bit, witness

    def _second_driver(self, fault: SecondDriver) -> tuple[bool, str]:
        if fault.supervised:
            return self._supervised_driver()
        first = self._process(STREAM)
        program = self._connections.state_dir / program_path(STREAM)
        with self._log.open("ab") as log:
            second = subprocess.Popen(
                guarded_command(str(program), str(os.getpid())),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            stands_by = self._await_log(STANDS_BY)
            is_left_alone = first.is_running() and self._process(STREAM) == first
            first.kill()
            takes_over = stands_by and self._await_log(TAKES_OVER)
            other = self._await_other(STREAM, first)
        finally:
            second.kill()
            second.wait()
        witness = (
            f"driver {second.pid} {'stood by' if stands_by else 'did not stand by'} and "
            f"{'left' if is_left_alone else 'did not leave'} driver {first.pid} alone; that one "
            f"killed, it {'took over' if takes_over else 'did not take over'}; itself killed, "
            f"{other or 'nobody'} in its place"
        )
        return stands_by and is_left_alone and takes_over and other is not None, witness

    def _await_log(self, words: str) -> bool:
        """Return whether words stand in the second driver's log within ``BACK_BOUND_S``."""
        return bool(
            polled(
                lambda: words in self._log.read_text("utf-8", errors="replace"),
                bound_s=BACK_BOUND_S,
                poll_s=POLL_S,
                clock=self._clock,
            )
        )

    def _supervised_driver(self) -> tuple[bool, str]:
        """Leave a second driver under a supervisor of its own until the end of the story."""
        first = self._process(STREAM)
        second = self._open.enter_context(
            SupervisedDriver(self._connections.state_dir, self._clock)
        )
        pid = second.await_process(BACK_BOUND_S)
        return True, f"driver {pid} started beside {first.pid}; both supervisors restart theirs"

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

        def look() -> int | None:
            with suppress(RiskstreamError, psutil.Error):
                process = self._process(what)
                if (process.pid, process.create_time()) != (before.pid, _born(before)):
                    return process.pid
            return None

        return polled(look, bound_s=BACK_BOUND_S, poll_s=POLL_S, clock=self._clock)


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
