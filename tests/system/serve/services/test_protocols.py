"""The real stores and the real bus have every method of the protocols, and so have the fakes."""

from __future__ import annotations

import inspect

import pytest

from system.serve.services.bus_fake import MemoryBus
from system.serve.services.kafka_bus import KafkaBus
from system.serve.services.protocols import Bus, History, Latest
from system.store.postgres.history import RiskHistory
from system.store.postgres.history_fake import MemoryHistory
from system.store.redis.async_latest import LatestReader
from system.store.redis.latest_fake import MemoryLatest

READER = type(MemoryLatest(now_ms=lambda: 0).reader())


def methods_of(protocol: type) -> list[str]:
    return [
        name
        for name, member in vars(protocol).items()
        if inspect.isfunction(member) and not name.startswith("_")
    ]


@pytest.mark.parametrize(
    ("protocol", "kind"),
    [
        (Latest, LatestReader),
        (Latest, READER),
        (History, RiskHistory),
        (History, MemoryHistory),
        (Bus, KafkaBus),
        (Bus, MemoryBus),
    ],
)
def test_a_method_takes_the_parameters_of_its_protocol(protocol: type, kind: type) -> None:
    methods = methods_of(protocol)
    assert methods
    for name in methods:
        wanted = inspect.signature(getattr(protocol, name)).parameters
        real = inspect.signature(getattr(kind, name)).parameters
        assert list(real)[: len(wanted)] == list(wanted), name
        assert inspect.iscoroutinefunction(getattr(kind, name)) == inspect.iscoroutinefunction(
            getattr(protocol, name)
        ), name
