"""Docker's command line: bounded calls, and the reason where it does not answer."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from system.errors import UnavailableError

ANSWER_BOUND_S: Final = 30.0
IMAGES: Final = ("apache/kafka:4.3.1", "postgres:18.4", "valkey/valkey:9.1.2")
APPLICATION: Final = "riskstream:local"
HARNESS: Final = "riskstream-harness:local"
PROGRAM: Final = "DOCKER"
"""Environment variable that names the program, as compose/Makefile has it."""


class ContainerError(UnavailableError):
    """Command of the container engine that failed or did not end in time."""


class Engine:
    """Container engine, reached by its command line.

    Parameters
    ----------
    program : str, optional
        Name or path; ``$DOCKER``, or ``docker``.
    """

    def __init__(self, program: str | None = None) -> None:
        self._program = program or os.environ.get(PROGRAM, "docker")

    def run(
        self,
        *arguments: str,
        bound_s: float = ANSWER_BOUND_S,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command and return its standard output.

        Parameters
        ----------
        *arguments : str
            After the program's name.
        bound_s : float
            Longest time, seconds.
        folder : Path, optional
            Working directory.
        environment : mapping, optional
            Added to that of this process.

        Raises
        ------
        ContainerError
            If it cannot be started, fails or takes longer; quotes the end of its output.
        """
        command = (self._program, *arguments)
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                capture_output=True,
                text=True,
                timeout=bound_s,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise ContainerError(f"{_named(command)} took more than {bound_s:.0f} s") from error
        except OSError as error:
            raise ContainerError(f"{self._program} cannot be started: {error}") from error
        if done.returncode:
            raise ContainerError(f"{_named(command)}: {_end(done.stderr or done.stdout)}")
        return done.stdout

    def missing(self, images: Sequence[str] = (*IMAGES, APPLICATION, HARNESS)) -> str:
        """Return why nothing can be run in containers here; empty when it can.

        Nothing is pulled or built: that would take minutes that a person has not asked for.
        """
        if shutil.which(self._program) is None:
            return f"there is no program {self._program}"
        try:
            self.run("version", "--format", "{{.Server.Version}}")
            self.run("compose", "version")
        except ContainerError as error:
            return f"Docker does not answer: {error}"
        for image in images:
            try:
                self.run("image", "inspect", "--format", "{{.Id}}", image)
            except ContainerError:
                return f"there is no image {image}: `make compose-images` builds or pulls it"
        return ""


def _named(command: Sequence[str]) -> str:
    return " ".join(command[:6]) + (" ..." if len(command) > 6 else "")


def _end(text: str, lines: int = 3) -> str:
    return " / ".join(text.strip().splitlines()[-lines:]) or "no output"
