"""Every component that there is, in an order that respects who needs whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from system.runtime.components.apps import Alerts, Api, Dashboard, Oracle, Stream
from system.runtime.components.component import Component
from system.runtime.components.kafka import Kafka
from system.runtime.components.postgres import Postgres
from system.runtime.components.redis import Redis
from system.runtime.components.spark import SparkMaster, SparkWorker
from system.runtime.errors import StackError

COMPONENTS: Final[Mapping[str, Component]] = {
    component.name: component
    for component in (
        Kafka(),
        Postgres(),
        Redis(),
        SparkMaster(),
        SparkWorker(),
        Stream(),
        Oracle(),
        Alerts(),
        Api(),
        Dashboard(),
    )
}
SERVERS: Final = ("kafka", "postgres", "redis", "spark-master", "spark-worker")
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "spark": ("spark-master", "spark-worker"),
    "servers": SERVERS,
}


def chosen_components(names: Iterable[str]) -> tuple[Component, ...]:
    """Return components by name or alias, each once, in the order of the registry.

    Raises
    ------
    StackError
        If a name is unknown, or nothing was chosen.
    """
    wanted = {full for name in names for full in ALIASES.get(name, (name,))}
    unknown = sorted(wanted - set(COMPONENTS))
    if unknown or not wanted:
        known = ", ".join([*COMPONENTS, *ALIASES])
        raise StackError(f"no such component: {', '.join(unknown) or '(none)'}; there are {known}")
    return tuple(component for name, component in COMPONENTS.items() if name in wanted)
