"""Questions to the API over plain sockets: what is measured is the answer, not the client.

A comfortable client costs more CPU per request than the API does; on shared cores it would
measure itself. Connections are kept open, one question at a time on each.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, NamedTuple, Self
from urllib.parse import urlparse

import msgspec

from system.errors import UnavailableError
from system.settings import Connections

ASKERS: Final = 16
"""Connections: so many questions can be on their way at once; others wait, and that counts."""
ANSWER_BOUND_S: Final = 30.0
HEAD_BOUND: Final = 2**16
_LENGTH: Final = b"content-length:"


class _Line(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class ApiConnections:
    """Kept connections to the API; an async context manager.

    Parameters
    ----------
    connections : Connections
        Of the stack.
    """

    def __init__(self, connections: Connections) -> None:
        self._place = urlparse(connections.api_url)
        self._token = connections.api_token
        self._idle: asyncio.LifoQueue[_Line] = asyncio.LifoQueue()
        self._lines: list[_Line] = []

    async def __aenter__(self) -> Self:
        for _ in range(ASKERS):
            self._idle.put_nowait(await self._opened())
        return self

    async def _opened(self) -> _Line:
        opened = await asyncio.open_connection(
            self._place.hostname, self._place.port, limit=HEAD_BOUND
        )
        self._lines.append(_Line(*opened))
        return self._lines[-1]

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for line in self._lines:
            line.writer.close()

    async def ask(self, method: str, path: str, body: object = None) -> bytes:
        """Send one request and return its answer.

        Raises
        ------
        UnavailableError
            If it is refused, or not answered within ``ANSWER_BOUND_S``.
        """
        line = await self._idle.get()
        try:
            if line.reader.at_eof():  # the server closes what was idle for some seconds
                line.writer.close()
                line = await self._opened()
            async with asyncio.timeout(ANSWER_BOUND_S):
                line.writer.write(self._request(method, path, body))
                status, answer = await _answer(line.reader)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            raise UnavailableError(f"{method} {path} was not answered: {error!r}") from error
        self._idle.put_nowait(line)
        if not 200 <= status < 300:
            raise UnavailableError(f"{method} {path}: {status} {answer[:200].decode()}")
        return answer

    def _request(self, method: str, path: str, body: object) -> bytes:
        content = b"" if body is None else msgspec.json.encode(body)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._place.netloc}\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        return head.encode("ascii") + content


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status, *fields = head.lower().split(b"\r\n")
    length = next(field for field in fields if field.startswith(_LENGTH))
    body = await reader.readexactly(int(length[len(_LENGTH) :]))
    return int(status.split()[1]), body
