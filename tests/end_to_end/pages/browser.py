"""A headless Chromium, driven over its DevTools protocol: no further dependency.

Where no Chromium is installed, tests skip and say so.
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

START_SECONDS = 90.0
REPLY_SECONDS = 90.0
WAIT_SECONDS = 60.0
"""Bounds of what hangs: how soon something shows is measured by ``make bench``."""
LOOK_EVERY_SECONDS = 0.02
MAX_REPLY_BYTES = 64 * 2**20


class Page:
    """One tab."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._count = 0
        self.problems: list[str] = []
        self.console_errors: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a DevTools method and return its result."""
        self._count += 1
        self._connection.send(
            json.dumps({"id": self._count, "method": method, "params": parameters})
        )
        while True:
            message = json.loads(self._connection.recv(timeout=REPLY_SECONDS))
            if message.get("id") == self._count:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Runtime.exceptionThrown":
            details = message["params"]["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        if (
            message.get("method") == "Runtime.consoleAPICalled"
            and message["params"]["type"] == "error"
        ):
            said = message["params"]["args"]
            self.console_errors.append(" ".join(str(part.get("value", part)) for part in said))
        entry = message.get("params", {}).get("entry", {})
        if entry.get("level") == "error":
            self.console_errors.append(f"{entry['text']} {entry.get('url', '')}")
        if "Content Security Policy" in entry.get("text", ""):
            self.problems.append(entry["text"])

    def open(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)

    def value(self, script: str) -> Any:
        """Return what a JavaScript expression yields; a promise is awaited."""
        result = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str, seconds: float = WAIT_SECONDS) -> None:
        """Wait until an expression is truthy, at most so many seconds."""
        give_up = time.monotonic() + seconds
        while not self.value(f"Boolean({script})"):
            assert time.monotonic() < give_up, f"not within {seconds} s: {script}"
            time.sleep(LOOK_EVERY_SECONDS)

    def resize(self, width: int, height: int, scale: float = 1.0) -> None:
        """Set the size of the window in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    def prefer(self, scheme: str) -> None:
        """Say that the reader prefers "dark" or "light"."""
        preference = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[preference])

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=False)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser(executable: str, profile: Path) -> Iterator[Page]:
    """Run a Chromium with one tab, and end it.

    Parameters
    ----------
    executable : str
        From ``system.runtime.preflight.find_browser``.
    profile : Path
        An empty folder for its files.
    """
    command = [
        executable,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "about:blank",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connect(_tab_address(profile, process), max_size=MAX_REPLY_BYTES) as connection:
            yield Page(connection)
    finally:
        process.terminate()
        try:
            process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=START_SECONDS)


def _tab_address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        assert process.poll() is None, f"Chromium ended with {process.returncode}"
        with suppress(OSError, IndexError, StopIteration):
            port = (profile / "DevToolsActivePort").read_text().split()[0]
            with urlopen(f"http://127.0.0.1:{port}/json", timeout=10) as answer:
                tabs = json.load(answer)
            return str(next(tab for tab in tabs if tab["type"] == "page")["webSocketDebuggerUrl"])
        time.sleep(LOOK_EVERY_SECONDS)
    raise AssertionError(f"Chromium did not listen within {START_SECONDS} s")
