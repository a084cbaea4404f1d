"""Connections to PostgreSQL, with a bound on every wait for the server: the one home of both.

Three causes need three bounds. A server that refuses work is bounded by ``statement_timeout``,
which the server itself keeps. A host that vanished (no power, a cut cable, a firewall that drops
packets) acknowledges nothing: TCP's own keepalives and ``tcp_user_timeout`` notice it in about
10 s, on either side. A server that is stopped, and a relay that swallows bytes, leave a kernel
that acknowledges everything and an answer that never comes: only a deadline of the client's own
notices that.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import make_conninfo
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential,
)

from system.clock import monotonic_ns
from system.store.errors import StoreUnavailableError
from system.store.postgres.cursors import Row

CONNECT_TIMEOUT_S: Final = 5
STATEMENT_TIMEOUT_MS: Final = 15_000
ANSWER_TIMEOUT_S: Final = 20.0
"""Of a client that waits for bytes of the server; later than the server's own timeout."""
KEEPALIVES: Final[Mapping[str, int]] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Seconds, but for the last one (milliseconds): a host that vanished is noticed within 11 s."""
SERVER_KEEPALIVES: Final[Mapping[str, int]] = {
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""The same on the server's side: it rolls back, and frees locks of, a client that vanished."""
POLL_S: Final = 0.1
COMMIT_PATIENCE_S: Final = 75.0
"""A server that is away is waited for: a driver that gives up is away for longer, and can do
nothing without the server either. Longer than a pause of a minute."""
COMMIT_BACKOFF_MAX_S: Final = 1.0
_LOG: Final = logging.getLogger(__name__)


class BoundedConnection(psycopg.Connection[Row]):
    """PostgreSQL connection that is closed when the server does not answer in time.

    ``answer_timeout_s`` bounds each wait for the server, seconds; None: no bound, for work of
    unknown length (a migration), where the server's own timeout is off as well.
    """

    answer_timeout_s: float | None = ANSWER_TIMEOUT_S

    def wait(self, gen: PQGen[RV], interval: float = POLL_S, timeout: float | None = None) -> RV:
        """Wait for the server, at most ``answer_timeout_s``.

        Raises
        ------
        psycopg.OperationalError
            If no answer came in time; the connection is closed then.
        """
        bound_s = self.answer_timeout_s
        if bound_s is None or (timeout is not None and timeout < bound_s):
            return super().wait(gen, interval, timeout)
        began_ns = monotonic_ns()
        try:
            return super().wait(gen, interval, bound_s)
        except psycopg.OperationalError as error:
            if (monotonic_ns() - began_ns) / 1e9 < bound_s:
                raise
            # The answer may still come: a connection in such a state is of no more use.
            self.close()
            raise psycopg.OperationalError(f"no answer within {bound_s:g} s") from error


def connected(
    database_url: str,
    *,
    connect_timeout_s: int = CONNECT_TIMEOUT_S,
    answer_timeout_s: float | None = ANSWER_TIMEOUT_S,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    application_name: str = "riskstream",
) -> BoundedConnection:
    """Open a connection whose every wait has a bound.

    Parameters
    ----------
    database_url : str
        PostgreSQL URL, password included; never logged.
    connect_timeout_s : int
        Bound of the connection itself, seconds; PostgreSQL's least is 2.
    answer_timeout_s : float or None
        Bound of each wait for the server, seconds; None: no bound.
    statement_timeout_ms : int
        Bound that the server keeps for each statement; 0: none.
    application_name : str
        Shown in ``pg_stat_activity``.

    Raises
    ------
    psycopg.OperationalError
        If the server does not answer, or refuses.
    """
    server = {"statement_timeout": statement_timeout_ms, **SERVER_KEEPALIVES}
    options = " ".join(f"-c {name}={value}" for name, value in server.items())
    connection = BoundedConnection.connect(
        make_conninfo(
            database_url,
            connect_timeout=connect_timeout_s,
            application_name=application_name,
            options=options,
            **KEEPALIVES,
        )
    )
    connection.answer_timeout_s = answer_timeout_s
    return connection


class OwnConnection:
    """A connection to PostgreSQL, as base of a record; a context manager. For one thread.

    Parameters
    ----------
    database_url : str
        PostgreSQL URL, password included; never logged.
    answer_timeout_s : float
        Bound of each wait for the server, seconds.
    application_name : str
        Shown in ``pg_stat_activity``.
    """

    def __init__(
        self, database_url: str, *, answer_timeout_s: float, application_name: str = "riskstream"
    ) -> None:
        self._database_url = database_url
        self._answer_timeout_s = answer_timeout_s
        self._application_name = application_name
        self._connection: BoundedConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later call connects again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _answering(self) -> Iterator[BoundedConnection]:
        """Give the connection, each statement its own transaction.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer; the connection is closed then.
        """
        try:
            if self._connection is None:
                self._connection = connected(
                    self._database_url,
                    answer_timeout_s=self._answer_timeout_s,
                    application_name=self._application_name,
                )
                self._connection.autocommit = True
            yield self._connection
        except psycopg.Error as error:
            self.close()
            raise not_answering(error) from error


def first_line(error: BaseException | None) -> str:
    """Return the first line of an error of PostgreSQL: the rest is a hint, a statement or a URL."""
    return str(error).strip().partition("\n")[0]


def not_answering(error: BaseException) -> StoreUnavailableError:
    """Return our own error of a server that does not answer."""
    return StoreUnavailableError(f"PostgreSQL does not answer: {first_line(error)}")


def write_attempts() -> Retrying:
    """Return what tries a write again while the server is away, for ``COMMIT_PATIENCE_S``."""
    return Retrying(
        retry=retry_if_exception_type((psycopg.OperationalError, psycopg.InterfaceError)),
        stop=stop_after_delay(COMMIT_PATIENCE_S),
        wait=wait_exponential(multiplier=0.1, max=COMMIT_BACKOFF_MAX_S),
        before_sleep=_say_once,
        reraise=True,
    )


def _say_once(attempts: RetryCallState) -> None:
    """Log the first failed attempt at a write: what follows may wait for a long time."""
    if attempts.attempt_number == 1 and attempts.outcome is not None:
        _LOG.warning(
            "PostgreSQL does not answer, a write is tried again for %.0f s: %s",
            COMMIT_PATIENCE_S,
            first_line(attempts.outcome.exception()),
        )
