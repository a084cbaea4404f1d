"""The relay: bytes pass as they are, later when delayed, not at all when cut."""

import socket
import socketserver
import threading
import time

import pytest

from system.runtime.ports import free_ports
from validation.scenarios.injection.relay import Relay

BOUND_S = 5.0
LARGE = bytes(range(256)) * 2_000


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65_536):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@pytest.fixture
def relay():
    with Server(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (port,) = free_ports([None])
        with Relay(port, server.server_address[1]) as relay:
            yield relay
        server.shutdown()


def connected(relay: Relay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), timeout=BOUND_S)


def echoed(client: socket.socket, data: bytes) -> bytes:
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()
    found = b""
    while len(found) < len(data) and (part := client.recv(65_536)):
        found += part
    sender.join()
    return found


def is_broken(client: socket.socket) -> bool:
    """Return whether the other side has ended the connection, politely or not."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_bytes_come_out_as_they_went_in(relay):
    with connected(relay) as client:
        assert echoed(client, LARGE) == LARGE
    assert relay.counts.held == 0


def test_a_delay_holds_each_piece_and_keeps_the_order(relay):
    with connected(relay) as client:
        assert echoed(client, b"now") == b"now"
        relay.delay(0.1)
        began = time.monotonic()
        assert echoed(client, LARGE) == LARGE
        assert time.monotonic() - began >= 0.2  # both ways
        assert relay.counts.held > 0
        relay.heal()
        held = relay.counts.held
        assert echoed(client, b"again") == b"again"
        assert relay.counts.held == held


def test_a_cut_breaks_connections_off_and_refuses_new_ones_until_healed(relay):
    with connected(relay) as client:
        assert echoed(client, b"x") == b"x"
        relay.cut()
        assert is_broken(client)
    with connected(relay) as client:
        assert is_broken(client)
    assert (relay.counts.cut, relay.counts.refused) == (1, 1)
    relay.heal()
    with connected(relay) as client:
        assert echoed(client, b"back") == b"back"


def test_who_ends_a_connection_ends_it_on_the_other_side_too(relay):
    with connected(relay) as client:
        assert echoed(client, b"x") == b"x"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
