"""A record from an address: the token goes to the API's own origin, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from system.client.origin import authorization, is_same_origin
from system.errors import InputError, UnavailableError
from system.settings import Connections
from validation.explain import inputs
from validation.explain.inputs import RecordNotFoundError, gathered

TOKEN = "the-token"  # noqa: S105 - of the fake


class Listener:
    """A web server that keeps what it is asked, and redirects or fails as it is set to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.status = 404
        self.body = b"\x1b[2Jnobody here"
        self.location = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.asked.append(dict(self.headers))
                self.send_response(listener.status)
                if listener.location:
                    self.send_header("Location", listener.location)
                self.send_header("Content-Length", str(len(listener.body)))
                self.end_headers()
                self.wfile.write(listener.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def other() -> Iterator[Listener]:
    """A server that is not the API."""
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def api() -> Iterator[Listener]:
    """The server that ``api_url`` names."""
    listener = Listener()
    yield listener
    listener.close()


def connections(api: Listener) -> Connections:
    return Connections({"api_url": api.url, "api_token": TOKEN}, Path("/nowhere"))


def test_the_token_goes_to_the_api(api: Listener) -> None:
    with pytest.raises(RecordNotFoundError):
        gathered(f"{api.url}/v1/snapshots/x", connections(api), inputs=None)
    assert [headers.get("Authorization") for headers in api.asked] == [f"Bearer {TOKEN}"]


def test_the_token_goes_to_no_other_origin(api: Listener, other: Listener) -> None:
    with pytest.raises(RecordNotFoundError, match="no token was sent") as refused:
        gathered(f"{other.url}/v1/snapshots/x", connections(api), inputs=None)
    assert len(other.asked) == 1
    assert TOKEN not in str(other.asked)
    assert "\x1b" not in str(refused.value)


def test_a_redirection_is_not_followed(api: Listener, other: Listener) -> None:
    api.status, api.location = 307, f"{other.url}/v1/snapshots/x"
    with pytest.raises(RecordNotFoundError, match="answers 307"):
        gathered(f"{api.url}/v1/snapshots/x", connections(api), inputs=None)
    assert other.asked == []


def test_an_answer_without_end_is_cut_off(api: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MAX_FILE_BYTES", 10)
    with pytest.raises(InputError, match="more than 10 bytes"):
        gathered(f"{api.url}/v1/snapshots/x", connections(api), inputs=None)


@pytest.mark.parametrize("address", ["http://", "http://[::1", "http://127.0.0.1:99999/"])
def test_what_is_no_address_is_refused_in_words(api: Listener, address: str) -> None:
    with pytest.raises(UnavailableError, match="does not answer"):
        gathered(address, connections(api), inputs=None)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.example:8000/v1/oracle",
        "http://api.example/v1/oracle",
        "http://api.example:8001/v1/oracle",
        "http://evil.example:8000/v1/oracle",
        "http://api.example:8000@evil.example/v1/oracle",
        "http://api.example:8000\\@evil.example/",
        "http://api.example.evil.example:8000/",
        "http://127.0.0.1:8000/",
    ],
)
def test_scheme_host_and_port_must_be_the_same(address: str) -> None:
    known = Connections({"api_url": "http://api.example:8000", "api_token": TOKEN}, Path())
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return
    assert authorization(url, known) == {}


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("http://API.example:80/x", "http://api.example"),
        ("https://api.example/x?y#z", "https://user@api.example:443"),
    ],
)
def test_the_default_port_and_letters_of_a_host_do_not_count(one: str, same: str) -> None:
    assert is_same_origin(httpx.URL(one), httpx.URL(same))
