"""What can be wrong with a file: which one, where in it, which value, and what to do."""

from __future__ import annotations

from pathlib import Path

from system.errors import InputError


class InputFileError(InputError):
    """A file does not say what it has to.

    Parameters
    ----------
    path : Path
        Which file.
    where : str
        Line and column, or the part of the file.
    problem : str
        What is wrong, with the value.
    remedy : str
        What to do.
    """

    def __init__(self, path: Path, where: str, problem: str, remedy: str) -> None:
        super().__init__(f"{path.name}, {where}: {problem}; {remedy}")
        self.path = path
        self.where = where
