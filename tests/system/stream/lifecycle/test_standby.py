"""Standby: one driver is active, another waits and fences nobody."""

from __future__ import annotations

import pytest

from system.clock import ManualClock
from system.store.errors import StoreUnavailableError
from system.stream.lifecycle.standby import (
    SERVER_PATIENCE_S,
    STANDS_BY,
    TAKE_OVER_AFTER_S,
    TAKES_OVER,
    Turn,
)
from system.stream.lifecycle.watchdog import BATCH_BUSY, ENDING


class FakeLease:
    """A lease held by somebody, until let go or evicted; deaf while PostgreSQL is away."""

    def __init__(self):
        self.is_held = False
        self.is_away = False
        self.evictions = 0

    def acquire(self):
        if self.is_away:
            raise StoreUnavailableError("PostgreSQL does not answer")
        return not self.is_held

    def holder(self):
        return "riskstream driver host:1"

    def evict(self):
        self.evictions += 1
        self.is_held = False


class Scene:
    """A standby, with what happens around it second by second."""

    def __init__(self):
        self.lease = FakeLease()
        self.clock = ManualClock()
        self.is_beating = True
        self.broker_answers = True
        self.until_s = 0.0
        self.turn = Turn(
            self.lease,
            is_beating=lambda: self.is_beating,
            broker_answers=lambda: self.broker_answers,
            clock=self.clock,
            is_stopping=lambda: self.clock.monotonic_ns() >= self.until_s * 1e9,
        )

    def waits(self, seconds):
        """Let time pass, and return whether the turn came."""
        self.until_s = self.clock.monotonic_ns() / 1e9 + seconds
        return self.turn.wait()


@pytest.fixture
def scene():
    return Scene()


def test_a_driver_alone_has_its_turn_at_once(scene):
    assert scene.waits(1)
    assert scene.clock.monotonic_ns() == 0


def test_a_second_driver_stands_by_for_ever_and_evicts_nobody(scene, caplog):
    caplog.set_level("INFO")
    scene.lease.is_held = True
    assert not scene.waits(24 * 3600)
    assert scene.lease.evictions == 0
    assert caplog.messages == [f"{STANDS_BY} (riskstream driver host:1)"]


def test_a_standby_takes_over_when_the_active_driver_is_gone(scene, caplog):
    caplog.set_level("INFO")
    scene.lease.is_held = True
    assert not scene.waits(60)
    scene.lease.is_held = False
    assert scene.waits(5)
    assert caplog.messages[-1] == TAKES_OVER


def test_a_silent_driver_is_replaced_after_its_own_watchdog_had_its_chance(scene):
    scene.lease.is_held = True
    scene.is_beating = False
    assert not scene.waits(TAKE_OVER_AFTER_S - 1)
    assert scene.lease.evictions == 0
    assert scene.waits(5)
    assert scene.lease.evictions == 1
    assert BATCH_BUSY.seconds + ENDING.seconds < TAKE_OVER_AFTER_S


def test_a_heartbeat_now_and_then_is_no_silence(scene):
    scene.lease.is_held = True
    for _ in range(10):
        scene.is_beating = False
        assert not scene.waits(TAKE_OVER_AFTER_S - 5)
        scene.is_beating = True
        assert not scene.waits(2)
    assert scene.lease.evictions == 0


def test_a_silence_that_the_broker_explains_is_no_reason_for_a_take_over(scene):
    scene.lease.is_held = True
    scene.is_beating = scene.broker_answers = False
    assert not scene.waits(10 * TAKE_OVER_AFTER_S)
    assert scene.lease.evictions == 0


def test_a_standby_that_was_stopped_itself_has_seen_no_silence(scene):
    scene.lease.is_held = True
    scene.is_beating = False
    assert not scene.waits(2)
    scene.clock.sleep(3600)
    assert not scene.waits(2)
    assert scene.lease.evictions == 0


def test_postgresql_is_waited_for_and_said_to_be_missing_once(scene, caplog):
    scene.lease.is_away = True
    assert not scene.waits(SERVER_PATIENCE_S - 5)
    scene.lease.is_away = False
    assert scene.waits(5)
    assert len(caplog.messages) == 1
    assert "waits for PostgreSQL" in caplog.messages[0]


def test_the_wait_for_postgresql_has_a_bound(scene):
    scene.lease.is_away = True
    with pytest.raises(StoreUnavailableError):
        scene.waits(SERVER_PATIENCE_S + 10)
