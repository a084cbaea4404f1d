"""A small file system under the stream's checkpoints, which can be filled to the last byte.

A memory file system of its own, so that nothing else on the machine runs out of space;
mounting one needs root.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from system.clock import Clock, SystemClock
from system.errors import UnavailableError

SIZE_MB: Final = 8
COMMAND_BOUND_S: Final = 10.0
CHUNK: Final = bytes(65_536)
REFILL_S: Final = 0.02
CHECKPOINTS: Final = "checkpoints"


class SmallDisk:
    """A mounted file system of ``SIZE_MB`` with the checkpoints in it; a context manager.

    Parameters
    ----------
    state_dir : Path
        Of a stack whose stream is stopped.
    clock : Clock, optional
        Times the filling.
    """

    def __init__(self, state_dir: Path, clock: Clock | None = None) -> None:
        self._disk = state_dir / "small-disk"
        self._checkpoints = state_dir / CHECKPOINTS
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        release(self._checkpoints.parent)
        for folder in (self._disk, self._checkpoints):
            folder.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0700", "tmpfs", str(self._disk))
        inside = self._disk / CHECKPOINTS
        inside.mkdir()
        # The stream empties its folder of checkpoints at each start: what fills the disk
        # must lie beside it.
        _run("mount", "--bind", str(inside), str(self._checkpoints))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        release(self._checkpoints.parent)

    @staticmethod
    def why_not() -> str:
        """Return why there can be none on this machine; empty when there can."""
        if os.geteuid() != 0:
            return "mounting a small file system for the checkpoints needs root"
        return "" if shutil.which("mount") else "there is no mount command"

    def fill(self, seconds: float) -> str:
        """Take every byte there is, and every one that becomes free, for a while.

        Returns
        -------
        str
            What was seen, for the witness.
        """
        filler, taken = self._disk / "filler", 0
        deadline_ns = self._clock.monotonic_ns() + round(seconds * 1e9)
        try:
            with filler.open("ab", buffering=0) as file:
                while self._clock.monotonic_ns() < deadline_ns:
                    taken += _taken(file.fileno())
                    self._clock.sleep(REFILL_S)
            free = os.statvfs(self._disk).f_bavail
        finally:
            filler.unlink(missing_ok=True)
        return f"{taken:,} bytes taken, {free} free at the end, full for {seconds:g} s"


def release(state_dir: Path) -> None:
    """Unmount what a run may have left in a state folder; harmless when there is nothing.

    Raises
    ------
    UnavailableError
        If a folder cannot be unmounted; holds the reason.
    """
    for folder in (state_dir / CHECKPOINTS, state_dir / "small-disk"):
        if folder.is_mount():
            _run("umount", "--lazy", str(folder))


def _taken(descriptor: int) -> int:
    """Return how many bytes could be written until the file system had no more."""
    count, size = 0, len(CHUNK)
    while size:
        try:
            count += os.write(descriptor, CHUNK[:size])
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            size //= 2
    return count


def _run(*command: str) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_BOUND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{' '.join(command)}: {error}") from None
    if done.returncode:
        raise UnavailableError(f"{' '.join(command)}: {done.stderr.strip()}")
