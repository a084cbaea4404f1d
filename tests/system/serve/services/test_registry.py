"""Services of an app: one of each, over the same names."""

from __future__ import annotations

from typing import Any

from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub
from system.serve.services.registry import ApiServices, desks_over


def test_every_service_of_an_app_is_made_once(world: Any) -> None:
    reader = world.latest.reader()
    services = Services(reader, world.history, world.bus, SnapshotHub(reader), "t")
    first, second = desks_over(services), desks_over(services)
    for name in ApiServices.__dataclass_fields__:
        assert getattr(first, name) is not getattr(second, name)


def test_an_app_keeps_its_own_services(world: Any) -> None:
    assert isinstance(world.client.app.state.desks, ApiServices)
