"""Ports: free, different, the preferred one when it is free."""

from __future__ import annotations

import random
import socket

import pytest

from system.runtime.components import ports
from system.runtime.errors import StackError


@pytest.fixture
def taken() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


def test_chosen_ports_are_free_and_all_different():
    chosen = ports.free_ports([None] * 20)
    assert len(set(chosen)) == 20
    assert all(ports.is_free(port) for port in chosen)


def test_a_preferred_port_is_taken_when_it_is_free():
    [free] = ports.free_ports([None])
    assert ports.free_ports([free]) == [free]


def test_a_preferred_port_that_is_in_use_becomes_another(taken):
    [chosen] = ports.free_ports([taken])
    assert chosen != taken
    assert not ports.is_free(taken)


def test_the_same_preference_twice_gives_two_ports():
    [free] = ports.free_ports([None])
    first, second = ports.free_ports([free, free])
    assert first == free != second


def test_ports_lie_below_the_range_of_outgoing_connections():
    lowest = ports._lowest_ephemeral_port()
    assert all(port < max(lowest, 1025) for port in ports.free_ports([None] * 20))


def test_the_search_is_bounded(monkeypatch):
    class Stuck(random.Random):
        def randint(self, a: int, b: int) -> int:
            return a

    [only] = ports.free_ports([None], Stuck())
    with socket.socket() as held:
        held.bind(("127.0.0.1", only))
        with pytest.raises(StackError, match="no free port"):
            ports.free_ports([None], Stuck())
