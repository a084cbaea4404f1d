"""Going ahead of other programs that share the cores, where the operating system allows it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

REAL_TIME_PRIORITY: Final = 1
"""The least there is: ahead of every usual program, behind whatever the system runs itself."""
NICENESS: Final = -10
"""Niceness, where no real-time priority is granted. The kernel compares it within a session only
(sched_autogroup): programs of other sessions still take turns with this one."""


def go_first() -> bool:
    """Let this process go ahead of others; return whether it may.

    For what answers or measures in milliseconds and would otherwise wait for a core while
    batches compute; threads that it starts later, and programs, inherit it. The scheduler
    leaves 5 % of a core to the others whatever this one does. Without the privilege nothing
    changes.
    """
    may = False
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        may = True
    with suppress(PermissionError, AttributeError):  # no such call: another operating system
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REAL_TIME_PRIORITY))
        may = True
    return may
