"""Program of a component, and the order that the guard gets to start it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from system.places import PROJECT_DIR
from system.priority import NICENESS, REAL_TIME_PRIORITY
from system.runtime.errors import StackError
from system.settings import secret_file

GUARD_PATH: Final = Path(__file__).with_name("guard.py")
# -I -S: no site-packages, no environment: the guard needs nothing but the standard library.
GUARD_COMMAND: Final = (sys.executable, "-I", "-S", str(GUARD_PATH))
STEP_BOUND_S: Final = 60


@dataclass(frozen=True)
class Program:
    """A process to start.

    Parameters
    ----------
    command : tuple of str
        Program and arguments. No secrets: anybody can read them.
    directory : Path
        The folder it starts in.
    environment : mapping of str to str
        Set on top of the environment of the stack.
    user : str or None
        Service user to become, for a server that refuses to run as root.
    goes_first : bool
        Ahead of other programs, where the privilege for it is there; for what computes
        microseconds and is waited for by everybody.
    """

    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    goes_first: bool = False


def save_program(path: Path, program: Program) -> None:
    """Write a program where the guard reads it (``--program``)."""
    secret_file(
        path,
        json.dumps(
            {
                "command": program.command,
                "directory": str(program.directory),
                "environment": _environment(program.environment),
                "user": program.user,
                "niceness": NICENESS if program.goes_first else 0,
                "real_time_priority": REAL_TIME_PRIORITY if program.goes_first else 0,
            }
        ),
    )


def change_program(path: Path, variables: Mapping[str, str]) -> None:
    """Change environment variables of a saved program, from its next start on.

    Parameters
    ----------
    path : Path
        Written by ``save_program``.
    variables : mapping of str to str
        Added to its own, or put in their place.
    """
    saved = json.loads(path.read_text("utf-8"))
    saved["environment"].update(variables)
    secret_file(path, json.dumps(saved))


def guarded_command(program_path: str, parent: str, death_signal: str = "SIGKILL") -> list[str]:
    """Return the command line that becomes a saved program and dies with its parent.

    Parameters
    ----------
    program_path : str
        Written by ``save_program``.
    parent : str
        Process id of the parent; ``guard.DETACHED`` leaves the program to init.
    death_signal : str
        What the kernel sends when the parent dies.
    """
    options = ["--parent", parent, "--signal", death_signal, "--program", program_path]
    return [*GUARD_COMMAND, *options]


def run_step(
    program: Program, scratch: Path, *, stdin: str = "", bound_s: float = STEP_BOUND_S
) -> None:
    """Run a program to its end, guarded, within a bound.

    Parameters
    ----------
    program : Program
        What to run.
    scratch : Path
        File that it is described in for the guard; removed afterwards.
    stdin : str
        Fed to it; the way to hand over a password.
    bound_s : float
        How long it may take.

    Raises
    ------
    StackError
        If it fails or takes too long; holds the end of what it printed.
    """
    save_program(scratch, program)
    try:
        done = subprocess.run(
            guarded_command(str(scratch), str(os.getpid())),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=bound_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"{_shown(program.command)} took over {bound_s:g} s") from None
    finally:
        scratch.unlink(missing_ok=True)
    if done.returncode != 0:
        raise StackError(
            f"{_shown(program.command)} failed ({done.returncode}):\n{done.stdout[-2000:]}"
        )


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """Let ``-m system...`` be found from any folder, installed or not."""
    return {"PYTHONPATH": str(PROJECT_DIR), "PYTHONUNBUFFERED": "1", **own}


def _shown(command: Sequence[str]) -> str:
    return shlex.join(command[:3])
