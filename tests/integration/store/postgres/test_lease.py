"""The lease of the active driver, on a real PostgreSQL: one holds it, others stand by."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from system.places import PROJECT_DIR
from system.store.postgres import lease as lease_module
from system.store.postgres.lease import DriverLease

pytestmark = pytest.mark.integration
BOUND_S = 10

HOLDER = textwrap.dedent(
    """
    import sys, threading
    from system.store.postgres.lease import DriverLease
    lease = DriverLease(sys.argv[1])
    assert lease.acquire()
    print("held", flush=True)
    threading.Event().wait()
    """
)


@pytest.fixture
def lease(database_url: str) -> Iterator[DriverLease]:
    with closing(DriverLease(database_url)) as lease:
        yield lease


@pytest.fixture
def other_process(database_url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lease."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, database_url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_DIR,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def is_acquired(lease: DriverLease) -> bool:
    """Return whether a lease is acquired within the bound."""
    patience = Retrying(
        stop=stop_after_delay(BOUND_S),
        wait=wait_fixed(0.1),
        retry=retry_if_result(lambda held: not held),
        retry_error_callback=lambda state: False,
    )
    return bool(patience(lease.acquire))


def test_only_one_holds_it_and_the_other_can_name_it(lease, database_url):
    assert lease.acquire()
    assert lease.acquire()
    with closing(DriverLease(database_url)) as other:
        assert not other.acquire()
        assert other.holder().startswith("riskstream driver ")
        lease.close()
        assert is_acquired(other)


def test_another_database_has_a_lease_of_its_own(lease, store_connections, database_url):
    assert lease.acquire()
    assert store_connections.database_url != database_url
    with closing(DriverLease(store_connections.database_url)) as other:
        assert other.acquire()


def test_it_is_free_as_soon_as_its_holders_process_is_killed(lease, other_process):
    assert not lease.acquire()
    other_process.kill()
    assert is_acquired(lease)


def test_the_lease_of_a_stopped_process_can_be_ended(lease, other_process):
    other_process.send_signal(signal.SIGSTOP)
    assert not lease.acquire()
    lease.evict()
    assert is_acquired(lease)


def test_a_holder_whose_connection_was_ended_has_it_again(lease, database_url, monkeypatch):
    monkeypatch.setattr(lease_module, "KEEP_EVERY_S", 0.1)
    assert lease.acquire()
    lease.keep()
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        holder = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        (ended,) = connection.execute(holder).fetchone()
        connection.execute("SELECT pg_terminate_backend(%s)", [ended])
        patience = Retrying(
            stop=stop_after_delay(BOUND_S),
            wait=wait_fixed(0.1),
            # The ended connection holds its lock until its process has noticed.
            retry=retry_if_result(lambda row: row in (None, (ended,))),
        )
        assert patience(lambda: connection.execute(holder).fetchone())
    with closing(DriverLease(database_url)) as other:
        assert not other.acquire()
