"""Going ahead of other programs that share the cores, where the operating system allows it."""

from __future__ import annotations

import os
from typing import Final

NICENESS: Final = -10
"""Of a process that computes milliseconds at a time; threads that it starts later inherit it."""


def go_first() -> bool:
    """Let this process go ahead of others; return whether it may.

    For what answers or measures in milliseconds and would otherwise wait for a core while
    batches compute. Without the privilege nothing changes.
    """
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    except PermissionError:
        return False
    return True
