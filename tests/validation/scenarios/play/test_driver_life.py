"""Drivers that share a Spark session: the same one for each, and nothing left on it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from system.errors import InternalError
from system.settings import Settings
from validation.scenarios.play.driver_life import SharedSession


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
