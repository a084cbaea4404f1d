"""Waiting for commits: a slow stream is waited for, one that stands still is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from system.clock import ManualClock
from system.errors import UnavailableError
from validation.run import read_back
from validation.run.read_back import POLL_S, await_committed

WHERE = SimpleNamespace(kafka_bootstrap_servers="", database_url="")


@pytest.fixture
def clock(monkeypatch) -> ManualClock:
    """A clock that moves as the wait sleeps, before a topic that ends at offset 100."""
    monkeypatch.setattr(read_back, "end_offsets", lambda *_: {"trades:0": 100})
    return ManualClock()


@pytest.mark.parametrize(("patient", "committed"), [(True, True), (False, False)])
def test_a_stream_that_commits_slowly_is_waited_for_where_no_time_is_judged(
    monkeypatch, clock, patient, committed
):
    monkeypatch.setattr(
        read_back, "_covered", lambda _: {"trades:0": int(clock.monotonic_ns() / 5e9)}
    )
    assert await_committed(WHERE, timeout_s=10, patient=patient, clock=clock) is committed


def test_a_stream_that_commits_nothing_is_given_up(monkeypatch, clock):
    monkeypatch.setattr(read_back, "_covered", lambda _: {"trades:0": 99})
    assert not await_committed(WHERE, timeout_s=10, clock=clock)
    assert clock.monotonic_ns() < (10 + 2 * POLL_S) * 1e9


def test_an_outage_is_waited_through_where_that_is_asked_for(monkeypatch, clock):
    looks = iter([UnavailableError("no broker"), {"trades:0": 100}, {"trades:0": 120}])

    def ends(*_):
        answer = next(looks)
        if isinstance(answer, Exception):
            raise answer
        return answer

    covered = iter([{"trades:0": 99}, {"trades:0": 120}])
    monkeypatch.setattr(read_back, "end_offsets", ends)
    monkeypatch.setattr(read_back, "_covered", lambda _: next(covered))
    assert await_committed(WHERE, timeout_s=10, through_outages=True, clock=clock)


def test_an_outage_ends_the_wait_where_it_is_not(monkeypatch, clock):
    def away(_):
        raise UnavailableError("no PostgreSQL")

    monkeypatch.setattr(read_back, "_covered", away)
    with pytest.raises(UnavailableError):
        await_committed(WHERE, timeout_s=10, clock=clock)
