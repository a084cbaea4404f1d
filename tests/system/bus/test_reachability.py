import socket

import pytest

from system.bus.errors import BusUnavailableError
from system.bus.reachability import RETRY_SECONDS, await_broker
from system.clock import ManualClock


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_one_listening_broker_is_enough(listener):
    await_broker(f"127.0.0.1:1,127.0.0.1:{listener}", 0.0)


def test_each_silent_broker_is_named_when_the_bound_is_over():
    clock = ManualClock()
    with pytest.raises(BusUnavailableError, match=r"127\.0\.0\.1:1: .*127\.0\.0\.1:2: "):
        await_broker("127.0.0.1:1,127.0.0.1:2", 1.0, clock=clock)
    assert clock.monotonic_ns() == pytest.approx(1e9, abs=RETRY_SECONDS * 1e9)


@pytest.mark.parametrize("address", ["localhost", ":9092", "host:port", ""])
def test_what_is_no_address_is_said_to_be_none(address):
    with pytest.raises(BusUnavailableError, match="is no host:port"):
        await_broker(address, 0.0)


class _Late(ManualClock):
    """A clock whose first sleep is when the broker comes up."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.server: socket.socket | None = None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.server = self.server or socket.create_server(("127.0.0.1", self.port))


def test_a_broker_that_comes_up_within_the_bound_is_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    clock = _Late(port)
    await_broker(f"127.0.0.1:{port}", 5.0, clock=clock)
    assert clock.server is not None
    clock.server.close()
