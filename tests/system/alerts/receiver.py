"""A receiver of webhooks on this machine that fails, is slow, and recovers, as it is told."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DRIPS = 40
DRIP_S = 0.05


@dataclass
class Receiver:
    """Received requests, and the answers to the next ones; 204 when none is left.

    Parameters
    ----------
    url : str
        Address to post to.
    answers : deque
        Status of each next answer; ``"drip"``: accepted, byte by byte.
    """

    url: str = ""
    answers: deque[int | str] = field(default_factory=deque)
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    received: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        """Message ids in the order of arrival."""
        return [headers["webhook-id"] for headers, _ in self.received]


@contextmanager
def listening() -> Iterator[Receiver]:
    """Listen on a free port of loopback until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append((headers, body))
            answer = receiver.answers.popleft() if receiver.answers else 204
            if isinstance(answer, str):
                self.drip()
                return
            self.send_response(answer)
            for name, value in receiver.answer_headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def drip(self) -> None:
            """Accept, but so slowly that each byte comes in time and the whole does not."""
            with suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
                for _ in range(DRIPS):
                    if receiver.released.wait(DRIP_S):
                        return
                    self.wfile.write(b"y")
                self.wfile.write(b"\r\ncontent-length: 0\r\n\r\n")

        def log_message(self, *words: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook?token=secretpath"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
