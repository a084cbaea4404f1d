"""Servers in containers, for the integration tests where Docker answers.

The images are those of ``compose/compose.yaml``. Nothing is pulled: a test that downloads
half a gigabyte is no test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

KAFKA: Final = "apache/kafka:4.3.1"
POSTGRES: Final = "postgres:18.4"
REDIS: Final = "valkey/valkey:9.1.2"
SOCKET: Final = Path("/var/run/docker.sock")
START_BOUND_S: Final = 60
PASSWORD: Final = "of-these-tests"  # noqa: S105 - of servers that live as long as the tests


@cache
def why_not() -> str:
    """Return why there are no containers on this machine; empty when there are."""
    if not os.environ.get("DOCKER_HOST") and not SOCKET.exists():
        return f"Docker does not answer: there is no {SOCKET}, and DOCKER_HOST is not set"
    # Imported here: half a second that tests without containers need not wait.
    import docker  # noqa: PLC0415
    from docker.errors import DockerException, ImageNotFound  # noqa: PLC0415

    try:
        client = docker.from_env(timeout=5)
        client.ping()
        for image in (KAFKA, POSTGRES, REDIS):
            client.images.get(image)
    except ImageNotFound as error:
        return f"an image is missing, `docker pull` brings it: {error.explanation}"
    except DockerException as error:
        return f"Docker does not answer: {error}"
    return ""


@contextmanager
def postgres_url() -> Iterator[str]:
    """Run PostgreSQL and yield its URL."""
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415

    with PostgresContainer(POSTGRES, username="risk", password=PASSWORD, driver=None) as server:
        yield server.get_connection_url()


@contextmanager
def redis_url() -> Iterator[str]:
    """Run Redis and yield its URL."""
    from testcontainers.community.redis import RedisContainer  # noqa: PLC0415

    with RedisContainer(REDIS) as server:
        yield f"redis://{server.get_container_host_ip()}:{server.get_exposed_port(6379)}/0"


@contextmanager
def kafka_servers(port: int) -> Iterator[str]:
    """Run a broker that clients reach at a port of this machine, and yield its address."""
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    from testcontainers.core.waiting_utils import wait_for_logs  # noqa: PLC0415

    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    }
    container = DockerContainer(KAFKA).with_bind_ports(port, port)
    for name, value in settings.items():
        container = container.with_env(name, value)
    with container as server:
        wait_for_logs(server, "Kafka Server started", timeout=START_BOUND_S)
        yield f"127.0.0.1:{port}"
