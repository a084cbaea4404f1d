"""The sentinel: restarts are paced, and what is lost for good stops everything."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest
from supervisor import events
from supervisor.datatypes import RestartUnconditionally
from supervisor.states import ProcessStates, SupervisorStates

from system.clock import ManualClock
from system.exits import ExitCode
from system.runtime.supervision.restarts import FENCED_PAUSE_S, MAX_CRASHES, PAUSES_S, RestartPolicy
from system.runtime.supervision.sentinel import SILENT_TICKS_MAX, Sentinel, make_sentinel


class FakeProcess:
    """A program of supervisord that notes how often it was started."""

    def __init__(self, name):
        self.config = SimpleNamespace(name=name, autorestart=RestartUnconditionally)
        self.state = ProcessStates.RUNNING
        self.exitstatus = None
        self.starts = 0

    def get_state(self):
        return self.state

    def spawn(self):
        self.starts += 1
        self.state = ProcessStates.STARTING
        events.notify(events.ProcessStateStartingEvent(self, None))

    @property
    def restarts_by_itself(self):
        """True if supervisord starts it again in its next round."""
        exited = self.state == ProcessStates.EXITED
        return exited and self.config.autorestart is RestartUnconditionally

    # supervisord's events ask for these.
    pid = 1
    backoff = 0


@pytest.fixture
def supervisord():
    yield SimpleNamespace(options=SimpleNamespace(mood=SupervisorStates.RUNNING))
    events.clear()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def failure_path(tmp_path):
    return tmp_path / "failure.json"


@pytest.fixture
def sentinel(supervisord, failure_path, clock):
    return Sentinel(supervisord, failure_path, RestartPolicy(["oracle"]), clock)


def exit_with(process, code=1):
    process.state, process.exitstatus = ProcessStates.EXITED, code
    events.notify(events.ProcessStateExitedEvent(process, None))


def give_up(process):
    process.state, process.exitstatus = ProcessStates.FATAL, None
    events.notify(events.ProcessStateFatalEvent(process, None))


def pass_time(clock, seconds):
    """Let a minute's ticks come, five seconds apart, as supervisord sends them."""
    for _ in range(round(seconds / 5)):
        clock.sleep(5)
        events.notify(events.Tick5Event(0, None))


def started_again(process):
    process.state = ProcessStates.STARTING
    events.notify(events.ProcessStateStartingEvent(process, None))


def crash_until_stopped(process, supervisord, clock, crash):
    """Crash a component again whenever it runs; return how often, or None if it never ended."""
    for count in range(1, 200):
        crash(process)
        if supervisord.options.mood != SupervisorStates.RUNNING:
            return count
        if process.restarts_by_itself:
            started_again(process)
        while process.state != ProcessStates.STARTING and clock.monotonic_ns() < 10**14:
            pass_time(clock, 5)
        assert process.state == ProcessStates.STARTING
    return None


def test_a_first_crash_is_left_to_supervisord(sentinel):
    process = FakeProcess("redis")
    exit_with(process)
    assert process.restarts_by_itself
    assert sentinel.pauses() == {}


def test_a_component_that_keeps_crashing_waits_longer_and_is_then_started(sentinel, clock):
    process = FakeProcess("stream")
    for _ in range(6):
        exit_with(process)
    assert not process.restarts_by_itself
    assert sentinel.pauses() == {"stream": [6, PAUSES_S[5]]}
    pass_time(clock, PAUSES_S[5])
    assert process.starts == 1
    assert process.config.autorestart is RestartUnconditionally


def test_a_component_that_supervisord_gave_up_is_started_again_later(sentinel, supervisord, clock):
    process = FakeProcess("kafka")
    give_up(process)
    assert supervisord.options.mood == SupervisorStates.RUNNING
    pass_time(clock, 5)
    assert process.starts == 1


def test_an_essential_component_that_never_stays_up_stops_everything_and_says_what_to_do(
    sentinel, supervisord, failure_path, clock
):
    count = crash_until_stopped(FakeProcess("kafka"), supervisord, clock, give_up)
    assert count == MAX_CRASHES + 1
    failure = json.loads(failure_path.read_text("utf-8"))
    assert failure["component"] == "kafka"
    assert "every start" in failure["reason"]
    assert "riskstream up" in failure["remedy"]


