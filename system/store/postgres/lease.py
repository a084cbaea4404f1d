"""The lease of the active driver: an advisory lock of PostgreSQL on a connection of its own.

At most one driver of a database holds it; others stand by. PostgreSQL frees it when the
connection ends: when the process dies, at once; when its host vanishes, after the server's
keepalives (11 s). It is a courtesy that spares drivers from fencing each other: what keeps numbers
right is the fence (``RiskHistory.acquire_fence``), whoever holds the lease.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from typing import Final

import psycopg

from system.store.errors import StoreUnavailableError
from system.store.postgres.connection import BoundedConnection, connected, not_answering

LEASE_KEY: Final = 0x7269736B73747265
KEEP_EVERY_S: Final = 2.0
ANSWER_TIMEOUT_S: Final = 5.0
_HOLDER: Final = f"""
FROM pg_locks
JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1
  AND classid = {LEASE_KEY >> 32} AND objid = {LEASE_KEY & 0xFFFFFFFF}
  AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608 - our own numbers only
_SELECT_HOLDER: Final = f"SELECT application_name, backend_start::text {_HOLDER}"
_EVICT_HOLDER: Final = f"SELECT pg_terminate_backend(pid) {_HOLDER}"
_TRY: Final = f"SELECT pg_try_advisory_lock({LEASE_KEY})"
_LOG: Final = logging.getLogger(__name__)


class DriverLease:
    """The lease, asked for, kept and let go.

    Parameters
    ----------
    database_url : str
        PostgreSQL URL, password included; never logged.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: BoundedConnection | None = None
        self._is_held = False
        self._lock = threading.Lock()
        self._ending = threading.Event()

    def acquire(self) -> bool:
        """Ask for the lease, without waiting for it, and return whether it is held.

        A lost connection is made again: the lease went with it, and is asked for again.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._lock:
            if self._is_held:
                self._asked("SELECT 1")
            else:
                self._is_held = bool(self._asked(_TRY)[0][0])
            return self._is_held

    def holder(self) -> str:
        """Return who holds it, for a person; empty where nobody does.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._lock:
            rows = self._asked(_SELECT_HOLDER)
        return f"{rows[0][0]}, since {rows[0][1]}" if rows else ""

    def evict(self) -> None:
        """End the connection of who holds it: for a process that is stopped, not dead.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._lock:
            self._asked(_EVICT_HOLDER)

    def keep(self) -> None:
        """Ask for it again and again on a thread of its own, until it is closed.

        A connection that PostgreSQL ended (a restart) would else leave the lease to the next
        driver that is started, beside one that works.
        """
        threading.Thread(target=self._keep, name="lease", daemon=True).start()

    def close(self) -> None:
        """Let go of it."""
        self._ending.set()
        with self._lock:
            self._drop()

    def _keep(self) -> None:
        while not self._ending.wait(KEEP_EVERY_S):
            try:
                if not self.acquire():
                    _LOG.warning("another driver holds the lease: %s", self.holder())
            except StoreUnavailableError:
                continue  # whoever writes to PostgreSQL says so

    def _asked(self, statement: str) -> list[tuple[object, ...]]:
        try:
            if self._connection is None:
                self._connection = connected(
                    self._database_url,
                    answer_timeout_s=ANSWER_TIMEOUT_S,
                    application_name=f"riskstream driver {socket.gethostname()}:{os.getpid()}",
                )
                self._connection.autocommit = True
            return self._connection.execute(statement).fetchall()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._drop()
            raise not_answering(error) from error

    def _drop(self) -> None:
        self._is_held = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None
