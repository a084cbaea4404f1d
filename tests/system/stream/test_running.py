"""A running stream: which engine it and its warm-up read with."""

from __future__ import annotations

import gc
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from system.clock import ManualClock
from system.settings import Connections, Settings
from system.stream import running
from system.stream.engines.micro_batches import MicroBatchEngine
from system.stream.engines.real_time import RealTimeEngine
from system.stream.lifecycle.watchdog import Watchdog
from system.stream.running import GC_THRESHOLDS, Control, Stream, collect_seldom
from system.stream.spark.cluster import StreamStates


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Connections that an engine opens for itself."""
    names: list[str] = []

    def connection(bootstrap: str, *_: object) -> Any:
        names.append(bootstrap)
        return SimpleNamespace(close=lambda: names.remove(bootstrap), record=None, ask=None)

    monkeypatch.setattr(running, "TopicEnds", connection)
    monkeypatch.setattr(running, "RecordFetcher", connection)
    return names


def stream(tmp_path: Any, engine: str) -> Stream:
    clock = ManualClock()
    servers: Any = SimpleNamespace(bootstrap="broker:1")
    return Stream(
        Settings(engine=engine),  # type: ignore[arg-type]
        Connections({}, tmp_path),
        servers,
        Control(),
        states=StreamStates(),
        watchdog=Watchdog(clock, lambda code: None),
        clock=clock,
    )


@pytest.mark.parametrize(
    ("name", "kind"), [("real-time", RealTimeEngine), ("micro-batch", MicroBatchEngine)]
)
def test_the_warm_up_runs_the_engine_that_the_stream_runs(tmp_path, opened, name, kind):
    made = stream(tmp_path, name)
    with ExitStack() as stack:
        assert isinstance(made._engine(stack), kind)
        assert isinstance(made._warm_up_engine(), kind)
    assert opened == [], "what an engine has opened is closed with the stream"


def test_the_collector_comes_seldom_once_all_is_loaded():
    before = gc.get_threshold()
    try:
        collect_seldom()
        assert gc.get_threshold() == GC_THRESHOLDS
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
