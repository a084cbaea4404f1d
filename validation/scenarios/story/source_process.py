"""The process of a scenario's source, as its parent sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from system.simulate.progress import DaySent
from validation.run.child_processes import ReplayProcess
from validation.scenarios.story.source import AllSent, CueCame

_OWN_LINES: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(CueCame | AllSent)


class SourceProcess(ReplayProcess):
    """The source of a scenario as a process of its own.

    Parameters
    ----------
    arguments : sequence of str
        Arguments of ``validation.scenarios.story.source``.
    log : Path
        File for its errors.
    on_day : callable
        Receives each day that was sent, from another thread.
    on_cue : callable
        Receives the index of each cue, and a function that lets the source go on (a source with
        ``--wait`` pauses at each cue until it is called); must be quick.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        on_day: Callable[[DaySent], None],
        on_cue: Callable[[int, Callable[[], None]], None],
    ) -> None:
        module = "validation.scenarios.story.source"
        super().__init__(arguments, log=log, on_day=on_day, module=module)
        self._on_cue = on_cue
        self.sent: dict[str, int] | None = None

    def _take_line(self, line: bytes) -> None:
        try:
            event = _OWN_LINES.decode(line)
        except msgspec.ValidationError:
            super()._take_line(line)
            return
        if isinstance(event, CueCame):
            self._on_cue(event.index, self.go_on)
        else:
            self.sent = event.topics

    def go_on(self) -> None:
        """Let a source that waits go on, at its beginning or at a cue."""
        self.write_line(b"")
