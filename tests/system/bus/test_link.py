"""Connections to Kafka: every request has a bound, and a vanished host is noticed."""

from __future__ import annotations

import socket

import pytest

from system.bus import consumer, producer
from system.bus.reachability import REQUEST_TIMEOUT_SECONDS, link_options

ADDRESS = "a:1,b:2"


@pytest.mark.parametrize(
    "options", [consumer._options(ADDRESS, 30.0), producer._options(ADDRESS, 0, 30.0, 30.0)]
)
def test_every_client_has_the_same_bounds(options):
    bounds = link_options(ADDRESS, 30.0)
    assert {name: options[name] for name in bounds} == bounds
    assert options["request_timeout_ms"] == REQUEST_TIMEOUT_SECONDS * 1000
    assert (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000) in options["socket_options"]
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in options["socket_options"]
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
