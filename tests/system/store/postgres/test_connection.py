"""Connections to PostgreSQL: every wait has a bound, and a vanished host is noticed."""

from __future__ import annotations

import socket

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from system.clock import monotonic_ns
from system.store.postgres.connection import (
    ANSWER_TIMEOUT_S,
    STATEMENT_TIMEOUT_MS,
    BoundedConnection,
    connected,
)

URL = "postgresql://user@db.example:5432/risk?sslmode=require"


class StubConnection(BoundedConnection):
    """A connection without a server, which notes whether it was closed."""

    def __init__(self):
        self.was_closed = False

    def close(self):
        self.was_closed = True

    def __del__(self):
        pass


@pytest.fixture
def asked(monkeypatch):
    """Connection parameters that psycopg was given."""
    parameters = {}

    def connect(conninfo):
        parameters.update(conninfo_to_dict(conninfo))
        return StubConnection()

    monkeypatch.setattr(BoundedConnection, "connect", connect)
    return parameters


def test_the_client_asks_tcp_to_notice_a_host_that_vanished(asked):
    connected(URL)
    assert asked["keepalives"] == "1"
    assert asked["keepalives_idle"] == "5"
    assert asked["keepalives_interval"] == "2"
    assert asked["keepalives_count"] == "3"
    assert asked["tcp_user_timeout"] == "10000"
    assert asked["connect_timeout"] == "5"


def test_the_server_is_asked_to_let_go_of_a_client_that_vanished(asked):
    connected(URL)
    for option in ("tcp_keepalives_idle=5", "tcp_user_timeout=10000", "statement_timeout=15000"):
        assert f"-c {option}" in asked["options"]


def test_what_the_address_says_of_encryption_is_kept(asked):
    connected(URL)
    assert asked["sslmode"] == "require"
    assert asked["user"] == "user"


def test_the_servers_own_bound_comes_before_the_clients():
    assert STATEMENT_TIMEOUT_MS / 1000 < ANSWER_TIMEOUT_S


def test_a_wait_for_the_server_ends_within_the_bound_and_closes_the_connection(monkeypatch):
    def never_ready(self, gen, interval, timeout):
        assert timeout is not None, "this would wait for ever"
        began_ns = monotonic_ns()
        while (monotonic_ns() - began_ns) / 1e9 < timeout:
            pass
        raise psycopg.OperationalError("wait timeout expired")

    monkeypatch.setattr(psycopg.Connection, "wait", never_ready)
    connection = StubConnection()
    connection.answer_timeout_s = 0.01
    with pytest.raises(psycopg.OperationalError, match=r"no answer within 0\.01 s"):
        connection.wait(iter(()))
    assert connection.was_closed


def test_an_error_of_the_server_is_no_silence(monkeypatch):
    def refuses(self, gen, interval, timeout):
        raise psycopg.OperationalError("the server is shutting down")

    monkeypatch.setattr(psycopg.Connection, "wait", refuses)
    connection = StubConnection()
    with pytest.raises(psycopg.OperationalError, match="shutting down"):
        connection.wait(iter(()))
    assert not connection.was_closed


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(psycopg.OperationalError):
            connected(f"postgresql://user@127.0.0.1:{port}/risk", connect_timeout_s=2)
