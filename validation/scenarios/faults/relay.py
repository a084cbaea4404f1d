"""A TCP relay between the product and one of its servers, to slow, cut or stop what goes through.

One thread with an event loop for each relay. Bytes come out as they went in, in their order;
a delay holds each piece for a while and does not lower the rate at which pieces pass. In silence
connections stay open and nothing passes, as over a network that loses every packet; what was on
its way arrives when the silence is over, also what a client had sent that has given up. A stop
lets everything pass up to the first byte of a request, and nothing more ever after on the
connections that are open then: who is killed meanwhile has died at that request.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import msgspec

from system.settings import LOOPBACK

CHUNK_BYTES: Final = 65_536
MAX_HELD_CHUNKS: Final = 256
"""Of one direction of one connection; a sender of more waits, as before a full socket."""
CALL_BOUND_S: Final = 5.0

_Held = tuple[float, bytes]


class RelayCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of what a relay has done to connections so far.

    ``held`` pieces were delayed, or kept back in silence; ``cut`` connections were open and broken
    off; ``refused`` ones came while it was cut.
    """

    held: int = 0
    cut: int = 0
    refused: int = 0


RequestFinder: TypeAlias = Callable[[bytes], int | None]
"""Returns where a request begins in a piece of what a client sends; None where it is not in it."""


class Relay:
    """Listens on a port of its own and passes everything on to a server; a context manager.

    Parameters
    ----------
    port : int
        Where it listens, on loopback.
    target_port : int
        Of the server, on loopback.
    stops_behind : bytes
        What a client must have sent on a connection, some time, for the relay to stop at a request
        on it; empty where it may stop on any.
    """

    def __init__(self, port: int, target_port: int, *, stops_behind: bytes = b"") -> None:
        self.port = port
        self.target_port = target_port
        self._stops_behind = stops_behind
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"relay-{port}", daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._delay_s = 0.0
        self._is_cut = False
        self._gate = asyncio.Event()
        self._gate.set()
        self._stop: RequestFinder | None = None
        self._reached = threading.Event()
        self._stop_count = 0
        self._counts = RelayCounts()

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_BOUND_S)
        self._loop.close()

    @property
    def counts(self) -> RelayCounts:
        """Its counts so far."""
        return self._counts

    def delay(self, seconds: float) -> None:
        """Hold everything that comes from now on, in both directions; 0 holds no longer."""
        self._delay_s = seconds

    def cut(self) -> None:
        """Break every connection off, and refuse new ones until healed."""
        self._is_cut = True
        self._call(self._abort_all())

    def silence(self) -> None:
        """Keep connections open and pass nothing on, in either direction, until healed."""
        self._call(self._close_gate())

    def stop_at(self, finder: RequestFinder) -> threading.Event:
        """Pass nothing on from the first byte of the next such request; return the event of it.

        Connections that are open then are broken off when the relay is healed.
        """
        self._reached = threading.Event()
        self._stop = finder
        return self._reached

    def heal(self) -> None:
        """Pass everything on again."""
        self._delay_s, self._is_cut, self._stop = 0.0, False, None
        self._call(self._open_gate())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(CALL_BOUND_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def _end(self) -> None:
        self._server.close()
        await self._abort_all()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _close_gate(self) -> None:
        self._gate.clear()

    async def _open_gate(self) -> None:
        if self._reached.is_set():
            self._reached.clear()
            await self._abort_all()
        self._gate.set()

    async def _abort_all(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()
        self._count(cut=len(self._open) // 2)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        self._tasks.add(task)
        try:
            await self._passed_on(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _passed_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            self._count(refused=1)
            writer.transport.abort()
            return
        await self._gate.wait()
        try:
            answers, requests = await asyncio.open_connection(LOOPBACK, self.target_port)
        except OSError:  # as a server that is not there: the connection ends
            writer.transport.abort()
            return
        both = {writer, requests}
        self._open |= both
        try:
            await _until_one_ends(
                self._pass(reader, requests, self._cut_short()), self._pass(answers, writer)
            )
        finally:
            self._open -= both
            for end in both:
                end.transport.abort()

    def _cut_short(self) -> Callable[[bytes], bytes | None]:
        """Return what says how much of a client's piece passes before a stop; None: all of it."""
        is_known = False

        def passed(chunk: bytes) -> bytes | None:
            nonlocal is_known
            is_known = is_known or self._stops_behind in chunk
            at = self._stop(chunk) if is_known and self._stop is not None else None
            return None if at is None else chunk[:at]

        return passed

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        cut_short: Callable[[bytes], bytes | None] = lambda chunk: None,
    ) -> None:
        held: asyncio.Queue[_Held | None] = asyncio.Queue(MAX_HELD_CHUNKS)
        await _until_one_ends(self._take(reader, held), self._give(held, writer, cut_short))

    async def _take(self, reader: asyncio.StreamReader, held: asyncio.Queue[_Held | None]) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self._delay_s or not self._gate.is_set():
                    self._count(held=1)
                await held.put((self._loop.time() + self._delay_s, chunk))
        await held.put(None)
        await asyncio.Event().wait()  # what is held still goes out; the giver ends both

    async def _give(
        self,
        held: asyncio.Queue[_Held | None],
        writer: asyncio.StreamWriter,
        cut_short: Callable[[bytes], bytes | None],
    ) -> None:
        stop_count = self._stop_count
        with suppress(OSError):
            while (piece := await held.get()) is not None:
                due, chunk = piece
                if (wait_s := due - self._loop.time()) > 0:
                    await asyncio.sleep(wait_s)
                await self._gate.wait()
                if self._stop_count != stop_count:
                    return  # open when the relay stopped: nothing of it passes any more
                before = cut_short(chunk)
                writer.write(chunk if before is None else before)
                await writer.drain()
                if before is not None:
                    self._stopped()

    def _stopped(self) -> None:
        self._stop = None
        self._stop_count += 1
        self._gate.clear()
        self._reached.set()

    def _count(self, *, held: int = 0, cut: int = 0, refused: int = 0) -> None:
        self._counts = RelayCounts(
            held=self._counts.held + held,
            cut=self._counts.cut + cut,
            refused=self._counts.refused + refused,
        )


async def _until_one_ends(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run some until the first has ended, then end the others."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
