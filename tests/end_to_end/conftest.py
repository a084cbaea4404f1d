"""A whole pipeline per module: Kafka, Spark cluster with the stream, PostgreSQL, Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from system.bus.producer import MessageProducer
from system.runtime.components.registry import SERVERS
from system.runtime.stack import EmbeddedStack
from system.settings import Connections, Settings, load_settings

ALONE = ("kafka_bootstrap_servers", "spark_master", "database_url", "redis_url", "api_url")


@pytest.fixture(scope="module")
def stack_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a stack of its own: no external server, whatever the shell says."""
    state_dir: Path = tmp_path_factory.mktemp("stack")
    own = {"state_dir": state_dir, "warm_up_seconds": 0.0}  # no latency is looked at
    return load_settings().model_copy(update={**own, **dict.fromkeys(ALONE)})


@pytest.fixture(scope="module")
def connections(stack_settings: Settings) -> Iterator[Connections]:
    """Where the servers of a running pipeline are."""
    with EmbeddedStack(stack_settings, components=(*SERVERS, "stream")) as stack:
        yield stack.connections


@pytest.fixture(scope="module")
def producer(connections: Connections) -> Iterator[MessageProducer]:
    """A way into its topics."""
    with MessageProducer(connections.kafka_bootstrap_servers) as opened:
        yield opened
