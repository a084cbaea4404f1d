"""Pipeline of a run: an emptied folder, a stack that ends with the run, a market that is taken."""

from __future__ import annotations

import signal
from types import SimpleNamespace

import pytest

from system.errors import InputError, UnavailableError
from system.runtime.stack import Progress
from validation.run import pipeline
from validation.run.pipeline import empty_folder, open_market, stop_command, temporary_stack


class Stack:
    """Stack that reports two components and notes what is done to it."""

    def __init__(self, settings, *, components, detached, on_progress):
        self.connections = SimpleNamespace(url="here")
        self.done = [("components", components), ("detached", detached)]
        self._on_progress = on_progress
        stacks.append(self)

    def start(self):
        self.done.append("start")
        for stage, detail in (("starting", "at work"), ("ready", ""), ("external", "")):
            self._on_progress(Progress("kafka", stage, 0.0, detail))

    def stop(self):
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        self.done.append("stop")


stacks: list[Stack] = []


@pytest.fixture
def settings(tmp_path, monkeypatch):
    stacks.clear()
    monkeypatch.setattr(pipeline, "EmbeddedStack", Stack)
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "left").touch()
    is_up = SimpleNamespace(is_up=lambda: False)
    monkeypatch.setattr(pipeline, "RunningStack", lambda _: is_up)
    return SimpleNamespace(state_dir=folder, running=is_up)


def test_a_stack_runs_on_an_emptied_folder_and_is_stopped_at_the_end(settings):
    lines, ready = [], []
    with temporary_stack(
        settings, say=lines.append, components=("kafka",), on_ready=lambda *at: ready.append(at)
    ) as connections:
        assert connections.url == "here"
        assert not settings.state_dir.exists()
        assert stacks[0].done == [("components", ("kafka",)), ("detached", False), "start"]
    assert stacks[0].done[-1] == "stop"
    assert lines == ["kafka at work", "kafka ready", "kafka external", "stopping everything"]
    assert ready == [("kafka", connections)] * 2


def test_a_stack_that_is_kept_is_stopped_by_an_error_only(settings):
    with temporary_stack(settings, keep=True):
        pass
    assert stacks[0].done[1:] == [("detached", True), "start"]
    with pytest.raises(KeyboardInterrupt), temporary_stack(settings, keep=True):
        raise KeyboardInterrupt
    assert stacks[1].done[-1] == "stop"


def test_a_folder_whose_stack_is_up_is_refused_with_the_command_that_stops_it(settings):
    settings.running.is_up = lambda: True
    with pytest.raises(InputError, match=stop_command(settings)):
        empty_folder(settings)
    assert (settings.state_dir / "left").exists()


class Producer:
    def __init__(self, servers):
        self.sent = sent

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def send(self, message):
        self.sent.append(message)

    def flush(self):
        self.sent.append("flush")


sent: list[object] = []


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_market_is_open_once_the_stream_has_taken_all_of_it(monkeypatch, is_taken):
    sent.clear()
    monkeypatch.setattr(pipeline, "MessageProducer", Producer)
    monkeypatch.setattr(pipeline, "await_committed", lambda *_, **__: is_taken)
    connections = SimpleNamespace(kafka_bootstrap_servers="here")
    if is_taken:
        assert open_market(["one", "two"], connections) == 2
    else:
        with pytest.raises(UnavailableError, match="took no reference data within 180 s"):
            open_market(["one", "two"], connections)
    assert sent == ["one", "two", "flush"]
