"""Engines and their running queries: each has what the driver asks of any of them."""

from __future__ import annotations

import inspect

import pytest

from system.stream.engines.engine import Engine, Running
from system.stream.engines.micro_batches import MicroBatchEngine, RunningMicroBatches
from system.stream.engines.real_time import RealTimeEngine, RunningRealTime


@pytest.mark.parametrize(
    ("contract", "kind"),
    [
        (Engine, MicroBatchEngine),
        (Engine, RealTimeEngine),
        (Running, RunningMicroBatches),
        (Running, RunningRealTime),
    ],
)
def test_each_has_the_whole_contract(contract, kind):
    for name, asked in inspect.getmembers(contract, inspect.isfunction):
        if not name.startswith("_"):
            own = inspect.signature(getattr(kind, name)).parameters
            assert len(own) == len(inspect.signature(asked).parameters), name
