"""Lives of the product's processes in a process of the harness: one at a time, as ordered."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from types import SimpleNamespace

import msgspec
import pytest

from system.errors import UnavailableError
from system.runtime.components.registry import COMPONENTS
from validation.run.child_process import ProcessFailedError
from validation.scenarios.play.app_host import ENDED, STARTED, Begin, End, host
from validation.scenarios.play.hosted_app import HostedApp


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
    driver = HostedApp("stream", tmp_path / "log", {}, command=[sys.executable, "-c", program])
    with pytest.raises(UnavailableError, match="the driver could not start"):
        driver.begin({}, SimpleNamespace())
    driver.close()


def test_a_host_that_ends_while_its_life_starts_is_not_waited_for(tmp_path, monkeypatch):
    program = "import sys; sys.stdin.readline(); print('started'); sys.exit('no state')"
    driver = HostedApp("stream", tmp_path / "log", {}, command=[sys.executable, "-c", program])

    def check(connections, addresses):
        with suppress(ProcessFailedError):
            driver._process.wait(60)
        raise UnavailableError("the stream has no heartbeat yet")

    monkeypatch.setitem(COMPONENTS, "stream", SimpleNamespace(check=check))
    with pytest.raises(UnavailableError, match="no state"):
        driver.begin({}, SimpleNamespace())
    driver.close()


ECHO = """
import json, sys
answers = {"begin": "started", "end": "ended"}
for line in sys.stdin:
    order = json.loads(line)
    print(answers[order["do"]], flush=True)
    print(json.dumps(order), file=sys.stderr, flush=True)
"""


def test_lives_are_ordered_in_turn_and_an_end_without_a_life_is_none(tmp_path, monkeypatch):
    monkeypatch.setitem(COMPONENTS, "api", SimpleNamespace(check=lambda *where: None))
    log = tmp_path / "log"
    api = HostedApp("api", log, {}, command=[sys.executable, "-c", ECHO])
    api.end()
    for number in ("1", "2"):
        api.begin({"LIFE": number}, SimpleNamespace())
        api.end()
    api.end()
    api.close()
    orders = [json.loads(line) for line in log.read_text().splitlines()]
    assert [order["do"] for order in orders] == ["begin", "end"] * 2
    assert [order.get("environment") for order in orders[::2]] == [{"LIFE": "1"}, {"LIFE": "2"}]
