"""The source's process, as its parent sees it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from system.simulate.progress import DaySent, read_progress
from validation.run.child_processes import ReplayProcess
from validation.scenarios.story.source import AllSent, CueCame

_OWN_LINES: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(CueCame | AllSent)


class SourceProcess(ReplayProcess):
    """The source of a scenario as a process of its own; a context manager.

    Parameters
    ----------
    arguments : sequence of str
        Behind ``python -m validation.scenarios.story.source``.
    log : Path
        Where its complaints go.
    on_day : callable
        Told of each day that is sent, from another thread.
    on_cue : callable
        Told of the index of each moment that has come, and given what lets the source go on
        (it waits for that where it was told to); must be quick.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        on_day: Callable[[DaySent], None],
        on_cue: Callable[[int, Callable[[], None]], None],
    ) -> None:
        super().__init__(arguments, log=log, on_day=on_day)
        self._command = [sys.executable, "-m", "validation.scenarios.story.source", *arguments]
        self._on_cue = on_cue
        self.sent: dict[str, int] | None = None

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                if line.endswith(b"\n"):
                    self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        try:
            said = _OWN_LINES.decode(line)
        except msgspec.ValidationError:
            self._take(read_progress(line))
            return
        if isinstance(said, CueCame):
            self._on_cue(said.index, self.go_on)
        else:
            self.sent = said.topics

    def go_on(self) -> None:
        """Let a source that waits go on, at its beginning or at a cue."""
        with suppress(BrokenPipeError, ValueError):
            assert self._process is not None, "a source that said something was started"
            assert self._process.stdin is not None, "its input is a pipe"
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
