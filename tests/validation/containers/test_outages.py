"""The plan of outages covers every service of the Compose file."""

from __future__ import annotations

from tests.compose.reading import read_compose
from validation.containers.outages import OutageKind, plan
from validation.containers.project import SERVICES


def test_every_service_that_stays_up_is_known_and_killed_once() -> None:
    services = read_compose()["services"]
    staying = {name for name, service in services.items() if service["restart"] != "no"}
    assert staying == set(SERVICES)
    killed = [service for service, kind in plan() if kind is OutageKind.KILL]
    assert sorted(killed) == sorted(SERVICES)


def test_no_outage_is_planned_twice() -> None:
    assert len(set(plan())) == len(plan())
