"""`python -m system.stream`: one life of the driver, and the exit code that says how it ended."""

from __future__ import annotations

import importlib
import signal
from types import SimpleNamespace

import pytest

from system.errors import UnavailableError
from system.exits import ExitCode
from system.stream.lifecycle.watchdog import REFUSALS, exit_code

entry = importlib.import_module("system.stream.__main__")


class Driver:
    """Driver that ends as planned and notes what is asked of it."""

    error: Exception | None = None

    def __init__(self, *_, **__):
        self.asked = []
        drivers.append(self)

    def run(self):
        self.asked.append("run")
        if self.error is not None:
            raise self.error

    def linger(self, seconds):
        self.asked.append(("linger", seconds))

    def stop(self):
        self.asked.append("stop")

    def fail(self, error):
        self.asked.append(error)


drivers: list[Driver] = []


@pytest.fixture
def life(monkeypatch):
    """Run one life that ends with an error, or without; its exit code and driver."""
    handlers: dict[int, object] = {}
    monkeypatch.setattr(
        signal, "signal", lambda number, handler: handlers.update({number: handler})
    )
    monkeypatch.setattr(entry, "Driver", Driver)
    watchdog = SimpleNamespace(start=lambda fail: None)
    monkeypatch.setattr(entry, "Watchdog", lambda *_: watchdog)
    monkeypatch.setattr(entry, "quiet_clients", lambda: None)
    monkeypatch.setattr(entry, "stream_cores", lambda settings: 2)

    def lived(error=None):
        monkeypatch.setattr(Driver, "error", error)
        code = entry.main()
        return code, drivers[-1], handlers

    return lived


def test_a_driver_that_was_asked_to_stop_ends_well(life):
    code, driver, _ = life()
    assert (code, driver.asked) == (0, ["run"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it_after_the_batch_under_way(life, number):
    _, driver, handlers = life()
    handlers[number](number, None)
    assert driver.asked == ["run", "stop"]


def test_a_server_that_is_away_is_an_exit_code_of_its_own(life):
    code, driver, _ = life(UnavailableError("no broker"))
    assert code == ExitCode.UNAVAILABLE
    assert driver.asked == ["run"]


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_lingers_until_the_supervisor_counts_the_start(life, kind):
    error = kind.__new__(kind)
    code, driver, _ = life(error)
    assert code == exit_code(error)
    assert driver.asked == ["run", ("linger", entry.LINGER_S)]


def test_a_defect_is_not_caught(life):
    with pytest.raises(ZeroDivisionError):
        life(ZeroDivisionError())
