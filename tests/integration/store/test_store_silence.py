"""A server that takes bytes and never answers: every wait for it ends within its bound.

The kernel of a stopped server, and a relay that holds what passes, acknowledge every packet, so
that TCP itself notices nothing.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from system.clock import monotonic_ns
from system.runtime.components.ports import free_ports
from system.store.errors import StoreUnavailableError
from system.store.postgres.connection import KEEPALIVES, connected
from system.store.postgres.history import RiskHistory
from system.store.records import BatchCommit
from validation.scenarios.faults.relay import Relay

pytestmark = pytest.mark.integration
ANSWER_TIMEOUT_S = 1.0
NOTICED_WITHIN_S = 4.0
FOR_EVER_S = 3600.0


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    """A relay to PostgreSQL; ``delay(FOR_EVER_S)`` makes it a black hole."""
    (port,) = free_ports([None])
    with Relay(port, urlsplit(database_url).port or 0) as relay:
        yield relay


@pytest.fixture
def relayed_url(database_url: str, relay: Relay) -> str:
    parts = urlsplit(database_url)
    host = parts.netloc.rpartition(":")[0]
    return parts._replace(netloc=f"{host}:{relay.port}").geturl()


@pytest.fixture
def history(relayed_url: str) -> Iterator[RiskHistory]:
    with RiskHistory(relayed_url, answer_timeout_s=ANSWER_TIMEOUT_S) as history:
        history.migrate()
        yield history


def seconds_since(began_ns: int) -> float:
    return (monotonic_ns() - began_ns) / 1e9


def batch(fence: int, epoch: int) -> BatchCommit:
    return BatchCommit(fence=fence, epoch=epoch, offsets={"trades:0": epoch}, state={})


def test_a_statement_that_a_black_hole_has_swallowed_ends_within_the_bound(relay, relayed_url):
    connection = connected(relayed_url, answer_timeout_s=ANSWER_TIMEOUT_S)
    connection.execute("SELECT 1")
    relay.delay(FOR_EVER_S)
    began_ns = monotonic_ns()
    with pytest.raises(psycopg.OperationalError, match="no answer within 1 s"):
        connection.execute("SELECT 1")
    assert seconds_since(began_ns) < NOTICED_WITHIN_S
    assert connection.closed


def test_a_reader_of_a_black_hole_gets_an_error_within_the_bound(relay, history):
    history.committed()
    relay.delay(FOR_EVER_S)
    began_ns = monotonic_ns()
    with pytest.raises(StoreUnavailableError):
        history.committed()
    assert seconds_since(began_ns) < 2 * NOTICED_WITHIN_S + 5


def test_a_commit_that_a_black_hole_has_swallowed_gets_through_once_it_is_gone(relay, history):
    fence = history.acquire_fence()
    history.commit(batch(fence, 0))
    relay.delay(FOR_EVER_S)
    done: list[bool] = []
    commit = threading.Thread(target=lambda: done.append(history.commit(batch(fence, 1))))
    commit.start()
    commit.join(ANSWER_TIMEOUT_S * 3)
    assert commit.is_alive()
    relay.heal()
    commit.join(30)
    assert not commit.is_alive()
    assert len(done) == 1
    assert history.load().offsets == {"trades:0": 1}


def test_a_commit_beside_a_stopped_server_gets_through_once_it_goes_on(history, database_url):
    fence = history.acquire_fence()
    history.commit(batch(fence, 0))
    server = postmaster(database_url)
    family = [server, *server.children(recursive=True)]
    done: list[bool] = []
    commit = threading.Thread(target=lambda: done.append(history.commit(batch(fence, 1))))
    try:
        for process in family:
            process.send_signal(signal.SIGSTOP)
        commit.start()
        commit.join(ANSWER_TIMEOUT_S * 5)
        assert commit.is_alive()
    finally:
        for process in family:
            process.send_signal(signal.SIGCONT)
    commit.join(30)
    assert not commit.is_alive()
    assert len(done) == 1
    assert history.load().offsets == {"trades:0": 1}


def test_both_sides_of_a_connection_notice_a_host_that_vanished(database_url):
    with connected(database_url) as connection:
        settings = dict(
            connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name LIKE 'tcp_%'"
            ).fetchall()
        )
        parameters = connection.info.get_parameters()
    assert settings["tcp_keepalives_idle"] == str(KEEPALIVES["keepalives_idle"])
    assert settings["tcp_user_timeout"] == str(KEEPALIVES["tcp_user_timeout"])
    assert {name: int(parameters[name]) for name in KEEPALIVES} == dict(KEEPALIVES)


def postmaster(database_url: str) -> psutil.Process:
    port = urlsplit(database_url).port
    [server] = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }
    return psutil.Process(server)
