"""Waiting for a component: it answers, or it is named why it will not."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from system.errors import UnavailableError
from system.exits import REFUSAL
from system.runtime import health
from system.runtime.components.component import StillStartingError
from system.runtime.errors import ComponentFailedError, PortTakenError, StackError
from system.runtime.health import await_external, await_started
from system.runtime.state import StateDir
from system.runtime.supervision.supervisord import CRASHED_STATES

PID = 7


class Component:
    """Component whose checks end as planned: an error is raised, None is an answer."""

    name = "redis"

    def __init__(self, *answers, bound_s=60.0):
        self.start_bound_s = bound_s
        self.answers = list(answers)

    def check(self, connections, addresses):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            raise answer


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Wait for a component whose process is as given; ``log`` is what it has logged."""
    monkeypatch.setattr(health, "POLL_INTERVAL_S", 0.001)
    state = StateDir(tmp_path)
    state.logs_dir.mkdir()

    def started(component, *, process=("RUNNING", PID), log="", old_log="", cancelled=False):
        state.log_path("redis").write_text(old_log + log, "utf-8")
        now = SimpleNamespace(state=process[0], pid=process[1])
        monkeypatch.setattr(health, "Supervisor", lambda _: SimpleNamespace(process=lambda _: now))
        event, progress = threading.Event(), []
        if cancelled:
            event.set()
        await_started(
            component,
            PID,
            connections=None,
            addresses={},
            state=state,
            log_offset=len(old_log),
            cancelled=event,
            on_progress=progress.append,
        )
        return progress

    return started


def test_a_component_is_asked_until_it_answers_and_reports_how_far_it_is(start):
    component = Component(
        OSError("refused"), StillStartingError("loading 5 %"), StillStartingError("90 %"), None
    )
    assert start(component) == ["loading 5 %", "90 %"]


@pytest.mark.parametrize(
    "process", [(next(iter(CRASHED_STATES)), PID), ("RUNNING", PID + 1)], ids=["crashed", "other"]
)
def test_a_process_that_is_gone_is_a_crash_whatever_answers(start, process):
    with pytest.raises(ComponentFailedError, match="exited while it started") as failed:
        start(Component(None), process=process, old_log="of before\n", log="out of memory\n")
    assert "out of memory" in str(failed.value)
    assert "of before" not in str(failed.value)


def test_a_port_that_is_taken_is_an_error_of_its_own(start):
    crashed = (next(iter(CRASHED_STATES)), PID)
    with pytest.raises(PortTakenError):
        start(Component(None), process=crashed, log="bind: Address already in use\n")


def test_a_refusal_in_the_log_is_the_reason(start):
    crashed = (next(iter(CRASHED_STATES)), PID)
    with pytest.raises(ComponentFailedError, match="refuses to start: topics are others"):
        start(Component(None), process=crashed, log=f"ERROR {REFUSAL}topics are others\n")


def test_the_last_problem_is_named_at_the_bound(start):
    with pytest.raises(ComponentFailedError, match="did not answer within 0 s: refused"):
        start(Component(OSError("refused"), bound_s=0.01))


def test_a_cancelled_start_is_not_waited_for(start):
    with pytest.raises(ComponentFailedError, match="refused"):
        start(Component(OSError("refused"), bound_s=600.0), cancelled=True)


def external(component, monkeypatch, bound_s=60.0):
    monkeypatch.setattr(health, "POLL_INTERVAL_S", 0.001)
    monkeypatch.setattr(health, "EXTERNAL_BOUND_S", bound_s)
    await_external(component, None, {"redis": "cache.example:6379"}, threading.Event())


def test_somebody_elses_server_is_asked_until_it_answers(monkeypatch):
    external(Component(UnavailableError("loading"), None), monkeypatch)


def test_somebody_elses_server_that_does_not_answer_is_named_with_its_address(monkeypatch):
    told = r"redis: the server at cache\.example:6379.*did not answer within 0 s: refused"
    with pytest.raises(StackError, match=told):
        external(Component(UnavailableError("refused")), monkeypatch, bound_s=0.01)
