"""The watchdog: every state has a bound, and a driver that hangs is ended."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from types import SimpleNamespace

import psutil
import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from system.bus.errors import TopicMismatchError
from system.clock import ManualClock
from system.errors import InternalError, UnavailableError
from system.exits import ExitCode
from system.settings import Settings
from system.store.errors import FencedError, SchemaError, StoreUnavailableError
from system.stream.lifecycle.continuity import Break, BreakKind, StateMismatchError
from system.stream.lifecycle.watchdog import (
    BATCH_BUSY,
    COMMITTING,
    ENDING,
    ENDING_OVERDUE,
    NO_ANSWER,
    NO_EXECUTOR,
    QUERY_SILENT,
    STARTING,
    Watchdog,
    exit_code,
    touched,
    warming_up,
)
from system.stream.spark.cluster import (
    StreamStates,
    TooFewCoresError,
    executor_count,
    require_cores,
    stream_cores,
    worker_cores,
)

THREAD_BOUND_S = 30


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def ended():
    """Exit codes that the process was ended with."""
    return []


@pytest.fixture
def errors():
    """Errors that the driver was asked to end with."""
    return []


@pytest.fixture
def watchdog(clock, ended, errors):
    watchdog = Watchdog(clock, ended.append)
    watchdog._on_overdue = errors.append
    return watchdog


def pass_time(watchdog, clock, seconds, each_second=lambda: None):
    for _ in range(round(seconds)):
        clock.sleep(1)
        each_second()
        watchdog.check()


@pytest.mark.parametrize(
    ("bound", "stuck"),
    [
        (BATCH_BUSY, {"batch": 7}),
        (NO_EXECUTOR, {"executor_count": 0}),
        (NO_ANSWER, {"question": 3}),
        (QUERY_SILENT, {"silence": "2026-01-01T00:00:00Z"}),
    ],
)
def test_each_state_of_a_stream_has_a_bound_that_is_named_when_it_is_passed(
    watchdog, clock, errors, caplog, bound, stuck
):
    states = StreamStates()
    states.let_watch(watchdog)

    def all_else_goes_on():
        states.question = stuck.get("question")
        states.silence = stuck.get("silence", str(clock.monotonic_ns()))
        states.batch = stuck.get("batch")
        states.executor_count = stuck.get("executor_count", 1)

    pass_time(watchdog, clock, bound.seconds, all_else_goes_on)
    assert errors == []
    pass_time(watchdog, clock, 2, all_else_goes_on)
    [error] = errors
    assert isinstance(error, bound.error)
    assert bound.state in str(error)
    assert caplog.messages[0] == bound.sentence()


def test_a_stream_at_work_is_left_alone(watchdog, clock, errors):
    states = StreamStates()
    states.let_watch(watchdog)

    def works():
        now_s = clock.monotonic_ns() // 10**9
        states.question = int(now_s)
        states.batch = now_s // 100  # batches of 100 s
        states.executor_count = int(now_s % 60 > 30)  # lost for 30 s of each minute
        states.progress = str(now_s // 100)

    pass_time(watchdog, clock, 3600, works)
    assert errors == []


@pytest.mark.parametrize("phase", [STARTING, warming_up(30.0)])
def test_a_phase_that_hangs_ends_the_driver(watchdog, clock, errors, phase):
    watchdog.enter(phase)
    pass_time(watchdog, clock, phase.seconds + 2)
    [error] = errors
    assert phase.state in str(error)


def test_a_phase_is_bounded_for_itself(watchdog, clock, errors):
    for _ in range(10):
        watchdog.enter(STARTING)
        pass_time(watchdog, clock, STARTING.seconds - 5)
    assert errors == []


def test_a_driver_may_stand_by_for_ever(watchdog, clock, errors):
    watchdog.enter(None)
    pass_time(watchdog, clock, 7200)
    assert errors == []


def test_the_bounds_of_what_waits_for_something_else_are_longer_than_its(watchdog):
    assert COMMITTING.seconds < BATCH_BUSY.seconds < QUERY_SILENT.seconds


def test_a_driver_that_does_not_end_is_ended_with_the_code_of_the_first_cause(
    watchdog, clock, errors, ended
):
    watchdog.watch(NO_EXECUTOR, lambda: "none")
    pass_time(watchdog, clock, NO_EXECUTOR.seconds + 2)
    assert len(errors) == 1
    watchdog.ends(InternalError("what the end itself has met"))
    pass_time(watchdog, clock, ENDING_OVERDUE.seconds - 2)
    assert ended == []
    pass_time(watchdog, clock, 5)
    assert set(ended) == {ExitCode.UNAVAILABLE}


def test_an_end_for_any_reason_is_bounded(watchdog, clock, errors, ended):
    watchdog.ends(FencedError(1, 2))
    pass_time(watchdog, clock, ENDING.seconds + 2)
    assert ended == [ExitCode.FENCED]
    assert errors == []


def test_nothing_else_is_watched_once_the_driver_ends(watchdog, clock, errors):
    watchdog.watch(NO_EXECUTOR, lambda: "none")
    watchdog.ends(None)
    watchdog.enter(STARTING)
    pass_time(watchdog, clock, ENDING.seconds - 1)
    assert errors == []


def test_a_process_that_was_stopped_and_goes_on_has_not_been_stuck(watchdog, clock, errors):
    watchdog.watch(BATCH_BUSY, lambda: 7)
    pass_time(watchdog, clock, 2)
    clock.sleep(3600)
    watchdog.check()
    assert errors == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreUnavailableError("PostgreSQL does not answer"), ExitCode.UNAVAILABLE),
        (UnavailableError("Spark"), ExitCode.UNAVAILABLE),
        (FencedError(1, 2), ExitCode.FENCED),
        (StateMismatchError([Break(BreakKind.GAP, "trades:0", "lost")]), ExitCode.NEEDS_RECOVERY),
        (SchemaError("a newer version made it"), ExitCode.NEEDS_RECOVERY),
        (TopicMismatchError("trades has 2 partitions, asked for 3"), ExitCode.NEEDS_RECOVERY),
        (InternalError("ours"), ExitCode.FAILED),
        (ValueError("ours"), ExitCode.FAILED),
        (None, ExitCode.FAILED),
    ],
)
def test_the_exit_code_tells_causes_apart(error, code):
    assert exit_code(error) == code


def test_a_process_with_a_thread_that_hangs_is_ended_with_its_children():
    program = textwrap.dedent(
        """
        import subprocess, sys, threading
        from system.clock import SystemClock
        from system.stream.lifecycle import watchdog
        watchdog.CHECK_EVERY_S = 0.05
        dog = watchdog.Watchdog(SystemClock(), watchdog.end_process)
        dog.start(lambda error: None)
        dog.ends(None)
        child = subprocess.Popen(["sleep", "600"])
        print(child.pid, flush=True)
        dog._phase.bound = watchdog.Bound("the driver has been ending", 0.2, ValueError)
        threading.Event().wait()
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said, log = process.communicate(timeout=60)
    assert process.returncode == ExitCode.FAILED, log
    patience = Retrying(stop=stop_after_delay(10), wait=wait_fixed(0.05), reraise=True)
    patience(lambda: assert_gone(int(said)))


