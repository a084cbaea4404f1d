"""The broker: its properties, its id and its archives."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from system.errors import InputError
from system.runtime.components.kafka import cluster_id, server_properties
from system.runtime.components.registry import COMPONENTS


def test_the_broker_creates_no_topic_by_itself_and_keeps_small_segments():
    properties = server_properties({"broker": 1, "controller": 2}, Path("/log"))
    assert "auto.create.topics.enable=false" in properties
    assert "log.segment.bytes=67108864" in properties
    assert "log.retention.hours=168" in properties
    assert "log.retention.bytes=2147483648" in properties


def test_a_cluster_id_is_never_taken_for_an_option():
    dashed = uuid.UUID(bytes=b"\xfb" + bytes(15))
    assert cluster_id(dashed) == "A" + "wAAAAAAAAAAAAAAAAAAAA"
    assert cluster_id(uuid.UUID(bytes=bytes(16))) == "A" * 22


def test_a_broker_without_its_archives_says_what_to_run(site):
    (site.settings.broker_jars_dir / "kafka.jar").unlink()
    with pytest.raises(InputError, match=r"no Java archives in .*: run `make setup`"):
        COMPONENTS["kafka"].prepare(site)
