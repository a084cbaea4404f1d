"""The stream comes back and stays: a killed Spark master, a second driver, lost executors."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from system.bus.consumer import end_offsets
from system.bus.producer import MessageProducer
from system.clock import SystemClock
from system.contracts.api.risk import StreamState
from system.contracts.messages import FxRate
from system.contracts.topics import INPUT_TOPICS
from system.errors import RiskstreamError
from system.runtime.components.programs import guarded_command
from system.runtime.running import RunningStack
from system.runtime.supervision.supervisord import program_path
from system.settings import Connections, Settings
from system.store.redis.latest import LatestStore
from system.stream.lifecycle.standby import STANDS_BY, TAKES_OVER

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(420),
    pytest.mark.pipeline(own_stack=True),
]

RECOVERY_BOUND_S = 90.0
STAYS_S = 45.0
"""Longer than Spark takes to give an executor up after a lost master (10 s), with much to spare."""
LOG_BOUND_S = 60.0
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def rates(producer: MessageProducer) -> Iterator[None]:
    """Twenty rates a second, as long as these tests run."""
    ending = threading.Event()

    def send() -> None:
        sequence = 0
        while not ending.wait(0.05):
            sequence += 1
            with suppress(RiskstreamError):
                producer.send(
                    FxRate(
                        currency="USD",
                        rate=1.1,
                        event_time_ns=CLOCK.wall_ns(),
                        sequence=sequence,
                    )
                )

    thread = threading.Thread(target=send)
    thread.start()
    yield
    ending.set()
    thread.join()


@pytest.fixture(scope="module")
def running(connections: Connections, stack_settings: Settings) -> RunningStack:
    return RunningStack(stack_settings)


def is_current(connections: Connections, ends: dict[str, int]) -> bool:
    """Return whether the stream says that it is running, and covers what lay in the topics."""
    with suppress(RiskstreamError), LatestStore(connections.redis_url) as latest:
        watermark = latest.watermark()
        if watermark is None or latest.status().state is not StreamState.RUNNING:
            return False
        return all(watermark.offsets.get(name, 0) >= end for name, end in ends.items())
    return False


def await_true(condition: Callable[[], bool], bound_s: float, what: str) -> float:
    """Wait for a condition and return how long that took, seconds."""
    began_ns = CLOCK.monotonic_ns()
    while not condition():
        waited_s = (CLOCK.monotonic_ns() - began_ns) / 1e9
        assert waited_s < bound_s, f"not within {bound_s:.0f} s: {what}"
        CLOCK.sleep(0.2)
    return (CLOCK.monotonic_ns() - began_ns) / 1e9


def await_current(connections: Connections) -> float:
    """Wait until what lies in the topics now is covered, and return how long that took."""
    ends = end_offsets(connections.kafka_bootstrap_servers, INPUT_TOPICS)
    return await_true(lambda: is_current(connections, ends), RECOVERY_BOUND_S, "running")


def assert_stays_current(connections: Connections, seconds: float) -> None:
    """Pass where the stream keeps covering what comes, second by second."""
    deadline_ns = CLOCK.monotonic_ns() + round(seconds * 1e9)
    while CLOCK.monotonic_ns() < deadline_ns:
        assert await_current(connections) < 10
        CLOCK.sleep(1)


def test_a_stream_whose_spark_master_was_killed_is_running_again_and_stays_so(
    connections, running, rates
):
    await_current(connections)
    master = running.pid("spark-master")
    psutil.Process(master).kill()
    await_true(lambda: is_replaced(running, "spark-master", master), 30, "another master")
    await_current(connections)
    assert_stays_current(connections, STAYS_S)
    assert {each.name: each.state for each in running.status()}["spark-worker"] == "healthy"


def is_replaced(running: RunningStack, component: str, pid: int) -> bool:
    with suppress(RiskstreamError):
        return running.pid(component) != pid
    return False


def test_a_second_driver_stands_by_and_takes_over_when_the_first_is_gone(
    connections, running, rates, tmp_path, stack_settings
):
    await_current(connections)
    first = running.pid("stream")
    log = tmp_path / "second.log"
    second = started_beside(stack_settings, log)
    try:
        await_true(lambda: STANDS_BY in log.read_text("utf-8"), LOG_BOUND_S, STANDS_BY)
        fence = fence_of(connections)
        assert_stays_current(connections, 10)
        assert running.pid("stream") == first
        assert fence_of(connections) == fence
        psutil.Process(first).kill()
        await_true(lambda: TAKES_OVER in log.read_text("utf-8"), LOG_BOUND_S, TAKES_OVER)
        await_true(lambda: fence_of(connections) > fence, RECOVERY_BOUND_S, "a next fence")
        await_current(connections)
        fence = fence_of(connections)
        assert_stays_current(connections, 10)
        assert fence_of(connections) == fence
    finally:
        second.terminate()
        second.wait(60)
    await_true(lambda: fence_of(connections) > fence, RECOVERY_BOUND_S, "the first takes over")
    await_current(connections)
    assert "another stream driver has taken over" not in stream_log(stack_settings)


def started_beside(settings: Settings, log: Path) -> subprocess.Popen[bytes]:
    """Start another driver as the stack has started its own."""
    program = settings.state_dir / program_path("stream")
    with log.open("ab") as stream:
        return subprocess.Popen(
            guarded_command(str(program), str(os.getpid())), stdout=stream, stderr=stream
        )


def fence_of(connections: Connections) -> int:
    with LatestStore(connections.redis_url) as latest:
        watermark = latest.watermark()
    return 0 if watermark is None else watermark.fence


def stream_log(settings: Settings) -> str:
    return (settings.state_dir / "logs" / "stream.log").read_text("utf-8")


def test_a_driver_whose_executors_are_gone_for_good_ends_so_that_another_is_started(
    connections, running, rates, stack_settings
):
    await_current(connections)
    driver = running.pid("stream")
    running.stop_component("spark-worker")
    await_true(lambda: is_replaced(running, "stream", driver), 120, "another driver")
    assert "Spark has had no executor for more than 45 s" in stream_log(stack_settings)
    running.restart("spark-worker")
    await_current(connections)
