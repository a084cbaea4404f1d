"""Topics: created when missing, checked when there; safe to call any number of times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.errors import NoError, TopicAlreadyExistsError, for_code

from system.bus.errors import BusUnavailableError, TopicMismatchError, kafka_errors_as_ours
from system.bus.reach import await_broker, link_options
from system.contracts.codec import MAX_MESSAGE_BYTES
from system.contracts.topics import INPUT_TOPICS, TOPICS, Topic

RETENTION_HOURS: Final = 7 * 24
RECORD_OVERHEAD_BYTES: Final = 48_576
MAX_OUTPUT_RECORD_BYTES: Final = 8 * 1024 * 1024
ADMIN_TIMEOUT_SECONDS: Final = 30.0
BROKER_DEFAULT: Final = -1
_HOUR_MS: Final = 3_600_000


def create_topics(
    bootstrap_servers: str,
    partition_counts: Mapping[str, int] | None = None,
    *,
    topics: Sequence[Topic] = TOPICS,
    timeout_seconds: float = ADMIN_TIMEOUT_SECONDS,
) -> tuple[str, ...]:
    """Create the topics that are missing and wait until each partition has a leader.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    partition_counts : mapping of topic name to int, optional
        Overrides of the number of partitions; others keep their default.
    topics : sequence of Topic
        What must be there afterwards.
    timeout_seconds : float
        Bound of each request to the broker.

    Returns
    -------
    tuple of str
        Names of the topics that this call created, in order.

    Raises
    ------
    TopicMismatchError
        If a topic is there with another number of partitions: keys would change their
        partition, and with it their order. Its settings are left as they are.
    BusUnavailableError
        If no broker answers in time, or it refuses a topic.
    """
    wanted = {topic.name: _options(topic, partition_counts or {}) for topic in topics}
    timeout_ms = round(timeout_seconds * 1000)
    await_broker(bootstrap_servers, timeout_seconds)
    with kafka_errors_as_ours(bootstrap_servers, "create topics"):
        admin = KafkaAdminClient(
            **link_options(bootstrap_servers, timeout_seconds, request_seconds=timeout_seconds)
        )
        try:
            answer = admin.create_topics(wanted, timeout_ms=timeout_ms, raise_errors=False)
            created = _created(answer)
            admin.wait_for_topics(list(wanted), timeout_ms=timeout_ms)
            _check_partition_counts(admin.describe_topics(list(wanted)), wanted)
        finally:
            admin.close()
    return created


def topic_settings(topic: Topic) -> dict[str, str]:
    """Return the broker's settings of a topic.

    Records carry the broker's append time. History is kept for a bounded time; reference
    data is compacted, but nothing younger than that same time, so that a replay from any
    offset which the other topics still hold sees every change.

    Parameters
    ----------
    topic : Topic
        One of ``system.contracts.topics``.

    Returns
    -------
    dict of str to str
        Settings by Kafka's own names.
    """
    retention_ms = str(RETENTION_HOURS * _HOUR_MS)
    settings = {
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(max_record_bytes(topic)),
    }
    if topic.compacted:
        return {**settings, "cleanup.policy": "compact", "min.compaction.lag.ms": retention_ms}
    return {**settings, "cleanup.policy": "delete", "retention.ms": retention_ms}


def max_record_bytes(topic: Topic) -> int:
    """Return the largest record batch that a topic takes, bytes.

    Inputs are bounded by the codec. Outputs may hold a large book's snapshot, or an input
    whose bytes were escaped.
    """
    if topic.name in {input_topic.name for input_topic in INPUT_TOPICS}:
        return MAX_MESSAGE_BYTES + RECORD_OVERHEAD_BYTES
    return MAX_OUTPUT_RECORD_BYTES


def _options(topic: Topic, partition_counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "num_partitions": partition_counts.get(topic.name, topic.partition_count),
        "replication_factor": BROKER_DEFAULT,
        "configs": topic_settings(topic),
    }


def _created(answer: Mapping[str, Any]) -> tuple[str, ...]:
    names = []
    for topic in answer["topics"]:
        error = for_code(topic["error_code"])
        if error is NoError:
            names.append(topic["name"])
        elif error is not TopicAlreadyExistsError:
            reason = topic["error_message"] or error.__name__
            raise BusUnavailableError(f"the broker refused topic {topic['name']}: {reason}")
    return tuple(names)


def _check_partition_counts(
    described: Sequence[Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]
) -> None:
    for topic in described:
        name, found = topic["name"], len(topic["partitions"])
        asked = wanted[name]["num_partitions"]
        if found != asked:
            raise TopicMismatchError(
                f"topic {name} has {found} partitions, asked for {asked}: set partitions of {name} "
                f"to {found}; a topic that is deleted loses its messages"
            )
