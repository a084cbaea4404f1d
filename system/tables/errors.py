"""Error of an input file: the file, the place in it, the value and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from system.errors import InputError

WHOLE_FILE: Final = "the whole file"


class InputFileError(InputError):
    """A file of the user cannot be read, or does not hold what it has to.

    Parameters
    ----------
    path : Path
        The file, as the user named it.
    where : str
        Line and column, ``WHOLE_FILE``, or empty.
    problem : str
        The value and what is wrong with it.
    remedy : str
        What to do; empty where the problem says it.
    line : int or None
        Line in the file, from 1; None where the whole file is meant.
    """

    def __init__(
        self, path: Path, where: str, problem: str, remedy: str = "", *, line: int | None = None
    ) -> None:
        place = f"{path}, {where}" if where else str(path)
        super().__init__(f"{place}: {problem}" + (f"; {remedy}" if remedy else ""))
        self.path = path
        self.where = where
        self.line = line


def line_error(path: Path, line: int, problem: str, remedy: str) -> InputFileError:
    """Return the error of one line."""
    return InputFileError(path, f"line {line}", problem, remedy, line=line)


def cell_error(path: Path, line: int, column: str, problem: str, remedy: str) -> InputFileError:
    """Return the error of one cell; ``problem`` begins with its value."""
    return InputFileError(path, f"line {line}, column {column}", problem, remedy, line=line)
