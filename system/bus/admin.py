"""Topics: created when missing, checked and kept to their settings; safe to call at any time."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import NoError, TopicAlreadyExistsError, for_code

from system.bus.errors import BusUnavailableError, TopicMismatchError, kafka_errors_as_ours
from system.bus.reachability import await_broker, link_options
from system.contracts.codec import MAX_MESSAGE_BYTES
from system.contracts.topics import INPUT_TOPICS, TOPICS, Retention, Topic

SEGMENT_BYTES: Final = 64 * 2**20
"""A topic drops whole segments: at most one more per partition is kept."""
RECORD_OVERHEAD_BYTES: Final = 48_576
MAX_OUTPUT_RECORD_BYTES: Final = 8 * 1024 * 1024
ADMIN_TIMEOUT_SECONDS: Final = 30.0
BROKER_DEFAULT: Final = -1
_HOUR_MS: Final = 3_600_000
_MIB: Final = 2**20
_LOG: Final = logging.getLogger(__name__)


def create_topics(
    bootstrap_servers: str,
    partition_counts: Mapping[str, int] | None = None,
    *,
    topics: Sequence[Topic] = TOPICS,
    retentions: Mapping[str, Retention] | None = None,
    timeout_seconds: float = ADMIN_TIMEOUT_SECONDS,
) -> tuple[str, ...]:
    """Create the topics that are missing and wait until each partition has a leader.

    A topic that is there with other settings than `topic_settings` is given these.

    Parameters
    ----------
    bootstrap_servers : str
        The brokers, ``host:port`` separated by commas.
    partition_counts : mapping of topic name to int, optional
        Overrides of the number of partitions; others keep their default.
    topics : sequence of Topic
        What must be there afterwards.
    retentions : mapping of topic name to Retention, optional
        Overrides of how long and how much is kept; others keep their default.
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
        partition, and with it their order.
    BusUnavailableError
        If no broker answers in time, or it refuses a topic.
    """
    kept = {topic.name: topic.retention for topic in topics} | dict(retentions or {})
    wanted = {topic.name: _options(topic, partition_counts or {}, kept) for topic in topics}
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
            _alter_settings(admin, wanted)
        finally:
            admin.close()
    return created


def topic_settings(topic: Topic, kept: Mapping[str, Retention] | None = None) -> dict[str, str]:
    """Return the broker's settings of a topic.

    Records carry the broker's append time. History is kept for a bounded time and size; reference
    data is compacted, but nothing younger than the longest of these times, so that a replay
    from any offset which the other topics still hold sees every change. The broker keeps batches
    uncompressed: so its bound on their size is one on records, however small a producer has made
    them, and every consumer can read them, whichever codec it lacks.

    Parameters
    ----------
    topic : Topic
        One of ``system.contracts.topics``.
    kept : mapping of topic name to Retention, optional
        Overrides of how long and how much is kept.

    Returns
    -------
    dict of str to str
        Settings by Kafka's own names.
    """
    retentions = {each.name: each.retention for each in TOPICS} | dict(kept or {})
    settings = {
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(max_record_bytes(topic)),
        "segment.bytes": str(SEGMENT_BYTES),
        "compression.type": "uncompressed",
    }
    if topic.compacted:
        hours = max(retentions[each.name].hours for each in INPUT_TOPICS if not each.compacted)
        lag_ms = str(hours * _HOUR_MS)
        return {**settings, "cleanup.policy": "compact", "min.compaction.lag.ms": lag_ms}
    own = retentions.get(topic.name, topic.retention)
    return {
        **settings,
        "cleanup.policy": "delete",
        "retention.ms": str(own.hours * _HOUR_MS),
        "retention.bytes": str(own.mib * _MIB),
    }


def max_record_bytes(topic: Topic) -> int:
    """Return the largest record batch that a topic takes, bytes.

    Inputs are bounded by the codec. Outputs may hold a large book's snapshot, or an input
    whose bytes were escaped.
    """
    if topic.name in {input_topic.name for input_topic in INPUT_TOPICS}:
        return MAX_MESSAGE_BYTES + RECORD_OVERHEAD_BYTES
    return MAX_OUTPUT_RECORD_BYTES


def _options(
    topic: Topic, partition_counts: Mapping[str, int], kept: Mapping[str, Retention]
) -> dict[str, Any]:
    return {
        "num_partitions": partition_counts.get(topic.name, topic.partition_count),
        "replication_factor": BROKER_DEFAULT,
        "configs": topic_settings(topic, kept),
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
        name, held = topic["name"], len(topic["partitions"])
        asked = wanted[name]["num_partitions"]
        if held != asked:
            raise TopicMismatchError(
                f"topic {name} has {held} partitions, asked for {asked}: set partitions of {name} "
                f"to {held}; a topic that is deleted loses its messages"
            )


def _alter_settings(admin: KafkaAdminClient, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """Give topics the settings that they lack; one call each for all of them."""
    asked = [
        ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(options["configs"]))
        for name, options in wanted.items()
    ]
    held = admin.describe_configs(asked, config_filter="all")["topic"]
    changes = {
        name: changed
        for name, options in wanted.items()
        if (changed := changed_settings(held[name], options["configs"]))
    }
    if not changes:
        return
    answers = admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, *change) for change in changes.items()]
    )
    for name, changed in changes.items():
        answer = answers["topic"][name]
        told = ", ".join(f"{key}={value}" for key, value in sorted(changed.items()))
        if answer is not None and answer != "OK":
            raise BusUnavailableError(f"the broker refused {told} of topic {name}: {answer}")
        _LOG.warning("topic %s had other settings; it has %s now", name, told)


def changed_settings(
    held: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, str]
) -> dict[str, str]:
    """Return the settings of a topic that are not as they are wanted.

    Parameters
    ----------
    held : mapping of str to mapping
        As the broker describes them: ``value`` of each.
    wanted : mapping of str to str
        As `topic_settings` returns.
    """
    return {
        key: value
        for key, value in wanted.items()
        if key not in held or str(held[key]["value"]) != value
    }
