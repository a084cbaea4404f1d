"""One request or WebSocket to an ASGI app, its headers just as they are given."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message

KNOWN_HOST: Final = ("Host", "127.0.0.1:8501")
ACCEPTED: Final = 101


@dataclass(frozen=True)
class Answer:
    """Status, headers and body; 101 for a WebSocket that was accepted."""

    status: int
    headers: Headers
    body: bytes

    def json(self) -> Any:
        """Return the body as a value."""
        return msgspec.json.decode(self.body)


def asked(app: ASGIApp, path: str, *headers: tuple[str, str], websocket: bool = False) -> Answer:
    """Return an app's answer; a WebSocket's is that to its opening."""
    kind = "websocket" if websocket else "http"
    scope = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "ws" if websocket else "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8501),
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    sent: list[Message] = []

    received = iter([{"type": f"{kind}.connect" if websocket else "http.request", "body": b""}])

    async def receive() -> Message:
        if (message := next(received, None)) is None:
            await asyncio.Event().wait()  # the client stays and sends no more
        assert message is not None
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    first = sent[0]
    body = b"".join(message.get("body", b"") for message in sent)
    status = first.get("status", ACCEPTED if first["type"] == "websocket.accept" else 403)
    return Answer(status, Headers(raw=list(first.get("headers", []))), body)
