"""Errors of a scenario file."""

from __future__ import annotations

from pathlib import Path

from system.errors import InputError


class ScenarioError(InputError):
    """A scenario file is not valid; names the file, the line, the key and what is allowed.

    Parameters
    ----------
    path : Path
        The file.
    line : int
        1-based; 0 where the problem belongs to no line.
    problem : str
        The key, its value, and what is allowed.
    """

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}" if line else f"{path}: {problem}")
        self.path = path
        self.line = line
        self.problem = problem
