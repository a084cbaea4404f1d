"""The real servers, started once for the whole run of integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from system.runtime.components.registry import SERVERS
from system.runtime.running import RunningStack
from system.runtime.stack import EmbeddedStack
from system.settings import Connections, Settings
from validation.run.java import compile_little
from validation.run.own_settings import settings_of_own


def private_settings(state_dir: Path) -> Settings:
    """Return settings of a stack of its own: no external server, whatever the shell says."""
    return settings_of_own(state_dir, warm_up_seconds=0.0)


@pytest.fixture(scope="session", autouse=True)
def _little_compiled() -> None:
    compile_little()


@pytest.fixture(scope="session")
def stack_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the session's stack; ask for ``stack`` when it must run."""
    return private_settings(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="session")
def servers() -> tuple[str, ...]:
    """Which components the session's stack has; override it in a narrower conftest."""
    return SERVERS


@pytest.fixture(scope="session")
def stack(stack_settings: Settings, servers: tuple[str, ...]) -> Iterator[RunningStack]:
    """Kafka, PostgreSQL, Redis, Spark master and worker, up and healthy."""
    with EmbeddedStack(stack_settings, components=servers) as embedded:
        yield embedded.running


@pytest.fixture(scope="session")
def connections(stack: RunningStack, stack_settings: Settings) -> Connections:
    """Addresses of the session's servers."""
    return stack_settings.connections()
