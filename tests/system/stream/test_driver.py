"""The driver's life as a whole: what its log has when it cannot start."""

from __future__ import annotations

import pytest

from system.clock import ManualClock
from system.exits import REFUSAL, ExitCode
from system.settings import Connections, Settings
from system.stream.driver import Driver
from system.stream.lifecycle.continuity import Break, BreakKind, StateMismatchError
from system.stream.lifecycle.watchdog import ENDING, Watchdog


def test_a_refusal_is_in_the_log_before_the_driver_waits_for_spark(monkeypatch, caplog, tmp_path):
    """On a slow machine the watchdog ends the driver during that wait: the sentence stays."""
    clock, codes = ManualClock(), []
    watchdog = Watchdog(clock, codes.append)
    driver = Driver(Settings(), Connections({}, tmp_path), cores=1, watchdog=watchdog)
    refusal = StateMismatchError([Break(BreakKind.GAP, "trades:0", "5 messages are lost")])

    def refused(stack):
        stack.callback(wait_for_spark)
        raise refusal

    def wait_for_spark():
        assert caplog.messages == [f"{REFUSAL}{refusal}"]
        for _ in range(round(ENDING.seconds) + 2):
            clock.sleep(1)
            watchdog.check()

    monkeypatch.setattr(driver, "_has_its_turn", lambda stack: True)
    monkeypatch.setattr(driver, "_run", refused)
    with pytest.raises(StateMismatchError):
        driver.run()
    assert set(codes) == {ExitCode.NEEDS_RECOVERY}, "a supervisor paces it, and stops nothing else"
