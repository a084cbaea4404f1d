"""Errors of the Kafka client become ours, with address and attempt."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaConnectionError

from system.bus.errors import BusUnavailableError, kafka_errors_as_ours


def test_an_error_of_the_client_names_address_attempt_and_cause():
    with (
        pytest.raises(BusUnavailableError) as caught,
        kafka_errors_as_ours("127.0.0.1:9092", "listing topics"),
    ):
        raise KafkaConnectionError("no broker")
    for word in ("127.0.0.1:9092", "listing topics", "no broker", "riskstream status"):
        assert word in str(caught.value)


def test_any_other_error_passes_as_it_is():
    with pytest.raises(ValueError, match="ours"), kafka_errors_as_ours("127.0.0.1:9092", "x"):
        raise ValueError("ours")
