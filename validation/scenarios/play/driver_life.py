"""A life of the driver on a Spark session that outlives it (`app_host`)."""

from __future__ import annotations

import logging
import threading
from typing import Final

from pyspark.sql import SparkSession

from system.clock import SystemClock
from system.errors import InternalError
from system.settings import Settings
from system.stream.driver import Driver, quiet_clients
from system.stream.lifecycle.watchdog import Watchdog, end_process
from system.stream.spark.session import OwnSession, SessionSource
from validation.scenarios.play.app_host import forget

OF_ONE_LIFE: Final = frozenset(
    {"partitions", "max_batch_records", "shard_from_portfolios", "engine"}
)
"""Settings that a session does not depend on: others must be equal in every life of a host."""
READING_CORES: Final = 8
"""For the partitions of every pipeline of the suite; the embedded worker has as many to spare."""


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


class DriverLife:
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
            cores=settings.executor_cores + READING_CORES,
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


class Lives:
    """Begins drivers that share a session, and stops the session at the end."""

    def __init__(self) -> None:
        quiet_clients()
        self._session = SharedSession(OwnSession())

    def begin(self, settings: Settings) -> DriverLife:
        """Begin the life of a driver."""
        life = DriverLife(settings, self._session)
        life.begin()
        return life

    def close(self) -> None:
        """Stop the session."""
        self._session.close()
