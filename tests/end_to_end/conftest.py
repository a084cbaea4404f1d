"""A whole pipeline per module: Kafka, Spark cluster with the stream, PostgreSQL, Redis.

Modules share one stack, which is emptied between two of them, and the Spark session of their
drivers (decision 0143). The marker ``pipeline`` states what a module needs: further processes of
the product, a driver in a process of its own, or a stack of its own because it breaks servers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from system.bus.producer import MessageProducer
from system.runtime.components.registry import SERVERS
from system.runtime.stack import EmbeddedStack
from system.settings import Connections, Settings
from validation.run.java import compile_little
from validation.run.own_settings import settings_of_own
from validation.scenarios.play.stack import PipelineConfig, ScenarioStack

STREAM = "stream"
APPS = (STREAM, "api", "oracle")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let modules with the same needs follow each other."""
    items.sort(key=lambda item: (needs(item, "own_stack"), not needs(item, "own_driver")))


def needs(node: pytest.Item | pytest.Module, what: str) -> bool:
    """Return whether a test's marker ``pipeline`` asks for something."""
    marker = node.get_closest_marker("pipeline")
    return marker is not None and bool(marker.kwargs.get(what))


def own_settings(state_dir: Path) -> Settings:
    """Return settings of a stack on a folder: no external server, whatever the shell says."""
    return settings_of_own(state_dir, warm_up_seconds=0.0)  # no latency is looked at


@pytest.fixture(scope="session", autouse=True)
def _java_compiles_little() -> None:
    """No latency is looked at."""
    compile_little()


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScenarioStack]:
    """A stack that is started when a pipeline of it is asked for."""
    settings = own_settings(tmp_path_factory.mktemp("shared") / "stack")
    with ScenarioStack(settings, apps=APPS) as stack:
        yield stack


@pytest.fixture(scope="module")
def stack_settings(
    request: pytest.FixtureRequest,
    shared_stack: ScenarioStack,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    """Settings of the stack that the module's pipeline is on."""
    if not needs(request.node, "own_stack"):
        return shared_stack.settings
    shared_stack.stop()  # two at once take too much memory
    return own_settings(tmp_path_factory.mktemp("stack"))


FreshPipeline = Callable[[], AbstractContextManager[Connections]]


@pytest.fixture(scope="module")
def fresh_pipeline(request: pytest.FixtureRequest, shared_stack: ScenarioStack) -> FreshPipeline:
    """Makes an empty pipeline on the shared stack, with the processes that the module needs."""
    marker = request.node.get_closest_marker("pipeline")
    apps = (STREAM, *(marker.args if marker is not None else ()))
    is_hosted = not needs(request.node, "own_driver")

    @contextmanager
    def fresh() -> Iterator[Connections]:
        yield shared_stack.fresh(PipelineConfig(), is_hosted=is_hosted, apps=apps)
        shared_stack.release()

    return fresh


@pytest.fixture(scope="module")
def connections(
    request: pytest.FixtureRequest, stack_settings: Settings, fresh_pipeline: FreshPipeline
) -> Iterator[Connections]:
    """Addresses of the servers of a running pipeline."""
    if needs(request.node, "own_stack"):
        with EmbeddedStack(stack_settings, components=(*SERVERS, STREAM)) as stack:
            yield stack.connections
    else:
        with fresh_pipeline() as connections:
            yield connections


@pytest.fixture(scope="module")
def producer(connections: Connections) -> Iterator[MessageProducer]:
    """A way into its topics."""
    with MessageProducer(connections.kafka_bootstrap_servers) as opened:
        yield opened
