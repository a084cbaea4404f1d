"""The process of alerts: waits for servers, ends by a signal, writes no address."""

from __future__ import annotations

import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest

from system.alerts.__main__ import main, run, stream_state
from system.alerts.target import AlertTargetError
from system.contracts.api.risk import StreamState
from system.store.errors import StoreUnavailableError


class Stop:
    """Ends a loop after some waits."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.waits: list[float] = []

    @property
    def is_set(self) -> bool:
        return self.left <= 0

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.left -= 1


def test_a_server_that_is_away_is_waited_for(caplog):
    caplog.set_level(logging.INFO)
    answers = iter([True, StoreUnavailableError("PostgreSQL does not answer"), False, True])

    def one_round() -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    stop = Stop(4)
    run(SimpleNamespace(run=one_round), stop)  # type: ignore[arg-type]
    assert stop.waits == [1.0, 2.0, 1.0, 1.0]
    assert [record.message for record in caplog.records] == [
        "alerts wait: PostgreSQL does not answer",
        "waits: another process sends alerts",
        "sends alerts",
    ]


def test_a_redis_that_is_away_is_a_stream_without_a_state():
    def away():
        raise StoreUnavailableError("Redis does not answer")

    assert stream_state(SimpleNamespace(status=away)) is None  # type: ignore[arg-type]
    told = SimpleNamespace(status=lambda: SimpleNamespace(state=StreamState.LAGGING))
    assert stream_state(told) is StreamState.LAGGING  # type: ignore[arg-type]


def test_without_an_address_nothing_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path))
    with pytest.raises(AlertTargetError, match="is not set"):
        main()


def test_the_process_says_what_is_missing_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("RISKSTREAM_ALERTS_URL", "gopher://secretpath")
    done = subprocess.run(
        [sys.executable, "-m", "system.alerts"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: RISKSTREAM_ALERTS_URL has scheme 'gopher'")
    assert "secretpath" not in done.stderr