@pytest.mark.parametrize("crash", [exit_with, give_up])
def test_the_oracle_never_stops_the_product(sentinel, supervisord, failure_path, clock, crash):
    assert crash_until_stopped(FakeProcess("oracle"), supervisord, clock, crash) is None
    assert not failure_path.exists()


def test_a_driver_that_misses_a_server_never_stops_the_product(sentinel, supervisord, clock):
    def miss_a_server(process):
        exit_with(process, ExitCode.UNAVAILABLE)

    assert crash_until_stopped(FakeProcess("stream"), supervisord, clock, miss_a_server) is None


def test_one_crash_an_hour_never_stops_the_product(sentinel, supervisord, clock):
    process = FakeProcess("stream")
    for _ in range(1000):
        exit_with(process)
        assert process.restarts_by_itself
        started_again(process)
        clock.sleep(3600)
    assert supervisord.options.mood == SupervisorStates.RUNNING


def test_a_superseded_driver_stays_away_for_a_while(sentinel, clock):
    process = FakeProcess("stream")
    exit_with(process, ExitCode.FENCED)
    assert not process.restarts_by_itself
    pass_time(clock, FENCED_PAUSE_S - 5)
    assert process.starts == 0
    pass_time(clock, 5)
    assert process.starts == 1


def test_a_component_that_was_stopped_on_purpose_is_not_started_again(sentinel, clock):
    process = FakeProcess("stream")
    give_up(process)
    assert sentinel.forget("stream")
    pass_time(clock, 600)
    assert process.starts == 0
    assert not process.restarts_by_itself


def test_a_component_that_somebody_started_meanwhile_is_not_started_twice(sentinel, clock):
    process = FakeProcess("stream")
    give_up(process)
    process.spawn()
    pass_time(clock, 600)
    assert process.starts == 1
    assert sentinel.pauses() == {}


def test_what_ends_while_everything_stops_is_no_failure_and_is_not_started(
    sentinel, supervisord, failure_path, clock
):
    held, ended = FakeProcess("stream"), FakeProcess("kafka")
    give_up(held)
    supervisord.options.mood = SupervisorStates.SHUTDOWN
    give_up(ended)
    pass_time(clock, 600)
    assert held.starts == ended.starts == 0
    assert not failure_path.exists()


@pytest.fixture
def watched(supervisord, failure_path, clock, tmp_path):
    """A driver that runs, its file, and the ids of processes that the sentinel has killed."""
    killed = []
    Sentinel(
        supervisord, failure_path, RestartPolicy(), clock, alive_dir=tmp_path, kill=killed.append
    )
    process = FakeProcess("stream")
    started_again(process)
    process.state = ProcessStates.RUNNING
    return process, tmp_path / f"stream.{process.pid}", killed


def test_a_process_that_shows_no_sign_of_life_any_more_is_killed(watched, clock):
    process, path, killed = watched
    path.touch()
    pass_time(clock, SILENT_TICKS_MAX * 5)
    assert killed == []
    pass_time(clock, 10)
    assert set(killed) == {process.pid}


def test_a_process_that_touches_its_file_is_left_alone(watched, clock):
    _, path, killed = watched
    for stamp in range(SILENT_TICKS_MAX * 2):
        path.touch()
        os.utime(path, ns=(stamp, stamp))
        pass_time(clock, 5)
    assert killed == []


def test_a_component_without_a_file_and_one_that_does_not_run_are_left_alone(watched, clock):
    process, path, killed = watched
    pass_time(clock, SILENT_TICKS_MAX * 10)
    assert killed == []
    path.touch()
    process.state = ProcessStates.STOPPING
    pass_time(clock, SILENT_TICKS_MAX * 10)
    assert killed == []


def test_a_stack_that_was_stopped_as_a_whole_has_not_been_silent(watched, clock):
    _, path, killed = watched
    path.touch()
    pass_time(clock, 10)
    clock.sleep(24 * 3600)
    events.notify(events.Tick5Event(0, None))
    assert killed == []


def test_supervisord_makes_it_of_the_words_of_its_configuration(supervisord, failure_path):
    make_sentinel(supervisord, str(failure_path), optional="oracle dashboard", max_crashes="1")
    for name in ("dashboard", "dashboard", "dashboard", "api"):
        exit_with(FakeProcess(name))
    assert supervisord.options.mood == SupervisorStates.RUNNING
    exit_with(FakeProcess("api"))
    assert supervisord.options.mood == SupervisorStates.SHUTDOWN
