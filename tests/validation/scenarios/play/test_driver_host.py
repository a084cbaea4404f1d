"""Drivers that share a Spark session: one at a time, and nothing left between two of them."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import msgspec
import pytest

from system.errors import InternalError, UnavailableError
from system.settings import Settings
from validation.scenarios.play.driver_host import (
    ENDED,
    STARTED,
    Begin,
    End,
    SharedSession,
    host,
)
from validation.scenarios.play.hosted_driver import HostedDriver


class Session:
    """A source of a session, and the session; counts its starts and stops."""

    def __init__(self):
        self.streams = SimpleNamespace(active=[])
        self.starts = self.stops = 0

    def start(self, settings, master, *, cores):
        self.starts += 1
        return self

    def stop(self, spark):
        self.stops += 1


def test_the_next_driver_gets_the_session_of_the_one_before():
    source = Session()
    shared = SharedSession(source)
    shared.stop(shared.start(Settings(), "spark://one", cores=2))
    settings = Settings(max_batch_records=300, shard_from_portfolios=1)
    assert shared.start(settings, "spark://one", cores=2) is source
    assert (source.starts, source.stops) == (1, 0)
    shared.close()
    assert source.stops == 1


def test_a_driver_with_other_session_settings_is_refused():
    shared = SharedSession(Session())
    shared.start(Settings(), "spark://one", cores=2)
    with pytest.raises(InternalError, match="other settings"):
        shared.start(Settings(executor_memory_mb=1_000), "spark://one", cores=2)


def test_a_query_that_outlives_its_driver_is_an_error():
    source = Session()
    shared = SharedSession(source)
    spark = shared.start(Settings(), "spark://one", cores=2)
    source.streams.active.append(SimpleNamespace(name="riskstream"))
    with pytest.raises(InternalError, match="riskstream"):
        shared.stop(spark)


class Lives:
    """Begins lives that note what becomes of them."""

    def __init__(self, error=None):
        self.noted = []
        self._error = error

    def begin(self, environment):
        self.noted.append(environment)
        return self

    def end(self):
        self.noted.append("end")
        if self._error is not None:
            raise self._error


ORDERS = [msgspec.json.encode(order) for order in (Begin(environment={"A": "1"}), End())]


def test_lives_follow_each_other_as_ordered():
    lives, said = Lives(), []
    host([*ORDERS, *ORDERS], said.append, lives.begin)
    assert lives.noted == [{"A": "1"}, "end"] * 2
    assert said == [STARTED, ENDED] * 2


def test_a_life_ends_with_the_orders():
    lives = Lives()
    host(ORDERS[:1], [].append, lives.begin)
    assert lives.noted == [{"A": "1"}, "end"]


def test_what_a_driver_fails_with_ends_its_host():
    said = []
    with pytest.raises(UnavailableError):
        host(ORDERS * 2, said.append, Lives(UnavailableError("no broker")).begin)
    assert said == [STARTED]


def test_a_host_that_fails_is_quoted(tmp_path):
    program = "import sys; sys.stdin.readline(); sys.exit('the driver could not start')"
    driver = HostedDriver(tmp_path / "log", {}, command=[sys.executable, "-c", program])
    with pytest.raises(UnavailableError, match="the driver could not start"):
        driver.end()
    driver.close()
