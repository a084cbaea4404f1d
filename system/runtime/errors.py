"""Errors of the stack.

::

    StackError (UnavailableError)
    ├── AlreadyRunningError      another process holds the state folder
    ├── NotRunningError          nothing runs there
    └── ComponentFailedError     a server did not start, or died for good
        └── PortTakenError       somebody else took its port between choice and use
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from system.errors import UnavailableError


class StackError(UnavailableError):
    """The embedded stack cannot do what was asked."""


class AlreadyRunningError(StackError):
    """A stack runs on this state folder already."""


class NotRunningError(StackError):
    """No stack runs on this state folder."""


class ComponentFailedError(StackError):
    """A component did not come up, or crashed for good.

    Parameters
    ----------
    component : str
        Its name.
    reason : str
        What happened, one line.
    log_path : Path
        Where it logs.
    last_lines : sequence of str
        The end of that log.
    remedy : str
        What to do, one sentence; empty where the last lines say it.
    """

    def __init__(
        self,
        component: str,
        reason: str,
        log_path: Path,
        last_lines: Sequence[str],
        remedy: str = "",
    ) -> None:
        tail = "".join(f"\n  | {line}" for line in last_lines) or "\n  | (the log is empty)"
        advice = f"\n  what to do: {remedy}" if remedy else ""
        super().__init__(f"{component} {reason}{advice}\n  log: {log_path}{tail}")
        self.component = component
        self.reason = reason
        self.log_path = log_path
        self.last_lines = tuple(last_lines)
        self.remedy = remedy


class PortTakenError(ComponentFailedError):
    """A component could not listen: its port was taken between choice and use."""
