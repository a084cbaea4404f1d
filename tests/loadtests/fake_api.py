"""The part of the API that locust's users ask, on loopback: counts what it was asked."""

from __future__ import annotations

import json
import queue
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from system.clock import monotonic_ns

BOOKS = ("alpha", "beta")
SHARE = {"asset_class": "equity", "instrument": "SIM001"}
END = None
LONG_AGO_NS = 1


class FakeApi:
    """Answers at once; a trade is pushed to every listener, after how things stood before.

    ``counts`` is how many requests were answered, by method and path without the book's name.
    """

    def __init__(self, *, pushes: bool = True) -> None:
        self.counts: Counter[str] = Counter()
        self._pushes = pushes
        self._lock = threading.Lock()
        self._trades: list[str] = []
        self._listeners: list[queue.SimpleQueue] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path.startswith("/v1/stream"):
                    fake._stream(self)
                elif self.path == "/v1/portfolios":
                    fake._answer(self, {"portfolios": [{"portfolio": name} for name in BOOKS]})
                else:
                    fake._answer(self, {"positions": [SHARE]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/v1/trades":
                    fake._take(body["trade_id"])
                fake._answer(self, {})

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        with self._lock:
            for listener in self._listeners:
                listener.put(END)
        self.server.server_close()

    def _answer(self, request, body) -> None:
        path = re.sub(r"portfolios/\w+/", "portfolios/{id}/", request.path.partition("?")[0])
        with self._lock:
            self.counts[f"{request.command} {path}"] += 1
        content = json.dumps(body).encode()
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def _take(self, trade_id: str) -> None:
        with self._lock:
            self._trades.append(trade_id)
            for listener in self._listeners:
                listener.put([trade_id])

    def _stream(self, request) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        mine: queue.SimpleQueue = queue.SimpleQueue()
        with self._lock:
            earlier = list(self._trades)
            self._listeners.append(mine)
        with suppress(OSError):
            _push(request.wfile, earlier, LONG_AGO_NS)
            while (trade_ids := mine.get()) is not END:
                if self._pushes:
                    _push(request.wfile, trade_ids, monotonic_ns())


def _push(stream, trade_ids, valued_ns) -> None:
    head = {"stages": {"valued_ns": valued_ns}, "trade_ids": trade_ids}
    event = f"event: snapshot\ndata: {json.dumps(head)}\n\n".encode()
    stream.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
    stream.flush()


@contextmanager
def fake_api(**how) -> Iterator[FakeApi]:
    """Run the fake, and end it with every connection."""
    api = FakeApi(**how)
    thread = threading.Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        api.close()
        thread.join()
