"""Link between tasks of a real-time query and the driver: one connection a task, read in turns.

Nothing is read between turns: rows wait in the sockets' buffers, then in the tasks, and at last in
Kafka. Laws of this file:

1. A connection counts from its HELLO on, with the link's secret; another one is closed.
2. Batches of the query are read one after the other: while a connection of one is open, none of
   the next is read. Rows of a partition therefore come in offset order across batches.
3. A connection that ends without END has lost rows: the link is broken.
4. A second attempt of a task would begin where its batch began: the link is broken too.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import selectors
import socket
from collections import deque
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from system.clock import Clock
from system.errors import InternalError
from system.stream.engines.frames import End, FrameError, FrameReader, Hello, Records

BACKLOG: Final = 128
RECEIVE_BYTES: Final = 2**20
HELLO_BOUND_NS: Final = 10_000_000_000
"""A connection that has not said who it is by then is closed."""
MAX_STRANGERS: Final = 256
"""Connections that have not said who they are; for one more the oldest of them is closed."""
MAX_ROUNDS: Final = 1_000
"""Reads of each connection in a turn, of ``RECEIVE_BYTES`` at most."""
SECRET_BYTES: Final = 32
_LOG: Final = logging.getLogger(__name__)


class LinkBrokenError(InternalError):
    """Rows that a task has read may not have come; the query must begin again."""


@dataclass
class _Connection:
    socket: socket.socket
    since_ns: int
    reader: FrameReader = field(default_factory=FrameReader)
    batch: int | None = None
    """None before its HELLO."""
    topic: str | None = None
    """That it reads; None before its first rows."""
    received: deque[Records] = field(default_factory=deque)
    has_ended: bool = False

    def receive(self) -> bytes | None:
        """Return bytes that have come, empty at their end; None while there are none."""
        try:
            return self.socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            raise LinkBrokenError(f"a task's connection broke: {error}") from error


class RecordLink:
    """Listens for the tasks of one query, and returns what they have sent.

    Parameters
    ----------
    host : str
        Address to listen on: where executors reach the driver.
    clock : Clock
        Bounds how long a connection may be silent before its HELLO.
    """

    def __init__(self, host: str, clock: Clock) -> None:
        self._clock = clock
        self.host = host
        self.secret = secrets.token_hex(SECRET_BYTES)
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server((host, 0), backlog=BACKLOG)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self.port: int = self._listener.getsockname()[1]
        self._connections: dict[socket.socket, _Connection] = {}
        self.most_tasks = 0
        """Greatest number of tasks that were connected at once."""

    def close(self) -> None:
        """Close every connection; tasks that write to one fail."""
        for connection in self._connections.values():
            connection.socket.close()
        self._connections.clear()
        self._selector.close()
        self._listener.close()

    def wait(self, seconds: float) -> bool:
        """Wait for bytes of the batch being read, or a new task; return whether any came."""
        return bool(self._selector.select(seconds))

    def receive(self, bound: int, topics: Container[str] | None = None) -> list[Records]:
        """Return rows that have come, without waiting.

        Parameters
        ----------
        bound : int
            No more frames are taken once so many rows were.
        topics : container of str, optional
            Tasks that are known to read another topic are left waiting; None: none are.

        Raises
        ------
        LinkBrokenError
            If a task's rows are lost.
        """
        taken: list[Records] = []
        count = 0
        for _ in range(MAX_ROUNDS):
            ready = [key.fileobj for key, _ in self._selector.select(0)]
            connections = [
                each
                for each in map(self._connections.get, ready)  # type: ignore[arg-type]
                if each and (topics is None or each.topic is None or each.topic in topics)
            ]
            for connection in connections:
                self._read(connection)
            if self._listener in ready:
                self._accept()
            arrived = self._arrived()
            taken += arrived
            count += sum(each.row_count for each in arrived)
            if count >= bound or not (connections or self._listener in ready):
                break
        self._drop_strangers()
        return taken

    def _accept(self) -> None:
        strangers = [each for each in self._connections.values() if each.batch is None]
        if len(strangers) >= MAX_STRANGERS:
            self._drop(strangers[0])
        try:
            accepted, _ = self._listener.accept()
        except OSError:  # it is gone already
            return
        accepted.setblocking(False)
        self._connections[accepted] = _Connection(accepted, self._clock.monotonic_ns())
        self._selector.register(accepted, selectors.EVENT_READ)

    def _read(self, connection: _Connection) -> None:
        """Read once from a connection; one that is at its end is dropped."""
        try:
            received = connection.receive()
            if received:
                self._keep(connection, received)
            elif received is not None:
                self._finish(connection)
        except (LinkBrokenError, FrameError) as error:
            is_stranger = connection.batch is None
            self._drop(connection)
            if not is_stranger:
                raise LinkBrokenError(str(error)) from error
            _LOG.warning("a connection to the record link was closed: %s", error)

    def _keep(self, connection: _Connection, received: bytes) -> None:
        for frame in connection.reader.frames(received):
            match frame:
                case Hello():
                    self._greet(connection, frame)
                case Records():
                    connection.topic = frame.topic
                    connection.received.append(frame)
                case End():
                    connection.has_ended = True

    def _arrived(self) -> list[Records]:
        """Return rows of the oldest batch that were received, and forget them."""
        oldest = self._oldest_batch()
        arrived: list[Records] = []
        for connection in self._connections.values():
            if connection.batch == oldest:
                arrived += connection.received
                connection.received.clear()
        return arrived

    def _greet(self, connection: _Connection, hello: Hello) -> None:
        if not hmac.compare_digest(hello.secret, self.secret.encode("ascii")):
            raise FrameError("it does not know the link's secret")
        if connection.batch is not None:
            raise FrameError("a task said twice who it is")
        connection.batch = hello.batch
        tasks = sum(each.batch is not None for each in self._connections.values())
        self.most_tasks = max(self.most_tasks, tasks)
        if hello.attempt > 0:
            raise LinkBrokenError(f"task {hello.task} was started again by Spark")
        self._read_one_batch()

    def _finish(self, connection: _Connection) -> None:
        """Take leave of a connection whose other side has closed it."""
        if connection.batch is not None and not connection.has_ended:
            raise LinkBrokenError("a task ended before it had sent all its rows")
        assert not connection.received, "rows are taken in the round in which they are received"
        self._drop(connection)
        self._read_one_batch()

    def _drop(self, connection: _Connection) -> None:
        del self._connections[connection.socket]
        with suppress(KeyError):
            self._selector.unregister(connection.socket)
        connection.socket.close()

    def _drop_strangers(self) -> None:
        now_ns = self._clock.monotonic_ns()
        for each in list(self._connections.values()):
            if each.batch is None and now_ns - each.since_ns > HELLO_BOUND_NS:
                _LOG.warning("a connection to the record link was silent, and is closed")
                self._drop(each)

    def _read_one_batch(self) -> None:
        """Watch the connections of the oldest batch, and leave those of later ones unread."""
        oldest = self._oldest_batch()
        watched = {key.fileobj for key in self._selector.get_map().values()}
        for each in self._connections.values():
            is_read = each.batch is None or each.batch == oldest
            if is_read and each.socket not in watched:
                self._selector.register(each.socket, selectors.EVENT_READ)
            elif not is_read and each.socket in watched:
                self._selector.unregister(each.socket)

    def _oldest_batch(self) -> int | None:
        batches = [each.batch for each in self._connections.values() if each.batch is not None]
        return min(batches, default=None)
