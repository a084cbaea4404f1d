"""Folders and files that a command writes to, checked before its work starts.

``OUTPUT_FOLDER`` and ``OUTPUT_FILE`` are callbacks of typer's options: an option with one of them
is refused in one sentence, with exit code 2, before the command runs. Nothing that the check makes
is left.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import typer

from system.errors import InputError
from system.exits import ExitCode, print_error


class OutputError(InputError):
    """A file or folder cannot be written.

    Parameters
    ----------
    path : Path
        The file or folder.
    reason : str
        The answer of the operating system.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: cannot be written: {reason}; name another place")
        self.path = path
        self.reason = reason


def writable_folder(path: Path) -> Path:
    """Return a folder that can be made and written to.

    Raises
    ------
    OutputError
        If it cannot; names it and the reason.
    """
    with _as_output_error(path), _made(path), tempfile.TemporaryFile(dir=path) as probe:
        probe.write(b"riskstream")
    return path


def writable_file(path: Path) -> Path:
    """Return a file that can be written, in a folder that may not exist yet.

    Raises
    ------
    OutputError
        If it cannot; names it and the reason.
    """
    with _as_output_error(path), _made(path.parent):
        was_there = path.exists()
        path.open("ab").close()
        if not was_there:
            path.unlink()
    return path


@contextmanager
def _as_output_error(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise OutputError(path, getattr(error, "strerror", None) or str(error)) from None


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder with its parents; remove those that were not there."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    made: list[Path] = []
    try:
        for parent in reversed(missing):
            parent.mkdir(exist_ok=True)
            made.append(parent)
        yield
    finally:
        for parent in reversed(made):
            with suppress(OSError):  # another process has put something there meanwhile
                parent.rmdir()


def _callback(check: Callable[[Path], Path]) -> Callable[[Path | None], Path | None]:
    def checked(path: Path | None) -> Path | None:
        try:
            return None if path is None else check(path)
        except OutputError as error:
            print_error(str(error))
            raise typer.Exit(ExitCode.WRONG_INPUT) from error

    return checked


OUTPUT_FOLDER: Final = _callback(writable_folder)
OUTPUT_FILE: Final = _callback(writable_file)
