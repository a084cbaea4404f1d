"""Another site's page reaches nothing of the dashboard by a name that it points to this machine."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from system.places import PROJECT_DIR
from system.runtime.components.ports import free_ports

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]

START_SECONDS = 90.0
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A dashboard whose API does not answer: its doors are the same."""
    folder = tmp_path_factory.mktemp("dashboard")
    port, api_port = free_ports([None, None])
    command = [sys.executable, "-m", "streamlit", "run", "system/show/app.py"]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    environment = {
        **os.environ,
        "RISKSTREAM_STATE_DIR": str(folder),
        "RISKSTREAM_API_URL": f"http://127.0.0.1:{api_port}",
        "RISKSTREAM_API_TOKEN": "token",
    }
    process = subprocess.Popen([*command, *options], cwd=PROJECT_DIR, env=environment)
    try:
        give_up = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None
            assert time.monotonic() < give_up
            try:
                if asked(port, "/_stcore/health", f"127.0.0.1:{port}").status == 200:
                    break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def asked(port: int, path: str, host: str, **headers: str) -> http.client.HTTPResponse:
    """Return the head of an answer, asked under any host name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host, **headers})
    answer = connection.getresponse()
    connection.close()
    return answer


@pytest.mark.parametrize("host", ["evil.example:{}", "evil.example", "127.0.0.1.evil.example:{}"])
@pytest.mark.parametrize("path", ["/", "/live/stream", "/_stcore/health", "/_stcore/host-config"])
def test_nothing_is_served_under_another_name(port: int, path: str, host: str) -> None:
    assert asked(port, path, host.format(port)).status == 421


def test_the_pages_websocket_is_refused_under_another_name(port: int) -> None:
    evil = f"evil.example:{port}"
    answer = asked(port, "/_stcore/stream", evil, Origin=f"http://{evil}", **WEBSOCKET)
    assert answer.status == 421


def test_the_pages_websocket_is_refused_to_another_origin(port: int) -> None:
    own = f"127.0.0.1:{port}"
    answer = asked(port, "/_stcore/stream", own, Origin="http://evil.example", **WEBSOCKET)
    assert answer.status == 403


def test_the_page_itself_has_its_websocket(port: int) -> None:
    own = f"127.0.0.1:{port}"
    answer = asked(port, "/_stcore/stream", own, Origin=f"http://{own}", **WEBSOCKET)
    assert answer.status == 101


def test_the_page_cannot_be_framed(port: int) -> None:
    answer = asked(port, "/", f"localhost:{port}")
    assert answer.status == 200
    assert "frame-ancestors 'none'" in str(answer.getheader("Content-Security-Policy"))
    assert answer.getheader("X-Frame-Options") == "DENY"
