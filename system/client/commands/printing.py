"""Output of the commands: a table for people, the API's answer for programs (``--json``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
import typer

from system.console import terminal_json

AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as JSON.")]
Answer = TypeVar("Answer", bound=msgspec.Struct)


def print_answer(answer: Answer, show: Callable[[Answer], None], *, as_json: bool) -> None:
    """Print an answer of the API.

    Parameters
    ----------
    answer : Struct
        The answer.
    show : callable
        Prints it for a person.
    as_json : bool
        Print it as indented JSON instead, every field of docs/api.md and nothing else.
    """
    if as_json:
        typer.echo(terminal_json(answer, indent=2))
    else:
        show(answer)
