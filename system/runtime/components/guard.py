"""Start one program that dies with its parent: ``python -I -S guard.py --program FILE``.

A script of its own, without imports from this product, because it runs once before every
server and must cost milliseconds. It changes folder, drops root's rights, asks the kernel
for a signal when the parent dies, makes sure that the parent has not died meanwhile, and
then *becomes* the program: the process id stays the same, and no guard stays behind.

The folder is entered before the rights are dropped: a service user may then work in a
folder whose ancestors it may not enter (``/proc/self/cwd`` names it).

``--parent nobody`` is for what outlives its starter: it is left to init.

The kernel ties the signal to the *thread* that started the guard: that thread must live as
long as the program is wanted.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, NoReturn

PR_SET_PDEATHSIG: Final = 1
PRIVATE_UMASK: Final = 0o077
DETACHED: Final = "nobody"
OWN_PID_VARIABLE: Final = "RISKSTREAM_GUARD_PID"
ORPHANED_EXIT_CODE: Final = 3
NOT_STARTED_EXIT_CODE: Final = 127


class Order(NamedTuple):
    """Program to become, and the conditions that must hold first."""

    detached: bool
    parent: int
    death_signal: signal.Signals
    command: Sequence[str]
    directory: str
    environment: Mapping[str, str]
    user: str | None
    niceness: int = 0
    real_time_priority: int = 0


def read_order(arguments: Sequence[str]) -> Order:
    """Return what a command line asks for: ``--parent``, ``--signal``, ``--program``.

    Raises
    ------
    OSError
        If the program's file cannot be read.
    """
    named = dict(zip(arguments[0::2], arguments[1::2], strict=True))
    with open(named["--program"], encoding="utf-8") as file:  # noqa: PTH123 - pathlib is slow
        program = json.load(file)
    parent = named["--parent"]
    return Order(
        detached=parent == DETACHED,
        parent=0 if parent == DETACHED else int(parent),
        death_signal=signal.Signals[named["--signal"]],
        **program,
    )


def become(order: Order) -> NoReturn:
    """Replace this process by the program.

    Raises
    ------
    OSError
        If the folder cannot be entered, the user not assumed or the program not started.
    KeyError
        If there is no such user.
    """
    if order.detached and os.fork():
        os._exit(0)
    os.umask(PRIVATE_UMASK)
    os.chdir(order.directory)
    _go_first(order)
    if order.user is not None:
        _assume(pwd.getpwnam(order.user))
    if order.parent:
        _die_with(order.parent, order.death_signal)
    environment = {**os.environ, **order.environment, OWN_PID_VARIABLE: str(os.getpid())}
    os.execvpe(order.command[0], list(order.command), environment)  # noqa: S606 - no shell


def _go_first(order: Order) -> None:
    """Take what precedence is granted; what this program starts later has none."""
    if order.niceness:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, order.niceness)
    if order.real_time_priority:
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, policy, os.sched_param(order.real_time_priority))


def _assume(user: pwd.struct_passwd) -> None:
    """Drop root's rights for good: groups first, while we still may."""
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)


def _die_with(parent: int, death_signal: signal.Signals) -> None:
    """Ask the kernel to be signalled; a parent that died before that is noticed here."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(ORPHANED_EXIT_CODE)


def main() -> NoReturn:
    """Run the guard; on failure say why and exit with 127, as a shell would."""
    order = read_order(sys.argv[1:])
    try:
        become(order)
    except (OSError, KeyError) as error:
        sys.stderr.write(f"cannot start {order.command[0]}: {error}\n")
        sys.exit(NOT_STARTED_EXIT_CODE)


if __name__ == "__main__":
    main()
