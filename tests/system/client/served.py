"""An API on loopback for tests of clients: answers to whoever bears the token."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "the-token"  # noqa: S105 - of the fake
Answer = Callable[[str, str, bytes], tuple[int, bytes]]


@contextmanager
def served(answer: Answer) -> Iterator[str]:
    """Serve until the block ends, and yield the address.

    Parameters
    ----------
    answer : callable
        Returns status and body for a method, a path with its query, and a body.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.respond(b"")

        def do_POST(self) -> None:
            self.respond(self.rfile.read(int(self.headers["content-length"])))

        def respond(self, sent: bytes) -> None:
            if self.headers["authorization"] == f"Bearer {TOKEN}":
                status, body = answer(self.command, self.path, sent)
            else:
                status, body = 401, b"{}"
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def played(answers: Mapping[str, bytes]) -> Iterator[str]:
    """Serve fixed answers by path, and yield the address."""
    with served(
        lambda method, path, body: (200, answers[path]) if path in answers else (404, b"{}")
    ) as url:
        yield url
