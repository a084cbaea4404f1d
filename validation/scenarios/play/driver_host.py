"""One driver after another on one Spark session, in a process of the harness.

``python -m validation.scenarios.play.driver_host`` begins a life of the product's own driver for
each ``begin`` line on standard input, and ends it for each ``end`` line. Java, Spark's session and
its executor start once instead of once for each story, where they take most of the processor time.
A life takes everything else from the servers, as in a process of its own. Stories with faults and
restarts do not run here (decision 0140).
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import msgspec
from pyspark.sql import SparkSession

from system.clock import SystemClock
from system.errors import InternalError
from system.settings import Settings, load_settings
from system.stream.driver import Driver
from system.stream.lifecycle.watchdog import Watchdog, end_process
from system.stream.spark.session import OwnSession, SessionSource

STARTED: Final = b"started"
ENDED: Final = b"ended"
OF_ONE_LIFE: Final = frozenset({"partitions", "max_batch_records", "shard_from_portfolios"})
"""Settings that a session does not depend on: others must be equal in every life of a host."""


class Begin(msgspec.Struct, frozen=True, tag_field="do", tag="begin"):
    """Begin a life with these environment variables."""

    environment: dict[str, str]


class End(msgspec.Struct, frozen=True, tag_field="do", tag="end"):
    """End the life after the batch under way."""


ORDERS: Final = msgspec.json.Decoder(Begin | End)


class SharedSession:
    """A Spark session that is started for the first life and kept for the next ones.

    Parameters
    ----------
    source : SessionSource
        Starts it.
    """

    def __init__(self, source: SessionSource) -> None:
        self._source = source
        self._spark: SparkSession | None = None
        self._settings: Settings | None = None

    def start(self, settings: Settings, master: str, *, cores: int) -> SparkSession:
        """Return the session.

        Raises
        ------
        InternalError
            If it was started with other settings than these.
        """
        kept = settings.model_copy(update=dict.fromkeys(OF_ONE_LIFE))
        if self._spark is None:
            self._spark = self._source.start(settings, master, cores=cores)
            self._settings = kept
        elif self._settings != kept:
            raise InternalError("a life in this process has other settings than its session")
        return self._spark

    def stop(self, spark: SparkSession) -> None:
        """Keep the session; no query may have been left on it.

        Raises
        ------
        InternalError
            If a query still runs: the next life would share the executor with it.
        """
        if active := [str(query.name) for query in spark.streams.active]:
            raise InternalError(f"queries outlive their driver: {', '.join(active)}")

    def close(self) -> None:
        """Stop the session, if there is one."""
        if self._spark is not None:
            self._source.stop(self._spark)


class Life:
    """One life of the driver on a thread, with the watchdog that the product gives it.

    Parameters
    ----------
    settings : Settings
        Of this life.
    session : SharedSession
        What it runs on.
    """

    def __init__(self, settings: Settings, session: SessionSource) -> None:
        self._watchdog = Watchdog(SystemClock(), end_process)
        self._driver = Driver(
            settings,
            settings.connections(),
            cores=settings.executor_cores,
            watchdog=self._watchdog,
            sessions=session,
        )
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="driver")

    def begin(self) -> None:
        """Start the driver; returns at once."""
        self._watchdog.start(self._driver.fail)
        self._thread.start()

    def end(self) -> None:
        """Stop the driver, and return when it has ended; its watchdog bounds the wait.

        Raises
        ------
        BaseException
            What the driver has ended with.
        """
        self._driver.stop()
        self._thread.join()
        self._watchdog.stop()
        forget()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._driver.run()
        except BaseException as error:
            logging.getLogger(__name__).exception("the stream has stopped")
            self._error = error


class Living(Protocol):
    """A life that has begun."""

    def end(self) -> None:
        """End it, and return when it has ended."""


def host(
    orders: Iterable[bytes],
    say: Callable[[bytes], None],
    begin: Callable[[dict[str, str]], Living],
) -> None:
    """Begin and end lives as ordered, until the orders end.

    Parameters
    ----------
    orders : iterable of bytes
        A line for each order; begin and end in turn.
    say : callable
        Takes ``STARTED`` and ``ENDED`` as answers.
    begin : callable
        Begins a life with environment variables.

    Raises
    ------
    BaseException
        What a driver has ended with: this process ends with it.
    """
    life: Living | None = None
    try:
        for line in orders:
            order = ORDERS.decode(line)
            if isinstance(order, Begin):
                assert life is None, "one driver at a time"
                life = begin(order.environment)
                say(STARTED)
            else:
                assert life is not None, "a driver has begun before it ends"
                ending, life = life, None
                ending.end()
                say(ENDED)
    finally:
        if life is not None:
            life.end()


def forget() -> None:
    """Free what a driver has set aside from Python's collector for the length of its life."""
    gc.unfreeze()
    gc.collect()


@contextmanager
def shared_session() -> Iterator[SharedSession]:
    """Give a session to share, and stop it at the end."""
    session = SharedSession(OwnSession())
    try:
        yield session
    finally:
        session.close()


def main() -> int:
    """Host drivers until standard input ends."""
    logging.basicConfig(
        level=load_settings().log_level,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    for name in ("kafka", "psycopg"):  # what they retry, they say ten times a second
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("py4j").setLevel(logging.WARNING)

    def say(word: bytes) -> None:
        sys.stdout.buffer.write(word + b"\n")
        sys.stdout.buffer.flush()

    with shared_session() as session:

        def begin(environment: dict[str, str]) -> Life:
            os.environ.update(environment)
            life = Life(load_settings(), session)
            life.begin()
            return life

        host(sys.stdin.buffer, say, begin)
    return 0


if __name__ == "__main__":
    sys.exit(main())
