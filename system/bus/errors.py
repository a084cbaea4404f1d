"""Errors between this process and the broker.

::

    UnavailableError
    ├── BusUnavailableError     no broker answers within the bound
    ├── DeliveryError           messages were sent and never acknowledged
    └── ReadTimeoutError        a bounded read did not reach its end in time
    InputError
    ├── TopicMissingError       a topic is not there
    ├── TopicMismatchError      a topic is there, with another number of partitions
    ├── UnroutableMessageError  a message has no single topic
    └── RecordTooLargeError     a message is larger than its topic takes
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kafka.errors import KafkaError

from system.errors import InputError, UnavailableError


class BusUnavailableError(UnavailableError):
    """No broker answers; the message names the address, the attempt and the cause."""


class DeliveryError(UnavailableError):
    """Messages were not acknowledged; the message counts them and names the first cause."""


class ReadTimeoutError(UnavailableError):
    """A bounded read did not reach its end; the message names the partitions behind."""


class TopicMissingError(InputError):
    """A topic does not exist in the broker."""


class TopicMismatchError(InputError):
    """A topic exists with another number of partitions than asked for."""


class UnroutableMessageError(InputError):
    """A message has no single topic: a mark goes everywhere, by its own call."""


class RecordTooLargeError(InputError):
    """A message is larger than its topic takes; the message names both sizes."""


@contextmanager
def kafka_errors_as_ours(bootstrap_servers: str, attempt: str) -> Iterator[None]:
    """Turn what the Kafka client raises into an error that names address and attempt.

    Parameters
    ----------
    bootstrap_servers : str
        Where the broker was looked for.
    attempt : str
        What was tried, for the message.

    Raises
    ------
    BusUnavailableError
        If the client raised anything of its own.
    """
    try:
        yield
    except KafkaError as error:
        raise BusUnavailableError(
            f"{attempt}: Kafka at {bootstrap_servers} did not do it ({error}); "
            "check that the broker runs (`riskstream status`)"
        ) from error
