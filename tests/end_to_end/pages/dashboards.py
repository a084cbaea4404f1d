"""Processes of the browser tests: the dashboard, and a double of the API that tests can break."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import uvicorn

from system.places import PROJECT_DIR
from tests.system.show.fake_api import TOKEN, FakeApi

START_SECONDS = 90.0
STOP_SECONDS = 60.0


@dataclass
class ApiServer:
    """The double on a port; it can be ended and started again there."""

    api: FakeApi
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(self.api.app(), port=self.port, log_level="critical")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()))
        self._thread.start()
        wait_until(lambda: self._server.started, START_SECONDS, "the double did not start")

    def stop(self) -> None:
        self.api.cut = True
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)
        assert not self._thread.is_alive(), "the double did not end"
        self.api.cut = False


@dataclass
class Dashboard:
    """The dashboard's process; it can be ended and started again on its port."""

    port: int
    api_url: str
    folder: Path
    token: str = TOKEN

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "system/show/app.py",
                   "--server.port", str(self.port), "--server.address", "127.0.0.1"]  # fmt: skip
        environment = {
            **os.environ,
            "RISKSTREAM_STATE_DIR": str(self.folder),
            "RISKSTREAM_API_URL": self.api_url,
            "RISKSTREAM_API_TOKEN": self.token,
        }
        with (self.folder / "dashboard.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=PROJECT_DIR, env=environment, stdout=log, stderr=log
            )
        wait_until(self._answers, START_SECONDS, "the dashboard did not start")

    def stop(self) -> float:
        """End it and return the seconds that took."""
        begun = time.monotonic()
        self._process.terminate()
        self._process.wait(timeout=STOP_SECONDS)
        return time.monotonic() - begun

    def listener_count(self) -> int:
        with urlopen(f"{self.url}/live/health", timeout=10) as answer:  # noqa: S310
            return int(answer.read().split()[1])

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "dashboard.log").read_text()
        with contextlib.suppress(OSError):
            return self.listener_count() >= 0
        return False


def wait_until(condition: object, seconds: float, complaint: str) -> None:
    assert callable(condition)
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, complaint
        time.sleep(0.02)
