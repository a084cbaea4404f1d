"""Errors between a client and the API.

::

    InputError
    ├── ApiRefusedError          the API answered with a problem; carries it
    ├── QuestionError            a word of a question on the command line cannot be read
    └── InputFileError           any input file (system.tables); names file, line, column, value
        └── PortfolioFileError       a portfolio, or closes that do not fit it
    UnavailableError
    └── ApiUnavailableError      no answer within the attempts
    InternalError
    └── ApiMismatchError         an answer that is not of its type: other versions
"""

from __future__ import annotations

from pathlib import Path

from system.contracts.api.risk import Problem
from system.errors import InputError, InternalError, UnavailableError
from system.tables.errors import InputFileError


class ApiRefusedError(InputError):
    """The API refused a request.

    Parameters
    ----------
    problem : Problem
        Its answer: status, detail, each wrong field, what is known.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.title} ({problem.status}): {problem.detail}")
        self.problem = problem


class ApiUnavailableError(UnavailableError):
    """The API did not answer, or said that a server behind it does not; names the bound."""


class ApiMismatchError(InternalError):
    """An answer is not of its type; client and API are probably of different versions."""


class PortfolioFileError(InputFileError):
    """A file is not a portfolio, or its closes do not fit it.

    Parameters
    ----------
    path : Path
        The file.
    line : int or None
        1 for the first line; None where no line is to blame.
    detail : str
        Field, value and what it must be.
    """

    def __init__(self, path: Path, line: int | None, detail: str) -> None:
        super().__init__(path, "" if line is None else f"line {line}", detail, line=line)
        self.detail = detail


class QuestionError(InputError):
    """A word of a question cannot be read; the message names it and shows one that can."""
