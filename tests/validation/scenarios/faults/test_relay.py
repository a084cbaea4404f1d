"""The relay: bytes pass as they are, later when delayed, not at all when cut."""

import socket
import socketserver
import threading
import time
from contextlib import contextmanager

import pytest

from system.runtime.components.ports import free_ports
from validation.scenarios.faults.relay import Relay

BOUND_S = 5.0
LARGE = bytes(range(256)) * 2_000


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65_536):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def relayed(**options):
    with Server(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (port,) = free_ports([None])
        with Relay(port, server.server_address[1], **options) as relay:
            yield relay
        server.shutdown()


@pytest.fixture
def relay():
    with relayed() as relay:
        yield relay


@pytest.fixture
def known():
    with relayed(stops_behind=b"I write") as relay:
        yield relay


def connected(relay: Relay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), timeout=BOUND_S)


def echoed(client: socket.socket, data: bytes) -> bytes:
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()
    received = b""
    while len(received) < len(data) and (part := client.recv(65_536)):
        received += part
    sender.join()
    return received


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


def test_in_silence_connections_stay_open_and_what_was_sent_arrives_afterwards(relay):
    with connected(relay) as client:
        assert echoed(client, b"x") == b"x"
        relay.silence()
        client.sendall(b"lost?")
        with connected(relay) as late:
            late.sendall(b"new")
            late.settimeout(0.3)
            with pytest.raises(TimeoutError):
                late.recv(1)
            relay.heal()
            late.settimeout(BOUND_S)
            assert late.recv(3) == b"new"
        assert client.recv(5) == b"lost?"
    assert relay.counts.held >= 1


def test_a_stop_passes_what_comes_before_the_request_and_nothing_after_it(relay):
    with connected(relay) as client, connected(relay) as other:
        assert echoed(client, b"x") == b"x"
        assert echoed(other, b"x") == b"x"
        reached = relay.stop_at(lambda piece: piece.find(b"COMMIT") if b"COMMIT" in piece else None)
        assert echoed(client, b"BEGIN;") == b"BEGIN;"
        client.sendall(b"INSERT;COMMIT;more")
        assert reached.wait(BOUND_S)
        other.sendall(b"waits")
        relay.heal()
        assert is_broken(client)
        assert is_broken(other)
    with connected(relay) as client:
        assert echoed(client, b"COMMIT") == b"COMMIT"


def test_a_relay_stops_only_on_connections_that_it_knows(known):
    with connected(known) as writer, connected(known) as reader:
        assert echoed(writer, b"I write") == b"I write"
        reached = known.stop_at(lambda piece: 0 if piece == b"COMMIT" else None)
        assert echoed(reader, b"COMMIT") == b"COMMIT"
        assert not reached.is_set()
        writer.sendall(b"COMMIT")
        assert reached.wait(BOUND_S)
        known.heal()


def test_who_ends_a_connection_ends_it_on_the_other_side_too(relay):
    with connected(relay) as client:
        assert echoed(client, b"x") == b"x"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
