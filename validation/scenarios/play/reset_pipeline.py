"""An empty pipeline for the next scenario: topics, tables and keys of the run's own stack."""

from __future__ import annotations

from contextlib import closing

import psycopg
from redis import Redis

from system.contracts.topics import TOPICS
from system.settings import Connections
from validation.scenarios.faults.topic_damage import delete_topics


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
    delete_topics(connections.kafka_bootstrap_servers, {topic.name for topic in TOPICS})
    _empty_schema(connections.owner_database_url)
    with closing(Redis.from_url(connections.redis_url)) as redis:
        redis.flushdb()


def _empty_schema(database_url: str) -> None:
    """Leave nothing of a database behind: tables, functions and whatever else it holds."""
    with closing(psycopg.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
        connection.commit()
