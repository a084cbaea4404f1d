"""The sentinel: what is lost for good stops everything, and is written down."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from supervisor import events
from supervisor.states import SupervisorStates

from system.runtime.sentinel import MAX_RESTARTS_PER_COMPONENT, make_sentinel


@pytest.fixture
def supervisord():
    yield SimpleNamespace(options=SimpleNamespace(mood=SupervisorStates.RUNNING))
    events.clear()


@pytest.fixture
def failure_path(tmp_path, supervisord):
    path = tmp_path / "failure.json"
    make_sentinel(supervisord, str(path))
    return path


def process(name):
    return SimpleNamespace(config=SimpleNamespace(name=name), pid=1)


def crash(name):
    events.notify(events.ProcessStateExitedEvent(process(name), None))


def test_a_component_that_supervisord_gave_up_stops_everything(supervisord, failure_path):
    events.notify(events.ProcessStateFatalEvent(process("kafka"), None))
    assert supervisord.options.mood == SupervisorStates.SHUTDOWN
    failure = json.loads(failure_path.read_text("utf-8"))
    assert failure["component"] == "kafka"
    assert "every start" in failure["reason"]


def test_a_crash_is_only_counted_until_there_are_too_many(supervisord, failure_path):
    for _ in range(MAX_RESTARTS_PER_COMPONENT):
        crash("api")
        crash("stream")
    assert supervisord.options.mood == SupervisorStates.RUNNING
    assert not failure_path.exists()
    crash("api")
    assert supervisord.options.mood == SupervisorStates.SHUTDOWN
    assert json.loads(failure_path.read_text("utf-8"))["component"] == "api"


def test_what_ends_while_everything_stops_is_no_failure(supervisord, failure_path):
    supervisord.options.mood = SupervisorStates.SHUTDOWN
    events.notify(events.ProcessStateFatalEvent(process("kafka"), None))
    assert not failure_path.exists()
