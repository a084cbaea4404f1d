"""Connections of a web server, bounded in number and in the time that each step takes.

uvicorn waits without end for the rest of a request, and for a client to read its answer. A
connection of this module looks once a second how long its client has kept it waiting, and ends
itself: where the head of a request comes in pieces (slow loris), where a body does not come,
where nobody reads. With all places taken, the one that has waited longest gives way to a new one.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterable
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

CONNECTIONS_MAX: Final = 2_048
HEAD_BOUND_S: Final = 10.0
"""Longer than uvicorn keeps an idle connection open (5 s): what meets this bound is half a head."""
HEAD_MAX_BYTES: Final = 131_072
BODY_BOUND_S: Final = 60.0
"""64 MiB, the largest body, at 1 MiB/s."""
UNREAD_BOUND_S: Final = 30.0
LOOK_EVERY_S: Final = 1.0
OPEN_FILES: Final = 2 * CONNECTIONS_MAX
"""Descriptors for so many connections and the process's own files."""

_Connection: Any = AutoHTTPProtocol  # one of two classes, whichever uvicorn prefers here


class BoundedConnection(_Connection):  # type: ignore[misc]
    """One HTTP connection, for uvicorn's option ``--http``."""

    _look: asyncio.TimerHandle | None = None
    _seen: tuple[object, str] | None = None
    _seen_s = 0.0
    _unread_s: float | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take a connection; where there are too many, one that waits for its client gives way."""
        super().connection_made(transport)
        self._note_step()
        if len(self.connections) > CONNECTIONS_MAX:
            longest_waiting(self.connections, self).transport.abort()
        self._look = self.loop.call_later(LOOK_EVERY_S, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head without end is cut off."""
        before = self.cycle
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._is_heading(before) else 0
        if self._head_bytes > HEAD_MAX_BYTES:
            self.transport.abort()

    def pause_writing(self) -> None:
        """Note that the client has stopped reading."""
        self._unread_s = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client reads again."""
        self._unread_s = None
        super().resume_writing()

    @property
    def waits_since_s(self) -> float | None:
        """Since when it waits for its client to send, loop time; None: it does not wait."""
        return None if self._step() == "answer" else self._seen_s

    def _is_heading(self, before: object) -> bool:
        return self.cycle is before and self._step() == "head"

    def _step(self) -> str:
        """Return what the connection waits for: a head, a body, or its own answer."""
        if self.cycle is None or self.cycle.response_complete:
            return "head"
        return "body" if self.cycle.more_body else "answer"

    def _note_step(self) -> None:
        step = (self.cycle, self._step())
        if self._seen is None or self._seen[0] is not step[0] or self._seen[1] != step[1]:
            self._seen, self._seen_s = step, self.loop.time()

    def _check(self) -> None:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return  # it is closed, or has become a WebSocket, which has bounds of its own
        self._note_step()
        bounds = {"head": HEAD_BOUND_S, "body": BODY_BOUND_S}
        now_s = self.loop.time()
        waits_s = now_s - self._seen_s
        unread_s = 0.0 if self._unread_s is None else now_s - self._unread_s
        if waits_s > bounds.get(self._step(), waits_s) or unread_s > UNREAD_BOUND_S:
            self.transport.abort()
        else:
            self._look = self.loop.call_later(LOOK_EVERY_S, self._check)


def longest_waiting(connections: Iterable[object], newest: BoundedConnection) -> BoundedConnection:
    """Return the connection that has waited longest for its client, ``newest`` where none waits."""
    waiting = [
        (since_s, index, connection)
        for index, connection in enumerate(connections)
        if isinstance(connection, BoundedConnection)
        and (since_s := connection.waits_since_s) is not None
    ]
    return min(waiting)[2] if waiting else newest


def allow_open_files() -> None:
    """Raise this process's own limit of open files to what so many connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
