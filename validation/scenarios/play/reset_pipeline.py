"""An empty pipeline for the next scenario: topics, tables and keys of the run's own stack."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import psycopg
from kafka import KafkaAdminClient
from kafka.errors import UnknownTopicOrPartitionError
from redis import Redis

from system.bus.errors import kafka_errors_as_ours
from system.clock import Clock, SystemClock
from system.contracts.topics import TOPICS
from system.errors import UnavailableError
from system.settings import Connections

BOUND_S: Final = 60.0
POLL_S: Final = 0.2


def empty_pipeline(connections: Connections) -> None:
    """Delete every topic, all that the database holds, and every key of a pipeline that is stopped.

    Parameters
    ----------
    connections : Connections
        Of a stack that belongs to the run: everything in it is lost.

    Raises
    ------
    UnavailableError
        If a server does not answer, or topics are still there after their bound.
    """
    _delete_topics(connections.kafka_bootstrap_servers)
    _empty_schema(connections.owner_database_url)
    with closing(Redis.from_url(connections.redis_url)) as redis:
        redis.flushdb()


def _delete_topics(bootstrap_servers: str, clock: Clock | None = None) -> None:
    clock = clock or SystemClock()
    names = {topic.name for topic in TOPICS}
    deadline_ns = clock.monotonic_ns() + round(BOUND_S * 1e9)
    with kafka_errors_as_ours(bootstrap_servers, "delete topics"):
        admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers.split(","))
        try:
            while there := sorted(names & set(admin.list_topics())):
                if clock.monotonic_ns() > deadline_ns:
                    raise UnavailableError(f"topics {', '.join(there)} are not deleted")
                _ask_to_delete(admin, there)
                clock.sleep(POLL_S)
        finally:
            admin.close()


def _ask_to_delete(admin: KafkaAdminClient, names: list[str]) -> None:
    try:
        admin.delete_topics(names)
    except UnknownTopicOrPartitionError:
        return  # deleted between the list and the request


def _empty_schema(database_url: str) -> None:
    """Leave nothing of a database behind: tables, functions and whatever else it holds."""
    with closing(psycopg.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
        connection.commit()