def assert_gone(pid):
    """Pass where a process is gone, or only waits for a parent to take its exit code."""
    with suppress(psutil.NoSuchProcess):
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_process_that_outlives_its_driver_is_not_ended():
    clock, codes, checks = ManualClock(), [], []

    def sign_of_life():
        checks.append(clock.monotonic_ns())
        watchdog.ends(None)
        if len(checks) == ENDING.seconds // 2:
            watchdog.stop()

    watchdog = Watchdog(clock, codes.append, sign_of_life)
    watchdog.start(lambda error: None)
    watchdog_threads = [each for each in threading.enumerate() if each.name == "watchdog"]
    for thread in watchdog_threads:
        thread.join(THREAD_BOUND_S)
        assert not thread.is_alive()
    assert codes == []


def test_a_supervisor_sees_that_the_watchdog_runs(clock, ended, tmp_path):
    watchdog = Watchdog(clock, ended.append, touched(tmp_path / "alive", "stream"))
    watchdog.check()
    [path] = (tmp_path / "alive").iterdir()
    assert path.name == f"stream.{os.getpid()}"
    os.utime(path, ns=(0, 0))
    watchdog.check()
    assert path.stat().st_mtime_ns > 0


def test_a_disk_that_takes_nothing_ends_no_driver(tmp_path):
    (tmp_path / "file").touch()
    touched(tmp_path / "file", "stream")()


def session(members, master="spark://127.0.0.1:7077"):
    """A session whose JVM knows so many block managers: one of the driver, one per executor."""
    status = SimpleNamespace(size=lambda: members)
    context = SimpleNamespace(getExecutorMemoryStatus=lambda: status)
    jsc = SimpleNamespace(sc=lambda: context)
    return SimpleNamespace(sparkContext=SimpleNamespace(_jsc=jsc, master=master))


def test_executors_are_counted_without_the_driver_itself():
    assert executor_count(session(1)) == 0
    assert executor_count(session(2)) == 1
    assert executor_count(session(1, master="local[2]")) == 1


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_question_to_the_jvm_is_seen_while_it_is_not_answered(has_ended):
    states = StreamStates()
    seen: list[int | None] = []

    def await_end(_seconds):
        seen.append(states.question)
        return has_ended

    assert states.has_ended(session(2), lambda: "batch 7", await_end) is has_ended
    assert seen == [1]
    assert states.question is None
    assert states.executor_count == 1
    assert states.silence == "batch 7"


@pytest.mark.parametrize(
    ("engine", "cores", "is_enough"),
    [("real-time", 5, True), ("real-time", 4, False), ("micro-batch", 1, True)],
)
def test_a_real_time_query_needs_a_core_for_each_partition(engine, cores, is_enough):
    cluster = session(2)
    cluster.sparkContext.defaultParallelism = cores
    settings = Settings(engine=engine)
    if is_enough:
        require_cores(cluster, settings, 5)
        return
    with pytest.raises(TooFewCoresError, match="a core for each of 5 partitions"):
        require_cores(cluster, settings, 5)


def test_the_engine_real_time_asks_for_a_core_for_each_partition_besides_the_others():
    assert stream_cores(Settings(executor_cores=2, engine="micro-batch")) == 2
    assert stream_cores(Settings(executor_cores=2, engine="real-time")) == 2 + 5
    assert worker_cores(Settings(executor_cores=2)) >= 2 + 7
    wide = Settings(executor_cores=2, engine="real-time", partitions={"market_data": 4})
    assert stream_cores(wide) == 2 + 7


def test_a_batch_is_under_way_as_long_as_its_work():
    states = StreamStates()
    with states.at_work(7):
        assert states.batch == 7
    assert states.batch is None
    with suppress(ZeroDivisionError), states.at_work(8):
        _ = 1 / 0
    assert states.batch is None
