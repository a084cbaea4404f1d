"""The driver's life as a whole: what its log has when it cannot start."""

from __future__ import annotations

from contextlib import ExitStack

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


class LentSession:
    """A source whose session outlives the driver: what it was asked for, in order."""

    def __init__(self):
        self.asked = []

    def start(self, settings, master, *, cores):
        self.asked.append(("start", master, cores))
        return self

    def stop(self, spark):
        self.asked.append(("stop", spark is self))


def test_a_driver_gives_its_session_back_to_where_it_came_from(tmp_path):
    source = LentSession()
    connections = Connections({"spark_master": "spark://127.0.0.1:7077"}, tmp_path)
    driver = Driver(
        Settings(),
        connections,
        cores=2,
        watchdog=Watchdog(ManualClock(), lambda code: None),
        sessions=source,
    )
    with ExitStack() as stack:
        assert driver._session_under_way(stack).result() is source
    assert source.asked == [("start", "spark://127.0.0.1:7077", 2), ("stop", True)]
